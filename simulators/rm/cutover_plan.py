"""A cutover as RM plans it (spec 5.12, 03): its items with both sides' resources, its parts on the wire, its draft.

A plan is a table with the fields of CT01 (windows as on the wire) and all items at once; RM cuts it into parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from adapters.wire.times import from_wire_time
from simulators.brain import Body
from simulators.parts import parts
from simulators.rm.ledger import Reservation
from simulators.rm.plant import Plant, Resource

NUMBER = "NUMBER"
_HEAD = ("area", "operator", "cutover_id", "name", "type", "project", "old_bureau", "new_bureau")
_REQUIRED = ("area", "cutover_id", "type", "window", "freeze_window", "items")
_BEFORE_ITEMS = ("window", "freeze_window", "in_flight", "approver")


class PlanInvalid(ValueError):
    """The plan cannot be started; the text says why, in Chinese and English."""


@dataclass(slots=True)
class CutoverItem:
    """One product instance: ``state`` planned, running, done, failed, rolled_back, excluded; ``fault`` is why it cannot be
    cut over as planned; ``entry`` holds its new resources."""

    instance: str
    wave: int
    image: Body
    old: list[Resource] = field(default_factory=list)
    new: list[Resource] = field(default_factory=list)
    state: str = "planned"
    fault: str | None = None
    entry: Reservation | None = None


@dataclass(slots=True)
class Cutover:
    """割接; ``state`` is a code of ``cutover_states``; windows in ms; ``begun`` waves have run or run; ``ordered``: who ordered
    the running one, by which serial."""

    id: str
    plan: dict[str, Any]
    items: dict[str, CutoverItem]
    window: tuple[int, int]
    state: str = "1"
    begun: dict[int, None] = field(default_factory=dict)
    running: int | None = None
    ordered: tuple[str, str] = ("", "")
    cancelling: bool = False
    roll_back: bool = False

    def of_wave(self, wave: int) -> list[CutoverItem]:
        """The items of a wave that take part."""
        return [item for item in self.items.values() if item.wave == wave and item.state != "excluded"]

    def over(self) -> bool:
        """Whether no item is still to be cut over."""
        return not any(item.state in ("planned", "running") for item in self.items.values())

    def counts(self) -> dict[str, int]:
        """How many items are in each state."""
        counts: dict[str, int] = {}
        for item in self.items.values():
            counts[item.state] = counts.get(item.state, 0) + 1
        return counts


def read_plan(plan: dict[str, Any], plant: Plant, now: int) -> Cutover:
    """The cutover a plan describes, each side looked up in the plant. Raises PlanInvalid."""
    missing = [name for name in _REQUIRED if name not in plan]
    if missing:
        raise PlanInvalid(f"割接计划缺少 / the plan lacks: {', '.join(missing)}")
    try:
        begin, end = (from_wire_time(plan["window"][name]) for name in ("begin", "end"))
    except ValueError as wrong:
        raise PlanInvalid(f"割接窗口不是时刻 / the window is no instant: {wrong}") from wrong
    if not begin < end or end <= now:
        raise PlanInvalid("割接窗口已过或首尾颠倒 / the window is over or ends before it begins")
    items: dict[str, CutoverItem] = {}
    for row in plan["items"]:
        item = CutoverItem(row["product_instance_id"], row.get("wave", 1), row)
        if item.instance in items:
            raise PlanInvalid(f"产品实例重复 / instance twice: {item.instance}")
        item.old, missing_old = resources(row["old"], plan["area"], plant)
        item.new, missing_new = resources(row["new"], plan["area"], plant)
        unknown = [*missing_old, *missing_new]
        if unknown:
            item.fault = f"无此资源 {'、'.join(unknown)}"[:500]
        items[item.instance] = item
    if not items:
        raise PlanInvalid("割接计划没有割接项 / the plan has no items")
    return Cutover(plan["cutover_id"], plan, items, (begin, end))


def resources(side: Body, area: str, plant: Plant) -> tuple[list[Resource], list[str]]:
    """The resources of a side, and ids the plant has not; a side with a number only means the number."""
    found: list[Resource] = []
    missing: list[str] = []
    for ref in side.get("resources", []):
        name = ref.get("res_inst_id", "")
        resource = plant.find(name)
        if resource is None:
            missing.append(name or ref["res_type"])
        else:
            found.append(resource)
    if "resources" not in side and "access_number" in side:
        number = plant.by_code(area, NUMBER, side["access_number"])
        found += [number] if number is not None else []
    return found, missing


def plan_parts(plan: dict[str, Any], dry_run: bool) -> Iterator[Body]:
    """CT01 in parts."""
    for part_no, is_last, rows in parts(plan["items"]):
        body: Body = {name: plan[name] for name in (*_HEAD, *_BEFORE_ITEMS) if name in plan}
        yield body | {"dry_run": dry_run, "part_no": part_no, "is_last": is_last, "items": rows}


def draft(plant: Plant, instances: Iterable[str], res_type: str, new_bureau: str, per_wave: int) -> list[Body]:
    """Items that bring the resources of a type of ``instances`` to free ones of another bureau, ``per_wave`` a wave.

    Instances without such a resource are left out, and so are those for which none is free.
    """
    moving = [(name, old) for name in instances if (old := [row for row in plant.serving(name) if row.type == res_type])]
    areas = {old[0].area for _, old in moving}
    free = {area: iter(plant.peek(area, res_type, len(moving), new_bureau)) for area in sorted(areas)}
    items: list[Body] = []
    for name, old in moving:
        new = next(free[old[0].area], None)
        if new is None:
            continue
        item: Body = {"product_instance_id": name, "wave": len(items) // per_wave + 1}
        items.append(item | {"old": _side(old[0]), "new": _side(new)})
    return items


def _side(resource: Resource) -> Body:
    number = {"access_number": resource.code} if resource.type == NUMBER else {}
    return number | {"bureau": resource.bureau, "resources": [resource.ref()]}

"""A cutover as PF sees it: the plan of RM's parts put together, its items and how far each is (spec 5.12)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from adapters.wire.times import from_wire_time
from simulators.brain import Body


@dataclass(slots=True)
class Item:
    """One product instance: ``state`` planned, frozen, blocked (by orders), done, failed, excluded; ``told``: RM knows that
    it is excluded."""

    instance: str
    wave: int
    image: Body
    state: str = "planned"
    code: str | None = None
    reason: Body | None = None
    blocking: list[str] = field(default_factory=list)
    told: bool = False

    def end(self, state: str, why: str) -> None:
        """It ends without having been done, unless it has ended already."""
        if self.state not in ("done", "failed", "excluded"):
            self.state, self.reason = state, {"text": why[:500]}

    def judge(self, row: Body | None, answer: Body) -> None:
        """What the CRM says of its freeze; an answer without the instance speaks for all."""
        outcome = row["outcome"] if row is not None else {"accepted": "frozen"}.get(answer["outcome"], "refused")
        said = row if row is not None else answer
        self.code, self.reason = said.get("code"), said.get("reason")
        if outcome == "frozen":
            self.state = "frozen"
        elif outcome == "blocked":
            self.state, self.blocking = "blocked", said.get("blocking_orders", [])
        else:
            self.end("excluded", (self.reason or {"text": outcome})["text"])

    def row(self) -> Body:
        """As CT08 tells RM of it: frozen, or why it is out of it."""
        unknown = self.state == "excluded" and not self.blocking
        outcome = "frozen" if self.state == "frozen" else "unknown" if unknown else "blocked"
        row: Body = {"product_instance_id": self.instance, "outcome": outcome}
        row |= {name: value for name, value in (("code", self.code), ("reason", self.reason)) if value}
        return row | ({"blocking_orders": self.blocking} if self.blocking else {})

    def instance_body(self) -> Body:
        """As CT02 and CT03 name it."""
        number = self.image["old"].get("access_number")
        return {"product_instance_id": self.instance} | ({"access_number": number} if number else {})

    def sides(self) -> Body:
        """As CT06 tells what was done."""
        return {"product_instance_id": self.instance, "old": self.image["old"], "new": self.image["new"]}

    def reasoned(self) -> Body:
        """As CT06 tells what was not."""
        return {"product_instance_id": self.instance, "reason": self.reason or {"text": self.state}}


@dataclass(eq=False, slots=True)
class Cutover:
    """``phase``: collecting (parts), scheduled (for the freeze), freezing, waiting (for orders), ready (for the window),
    executing, completing, cancelling, closed; ``state`` a code of ``cutover_states``; ``asked``: parts of CT02 or CT06 without
    answer."""

    id: str
    plan: Body
    sender: str
    window: tuple[int, int]
    in_flight: str
    dry_run: bool
    serial: str = ""
    phase: str = "collecting"
    state: str = "1"
    parts: dict[int, list[Body]] = field(default_factory=dict)
    last_part: int | None = None
    items: dict[str, Item] = field(default_factory=dict)
    asked: dict[int, list[Item]] = field(default_factory=dict)
    accepted: bool = False
    wave: int = 0
    begun: dict[int, None] = field(default_factory=dict)
    locked: dict[str, None] = field(default_factory=dict)
    applied: dict[str, Body] = field(default_factory=dict)
    differences: list[Body] = field(default_factory=list)
    cancel_serial: str | None = None
    cancel_reason: Body | None = None

    def head(self) -> Body:
        """Head of a message about it."""
        return {"area": self.plan["area"], "cutover_id": self.id}

    def in_state(self, state: str) -> list[Item]:
        """Its items in a state."""
        return [item for item in self.items.values() if item.state == state]

    def of_wave(self, wave: int) -> list[Item]:
        """What is under way in a wave."""
        return [item for item in self.items.values() if item.wave == wave and item.state == "frozen"]

    def holds(self, instance: str, now: int) -> bool:
        """Whether the instance is frozen; behind the freeze window only what is being executed still is."""
        item = self.items.get(instance)
        if item is None or item.state != "frozen" or self.phase == "closed":
            return False
        return now <= from_wire_time(self.plan["freeze_window"]["end"]) or (self.phase, self.wave) == ("executing", item.wave)

    def counts(self) -> dict[str, Any]:
        """How many items are in each state."""
        counts: dict[str, Any] = {}
        for item in self.items.values():
            counts[item.state] = counts.get(item.state, 0) + 1
        return counts


def part_of(body: Body) -> int:
    """The number of a part; a message without one is the only part."""
    return int(body.get("part_no", 1))


def read_parts(cutover: Cutover) -> bool:
    """Put the items together once every part is there; whether it is."""
    if cutover.last_part is None or len(cutover.parts) < cutover.last_part:
        return False
    for number in sorted(cutover.parts):
        for row in cutover.parts[number]:
            item = Item(row["product_instance_id"], row.get("wave", 1), row)
            cutover.items.setdefault(item.instance, item)
    return True

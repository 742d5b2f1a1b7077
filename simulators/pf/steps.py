"""The graph of an order's steps: planned from its items' processes, split where items part ways, walked back to undo (04.4).

Items of one dependency level share a step where their processes name the same stage; a step starts when all it needs are
done.  An item that depends on another starts when that one's steps are done.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from simulators.brain import Body
from simulators.pf.order import Item, Order, Step
from simulators.pf.processes import FINISH, Process, Stage

_GONE = frozenset({"undone", "dropped"})
"""States of steps that nothing is built upon any more."""


def levels(images: dict[str, Body]) -> dict[str, int]:
    """The level of each item, behind all it depends on within the order. Raises ValueError on a circle."""
    found: dict[str, int] = {}
    left = dict(images)
    while left:
        free = [name for name, image in left.items() if left.keys().isdisjoint(image.get("depends_on", ()))]
        if not free:
            raise ValueError("订单项互相依赖 / items depend on each other in a circle")
        level = 1 + max(found.values(), default=-1)
        for name in free:
            found[name] = level
            del left[name]
    return found


def set_levels(items: dict[str, Item]) -> None:
    """Give each item its level. Raises ValueError on a circle."""
    for name, level in levels({item.id: item.image for item in items.values()}).items():
        items[name].level = level


def circular(images: dict[str, Body]) -> bool:
    """Whether items depend on each other in a circle."""
    try:
        levels(images)
    except ValueError:
        return True
    return False


def plan(items: Iterable[Item], stages: dict[str, Stage]) -> list[Step]:
    """Steps of ``items``, predecessors first, not linked yet. The summary is no step of the plan: it joins at the report."""
    keys: dict[tuple[int, str], list[str]] = {}
    for item in sorted(items, key=lambda item: item.level):
        for name in item.process.stages:
            if name != FINISH:
                keys.setdefault((item.level, name), []).append(item.id)
    return [Step(stages[name], tuple(members)) for (_, name), members in keys.items()]


def link(order: Order) -> None:
    """Set what each step of the plan needs, item by item; a closed dependency needs no more."""
    places: dict[tuple[str, str], int] = {}
    for n, step in enumerate(order.steps):
        if not step.extra and step.state not in _GONE:
            for name in step.items:
                places[name, step.stage.code] = n
    for step in order.steps:
        if not step.extra and step.state not in _GONE:
            wanted: dict[int, None] = {}
            for name in step.items:
                wanted |= dict.fromkeys(_needed(order, order.items[name], step.stage.code, places))
            step.needs = tuple(wanted)


def _needed(order: Order, item: Item, stage: str, places: dict[tuple[str, str], int]) -> list[int]:
    before = item.process.after[stage]
    if before:
        return [places[item.id, name] for name in before if (item.id, name) in places]
    depended = [order.items[name] for name in item.image.get("depends_on", ()) if name in order.items]
    ends = [(other.id, last) for other in depended if other.open for last in _last(other.process)]
    return [places[end] for end in ends if end in places]


def _last(process: Process) -> list[str]:
    """Stages nothing of the process follows but the finish."""
    working = [name for name in process.stages if name != FINISH]
    return [name for name in working if not any(name in process.after[other] for other in working)]


def part(order: Order, names: Collection[str]) -> list[int]:
    """Let the items ``names`` have steps of their own, so that what becomes of them touches no other item. Returns the
    positions of the new steps; one at work has its time (``due``), but nothing on the agenda."""
    first = len(order.steps)
    clones = []
    for step in order.steps:
        inner = tuple(name for name in step.items if name in names)
        if inner and len(inner) < len(step.items):
            clone = replace(step, items=inner)
            if step.state == "active" and step.work is not None:
                clone.work = replace(step.work, id=f"{step.work.id}-{len(order.work_orders)}", items=inner)
                order.work_orders.append(clone.work)
            clones.append(clone)
            step.items = tuple(name for name in step.items if name not in names)
    if clones:
        order.steps += clones
        link(order)
    return list(range(first, len(order.steps)))


def done_of(order: Order, names: Collection[str]) -> list[int]:
    """Finished steps of the items in reverse dependency order: a step comes after all that were built upon it, once each."""
    left = [n for n, step in enumerate(order.steps) if step.state == "done" and any(name in names for name in step.items)]
    ordered: list[int] = []
    while left:
        free = [n for n in left if not any(n in order.steps[other].needs for other in left if other != n)]
        taken = max(free)
        ordered.append(taken)
        left.remove(taken)
    return ordered


def built_upon(process: Process, start: str | None, ranks: dict[str, int]) -> frozenset[str]:
    """Stages to be done again when the process goes back to ``start`` (None: its beginning): it and all that follow it."""
    if start is None:
        return frozenset(process.stages)
    again = {name for name in process.stages if name == start}
    if not again:
        later = [name for name in process.stages if ranks[name] >= ranks[start]]
        again = set(later[:1])
    grown = True
    while grown:
        more = {name for name in process.stages if any(before in again for before in process.after[name])} - again
        again |= more
        grown = bool(more)
    return frozenset(again)


def finished(order: Order, item: Item) -> bool:
    """Whether nothing of the item is left to do."""
    return all(step.state == "done" or step.state in _GONE for step in order.steps if item.id in step.items)

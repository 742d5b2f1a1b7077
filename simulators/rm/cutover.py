"""Cutovers at RM (spec 5.12): the plan out (CT01), the waves (CT04 → CT05), cancel (CT07), recovery of the old side.

New resources are reserved with the plan; an item is done when its new ones are in use and its old ones, out of use, wait for
their recovery, which follows PF's last CT08.  An item that fails, or is rolled back, goes on using its old ones.
States of a cutover are those of the code table ``cutover_states``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapters.wire.times import wire_time
from simulators.agenda import Agenda
from simulators.brain import Body, Meta, Reaction, Send
from simulators.parts import parts
from simulators.rm.cutover_plan import Cutover, CutoverItem, PlanInvalid, plan_parts, read_plan
from simulators.rm.ledger import Ledger, Refused, Reservation
from simulators.rm.plant import Plant, Resource
from simulators.rm.script import Script
from simulators.rm.states import CUTTING_OVER, FREE, IN_USE

NEW, AWAITING_WORK, AWAITING_RECOVERY, DONE, ROLLED_BACK, CANCELLED, REJECTED = "1", "2", "3", "4", "97", "98", "99"
_OUT_OF_IT = frozenset({"blocked", "unknown"})
"""Answers of the CRM to a freeze by which an instance does not take part."""
_BY_CRM = frozenset({"applied", "refused"})


class Cutovers:
    """All cutovers by id. ``quarantine`` takes numbers that rest before they are free again; ``speed`` multiplies the duration
    of waves."""

    def __init__(
        self,
        plant: Plant,
        ledger: Ledger,
        script: Script,
        quarantine: Callable[[Resource, int], None],
        speed: float = 1.0,
    ) -> None:
        self.cutovers: dict[str, Cutover] = {}
        self.reports: dict[str, list[Body]] = {}
        self._plant = plant
        self._ledger = ledger
        self._failures = {instance: (outcome, reason) for instance, outcome, reason in script.failures}
        self._quarantine = quarantine
        self._settings: dict[str, int] = plant.table["cutover"]
        self._speed = speed
        self._trials: dict[str, Cutover] = {}
        self._agenda: Agenda[Cutover] = Agenda()

    def start(self, plan: dict[str, Any], now: int, dry_run: bool = False) -> list[Send]:
        """A person starts a cutover, or tries it dry: CT01 in parts. Raises PlanInvalid; nothing is changed then.

        A dry run changes nothing; what would not go is in ``reports`` under the id, PF's findings join it.
        """
        cutover = read_plan(plan, self._plant, now)
        if cutover.id in self._trials:
            raise PlanInvalid(f"试行未完，稍候再试 / its dry run is not complete yet, try again shortly: {cutover.id}")
        if cutover.id in self.cutovers:
            raise PlanInvalid(f"割接已存在 / there is such a cutover already: {cutover.id}")
        for item in cutover.items.values():
            item.fault = item.fault or self._fault(item)
        if dry_run:
            self._trials[cutover.id] = cutover
            self.reports[cutover.id] = [_difference(item) for item in cutover.items.values() if item.fault]
        else:
            self.cutovers[cutover.id] = cutover
            self._reserve(cutover, now)
        note = ("cutover", cutover.id)
        return [Send("CT01", body, role="PF", note=note) for body in plan_parts(plan, dry_run)]

    def cancel(self, cutover_id: str, reason: str, now: int, roll_back: bool = False) -> list[Send]:
        """A person cancels: waves not begun are dropped, the running one is finished or rolled back (CT07). Raises PlanInvalid:
        there is nothing to cancel any more."""
        cutover = self.cutovers.get(cutover_id)
        if cutover is None or cutover.state not in (NEW, AWAITING_WORK) or cutover.cancelling:
            raise PlanInvalid(f"割接不能取消 / nothing to cancel: {cutover_id}")
        cutover.cancelling, cutover.roll_back = True, roll_back
        body = {"area": cutover.plan["area"], "cutover_id": cutover_id, "reason": {"text": reason}}
        return [Send("CT07", body, role="PF", note=("cutover", cutover_id))]

    def answered(self, body: Body, meta: Meta, now: int) -> Reaction:
        """CT08; of one that has ended it is nothing new. Raises Refused: no such cutover (3004)."""
        trial = self._trials.get(body["cutover_id"])
        if trial is not None:
            return self._tried(trial, body)
        cutover = self.cutovers.get(body["cutover_id"])
        if cutover is None:
            raise Refused("STATE_CONFLICT")
        if cutover.state not in (NEW, AWAITING_WORK, AWAITING_RECOVERY):
            return Reaction(known=True)
        rows = {row["product_instance_id"]: row["outcome"] for row in body.get("instances", [])}
        if body["outcome"] == "rejected":
            self._refused(cutover, now)
            return Reaction()
        self._exclude(cutover, [name for name, outcome in rows.items() if outcome in _OUT_OF_IT], now)
        if cutover.state == NEW:
            cutover.state = AWAITING_WORK
        elif cutover.cancelling and not rows:
            self._cancelled(cutover, now)
        told = not cutover.begun or any(outcome in _BY_CRM for outcome in rows.values())
        if told and cutover.state in (AWAITING_WORK, AWAITING_RECOVERY) and body.get("is_last", True) and cutover.over():
            self._recover(cutover, now)
        return Reaction()

    def execute(self, body: Body, meta: Meta, now: int) -> Reaction:
        """CT04. Raises Refused: not planned, cancelled or another wave running 3004, outside the window 3013."""
        cutover = self.cutovers.get(body["cutover_id"])
        wave = body["wave"]
        if cutover is not None and wave in cutover.begun:
            return Reaction(known=True)
        if cutover is None or cutover.state != AWAITING_WORK or cutover.cancelling or cutover.running is not None:
            raise Refused("STATE_CONFLICT", None if cutover is None else cutover.state)
        items = cutover.of_wave(wave)
        if not items:
            raise Refused("STATE_CONFLICT", cutover.state)
        if not cutover.window[0] <= now < cutover.window[1]:
            raise Refused("DATE_INVALID")
        cutover.begun[wave], cutover.running, cutover.ordered = None, wave, (meta.sender, meta.serial)
        for item in items:
            item.state = "running"
            item.fault = item.fault or self._fault(item, reserved=True)
            for resource in item.old if item.fault is None else ():
                self._plant.move(resource, "cutover", now)
        duration = self._settings["wave_ms"] + self._settings["item_ms"] * len(items)
        self._agenda.add(now + round(duration * self._speed), cutover)
        return Reaction()

    def undeliverable(self, sent: Send, now: int) -> None:
        """PF refused the plan (it is rejected, the trial is over) or the cancel (it goes on)."""
        cutover_id = sent.note[1]
        if self._trials.pop(cutover_id, None) is None:
            self._refused(self.cutovers[cutover_id], now)

    def next_due(self) -> int | None:
        """When the next wave is done (ms)."""
        return self._agenda.next()

    def due(self, now: int) -> list[Send]:
        """Waves that are done: CT05 in parts."""
        return [send for cutover in self._agenda.take(now) for send in self._end_wave(cutover, now)]

    def inspect(self) -> dict[str, Any]:
        """State and counts of every cutover."""
        return {
            cutover.id: {"state": cutover.state, "planned": len(cutover.items), "counts": cutover.counts()}
            for cutover in self.cutovers.values()
        }

    def trying(self) -> list[str]:
        """Dry runs whose report is not complete yet."""
        return list(self._trials)

    def _fault(self, item: CutoverItem, reserved: bool = False) -> str | None:
        """Why the item cannot be cut over as planned; ``reserved``: its new side is held for it by now."""
        for resource in item.old:
            if resource.instance != item.instance or resource.state != IN_USE:
                return f"旧资源 {resource.id} 不由该实例占用"
        for resource in item.new if not reserved else ():
            if resource.state != FREE:
                return f"新资源 {resource.id} 不空闲"
        return None

    def _reserve(self, cutover: Cutover, now: int) -> None:
        """An entry an item, so that each ends by itself."""
        for number, item in enumerate(cutover.items.values(), 1):
            if item.fault is not None:
                continue
            name, area = f"{cutover.id}/{number}", cutover.plan["area"]
            item.entry = self._ledger.open(Reservation(name, "ORDER", "RM", area, order=cutover.id, created=now))
            for resource in item.new:
                try:
                    self._ledger.take(item.entry, resource, item.instance, now)
                except Refused:
                    item.fault = f"新资源 {resource.id} 在计划中重复"

    def _let_go(self, item: CutoverItem, now: int) -> None:
        """What is reserved for the item is free again."""
        if item.entry is None:
            return
        for hold in item.entry.held():
            self._ledger.end(item.entry, hold, "released", now)
        item.entry.closed = True

    def _exclude(self, cutover: Cutover, instances: list[str], now: int) -> None:
        for name in instances:
            item = cutover.items.get(name)
            if item is not None and item.state == "planned":
                item.state = "excluded"
                self._let_go(item, now)

    def _refused(self, cutover: Cutover, now: int) -> None:
        """A plan PF rejects is over; a cancel PF rejects leaves the cutover as it is."""
        if cutover.cancelling:
            cutover.cancelling = False
        elif cutover.state == NEW:
            self._exclude(cutover, list(cutover.items), now)
            cutover.state = REJECTED

    def _cancelled(self, cutover: Cutover, now: int) -> None:
        self._exclude(cutover, list(cutover.items), now)
        if cutover.running is None and not cutover.begun:
            cutover.state = CANCELLED
        elif cutover.running is None:
            cutover.state = AWAITING_RECOVERY
        cutover.cancelling = False

    def _tried(self, trial: Cutover, body: Body) -> Reaction:
        """The answer to a dry run: what CRM and PF found joins the report."""
        report = self.reports[trial.id]
        report += body.get("differences", [])
        for row in body.get("instances", []):
            if row["outcome"] in _OUT_OF_IT:
                found = "、".join(row.get("blocking_orders", [])) or row["outcome"]
                report.append(_row(row["product_instance_id"], "freeze", "frozen", found))
        if body.get("is_last", True):
            del self._trials[trial.id]
        return Reaction()

    def _end_wave(self, cutover: Cutover, now: int) -> list[Send]:
        wave = cutover.running
        assert wave is not None
        rows = [self._cut_over(cutover, item, now) for item in cutover.of_wave(wave)]
        cutover.running, cutover.roll_back = None, False
        if cutover.over():
            cutover.state = AWAITING_RECOVERY
        head: Body = {"area": cutover.plan["area"], "cutover_id": cutover.id, "wave": wave}
        bodies = [head | {"part_no": no, "is_last": last, "items": part} for no, last, part in parts(rows)]
        sender, serial = cutover.ordered
        return [Send("CT05", body, system=sender, ref_serial=serial) for body in bodies]

    def _cut_over(self, cutover: Cutover, item: CutoverItem, now: int) -> Body:
        """The end of one item: as a row of CT05."""
        row: Body = {"product_instance_id": item.instance}
        outcome, reason = self._failures.get(item.instance, ("done", ""))
        if item.fault is not None:
            outcome, reason = "failed", item.fault
        elif cutover.roll_back:
            outcome, reason = "rolled_back", "割接取消，回退"
        item.state = outcome
        if outcome != "done":
            for resource in item.old:
                if resource.state == CUTTING_OVER:
                    self._plant.move(resource, "cut_over_new", now)
            self._let_go(item, now)
            return row | {"outcome": outcome, "reason": {"text": reason}}
        assert item.entry is not None
        for resource in item.old:
            self._plant.serve(resource, None)
        for hold in item.entry.held():
            self._ledger.end(item.entry, hold, "consumed", now)
            self._plant.serve(hold.resource, item.instance)
        return row | {"outcome": outcome, "finished_at": wire_time(now)}

    def _recover(self, cutover: Cutover, now: int) -> None:
        """All is told: the old resources of what was done are free, numbers rest first."""
        done = [item for item in cutover.items.values() if item.state == "done"]
        for item in done:
            for resource in item.old:
                if resource.state != CUTTING_OVER:
                    continue
                rests = self._plant.types[resource.type].quarantine_days > 0
                self._plant.move(resource, "cut_over_quarantine" if rests else "cut_over_old", now)
                if rests:
                    self._quarantine(resource, now)
        cutover.state = DONE if done else ROLLED_BACK


def _difference(item: CutoverItem) -> Body:
    return _row(item.instance, "resource", "可割接", item.fault or "")


def _row(instance: str, field: str, expected: str, found: str) -> Body:
    return {"product_instance_id": instance, "field": field, "expected": expected, "found": found[:500]}

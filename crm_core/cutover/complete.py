"""CT06: the cutover is done; what it did is applied instance by instance, and the freeze ends (spec 5.12)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from crm_core.cutover.apply import APPLIED, apply, judge
from crm_core.cutover.events import CutoverAnswered
from crm_core.cutover.freeze import Verdict
from crm_core.cutover.machine import ENDS, move, move_item
from crm_core.cutover.model import Cutover, CutoverItem, item_key
from crm_core.cutover.thaw import keys, lift
from crm_core.errors import StateConflict
from crm_core.fallout.model import Fallout
from crm_core.ports import Outcome, UnitOfWork

_DONE = ("4", "97")


@dataclass(frozen=True, slots=True)
class CompleteCutover:
    """Fields are the message's; ``done`` rows have product_instance_id, old and new side; the others a reason."""

    cutover_id: str
    area: str
    done: list[dict[str, Any]] | None = None
    failed: list[dict[str, Any]] | None = None
    excluded: list[dict[str, Any]] | None = None
    part_no: int | None = None
    is_last: bool | None = None

    def _ids(self) -> Iterator[str]:
        for rows in (self.done, self.failed, self.excluded):
            for row in rows or ():
                yield row["product_instance_id"]

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The cutover, and each instance with its item."""
        return (("cutover", self.cutover_id), *keys(self.cutover_id, self._ids()))

    def execute(self, uow: UnitOfWork) -> Outcome:
        """DUPLICATE, with the first result, for what was said before the cutover ended. Raises ``StateConflict`` (3004) for one
        that is unknown, was not frozen, or has ended; and, a person looking, when the last part leaves an item without an end:
        done + failed + excluded = planned (06.4 invariant 9)."""
        cutover = uow.cutover(self.cutover_id)
        if cutover is None:
            raise StateConflict(f"割接 {self.cutover_id} 未冻结过", f"Cutover {self.cutover_id} was never frozen")
        if cutover.state in _DONE and (told := self._told_before(uow, cutover)) is not None:
            self._answer(uow, cutover, told)
            return Outcome("DUPLICATE", state=cutover.state)
        verdicts = {row["product_instance_id"]: self._done(uow, cutover, row) for row in self.done or ()}
        for given, rows in (("fail", self.failed), ("exclude", self.excluded)):
            for row in rows or ():
                self._without(uow, cutover, row, given)
        move(uow, cutover, self._given(cutover), self._count(verdicts))
        uow.save(cutover)
        refused = [one for one, verdict in verdicts.items() if verdict is not APPLIED]
        if refused:
            uow.add(self._fallout(uow, refused))
        self._answer(uow, cutover, verdicts)
        return Outcome(state=cutover.state)

    def _answer(self, uow: UnitOfWork, cutover: Cutover, verdicts: dict[str, Verdict]) -> None:
        uow.emit(
            CutoverAnswered(
                key=cutover.id,
                area=self.area,
                to=uow.origin.sender,
                ref_serial=uow.origin.serial,
                cutover_id=cutover.id,
                outcome="accepted",
                part_no=self.part_no,
                is_last=self.is_last,
                instances=[verdict.row(one) for one, verdict in verdicts.items()] or None,
            )
        )

    def _told_before(self, uow: UnitOfWork, cutover: Cutover) -> dict[str, Verdict] | None:
        """The first result of a part said again, under a new serial, when the cutover has ended; None where it says anything
        else than what became of its instances."""
        verdicts: dict[str, Verdict] = {}
        for end, rows in (("done", self.done), ("failed", self.failed), ("excluded", self.excluded)):
            for row in rows or ():
                item = uow.cutover_item(item_key(cutover.id, row["product_instance_id"]))
                if item is None or item.state != end:
                    return None
                if end == "done":
                    verdicts[item.instance_id] = APPLIED
        return verdicts

    def _done(self, uow: UnitOfWork, cutover: Cutover, row: dict[str, Any]) -> Verdict:
        """One instance the network has moved; what the CRM cannot take over counts as failed here, and is told."""
        instance_id = row["product_instance_id"]
        instance = uow.instance(instance_id)
        item = uow.cutover_item(item_key(cutover.id, instance_id))
        verdict = judge(instance, item, row)
        if item is None:
            return verdict
        if verdict is APPLIED and instance is not None:
            if move_item(cutover, item, "apply", uow.now):
                item.reason = None
                uow.save(item)
                apply(uow, cutover, instance, row)
        elif item.state not in ENDS:
            item.reason = {"text": verdict.why}
            _end(uow, cutover, item, "fail")
        return verdict

    def _without(self, uow: UnitOfWork, cutover: Cutover, row: dict[str, Any], given: str) -> None:
        """One instance that stays as it was; it may be new to the CRM when it was left out of the freeze."""
        instance_id = row["product_instance_id"]
        item = uow.cutover_item(item_key(cutover.id, instance_id))
        if item is None:
            item = CutoverItem(item_key(cutover.id, instance_id), cutover.id, instance_id, since=uow.now)
            uow.add(item)
            cutover.instances.append(instance_id)
        item.reason = row["reason"]
        _end(uow, cutover, item, given)

    def _given(self, cutover: Cutover) -> str:
        """The input this part is to the machine."""
        if self.is_last is False or (self.is_last is None and self.part_no is not None):
            return "complete_part"
        ended, planned = cutover.done + cutover.failed + cutover.excluded, len(cutover.instances)
        if ended != planned:
            raise StateConflict(
                f"割接 {cutover.id} 共 {planned} 项，只有 {ended} 项有结果",
                f"Cutover {cutover.id} has {planned} items, only {ended} have a result",
                state=cutover.state,
                fallout="done + failed + excluded is not planned",
            )
        return "complete_last" if cutover.done else "complete_none"

    def _count(self, verdicts: dict[str, Verdict]) -> str:
        applied = sum(verdict is APPLIED for verdict in verdicts.values())
        return f"{applied}/{len(verdicts)} applied, {len(self.failed or ())} failed, {len(self.excluded or ())} excluded"

    def _fallout(self, uow: UnitOfWork, refused: list[str]) -> Fallout:
        return Fallout(
            uow.new_id("FO"),
            "cutover",
            uow.now,
            f"割接 {self.cutover_id} 有 {len(refused)} 个产品实例未能应用，请核对网络与档案",
            f"{len(refused)} product instances of cutover {self.cutover_id} could not be applied: compare network and records",
            symbol="STATE_CONFLICT",
            area=self.area,
            about={"serial": uow.origin.serial, "sender": uow.origin.sender, "instances": refused},
        )


def _end(uow: UnitOfWork, cutover: Cutover, item: CutoverItem, given: str) -> None:
    """An item ends without effect on its instance, which thaws if this cutover had frozen it."""
    was_frozen = item.state == "frozen"
    move_item(cutover, item, given, uow.now)
    uow.save(item)
    if was_frozen:
        lift(uow, item.instance_id)

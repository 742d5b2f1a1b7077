"""CT07: the cutover does not take place; everything it had frozen thaws (spec 5.12)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.cutover.events import CutoverAnswered
from crm_core.cutover.machine import move
from crm_core.cutover.model import Cutover
from crm_core.cutover.thaw import keys, thaw
from crm_core.ports import Outcome, UnitOfWork


@dataclass(frozen=True, slots=True)
class CancelCutover:
    """``reason``: text and perhaps code."""

    cutover_id: str
    area: str
    reason: dict[str, Any]

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The cutover; its instances are known only then."""
        return (("cutover", self.cutover_id),)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """Of one that never came, the id is closed: a late freeze is refused. Again: the same result. Raises ``StateConflict``
        (3004) once results have arrived."""
        known = uow.cutover(self.cutover_id)
        cutover = known or Cutover(self.cutover_id, self.area, uow.origin.sender, created_at=uow.now)
        uow.load(keys(cutover.id, cutover.instances))
        move(uow, cutover, "cancel", self.reason["text"][:400])
        cutover.reason = self.reason
        thaw(uow, cutover, cutover.instances)
        if known is None:
            uow.add(cutover)
        else:
            uow.save(cutover)
        uow.emit(
            CutoverAnswered(
                key=cutover.id,
                area=self.area,
                to=uow.origin.sender,
                ref_serial=uow.origin.serial,
                cutover_id=cutover.id,
                outcome="accepted",
            )
        )
        return Outcome(state=cutover.state)

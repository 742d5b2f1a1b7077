"""The timer's command: the freeze window is over and nobody ended the freeze (spec 5.12): alarm, and thaw."""

from __future__ import annotations

from dataclasses import dataclass

from crm_core.cutover.machine import CLOSED, move
from crm_core.cutover.thaw import keys, thaw
from crm_core.fallout.model import Fallout
from crm_core.ports import Outcome, UnitOfWork

IN_EXECUTION = "3"
"""Results have begun to arrive: what is still frozen is in execution and thaws with its result."""


@dataclass(frozen=True, slots=True)
class EndFreezeWindow:
    """Harmless if it comes early, twice, or behind the end of the freeze: success without effect."""

    cutover_id: str

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The cutover; its instances are known only then."""
        return (("cutover", self.cutover_id),)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """One alarm a window."""
        cutover = uow.cutover(self.cutover_id)
        if cutover is None:
            return Outcome("OK")
        if cutover.state in CLOSED or cutover.alarmed_at is not None or cutover.freeze_end > uow.now:
            return Outcome("OK", state=cutover.state)
        thawed = 0
        if cutover.state != IN_EXECUTION:
            uow.load(keys(cutover.id, cutover.instances))
            thawed = thaw(uow, cutover, cutover.instances)
        move(uow, cutover, "window_end", f"{thawed} thawed")
        cutover.alarmed_at = uow.now
        uow.save(cutover)
        uow.add(
            Fallout(
                uow.new_id("FO"),
                "cutover",
                uow.now,
                f"割接 {cutover.id} 冻结窗口已结束而未解冻，已自动解冻 {thawed} 个产品实例，请联系服务开通",
                f"The freeze window of cutover {cutover.id} ended without an end of the freeze; {thawed} instances thawed: "
                "ask provisioning",
                area=cutover.area,
                about={"cutover_id": cutover.id, "state": cutover.state, "thawed": thawed},
            )
        )
        return Outcome("OK", state=cutover.state)

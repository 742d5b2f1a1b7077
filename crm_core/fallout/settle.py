"""A fallout record whose cause has gone by itself: closed where nobody works on it, else the one who does is told (06.2)."""

from __future__ import annotations

from dataclasses import dataclass

from crm_core.errors import OrderUnknown
from crm_core.fallout.desk import CLOSED
from crm_core.ports import Outcome, UnitOfWork


@dataclass(frozen=True, slots=True)
class SettleFallout:
    """``what`` happened, in one word, and ``why`` it settles the record."""

    fallout_id: str
    what: str
    why: str

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The record."""
        return (("fallout", self.fallout_id),)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """A closed record stays as it is. Raises ``OrderUnknown`` (3003) for no record."""
        record = uow.fallout(self.fallout_id)
        if record is None:
            raise OrderUnknown(f"没有异常单 {self.fallout_id}", f"There is no fallout record {self.fallout_id}")
        if record.state == CLOSED:
            return Outcome("DUPLICATE", state=CLOSED)
        before = {"record": record.state, "order": None}
        if record.owner is None:
            record.state, record.closed_at = CLOSED, uow.now
        entry = {
            "at": uow.now, "who": uow.origin.sender, "what": self.what, "why": self.why, "approved_by": None,
            "before": before, "after": {"record": record.state, "order": None},
        }  # fmt: skip
        record.actions = [*record.actions, entry]
        uow.save(record)
        return Outcome("OK", state=record.state)

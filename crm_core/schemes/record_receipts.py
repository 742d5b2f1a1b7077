"""Receipts of a scheme request and of what people decided about it (SD01, SD05-SD07; spec 5.2)."""

from __future__ import annotations

from dataclasses import dataclass

from crm_core.ports import Outcome, UnitOfWork
from crm_core.schemes.machine import move, note, request_of
from crm_core.schemes.operations import close


@dataclass(frozen=True, slots=True)
class RecordSchemeReceipt:
    """Of SD01: designing begins, or the request is refused for good."""

    scheme_request_id: str
    accepted: bool
    symbol: str

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The request."""
        return (("scheme_request", self.scheme_request_id),)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """Behind a result it is recorded without effect. Raises ``StateConflict`` for an unknown request."""
        request = request_of(uow, self.scheme_request_id)
        if move(uow, request, "acknowledged" if self.accepted else "not_taken", self.symbol):
            if not self.accepted:
                request.reason = {"text": self.symbol}
            uow.save(request)
        return Outcome("OK", state=request.state)


@dataclass(frozen=True, slots=True)
class RecordSchemeDecisionReceipt:
    """Of SD05, SD06 or SD07, whose serial is the origin's: a refusal is its result, else SD08 follows."""

    scheme_request_id: str
    accepted: bool
    symbol: str

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The request."""
        return (("scheme_request", self.scheme_request_id),)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """The state stays as it is. Raises ``StateConflict`` for an unknown request."""
        request = request_of(uow, self.scheme_request_id)
        if not self.accepted:
            operation = close(request, uow.origin.serial)
            if operation is not None:
                note(uow, request, "refused", request.state, request.state, f"{operation['operation']}: {self.symbol}")
                uow.save(request)
        return Outcome("OK", state=request.state)

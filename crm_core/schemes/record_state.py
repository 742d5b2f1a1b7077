"""SD08: result of a confirm, reject or cancel, or the notice that a scheme has expired (spec 5.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.errors import StateConflict
from crm_core.ports import Outcome, UnitOfWork
from crm_core.resources.machine import HELD, end_items
from crm_core.resources.model import Reservation
from crm_core.schemes.machine import current, move, note, request_of
from crm_core.schemes.model import Scheme, SchemeRequest, scheme_key
from crm_core.schemes.operations import close, in_use
from crm_core.times import optional

_INPUTS = {
    "10": "noted",
    "20": "designing",
    "30": "noted",
    "40": "confirmed",
    "50": "rejected",
    "60": "expired",
    "70": "cancelled",
}
_FREES = {"60": "expired", "70": "released"}
"""State reached -> how the reservation of the scheme ends."""


@dataclass(frozen=True, slots=True)
class RecordSchemeState:
    """Fields are the message's: ``state``, or ``code`` and ``reason`` of a refusal; what was reserved when confirmed."""

    scheme_request_id: str
    scheme_id: str | None = None
    version: int | None = None
    state: str | None = None
    code: str | None = None
    reason: dict[str, Any] | None = None
    reservation_id: str | None = None
    resources: list[dict[str, Any]] | None = None
    expires_at: str | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """Request, version, and the reservation made for it."""
        keys = [("scheme_request", self.scheme_request_id)]
        if self.scheme_id is not None and self.version is not None:
            keys.append(("scheme", scheme_key(self.scheme_id, self.version)))
        if self.reservation_id is not None:
            keys.append(("reservation", self.reservation_id))
        return tuple(keys)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """About an older version it is recorded without effect. Raises ``StateConflict`` (3004) with the state for what the
        newest version cannot become, also for the expiry of one that an order uses; a person looks then."""
        request = request_of(uow, self.scheme_request_id)
        operation = close(request, uow.origin.ref_serial)
        given = self._given(request, operation)
        scheme = current(uow, request)
        if given == "expired" and request.state == "40" and scheme is not None and in_use(uow, scheme):
            raise StateConflict(
                f"方案 {scheme.id} 被客户订单 {scheme.used_by} 使用，不会到期",
                f"Scheme {scheme.id} is used by customer order {scheme.used_by} and does not expire",
                state=request.state,
                fallout="the peer says a scheme expired that an order builds on",
            )
        text = None if self.reason is None else str(self.reason["text"])
        moved = move(uow, request, given, text, fallout=f"scheme state {self.state or self.code}")
        if given == "refused":
            what = "" if operation is None else operation["operation"]
            note(uow, request, given, request.state, request.state, f"{what} {self.code or ''} {text or ''}")
        elif moved:
            request.reason = self.reason or request.reason
            self._effects(uow, request, scheme, operation, given)
        uow.save(request)
        return Outcome(state=request.state)

    def _given(self, request: SchemeRequest, operation: dict[str, Any] | None) -> str:
        """The input this message is to the newest version."""
        if self.code is not None or self.state is None:
            return "refused"
        if self.version is not None and self.version != request.version:
            return "redone" if self.version == request.version + 1 and self.state == "20" else "noted"
        given = _INPUTS[self.state]
        if given == "rejected" and operation is not None and operation.get("redo"):
            return "redone"
        return given

    def _effects(
        self,
        uow: UnitOfWork,
        request: SchemeRequest,
        scheme: Scheme | None,
        operation: dict[str, Any] | None,
        given: str,
    ) -> None:
        """What a new state brings with it: the next version, the reservation or its end."""
        if scheme is None:
            return
        if given == "redone":
            scheme.state, scheme.reason = "50", self.reason
            request.version += 1
        elif given == "confirmed":
            scheme.option_no = None if operation is None else operation.get("option_no")
            if self.reservation_id is not None:
                scheme.reservation_id = self.reservation_id
                self._reserve(uow, request, self.reservation_id)
        elif request.state in _FREES and scheme.reservation_id is not None:
            reservation = uow.reservation(scheme.reservation_id)
            if reservation is not None:
                end_items(reservation, _FREES[request.state])
                reservation.closed = True
                uow.save(reservation)
        uow.save(scheme)

    def _reserve(self, uow: UnitOfWork, request: SchemeRequest, reservation_id: str) -> None:
        """The CRM's copy of what was reserved; the system that reports it is the owner (5.3)."""
        if uow.reservation(reservation_id) is not None:
            return
        uow.add(
            Reservation(
                reservation_id,
                "ADVANCE",
                uow.origin.sender,
                request.area,
                items=[{"resource": resource, "state": HELD} for resource in self.resources or ()],
                created_at=uow.now,
                expires_at=optional(self.expires_at),
            )
        )

"""A person confirms, rejects or cancels a scheme (SD05, SD06, SD07; spec 5.2); the result is SD08."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.errors import AttributeInvalid, DomainError, StateConflict
from crm_core.ports import Outcome, UnitOfWork
from crm_core.schemes.events import SchemeCancelled, SchemeChosen, SchemeRejected
from crm_core.schemes.machine import MACHINE, current, named, request_of
from crm_core.schemes.model import Scheme, SchemeRequest, scheme_key
from crm_core.schemes.operations import begin, in_use, refuse_second


def _decidable(uow: UnitOfWork, request: SchemeRequest, scheme_id: str, version: int, given: str) -> Scheme:
    """The version, if it is the newest (3017), in a state for it (3004), still valid (3016), and nothing else is open."""
    scheme = named(uow, request, scheme_id, version)
    MACHINE.move(request.id, request.state, given)
    if scheme.valid_until is not None and scheme.valid_until <= uow.now:
        raise DomainError(
            f"方案 {scheme.id} 已过有效期", f"Scheme {scheme.id} has expired", code="SCHEME_EXPIRED", state=request.state
        )
    refuse_second(request)
    return scheme


@dataclass(frozen=True, slots=True)
class ConfirmScheme:
    """Confirms option ``option_no``; provisioning reserves its resources."""

    scheme_request_id: str
    scheme_id: str
    version: int
    option_no: int
    operator: str | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """Request and version."""
        return (("scheme_request", self.scheme_request_id), ("scheme", scheme_key(self.scheme_id, self.version)))

    def execute(self, uow: UnitOfWork) -> Outcome:
        """Raises 3004, 3016, 3017, and ``AttributeInvalid`` (3020) for an option that is not offered."""
        request = request_of(uow, self.scheme_request_id)
        scheme = _decidable(uow, request, self.scheme_id, self.version, "confirm")
        if not any(option["no"] == self.option_no for option in scheme.options):
            raise AttributeInvalid(f"方案没有选项 {self.option_no}", f"The scheme has no option {self.option_no}")
        serials = uow.emit(
            SchemeChosen(
                key=request.id,
                area=request.area,
                scheme_request_id=request.id,
                customer_order_id=request.customer_order_id,
                operator=self.operator,
                scheme_id=self.scheme_id,
                version=self.version,
                option_no=self.option_no,
            )
        )
        begin(request, "confirm", serials, uow.now, option_no=self.option_no)
        uow.save(request)
        return Outcome("ACCEPTED", state=request.state)


@dataclass(frozen=True, slots=True)
class RejectScheme:
    """Rejects a version; with ``redo`` the next one is designed. ``reason``: text and perhaps code."""

    scheme_request_id: str
    scheme_id: str
    version: int
    reason: dict[str, Any]
    redo: bool
    operator: str | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """Request and version."""
        return (("scheme_request", self.scheme_request_id), ("scheme", scheme_key(self.scheme_id, self.version)))

    def execute(self, uow: UnitOfWork) -> Outcome:
        """Raises 3004, 3016, 3017."""
        request = request_of(uow, self.scheme_request_id)
        _decidable(uow, request, self.scheme_id, self.version, "reject")
        serials = uow.emit(
            SchemeRejected(
                key=request.id,
                area=request.area,
                scheme_request_id=request.id,
                customer_order_id=request.customer_order_id,
                operator=self.operator,
                scheme_id=self.scheme_id,
                version=self.version,
                reason=self.reason,
                redo=self.redo,
            )
        )
        begin(request, "reject", serials, uow.now, redo=self.redo)
        uow.save(request)
        return Outcome("ACCEPTED", state=request.state)


@dataclass(frozen=True, slots=True)
class CancelScheme:
    """Cancels the whole request and frees what its newest version reserved; passes an open confirm or reject."""

    scheme_request_id: str
    reason: dict[str, Any]
    operator: str | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The request; its newest version is known only then."""
        return (("scheme_request", self.scheme_request_id),)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """Again: success without effect. Raises 3004, also while an order uses the scheme."""
        request = request_of(uow, self.scheme_request_id)
        MACHINE.move(request.id, request.state, "cancel")
        if request.state == "70" or any(row["operation"] == "cancel" for row in request.operations):
            return Outcome("DUPLICATE", state=request.state)
        scheme = current(uow, request)
        if scheme is not None and in_use(uow, scheme):
            raise StateConflict(
                f"客户订单 {scheme.used_by} 正在使用方案 {scheme.id}",
                f"Customer order {scheme.used_by} uses scheme {scheme.id}",
                state=request.state,
            )
        serials = uow.emit(
            SchemeCancelled(
                key=request.id,
                area=request.area,
                scheme_request_id=request.id,
                customer_order_id=request.customer_order_id,
                operator=self.operator,
                reason=self.reason,
            )
        )
        begin(request, "cancel", serials, uow.now)
        uow.save(request)
        return Outcome("ACCEPTED", state=request.state)

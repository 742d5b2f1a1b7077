"""Commands about a scheme that were sent and have no result yet (SD05-SD07, spec 5.2)."""

from __future__ import annotations

from typing import Any

from crm_core.errors import StateConflict
from crm_core.ports import UnitOfWork
from crm_core.schemes.model import Scheme, SchemeRequest

_UNUSED = ("CANCELLED", "REJECTED", "FAILED")


def begin(request: SchemeRequest, operation: str, serials: tuple[str, ...], at: int, **given: Any) -> None:
    """Remember what was sent."""
    serial = serials[0] if serials else ""
    row = {"operation": operation, "serial": serial, "at": at, "version": request.version, **given}
    request.operations = [*request.operations, row]


def close(request: SchemeRequest, serial: str | None) -> dict[str, Any] | None:
    """The operation sent under ``serial`` has its result; None if it is not open."""
    found = next((row for row in request.operations if serial and row["serial"] == serial), None)
    if found is not None:
        request.operations = [row for row in request.operations if row is not found]
    return found


def refuse_second(request: SchemeRequest) -> None:
    """Raises ``StateConflict`` (3004) while another confirm, reject or cancel waits for its result."""
    for row in request.operations:
        raise StateConflict(
            f"方案申请 {request.id} 的操作 {row['operation']} 尚无结果",
            f"Operation {row['operation']} of scheme request {request.id} has no result yet",
            state=request.state,
        )


def in_use(uow: UnitOfWork, scheme: Scheme | None) -> bool:
    """Whether a customer order builds on the scheme; one that ended without service does not."""
    if scheme is None or scheme.used_by is None:
        return False
    order = uow.customer_order(scheme.used_by)
    return order is not None and order.state not in _UNUSED

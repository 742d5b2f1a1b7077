"""The machine of a scheme version as the CRM sees it (spec 5.2): 10 requested, 20 designing, 30 designed, 40 confirmed,
50 rejected, 60 expired, 70 cancelled.

``confirm``, ``reject`` and ``cancel`` are what a person asks for: provisioning's result moves the state.  ``redone`` closes a
version as rejected and opens the next at 20; ``designed`` at 30 is a newer version, which closes the one before.
"""

from __future__ import annotations

from crm_core.errors import DomainError, StateConflict
from crm_core.history import StateChange
from crm_core.ports import UnitOfWork
from crm_core.schemes.model import Scheme, SchemeRequest, scheme_key
from crm_core.state_table import StateTable, lines, same

CLOSED = ("50", "60", "70")
_ALL = ("10", "20", "30", "40", *CLOSED)

MACHINE = StateTable(
    "方案",
    "Scheme",
    "10",
    CLOSED,
    (
        *lines("acknowledged", {"10": "20"}),
        *same("acknowledged", *_ALL[1:]),
        *lines("not_taken", {"10": "50"}),
        *same("not_taken", *_ALL[1:]),
        *lines("designing", {"10": "20"}),
        *same("designing", *_ALL[1:]),
        *lines("designed", {"10": "30", "20": "30"}),
        *same("designed", "30"),
        *lines("undesignable", {"10": "50", "20": "50", "30": "50"}),
        *same("confirm", "30"),
        *lines("confirmed", {"30": "40"}),
        *same("confirmed", "40"),
        *same("reject", "30"),
        *lines("rejected", {"30": "50"}),
        *same("rejected", "50"),
        *lines("redone", {"30": "20"}),
        *lines("expired", {"30": "60", "40": "60"}),
        *same("expired", "60"),
        *same("cancel", "10", "20", "30", "40", "70"),
        *lines("cancelled", {"10": "70", "20": "70", "30": "70", "40": "70"}),
        *same("cancelled", "70"),
        *same("refused", *_ALL),
        *same("noted", *_ALL),
    ),
)


def request_of(uow: UnitOfWork, request_id: str) -> SchemeRequest:
    """Raises ``StateConflict`` (3004) without a state: the specification has no code for an unknown request."""
    request = uow.scheme_request(request_id)
    if request is None:
        raise StateConflict(f"方案申请 {request_id} 不存在", f"Scheme request {request_id} is not known")
    return request


def current(uow: UnitOfWork, request: SchemeRequest) -> Scheme | None:
    """The newest version's row; None while it is being designed."""
    return None if request.scheme_id is None else uow.scheme(scheme_key(request.scheme_id, request.version))


def named(uow: UnitOfWork, request: SchemeRequest, scheme_id: str, version: int) -> Scheme:
    """The version a person means. Raises 3017 if a newer one stands or is being designed, 3004 if it was never designed."""
    scheme = uow.scheme(scheme_key(scheme_id, version))
    if scheme is None or scheme.request_id != request.id:
        raise StateConflict(
            f"方案 {scheme_id} 版本 {version} 不存在", f"Version {version} of scheme {scheme_id} is not known",
            state=request.state,
        )  # fmt: skip
    if (scheme_id, version) != (request.scheme_id, request.version):
        raise DomainError(
            f"方案 {scheme_id} 版本 {version} 已被新版本取代",
            f"Version {version} of scheme {scheme_id} is superseded",
            code="SCHEME_SUPERSEDED",
            state=scheme.state,
        )
    return scheme


def move(uow: UnitOfWork, request: SchemeRequest, given: str, detail: str | None = None, *, fallout: str | None = None) -> bool:
    """One input on the newest version; whether its state changed. Raises ``StateConflict`` (3004), changing nothing."""
    before = request.state
    to = MACHINE.move(request.id, before, given, fallout=fallout)
    if to == before:
        return False
    scheme = current(uow, request)
    if scheme is not None and given != "redone":
        scheme.state = to
        uow.save(scheme)
    request.state = to
    if to in CLOSED:
        request.closed_at = uow.now
        request.operations = []
    note(uow, request, given, before, to, detail)
    return True


def note(uow: UnitOfWork, request: SchemeRequest, given: str, before: str, to: str, detail: str | None = None) -> None:
    """An entry in the request's history."""
    origin, text = uow.origin, f"v{request.version} {detail or ''}".strip()
    uow.add(StateChange(uow.now, "scheme", request.id, given, before, to, origin.sender, origin.serial, text[:400]))

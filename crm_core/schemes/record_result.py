"""SD04: provisioning hands over a designed version, or says why there can be none (spec 5.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.errors import StateConflict
from crm_core.ports import Outcome, UnitOfWork
from crm_core.schemes.machine import MACHINE, current, note, request_of
from crm_core.schemes.model import Scheme, SchemeRequest, scheme_key
from crm_core.times import from_wire


@dataclass(frozen=True, slots=True)
class RecordSchemeResult:
    """Fields are the message's; without ``options`` it cannot be designed, for ``reason``."""

    scheme_request_id: str
    scheme_id: str
    version: int
    designer: str
    auditor: str
    valid_until: str
    options: list[dict[str, Any]] | None = None
    reason: dict[str, Any] | None = None
    attachments: list[dict[str, Any]] | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """Request and version."""
        return (("scheme_request", self.scheme_request_id), ("scheme", scheme_key(self.scheme_id, self.version)))

    def execute(self, uow: UnitOfWork) -> Outcome:
        """Raises ``StateConflict`` (3004) with the state for a version that is known or older, or a request that takes none."""
        request = request_of(uow, self.scheme_request_id)
        before = current(uow, request)
        floor = request.version if before is None else request.version + 1
        if self.version < floor or uow.scheme(scheme_key(self.scheme_id, self.version)) is not None:
            raise StateConflict(
                f"方案版本 {self.version} 不新于 {request.version}",
                f"Scheme version {self.version} is not newer than {request.version}",
                state=request.state,
            )
        given = "designed" if self.options else "undesignable"
        to = MACHINE.move(request.id, request.state, given)
        if before is not None:
            before.state, before.reason = "50", self.reason
            uow.save(before)
        uow.add(self._scheme(request, to, uow.now))
        was, request.state = request.state, to
        request.scheme_id, request.version = self.scheme_id, self.version
        request.operations = [row for row in request.operations if row["operation"] == "cancel"]
        if not self.options:
            request.reason, request.closed_at, request.operations = self.reason, uow.now, []
        note(uow, request, given, was, to, None if self.reason is None else self.reason["text"])
        uow.save(request)
        return Outcome(state=request.state)

    def _scheme(self, request: SchemeRequest, state: str, now: int) -> Scheme:
        return Scheme(
            scheme_key(self.scheme_id, self.version),
            request.id,
            self.scheme_id,
            self.version,
            request.area,
            state,
            options=list(self.options or ()),
            designer=self.designer,
            auditor=self.auditor,
            attachments=list(self.attachments or ()),
            reason=self.reason,
            designed_at=now,
            valid_until=from_wire(self.valid_until),
        )

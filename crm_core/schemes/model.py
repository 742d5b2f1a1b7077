"""A request for a scheme and the versions designed for it (spec 5.2, 03)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class SchemeRequest:
    """方案申请. ``state`` is that of ``version``, the newest, which may not have been designed yet; ``asked`` holds what was
    asked by the wire's field names; ``operations`` are confirm, reject and cancel without result (operation,
    serial, at, version and their own fields). Times in ms."""

    id: str
    area: str
    state: str = "10"
    version: int = 1
    scheme_id: str | None = None
    customer_order_id: str | None = None
    asked: dict[str, Any] = field(default_factory=dict)
    operations: list[dict[str, Any]] = field(default_factory=list)
    reason: dict[str, Any] | None = None
    requested_at: int = 0
    closed_at: int | None = None
    row_version: int = 0


@dataclass(slots=True)
class Scheme:
    """方案, one designed version; ``id`` is ``scheme_key``. ``used_by`` is the customer order that builds on it."""

    id: str
    request_id: str
    scheme_id: str
    version: int
    area: str
    state: str
    options: list[dict[str, Any]] = field(default_factory=list)
    option_no: int | None = None
    designer: str = ""
    auditor: str = ""
    attachments: list[dict[str, Any]] = field(default_factory=list)
    reason: dict[str, Any] | None = None
    reservation_id: str | None = None
    used_by: str | None = None
    designed_at: int = 0
    valid_until: int | None = None
    row_version: int = 0


def scheme_key(scheme_id: str, version: int) -> str:
    """The id of a version's row."""
    return f"{scheme_id}/{version}"

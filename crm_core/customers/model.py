"""Customer and account (spec 03)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Customer:
    """客户. ``type`` and ``grade`` are rows of their code tables; ``certificate_no`` is personal data: never log it."""

    id: str
    name: str
    type: str
    area: str
    status: str = "active"
    grade: str = "ordinary"
    certificate_type: str | None = None
    certificate_no: str | None = None
    parent_id: str | None = None
    contacts: list[dict[str, Any]] = field(default_factory=list)
    attrs: dict[str, str] = field(default_factory=dict)
    created_at: int = 0
    row_version: int = 0


@dataclass(slots=True)
class Account:
    """账户: who pays for the instances of a customer."""

    id: str
    customer_id: str
    area: str
    name: str = ""
    pay_method: str = "postpaid"
    status: str = "active"
    created_at: int = 0
    row_version: int = 0

"""Customer order, service order, order item and their history (spec 03, 04.1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class CustomerOrder:
    """客户订单: what the customer bought. ``content_hash`` of what was submitted tells a repeat from a conflict."""

    id: str
    customer_id: str
    area: str
    channel_system: str
    content_hash: str
    state: str = "DRAFT"
    account_id: str | None = None
    channel: str | None = None
    operator: str | None = None
    notify: str = "end"
    pre_accepted: bool = False
    service_order_ids: list[str] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    created_at: int = 0
    ended_at: int | None = None
    row_version: int = 0


@dataclass(slots=True)
class OrderItem:
    """订单项: one row per dispatch (``version``). Its state is the first of fallout, cancelling, amending, progress (04.1).

    ``attrs`` are Attr dicts (code, new, old?, action); ``resources`` ResourceRefs; ``result_attrs`` what completion brought.
    """

    item_id: str
    version: int
    action: str
    product: str
    instance_id: str
    progress: str = "DRAFT"
    amending: bool = False
    cancelling: bool = False
    fallout: bool = False
    access_number: str | None = None
    attrs: list[dict[str, Any]] = field(default_factory=list)
    resources: list[dict[str, Any]] = field(default_factory=list)
    depends_on: list[str] = field(default_factory=list)
    a_end: dict[str, Any] | None = None
    z_end: dict[str, Any] | None = None
    result_attrs: dict[str, str] = field(default_factory=dict)
    reason: dict[str, Any] | None = None
    since: int = 0


@dataclass(slots=True)
class ServiceOrder:
    """服务定单. ``version`` is the one that counts; a change that is open, or was refused, has used higher ones
    (``details["sent_version"]``, see ``operations.highest_sent``).  ``details`` (contact, dates, scheme, attachments...) is
    replaced, never changed in place.  ``operations`` are commands sent to provisioning that have no result yet;
    ``deferral``, ``pending`` and ``clock`` hold what 缓装, 待装 and the time limits need (04.5); ``watch_at`` is when something
    about it must next be looked at.  ``held`` are reports that came early or meet H in the legality matrix, in order of
    arrival."""

    id: str
    customer_order_id: str
    sequence: int
    version: int
    action: str
    customer_id: str
    area: str
    state: str = "DRAFT"
    since: int = 0
    account_id: str | None = None
    channel: str | None = None
    operator: str | None = None
    priority: int = 5
    reason: dict[str, Any] | None = None
    captured_at: int = 0
    effective_at: int | None = None
    booked_at: int | None = None
    required_finish: int | None = None
    dispatched_at: int | None = None
    accepted_at: int | None = None
    accepted_by: str | None = None
    expected_finish: int | None = None
    stage: str | None = None
    ended_at: int | None = None
    pf_system: str | None = None
    report_seq: int = 0
    held: list[dict[str, Any]] = field(default_factory=list)
    reservations: list[str] = field(default_factory=list)
    lock: dict[str, Any] | None = None
    operations: list[dict[str, Any]] = field(default_factory=list)
    deferral: dict[str, Any] | None = None
    pending: dict[str, Any] | None = None
    clock: dict[str, Any] | None = None
    watch_at: int | None = None
    details: dict[str, Any] = field(default_factory=dict)
    items: list[OrderItem] = field(default_factory=list)
    row_version: int = 0

    def newest(self) -> list[OrderItem]:
        """The newest row of every item, in item order (04.2 reads these)."""
        rows: dict[str, OrderItem] = {}
        for item in self.items:
            rows[item.item_id] = item
        return list(rows.values())


@dataclass(frozen=True, slots=True)
class StageRecord:
    """环节 reached by an order, as provisioning reported it (OH07); times in ms."""

    service_order_id: str
    version: int
    report_seq: int
    stage: str
    name: str
    state: str
    at: int
    work_order_id: str | None = None
    org: str | None = None
    staff: str | None = None
    limit_at: int | None = None


@dataclass(frozen=True, slots=True)
class OrderChange:
    """One entry of an order's history: who, when, why, from, to, which message (04). ``items`` holds ``(item, from, to)``."""

    service_order_id: str
    at: int
    input: str
    actor: str
    serial: str
    state_from: str
    state_to: str
    items: tuple[tuple[str, str, str], ...] = ()
    reason: str | None = None

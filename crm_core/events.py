"""What the core says happened, in the past tense. Which message tells whom is a row of the catalogue (``on = [...]``).

Field names are the wire's field names where a message carries them: translation copies what the message's schema knows.
Values are wire values (times as ``yyyyMMddHHmmss`` strings, ids as strings, structures as dicts and lists).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """``key`` keeps messages of one subject in sequence (06.1 promise 3); ``to`` names the receiving system where the fact is
    addressed (an answer to whoever asked), else the row's receiver role and the area decide; ``ref_serial`` what it answers."""

    key: str
    area: str
    to: str | None = None
    ref_serial: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDispatched(Event):
    """A version of a service order is to be provisioned (OH01). ``image`` holds the body fields of the order image."""

    service_order_id: str
    version: int
    image: dict[str, Any]
    customer_order_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderStateChanged(Event):
    """A service order reached a state its channel asked to hear of (CH02). ``reason`` has text and perhaps code, ``stage``
    code and name."""

    customer_order_id: str
    service_order_id: str
    version: int
    state: str
    reason: dict[str, Any] | None = None
    stage: dict[str, Any] | None = None
    expected_finish: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionDecided(Event):
    """The CRM accepted or refused a completion report item by item (OH13); ``unasked``: items were ended by hand."""

    customer_order_id: str
    service_order_id: str
    version: int
    items: list[dict[str, Any]]
    unasked: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingDue(Event):
    """A charging fact to be told to billing exactly once (BL01). ``service_order_id`` is what caused it: a service order, or
    the cutover (then without customer order). ``attrs`` is None where there are none."""

    customer_order_id: str | None
    service_order_id: str
    version: int
    kind: str
    product_instance_id: str
    account_id: str | None
    plan: str
    effective_at: str
    attrs: list[dict[str, Any]] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEvent(Event):
    """What every event about one version of a service order carries."""

    service_order_id: str
    version: int
    customer_order_id: str | None = None
    operator: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeferralRequested(OrderEvent):
    """The customer wants the installation deferred (DF01)."""

    reason: dict[str, Any]
    until: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeferralEndRequested(OrderEvent):
    """A deferral is to end before its date (DF02)."""

    appointment: str
    contact: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingAnswered(OrderEvent):
    """The customer took or declined the offered installation (PA03)."""

    accept: bool
    items: list[str] | None = None
    new_date: str | None = None
    reason: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LockRequested(OrderEvent):
    """An order is to be locked, or a lease extended (LK01)."""

    reason: dict[str, Any]
    locked_by: str
    lease_until: str
    keep_resources: bool
    wait: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlockRequested(OrderEvent):
    """A lock is to end (LK02); ``force`` has reason and approved_by."""

    fence: int
    force: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportsMissing(Event):
    """Reports of provisioning with these numbers never came (RX03)."""

    service_order_id: str
    from_seq: int
    to_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitPassed(Event):
    """A limit of an order's clock: ``what`` is ``jeopardy`` (alert passed) or ``overtime``; ``at`` in ms (04.5)."""

    service_order_id: str
    limit: str
    what: str
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRequested(Event):
    """An order in flight is to become version ``new_version`` (CO01): full new image and what differs from ``base_version``."""

    service_order_id: str
    version: int
    base_version: int
    new_version: int
    reason: dict[str, Any]
    changes: list[dict[str, Any]]
    image: dict[str, Any]
    operator: str | None = None
    customer_order_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRequested(Event):
    """An order, or the ``items`` (ids) of it, is to be cancelled (CN01)."""

    service_order_id: str
    version: int
    reason: dict[str, Any]
    items: list[str] | None = None
    operator: str | None = None
    customer_order_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpediteRequested(Event):
    """Provisioning is to hurry (OH10); ``wanted_date`` is a wish."""

    service_order_id: str
    version: int
    reason: dict[str, Any]
    wanted_date: str | None = None
    operator: str | None = None
    customer_order_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RescheduleRequested(Event):
    """Dates of an order, and nothing else, are to change (OH11)."""

    service_order_id: str
    version: int
    dates: dict[str, Any]
    reason: dict[str, Any]
    operator: str | None = None
    customer_order_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationDecided(Event):
    """The CRM decided on an operation provisioning asked for (OH14): ``outcome`` applied or refused, ``code`` a symbol."""

    service_order_id: str
    version: int
    operation: str
    outcome: str
    state: str
    code: str | None = None
    reason: dict[str, Any] | None = None
    dates: dict[str, Any] | None = None
    customer_order_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationInquired(Event):
    """Whether an operation would be allowed, and what it would undo, is asked without effect (PQ02)."""

    service_order_id: str
    version: int
    operation: str
    proposed_change: dict[str, Any] | None = None
    customer_order_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessQueried(Event):
    """How far an order, or every order under another key, has come is asked (PQ01)."""

    detail_level: str
    service_order_id: str | None = None
    customer_order_id: str | None = None
    product_instance_id: str | None = None
    access_number: str | None = None
    time_range: dict[str, str] | None = None

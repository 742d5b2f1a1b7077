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
    """The CRM accepted or refused a completion report item by item (OH13)."""

    customer_order_id: str
    service_order_id: str
    version: int
    items: list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingDue(Event):
    """A charging fact to be told to billing exactly once (BL01). ``attrs`` is None where there are none."""

    customer_order_id: str
    service_order_id: str
    version: int
    kind: str
    product_instance_id: str
    account_id: str | None
    plan: str
    effective_at: str
    attrs: list[dict[str, Any]] | None

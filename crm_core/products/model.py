"""Product specification and product instance (spec 03, 04.6)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class AttrSpec:
    """An attribute a product may or must carry; ``values`` empty = free text of at most ``length`` characters.

    ``actions`` empty: the attribute belongs to the instance, any action may carry it and ``required`` counts on install;
    else it belongs to those actions only (a stop reason), is required there, and is not kept on the instance."""

    code: str
    zh: str
    en: str
    required: bool = False
    length: int = 64
    values: tuple[str, ...] = ()
    default: str | None = None
    actions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Product:
    """产品 specification. ``processes`` maps an action to its process code; an action without one is refused 3019.

    ``result_attrs`` names per action what a completion report must bring before the CRM accepts it (e.g. port, ONU).
    """

    code: str
    zh: str
    en: str
    family: str
    kind: str = "main"
    status: str = "on_sale"
    needs_resource: bool = True
    resource_types: tuple[str, ...] = ()
    processes: dict[str, str] = field(default_factory=dict)
    result_attrs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sla_days: int = 7
    attrs: tuple[AttrSpec, ...] = ()


@dataclass(slots=True)
class ProductInstance:
    """产品实例. ``stop_mask`` is a bit set of independent stop reasons; ``open_orders`` the service orders in flight on it."""

    id: str
    product: str
    customer_id: str
    area: str
    account_id: str | None = None
    access_number: str | None = None
    previous_number: str | None = None
    status: str = "pending"
    stop_mask: int = 0
    cutover_freeze: bool = False
    attrs: dict[str, str] = field(default_factory=dict)
    resources: list[dict[str, Any]] = field(default_factory=list)
    a_end: dict[str, Any] | None = None
    z_end: dict[str, Any] | None = None
    open_orders: list[str] = field(default_factory=list)
    last_order: str | None = None
    created_at: int = 0
    activated_at: int | None = None
    ended_at: int | None = None
    row_version: int = 0

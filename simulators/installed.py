"""What stands in the simulated systems before the first order: instances a CRM already has in service."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Installed:
    """A product instance in service since ``since`` (ms): RM has resources of ``res_types`` in use for it, BILL charges it."""

    product_instance_id: str
    account_id: str
    area: str
    plan: str
    since: int
    res_types: tuple[str, ...] = ()
    suspended: bool = False

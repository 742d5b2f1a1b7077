"""The core's reference data from the shipped sample catalogue and the code tables (spec 03)."""

from __future__ import annotations

from crm_core.products.sample import load_products
from crm_core.reference import Reason, Reference
from schemas.loader import Catalogue


def build_reference(catalogue: Catalogue) -> Reference:
    """Products, areas, reasons, billing kinds and compatible actions as the core reads them."""
    actions = catalogue.table("actions").rows.values()
    return Reference(
        products=load_products(),
        areas={row.code: str(row.extra.get("parent", "")) for row in catalogue.table("areas").rows.values()},
        reasons={
            (str(row.extra["type"]), row.code): Reason(
                type=str(row.extra["type"]),
                code=row.code,
                zh=row.zh,
                en=row.en,
                target_stage=str(row.extra.get("target_stage", "")),
                restart_mode=str(row.extra.get("restart_mode", "")),
                owner=str(row.extra.get("owner", "operator")),
            )
            for row in catalogue.table("reasons").rows.values()
        },
        billing_kinds={row.code: str(row.extra["billing_kind"]) for row in actions if row.extra.get("billing_kind")},
        compatible=frozenset(
            (str(row.extra["first"]), str(row.extra["second"])) for row in catalogue.table("compatible_actions").rows.values()
        ),
    )

"""The core's reference data from the shipped sample catalogue and the code tables (spec 03)."""

from __future__ import annotations

from typing import Any

from crm_core.clocks.calendar import WorkCalendar, day_number, time_of_day
from crm_core.products.model import Product
from crm_core.products.sample import load_products
from crm_core.reference import Reason, Reference
from gateway.config.model import Config
from gateway.config.products import products_of
from schemas.loader import Catalogue
from schemas.model import CodeRow


def build_reference(
    catalogue: Catalogue, operators: dict[str, str] | None = None, products: dict[str, Product] | None = None
) -> Reference:
    """Products, areas, reasons, calendars, billing kinds, result limits, compatible actions, roles, result codes as the core
    reads them; from the configuration ``operators`` (person -> role) and ``products`` (by code; None: the sample catalogue)."""
    actions = catalogue.table("actions").rows.values()
    return Reference(
        products=load_products() if products is None else products,
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
                areas=_texts(row, "areas"),
                stages=_texts(row, "stages"),
                rule=str(row.extra.get("rule", "")),
            )
            for row in catalogue.table("reasons").rows.values()
        },
        billing_kinds={row.code: str(row.extra["billing_kind"]) for row in actions if row.extra.get("billing_kind")},
        reversals={row.code: str(row.extra["reverse"]) for row in actions if row.extra.get("reverse")},
        compatible=frozenset(
            (str(row.extra["first"]), str(row.extra["second"])) for row in catalogue.table("compatible_actions").rows.values()
        ),
        calendars={row.code: calendar(row) for row in catalogue.table("calendars").rows.values()},
        area_calendars={
            row.code: str(row.extra["calendar"]) for row in catalogue.table("areas").rows.values() if "calendar" in row.extra
        },
        result_limits={
            event: (row.result_limit, row.result_clock)
            for row in catalogue.messages()
            if row.result_limit is not None
            for event in (*row.on, *(() if row.command is None else (row.command,)))
        },
        desk_roles={row.code: _texts(row, "actions") for row in catalogue.table("desk_roles").rows.values()},
        operators=operators or {},
        symbols={row.code: row.symbol for row in catalogue.results()},
    )


def reference_of(config: Config, catalogue: Catalogue) -> Reference:
    """As the core of one configuration reads them. Raises OSError, ProductsUnusable where its products are gone."""
    operators = {one.name: one.role for one in config.operator}
    return build_reference(catalogue, operators, products_of(config.gateway.products))


def _texts(row: CodeRow, name: str) -> tuple[str, ...]:
    values: Any = row.extra.get(name, ())
    return tuple(values)


def calendar(row: CodeRow) -> WorkCalendar:
    """A row of the table ``calendars`` as the core reads it."""
    extra: dict[str, Any] = row.extra
    hours = [tuple(time_of_day(part) for part in span.split("-")) for span in extra["hours"]]
    return WorkCalendar(
        row.code,
        tuple(extra["weekdays"]),
        tuple((begin, end) for begin, end in hours),
        frozenset(day_number(text) for text in extra["days_off"]),
        frozenset(day_number(text) for text in extra["days_worked"]),
    )

"""The sample catalogue shipped with the product: every product family with its processes (spec 03, last line)."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from crm_core.products.model import AttrSpec, Product


def load_products(text: str | None = None) -> dict[str, Product]:
    """Products by code, from ``products.toml`` beside this file or from ``text`` in the same form.

    A product takes over the processes and attributes of its ``like`` groups and may add its own.  Raises ``KeyError`` for a
    group that does not exist and ``TypeError`` for a field that is none."""
    return dict(_shipped()) if text is None else _read(text)


@cache
def _shipped() -> dict[str, Product]:
    return _read(files(__package__).joinpath("products.toml").read_text("utf-8"))


def _read(text: str) -> dict[str, Product]:
    data = tomllib.loads(text)
    groups: dict[str, dict[str, Any]] = data.get("group", {})
    return {row["code"]: _product(row, groups) for row in data["product"]}


def _product(row: dict[str, Any], groups: dict[str, dict[str, Any]]) -> Product:
    fields = dict(row)
    processes: dict[str, str] = {}
    attrs: list[dict[str, Any]] = []
    for name in fields.pop("like", ()):
        group = groups[name]
        for action in group.get("actions", ()):
            processes[action] = f"{fields['code']}_{action.upper()}"
        attrs.extend(group.get("attrs", ()))
    processes.update(fields.pop("processes", {}))
    attrs.extend(fields.pop("attrs", ()))
    results = {action: tuple(codes) for action, codes in fields.pop("result_attrs", {}).items()}
    types = tuple(fields.pop("resource_types", ()))
    return Product(
        **fields,
        resource_types=types,
        processes=processes,
        result_attrs=results,
        attrs=tuple(_attr(attr) for attr in attrs),
    )


def _attr(row: dict[str, Any]) -> AttrSpec:
    fields = dict(row)
    return AttrSpec(values=tuple(fields.pop("values", ())), actions=tuple(fields.pop("actions", ())), **fields)

"""Attributes of an item against its product's specification (spec 03, product attrs; refusal 3020)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crm_core.products.model import AttrSpec, Product

BORN = frozenset({"install", "backfill", "survey"})
"""Actions whose instance may be born with the order."""


def _spec(product: Product, code: str) -> AttrSpec | None:
    for spec in product.attrs:
        if spec.code == code:
            return spec
    return None


def _applies(spec: AttrSpec, action: str) -> bool:
    return action in spec.actions if spec.actions else action == "install"


def attr_faults(product: Product, action: str, attrs: list[dict[str, Any]]) -> Iterator[tuple[str, str, str, str]]:
    """Yields (path below the item, found, Chinese, English) for every attribute that is unknown, out of its dictionary, too
    long, not one of this action, or required and missing without a default."""
    for n, attr in enumerate(attrs, 1):
        spec = _spec(product, attr["code"])
        path = f"/attrs/attr[{n}]"
        if spec is None or (spec.actions and action not in spec.actions):
            yield (
                f"{path}/code",
                attr["code"],
                "该产品的该动作没有这个属性",
                "The product has no such attribute for this action",
            )
            continue
        value = attr["new"]
        if attr["action"] in ("D", "K"):
            continue
        if len(value) > spec.length:
            yield f"{path}/new", value, f"属性值超过 {spec.length} 个字符", f"The value is longer than {spec.length} characters"
        elif spec.values and value not in spec.values:
            allowed = "、".join(spec.values)
            yield f"{path}/new", value, f"取值须为：{allowed}", f"The value must be one of {', '.join(spec.values)}"
    for spec in product.attrs:
        needed = spec.required and spec.default is None and _applies(spec, action)
        if needed and not any(attr["code"] == spec.code for attr in attrs):
            yield (
                "/attrs",
                "",
                f"缺少必填属性 {spec.code}（{spec.zh}）",
                f"The attribute {spec.code} ({spec.en}) is required",
            )


def with_defaults(product: Product, action: str, attrs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """``attrs`` with the defaults of what the action needs and nobody gave; the list itself where nothing is missing."""
    missing = [
        {"code": spec.code, "new": spec.default, "action": "A"}
        for spec in product.attrs
        if spec.default is not None and _applies(spec, action) and not any(attr["code"] == spec.code for attr in attrs)
    ]
    return [*attrs, *missing] if missing else attrs


def kept_attrs(product: Product | None, attrs: dict[str, str], changes: list[dict[str, Any]]) -> dict[str, str]:
    """The instance's attributes after ``changes``: A and M set, D deletes, K keeps; what belongs to one action only (a stop
    reason, a side of a relocation) says nothing about the instance and is not kept."""
    after = dict(attrs)
    for change in changes:
        spec = None if product is None else _spec(product, change["code"])
        if spec is not None and spec.actions:
            continue
        if change["action"] in ("A", "M"):
            after[change["code"]] = change["new"]
        elif change["action"] == "D":
            after.pop(change["code"], None)
    return after


def value_of(attrs: list[dict[str, Any]], code: str) -> str | None:
    """The new value of attribute ``code``, None if it is not given."""
    for attr in attrs:
        if attr["code"] == code:
            return str(attr["new"])
    return None


def stated(attrs: list[dict[str, Any]], code: str) -> str | None:
    """What attribute ``code`` speaks of: its new value, or the old one where it is being deleted (a stop reason on resume)."""
    for attr in attrs:
        if attr["code"] == code:
            return str(attr["new"] or attr.get("old") or "")
    return None

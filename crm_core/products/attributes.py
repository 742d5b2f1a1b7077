"""Attributes of an item against its product's specification (spec 03, product attrs; refusal 3020)."""

from __future__ import annotations

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


def attr_faults(product: Product, action: str, attrs: list[dict[str, Any]]) -> list[tuple[str, str, str, str]]:
    """(path below the item, found, Chinese, English) of every attribute that is unknown, given twice, out of its dictionary,
    too long, not one of this action, or required and missing without a default, left empty, or deleted where the instance keeps
    it."""
    faults: list[tuple[str, str, str, str]] = []
    codes: list[str] = []
    for attr in attrs:
        code = attr["code"]
        if code in codes:  # what billing is told and what the instance keeps could differ
            faults.append((f"/attrs/attr[{len(codes) + 1}]/code", code, "属性重复", "The attribute stands twice"))
        codes.append(code)
        spec = _spec(product, code)
        if spec is None or (spec.actions and action not in spec.actions):
            zh, en = "该产品的该动作没有这个属性", "The product has no such attribute for this action"
            faults.append((f"/attrs/attr[{len(codes)}]/code", code, zh, en))
        elif attr["action"] in ("A", "M"):
            value = attr["new"]
            if len(value) > spec.length:
                zh, en = f"属性值超过 {spec.length} 个字符", f"The value is longer than {spec.length} characters"
                faults.append((f"/attrs/attr[{len(codes)}]/new", value, zh, en))
            elif spec.values and value not in spec.values:
                zh, en = f"取值须为：{'、'.join(spec.values)}", f"The value must be one of {', '.join(spec.values)}"
                faults.append((f"/attrs/attr[{len(codes)}]/new", value, zh, en))
    for spec in product.attrs:
        given = [attr for attr in attrs if attr["code"] == spec.code]
        wanted = bool(given) or (spec.default is None and _applies(spec, action))
        if spec.required and wanted and not any(_has_value(spec, attr) for attr in given):
            zh, en = f"缺少必填属性 {spec.code}（{spec.zh}）", f"The attribute {spec.code} ({spec.en}) is required"
            faults.append(("/attrs", "", zh, en))
    return faults


def _has_value(spec: AttrSpec, attr: dict[str, Any]) -> bool:
    """Whether ``attr`` leaves its required attribute with a value; what belongs to its action only may be named deleted."""
    return attr["action"] == "K" or (bool(spec.actions) if attr["action"] == "D" else bool(attr["new"].strip()))


def with_defaults(product: Product, action: str, attrs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """``attrs`` with the defaults of what the action needs and nobody gave; the list itself where nothing is missing."""
    for spec in product.attrs:
        if spec.default is not None and _applies(spec, action) and value_of(attrs, spec.code) is None:
            attrs = [*attrs, {"code": spec.code, "new": spec.default, "action": "A"}]
    return attrs


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

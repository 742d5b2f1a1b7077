"""The products an operator sells, from a file of its own: read, or every fault of it with its line (spec 03)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from crm_core.orders.fulfil import ATTRS_OF, STOP_REASON
from crm_core.products.model import Product
from crm_core.products.sample import load_products
from gateway.config.faults import ConfigFault, dotted, faults_of, show
from gateway.config.model import Loose, Table
from schemas.loader import load
from schemas.toml_lines import KeyPath, key_lines, line_of

_Found = tuple[KeyPath, str, str, str]
_KEY: KeyPath = ("gateway", "products")
ProductCode = Annotated[str, Field(pattern=r"^\S{1,12}$")]
AttrName = Annotated[str, Field(pattern=r"^\S{1,32}$")]
Words = Annotated[str, Field(min_length=1, max_length=200)]


class AttrRow(Table):
    """An attribute of a product; see ``crm_core.products.model.AttrSpec``."""

    code: AttrName
    zh: Words
    en: Words
    required: bool = False
    length: Annotated[int, Field(ge=1, le=500)] = 64
    values: Annotated[tuple[Words, ...], Loose] = ()
    default: str | None = None
    actions: Annotated[tuple[str, ...], Loose] = ()


class GroupRow(Table):
    """Actions and attributes lent to every product that is ``like`` it."""

    actions: Annotated[tuple[str, ...], Loose] = ()
    attrs: Annotated[tuple[AttrRow, ...], Loose] = ()


class ProductRow(Table):
    """A product; see ``crm_core.products.model.Product``. ``processes``: action -> process code, beside those of its groups."""

    code: ProductCode
    zh: Words
    en: Words
    family: Words
    kind: Literal["main", "function"] = "main"
    status: Literal["on_sale", "withdrawn"] = "on_sale"
    like: Annotated[tuple[str, ...], Loose] = ()
    needs_resource: bool = True
    resource_types: Annotated[tuple[str, ...], Loose] = ()
    processes: dict[str, Words] = {}
    result_attrs: dict[str, Annotated[tuple[AttrName, ...], Loose]] = {}
    sla_days: Annotated[int, Field(ge=1, le=3650)] = 7
    attrs: Annotated[tuple[AttrRow, ...], Loose] = ()


class ProductsFile(Table):
    """A whole file, in the form of ``bssgw product example``."""

    group: dict[str, GroupRow] = {}
    product: Annotated[tuple[ProductRow, ...], Loose]


class ProductsUnusable(Exception):
    """A file of products that cannot be used; ``faults`` in the order of lines."""

    def __init__(self, faults: list[ConfigFault]) -> None:
        self.faults = sorted(faults, key=lambda fault: (fault.line, fault.key))
        super().__init__("; ".join(f"{one.line}: {one.subject}{one.zh} / {one.en}" for one in self.faults))


def read_products(text: str) -> dict[str, Product]:
    """Products by code. Raises ProductsUnusable with every fault."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise ProductsUnusable([ConfigFault(1, "", "", f"不是合法的 TOML：{fault}", f"not valid TOML: {fault}")]) from fault
    lines = key_lines(text)
    try:
        file = ProductsFile.model_validate(raw)
    except ValidationError as error:
        raise ProductsUnusable(faults_of(error, lines, example="bssgw product example")) from error
    found = [ConfigFault(line_of(lines, path), dotted(path), *told) for path, *told in _cross_checks(file)]
    if not found:
        products = load_products(text)
        found = [ConfigFault(line_of(lines, path), dotted(path), *told) for path, *told in _lacking(file, products)]
    if found:
        raise ProductsUnusable(found)
    return products


def products_of(path: Path | None) -> dict[str, Product] | None:
    """The products in the file ``[gateway]`` names; None where it names none. Raises OSError, ProductsUnusable."""
    return None if path is None else read_products(path.read_text(encoding="utf-8"))


def families_of(path: Path | None) -> dict[str, str]:
    """Product families of those products, by product code; none where there is no file. Raises as ``products_of``."""
    return {code: product.family for code, product in (products_of(path) or {}).items()}


def example_products() -> str:
    """The file of the sample catalogue."""
    return (files("crm_core.products") / "products.toml").read_text(encoding="utf-8")


def product_checks(table: Any, base: Path) -> Iterator[_Found]:
    """What is wrong with the file ``[gateway] products`` names."""
    named = table.get("products") if isinstance(table, dict) else None
    if not isinstance(named, str):
        return
    try:
        products_of(base / named)
    except (OSError, UnicodeDecodeError) as fault:
        yield _KEY, repr(named), f"读不到这个文件（{fault}）", f"cannot be read ({fault})"
    except ProductsUnusable as unusable:
        for one in unusable.faults:
            yield _KEY, f"{named}:{one.line} {one.subject.removesuffix(': ')}".rstrip(), one.zh, one.en


def _cross_checks(file: ProductsFile) -> Iterator[_Found]:
    """What one row alone cannot show."""
    for name, group in file.group.items():
        yield from _actions_known(("group", name, "actions"), group.actions)
        yield from _attr_checks(("group", name, "attrs"), group.attrs)
    types = tuple(load().table("resource_types").rows)
    families = tuple(load().table("product_families").rows)
    seen: list[str] = []
    if not file.product:
        yield ("product",), "", "一个产品也没有", "there is not a single product"
    for index, row in enumerate(file.product):
        path: KeyPath = ("product", index)
        if row.code in seen:
            yield (*path, "code"), show(row.code), "与前面的产品重复", "another product has this code"
        seen.append(row.code)
        if row.family not in families:
            yield (*path, "family"), show(row.family), *_one_of(families, "没有这个产品族", "there is no such product family")
        for at, name in enumerate(row.like):
            if name not in file.group:
                yield (*path, "like", at), show(name), *_one_of(tuple(file.group), "没有这个 [group]", "no such [group]")
        for at, name in enumerate(row.resource_types):
            if name not in types:
                yield (*path, "resource_types", at), show(name), *_one_of(types, "没有这种资源", "there is no such resource")
        yield from _actions_known((*path, "processes"), tuple(row.processes))
        yield from _actions_known((*path, "result_attrs"), tuple(row.result_attrs))
        yield from _attr_checks((*path, "attrs"), row.attrs)


def _actions_known(path: KeyPath, actions: tuple[str, ...]) -> Iterator[_Found]:
    known = tuple(load().table("actions").rows)
    for name in actions:
        if name not in known:
            yield path, show(name), *_one_of(known, "没有这个动作", "there is no such action")


def _attr_checks(path: KeyPath, attrs: tuple[AttrRow, ...]) -> Iterator[_Found]:
    stops = tuple(load().table("stop_reasons").rows)
    for index, row in enumerate(attrs):
        here = (*path, index)
        yield from _actions_known((*here, "actions"), row.actions)
        for at, value in enumerate(row.values):
            if row.code == STOP_REASON and value not in stops:
                yield (*here, "values", at), show(value), *_one_of(stops, "没有这种停机原因", "there is no such stop reason")
        if row.default is not None and row.values and row.default not in row.values:
            yield (*here, "default"), show(row.default), *_one_of(row.values, "不在 values 之内", "is not among values")


def _lacking(file: ProductsFile, products: dict[str, Product]) -> Iterator[_Found]:
    """Products without what their actions cannot be carried out without, or with an attribute twice."""
    for index, row in enumerate(file.product):
        product, path = products[row.code], ("product", index)
        if not product.processes:
            yield path, row.code, "没有任何动作：写 like 或 processes", "has no action: write like, or processes"
        for name in row.result_attrs:
            if name not in product.processes:
                yield (*path, "result_attrs"), show(name), "该产品没有这个动作", "the product does not have this action"
        codes = [attr.code for attr in product.attrs]
        for code in dict.fromkeys(code for code in codes if codes.count(code) > 1):
            zh, en = "属性重复：在 like 的组与 attrs 中只写一次", "stands twice: write it once, in its groups or in attrs"
            yield path, f"{row.code}.{code}", zh, en
        for action in product.processes:
            for code in ATTRS_OF.get(action, ()):
                if not any(attr.code == code and (action in attr.actions or not attr.actions) for attr in product.attrs):
                    zh, en = f"动作 {action} 须有属性 {code}", f"its action {action} needs the attribute {code}"
                    yield path, row.code, f"{zh}，见 bssgw product example", f"{en}, see bssgw product example"


def _one_of(known: tuple[str, ...], zh: str, en: str) -> tuple[str, str]:
    listed = ", ".join(known)
    return f"{zh}；可用：{listed}", f"{en}; known: {listed}"

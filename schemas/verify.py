"""Every reference between data files resolves and every promise about them holds; ``bssgw schema verify`` runs this.

Each check is a generator of findings over the catalogue; a finding names the place and says in both languages what is wrong.
Samples are judged by lxml alone here; that the codec and xmlschema judge alike is shown by the corpus tests.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from schemas.fields import field_findings
from schemas.layout_check import layout_findings
from schemas.loader import Catalogue, UnknownName
from schemas.model import MessageRow
from schemas.release import release_findings
from schemas.rows import SchemaDataError
from schemas.samples_check import sample_findings
from schemas.shape import ListOf, OutsideSubset, Shape, Struct, named_leaves

_HAN = re.compile("[\u4e00-\u9fff]")
_BINDINGS = ("socket", "soap", "http", "files")
# a repeated group that itself repeats something: what makes a backtracking engine explode
_NESTED = re.compile(r"\((?:[^()\\]|\\.)*(?:[+*]|\{[0-9]*,)(?:[^()\\]|\\.)*\)(?:[+*]|\{)")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong in the data files: where, and what, in both languages."""

    where: str
    zh: str
    en: str

    @property
    def text(self) -> str:
        """One line for people."""
        return f"{self.where}: {self.zh} / {self.en}"


def verify(catalogue: Catalogue) -> list[Finding]:
    """Every finding, in the order of checks and rows; empty when all is well."""
    findings: list[Finding] = []
    for check in _CHECKS:
        try:
            for found in check(catalogue):
                findings.append(Finding(*found))
        except (SchemaDataError, OutsideSubset, UnknownName) as fault:
            # the check cannot go on; what it found so far stands
            findings.append(Finding("xsd", "模式缺失、无法编译或不在允许的子集内", str(fault)))
    return findings


Found = tuple[str, str, str]


def _rows(catalogue: Catalogue) -> Iterator[Found]:
    for row in catalogue.messages():
        where = f"{row.code} {row.name}"
        if not re.fullmatch(r"[A-Z]{2}[0-9]{2}", row.code) or not re.fullmatch(r"[A-Z][A-Za-z0-9]*", row.name):
            yield where, "编码或名称不合规", "code or name is malformed"
        if row.version not in catalogue.versions():
            yield where, f"没有版本 {row.version}", f"no envelope carries version {row.version}"
        if not _HAN.search(row.zh) or not _HAN.search(row.about_zh) or not row.about.isascii() or not row.about:
            yield where, "缺少中文或英文说明", "Chinese and English texts are both needed"
        if any(route.sender == route.receiver != "*" for route in row.routes):
            yield where, "发送方与接收方相同", "a route leads from a role to itself"
        yield from _pattern(catalogue, row, where)
        for code in row.refusals:
            yield from _resolves(catalogue.result, code, where, "refusals")
        for binding in row.bindings:
            if binding not in _BINDINGS:
                yield where, f"未知的通道 {binding}", f"unknown binding {binding}"


def _pattern(catalogue: Catalogue, row: MessageRow, where: str) -> Iterator[Found]:
    if (row.pattern == "Q") != (row.answer is not None):
        yield where, "Q 类报文须有应答，其余不得有", "a Q row has an answer, no other row has"
    if (row.pattern == "C") != bool(row.result):
        yield where, "C 类报文须有结果报文，其余不得有", "a C row has a result message, no other row has"
    if row.result_limit is not None and (row.pattern != "C" or row.result_limit <= 0):
        yield where, "结果时限只用于 C 类报文且须为正数", "result_limit is a positive number of a C row"
    if row.read_only and row.pattern != "Q":
        yield where, "只读只用于 Q 类报文", "read_only is for Q rows"
    for code in row.result:
        yield from _resolves(catalogue.message, code, where, "result")
    for code in row.after:
        yield from _resolves(catalogue.message, code, where, "after")


def _resolves(look_up: Callable[[str], object], name: str, where: str, column: str) -> Iterator[Found]:
    try:
        look_up(name)
    except LookupError as fault:
        yield where, f"{column} 引用了不存在的 {name}", f"{column} refers to {name}, which does not exist ({fault})"


def _files(catalogue: Catalogue) -> Iterator[Found]:
    for row in catalogue.messages():
        if not catalogue.xsd_path(row.xsd).is_file():
            yield f"{row.code} {row.name}", f"没有文件 {row.xsd}", f"there is no {row.xsd}"


def _schemas(catalogue: Catalogue) -> Iterator[Found]:
    for version in catalogue.versions():
        catalogue.schema(version)
    for row in catalogue.messages():
        where = f"{row.code} {row.name}"
        text = catalogue.xsd_path(row.xsd).read_text(encoding="utf-8")
        for element in row.elements():
            if f'<xs:element name="{element}"' not in text:
                yield where, f"{row.xsd} 未定义 {element}", f"{row.xsd} does not define {element}"
            else:
                catalogue.shape(element, row.version)
        for name in (*row.key, *((row.order_key,) if row.order_key else ())):
            if not _has(catalogue.shape(row.name, row.version), name.split(".")):
                yield where, f"键字段 {name} 不在报文中", f"key field {name} is not in the message"


def _has(shape: Shape, steps: list[str]) -> bool:
    if not steps:
        return True
    if isinstance(shape, ListOf):
        return _has(shape.item, steps)
    field = shape.field(steps[0]) if isinstance(shape, Struct) else None
    return field is not None and _has(field.shape, steps[1:])


def _tables(catalogue: Catalogue) -> Iterator[Found]:
    for result in catalogue.results():
        if not re.fullmatch("[0-9]{4}", result.code) or not _HAN.search(result.zh) or not result.en.isascii():
            yield f"results {result.code}", "结果码须为四位数字并有中英文", "a result has four digits and both texts"
    for table in catalogue.tables():
        if not table.rows or not _HAN.search(table.zh) or not table.en.isascii():
            yield table.name, "代码表为空或缺少中英文名", "the table is empty or lacks its Chinese or English name"
        for row in table.rows.values():
            if not row.zh or not row.en or not row.en.isascii():
                yield f"{table.name} {row.code}", "缺少中文或英文", "Chinese and English texts are both needed"


def _enumerations(catalogue: Catalogue) -> Iterator[Found]:
    tables = {table.name: table for table in catalogue.tables()}
    bodies = (catalogue.shape(element, row.version) for row in catalogue.messages() for element in row.elements())
    for name, leaf in sorted(named_leaves(bodies).items()):
        words = re.sub(r"(?<!^)(?=[A-Z])", "_", name.removesuffix("Code")).lower()
        table = tables.get(f"{words}s")
        if table is None or not leaf.enumeration:
            continue
        missing = sorted(set(leaf.enumeration) ^ set(table.rows))
        if missing:
            listed = ", ".join(missing)
            yield (
                table.name,
                f"与 XSD 类型 {name} 不一致：{listed}",
                f"table and XSD type {name} differ: {listed}",
            )


def _patterns(catalogue: Catalogue) -> Iterator[Found]:
    for path in sorted(catalogue.root.glob("xsd/**/*.xsd")):
        for pattern in re.findall(r'<xs:pattern value="([^"]*)"', path.read_text(encoding="utf-8")):
            if _NESTED.search(pattern):
                yield (
                    path.name,
                    f"模式 {pattern} 含嵌套量词，匹配可能失控",
                    f"pattern {pattern} nests quantifiers: matching can explode",
                )


_CHECKS: tuple[Callable[[Catalogue], Iterator[Found]], ...] = (
    _rows,
    _files,
    _schemas,
    field_findings,
    _tables,
    _enumerations,
    _patterns,
    layout_findings,
    sample_findings,
    release_findings,
)

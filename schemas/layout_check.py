"""Header layouts hold together: fields side by side without gap or overlap, a length where one is needed (spec 01.1.2)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from schemas.loader import Catalogue
from schemas.model import LayoutField, LayoutRow

_ROLES = frozenset(
    (
        "magic",
        "version",
        "length",
        "kind",
        "code",
        "sender",
        "receiver",
        "area",
        "serial",
        "send_time",
        "mode",
        "charset",
        "more",
        "segment",
        "result",
        "text",
        "ttl",
        "checksum",
        "body",
        "password",
        "filler",
    )
)
_ONCE = _ROLES - {"filler", "magic"}
_BINARY_WIDTHS = (1, 2, 4, 8)
_ALIKE = (("request", "notification"), ("reply", "receipt"), ("heartbeat", "heartbeat_reply"), ("GB18030", "GBK", "GB2312"))
"""Values that may look alike on the wire: the first listed is what is read."""
_KINDS = frozenset(
    ("request", "reply", "notification", "receipt", "heartbeat", "heartbeat_reply", "register", "ready", "next")
)
_TOGETHER = (("request", "reply"), ("heartbeat", "heartbeat_reply"), ("register", "ready"))
"""Kinds of which a layout has both or neither."""


def layout_findings(catalogue: Catalogue) -> Iterator[tuple[str, str, str]]:
    """Findings (where, Chinese, English) over every layout."""
    for row in catalogue.layouts():
        yield from findings_of(row)


def findings_of(row: LayoutRow) -> Iterator[tuple[str, str, str]]:
    """Findings over one layout, shipped or an operator's own."""
    yield from _whole(row)
    for field in row.fields:
        yield from _field(row, field)


def _whole(row: LayoutRow) -> Iterator[tuple[str, str, str]]:
    end = 0
    for field in sorted(row.fields, key=lambda entry: entry.offset):
        if field.offset < end:
            yield f"{row.name}.{field.name}", f"与前一字段重叠于 {field.offset}", f"overlaps its neighbour at {field.offset}"
        if field.offset > end:
            yield f"{row.name}.{field.name}", f"{end} 到 {field.offset} 之间有空隙", f"gap from {end} to {field.offset}"
        end = max(end, field.offset + field.width)
    if end != row.header_size:
        yield row.name, f"字段共 {end} 字节，包头 {row.header_size} 字节", f"fields fill {end} bytes of {row.header_size}"
    roles = [field.role for field in row.fields]
    for role in sorted(_ONCE):
        if roles.count(role) > 1:
            yield row.name, f"角色 {role} 出现多次", f"role {role} occurs more than once"
    names = [field.name for field in row.fields]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{row.name}.{name}", "字段名重复", "two fields have this name"
    if "length" in roles and "body" in roles:
        yield row.name, "包体在包头内时不应有长度字段", "a body within the header has no length field"
    if row.answer and ("{result}" not in row.answer or not row.answer.isascii()):
        yield row.name, "answer 须为 ASCII 且含 {result}", "answer is ASCII and holds {result}"
    if ("more" in roles) != ("segment" in roles):
        yield row.name, "more 与 segment 须同时有", "more and segment go together"
    if sum(bool(field.heartbeat) for field in row.fields) > 1:
        yield row.name, "心跳标记多于一个", "more than one field marks heartbeats"
    if row.framing == "header" and "length" not in roles and row.length_counts != "packet":
        yield row.name, "缺少长度字段", "there is no length field"
    if (row.framing == "delimiter") != bool(row.delimiter):
        yield row.name, "分隔符与分帧方式不符", "delimiter and framing do not fit"
    kinds = next((field.values for field in row.fields if field.role == "kind"), {})
    if "next" in kinds and "segment" not in roles:
        yield row.name, "取下一包（next）须有 more 与 segment", "fetching the next packet needs more and segment"
    most = max((_counts(field) for field in row.fields if field.role == "length"), default=row.body_max)
    if row.body_max > most:
        zh, en = f"body_max {row.body_max} 超出长度字段所能计的 {most}", f"body_max is more than the length can count, {most}"
        yield row.name, zh, en
    if row.default_max <= row.header_size:
        yield row.name, "上限不大于包头", "the maximum is no larger than the header"


def _counts(field: LayoutField) -> int:
    """The largest number a field can hold; no matter what, where its kind or width are wrong."""
    base = {"decimal": 10, "hex": 16}.get(field.kind, 256)
    return int(base ** max(field.width, 1)) - 1


def _field(row: LayoutRow, field: LayoutField) -> Iterator[tuple[str, str, str]]:
    where = f"{row.name}.{field.name}"
    if field.role not in _ROLES:
        known = ", ".join(sorted(_ROLES))
        yield where, f"未知角色 {field.role}，可用：{known}", f"unknown role {field.role}; known: {known}"
    if field.width < 1 or field.offset < 0:
        yield where, "宽度至少为 1，位置至少为 0", "the width is at least 1, the offset at least 0"
    if field.role == "length" and (field.constant or field.values):
        yield where, "长度是算出来的，不能有 constant 或 values", "a length is counted: it has neither constant nor values"
    if field.kind in ("decimal", "hex") and field.pad not in ("0", " "):
        yield where, "数字以 0 或空格填充", "numbers are padded with 0 or blanks"
    if field.kind.startswith("binary") and field.width not in _BINARY_WIDTHS:
        yield where, f"二进制宽度 {field.width} 不合法", f"{field.width} is no width of a binary number"
    if len(field.pad) != 1:
        yield where, "填充须为一个字符", "the pad is one character"
    for value in (*field.values.values(), *((field.constant,) if field.constant else ())):
        if len(value.encode()) > field.width:
            yield where, f"取值 {value} 超出宽度 {field.width}", f"value {value} is wider than {field.width}"
    if field.role == "kind":
        yield from _kinds(where, field)
    if field.heartbeat and len(field.heartbeat.encode()) > field.width:
        yield where, f"取值 {field.heartbeat} 超出宽度 {field.width}", f"{field.heartbeat} is wider than {field.width}"
    for one, other in combinations(field.values, 2):
        if field.values[one] == field.values[other] and not any({one, other} <= set(family) for family in _ALIKE):
            yield where, f"{one} 与 {other} 映射到同一报文值", f"{one} and {other} have the same form on the wire"


def _kinds(where: str, field: LayoutField) -> Iterator[tuple[str, str, str]]:
    """The kinds a layout knows are ours, and those that only make sense together stand together."""
    for name in field.values:
        if name not in _KINDS:
            yield where, f"未知的报文种类 {name}", f"unknown kind {name}; known: {', '.join(sorted(_KINDS))}"
    for pair in _TOGETHER:
        if len([name for name in pair if name in field.values]) == 1:
            yield where, f"{' 与 '.join(pair)} 须同时有", f"{' and '.join(pair)} go together"

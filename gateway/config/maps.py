"""Maps of ``[peer.dialect]`` that nothing can ever match: fields no message has, values no field takes, tables an envelope
has no use for (spec 01.2, 02.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args

from gateway.config.unworkable import UNKNOWN_AREA, Found, Row, table
from schemas.loader import RECEIPT, RELEASE, Catalogue, UnknownName, load
from schemas.model import Category, EnvelopeRow
from schemas.shape import Leaf, ListOf, Shape, Struct
from schemas.toml_lines import KeyPath

_OF_OTHERS = ("systems", "areas", "codes", "results", "results_out", "fields", "bodies", "user", "signed")
"""What a dialect cannot say of the native envelope."""
_NAME = re.compile(r"[^\W\d][\w.\-]*")
_ROLES = {"user": ("user",), "secret_file": ("secret", "sign"), "signed": ("sign",)}
"""Keys of a dialect, and the roles of an envelope's fields one of which they need."""


def maps_unworkable(path: KeyPath, row: Row) -> Iterator[Found]:
    """What stands in the dialect of a peer's row without any effect in its envelope; tolerant of values wrong by
    themselves."""
    catalogue, here, dialect = load(), (*path, "dialect"), table(row, "dialect")
    try:
        envelope = catalogue.envelope(str(row.get("envelope", "package")))
    except LookupError:
        return
    if envelope.shape == "native":
        yield from _of_native(here, dialect, envelope)
        return
    yield from _roles(here, dialect, envelope)
    known = [field.path for field in envelope.fields] + [key for line in envelope.lines for key in line.pairs]
    for name in table(dialect, "fields"):
        if name not in known and name not in [one.rpartition("/")[2] for one in known]:
            zh, en = f"封装 {envelope.name} 没有这个字段", f"no field of {envelope.name}"
            yield (*here, "fields", name), repr(dialect["fields"][name]), zh, en
    yield from _keys(here, dialect, catalogue)
    yield from _alike(here, dialect)
    version = row.get("schema_version", RELEASE)
    for element, body in table(dialect, "bodies").items():
        fields = table(body, "fields") if isinstance(body, dict) else {}
        if dialect.get("inner", envelope.inner) != "json":
            yield from _no_names((*here, "bodies", element), body, fields)
        try:
            shape = catalogue.shape(element, version if isinstance(version, str) else RELEASE)
        except UnknownName:
            continue
        yield from _body((*here, "bodies", element, "fields"), element, shape, fields)


def _keys(here: KeyPath, dialect: Row, catalogue: Catalogue) -> Iterator[Found]:
    """The left sides of code maps must be codes of ours."""
    for ours in table(dialect, "areas"):
        if ours not in catalogue.table("areas").rows:
            yield (*here, "areas", ours), repr(ours), *UNKNOWN_AREA
    for ours in table(dialect, "results_out"):
        if ours not in get_args(Category) and not _is_result(catalogue, ours):
            listed = ", ".join(get_args(Category))
            zh, en = f"须为结果码或其类别：{listed}", f"must be a result code or a category: {listed}"
            yield (*here, "results_out", ours), repr(ours), zh, en


def _alike(here: KeyPath, dialect: Row) -> Iterator[Found]:
    """Two systems under one name: what comes in says neither which it is from nor whom it is for. (Areas may share one.)"""
    named: dict[Any, str] = {}
    for ours, theirs in table(dialect, "systems").items():
        other = named.setdefault(theirs, ours)
        if other != ours:
            zh, en = f"{other} 与 {ours} 同名，收到时分不清", f"{other} and {ours} have one name: inward nobody can tell"
            yield (*here, "systems", ours), repr(theirs), zh, en


def _no_names(where: KeyPath, body: Any, fields: Row) -> Iterator[Found]:
    """What can be no element's name."""
    given = [((*where, "element"), table({"body": body}, "body").get("element"))]
    given += [((*where, "fields", path, "name"), table(fields, path).get("name")) for path in fields]
    for place, name in given:
        if isinstance(name, str) and _NAME.fullmatch(name) is None:
            zh = "不能作 XML 元素名：以字母、汉字或下划线开头，其后只有字母、汉字、数字与 . - _，没有路径"
            en = "no element can have this name: a letter or _ first, then letters, digits and . - _; it is a name, not a path"
            yield place, repr(name), zh, en


def _of_native(here: KeyPath, dialect: Row, envelope: EnvelopeRow) -> Iterator[Found]:
    for key in _OF_OTHERS:
        if dialect.get(key):
            zh = f"封装 {envelope.name} 原样收发，此项不起作用：改用对端的封装（envelope），或删去"
            en = f"{envelope.name} goes as it is and this does nothing: name the peer's envelope, or remove it"
            yield (*here, key), "", zh, en


def _roles(here: KeyPath, dialect: Row, envelope: EnvelopeRow) -> Iterator[Found]:
    for key, roles in _ROLES.items():
        if dialect.get(key) and not any(envelope.playing(role) for role in roles):
            zh = f"封装 {envelope.name} 没有放它的字段，既不发送也不核对：删去"
            en = f"{envelope.name} has no field for it, nothing is sent or checked: remove it"
            yield (*here, key), repr(dialect[key]), zh, en
    if dialect.get("inner") == "soo" and not envelope.operations:
        zh, en = f"封装 {envelope.name} 没有原子操作（SOO）", f"{envelope.name} has no atomic operations (SOO)"
        yield (*here, "inner"), "'soo'", zh, en


def _is_result(catalogue: Catalogue, code: str) -> bool:
    try:
        catalogue.result(code)
    except LookupError:
        return False
    return True


def _body(where: KeyPath, element: str, shape: Shape, fields: Row) -> Iterator[Found]:
    known = dict(places(shape, ""))
    for path, given in fields.items():
        if path not in known:
            zh = f"{element} 没有这个字段：bssgw schema show {element}" if element != RECEIPT else f"{element} 没有这个字段"
            yield (*where, path), "", zh, f"{element} has no such field: bssgw schema show {element}"
            continue
        leaf = known[path]
        values = table(given, "values") if isinstance(given, dict) else {}
        if values and not isinstance(leaf, Leaf):
            zh, en = "这里是结构或列表，没有值可换", "a structure or list stands there: it has no value to map"
            yield (*where, path, "values"), "", zh, en
        elif isinstance(leaf, Leaf) and leaf.enumeration:
            listed = ", ".join(leaf.enumeration)
            for ours in values:
                if ours not in leaf.enumeration:
                    zh, en = f"不是我方的取值；有：{listed}", f"no value of ours; there are: {listed}"
                    yield (*where, path, "values", ours), repr(values[ours]), zh, en
    yield from _twice(where, shape, "", fields)


def places(shape: Shape, path: str) -> Iterator[tuple[str, Shape]]:
    """Every path a map can name below ``shape``, with what stands there."""
    if isinstance(shape, Struct):
        inner = [(field.name, field.shape) for field in shape.fields]
    else:
        inner = [(shape.name, shape.item)] if isinstance(shape, ListOf) else []
    for name, one in inner:
        below = f"{path}/{name}" if path else name
        yield below, one
        yield from places(one, below)


def _twice(where: KeyPath, shape: Shape, path: str, fields: Row) -> Iterator[Found]:
    """Two fields of one structure under one name cannot be told apart when they come in."""
    if isinstance(shape, ListOf):
        yield from _twice(where, shape.item, f"{path}/{shape.name}" if path else shape.name, fields)
    if not isinstance(shape, Struct):
        return
    named: dict[Any, str] = {}
    for field in shape.fields:
        below = f"{path}/{field.name}" if path else field.name
        given = table(fields, below)
        name = given.get("name") or field.name
        if given.get("omit") is not True:
            other = named.setdefault(name, below)
            if other != below:
                at = below if below in fields else other
                zh, en = f"{other} 与 {below} 同名，收到时分不清", f"{other} and {below} have one name: inward nobody can tell"
                yield (*where, at, "name"), repr(name), zh, en
        yield from _twice(where, field.shape, below, fields)

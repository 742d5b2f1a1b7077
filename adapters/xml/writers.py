"""Compiled writers: plain dicts -> XML text, one closure a structure, made once from the shape trees.

A writer fills ``parts``, where literals and values alternate (values at odd places): so the whole document's values are
looked at once, and only a document that needs escaping pays for it.  Fields are written in the schema's order whatever the
dict's order; a key the schema does not know, or a required one that is absent, is a LookupError, never a silent loss.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from adapters.document import DocumentRefused
from adapters.xml.parser import SafeParser
from schemas.shape import Leaf, ListOf, Shape, Struct

Writer = Callable[[Any, list[str], str], str]
"""(value, parts, pending literal) -> pending literal."""

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# line ends and tabs as references: they survive every parser and a line-framed link
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;"})


class Unwritable(ValueError):
    """A value cannot stand in an XML document or in its field; the text says where, in both languages."""


class TooLong(Unwritable):
    """It has no room where it should stand."""


def finish(parts: list[str], literal: str) -> str:
    """The document's text: escapes values where needed. Raises Unwritable for characters XML 1.0 forbids."""
    values = parts[1::2]
    blob = "".join(values)
    if not blob.isprintable() or "&" in blob or "<" in blob or ">" in blob:
        bad = _ILLEGAL.search(blob)
        if bad is not None:
            sign = f"U+{ord(bad.group()):04X}"
            raise Unwritable(f"XML 不允许字符 {sign}，请在录入处删除 / XML forbids {sign}: remove it where it was entered")
        parts[1::2] = [value.translate(_ESCAPES) for value in values]
    parts.append(literal)
    return "".join(parts)


def compile_writer(shape: Shape, path: str) -> Writer:
    """A writer for ``shape``; ``path`` names the place in errors."""
    if isinstance(shape, Leaf):
        return _leaf_writer(shape, path)
    if isinstance(shape, Struct):
        return _struct_writer(shape, path)
    if isinstance(shape, ListOf):
        return _list_writer(shape, path)
    return _raw_writer(path)


def _leaf_writer(shape: Leaf, path: str) -> Writer:
    to_text = {"str": _string, "int": _integer, "bool": _boolean}[shape.kind]

    def write(value: Any, parts: list[str], literal: str) -> str:
        parts.append(literal)
        parts.append(to_text(value, path))
        return ""

    return write


def _string(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise Unwritable(f"{path} 须为字符串：{value!r} / {path} takes text, got {value!r}")
    return value


def _integer(value: Any, path: str) -> str:
    if not isinstance(value, int) or isinstance(value, bool):
        raise Unwritable(f"{path} 须为整数：{value!r} / {path} takes an integer, got {value!r}")
    return str(value)


def _boolean(value: Any, path: str) -> str:
    if not isinstance(value, bool):
        raise Unwritable(f"{path} 须为布尔值：{value!r} / {path} takes true or false, got {value!r}")
    return "true" if value else "false"


def _raw_writer(path: str) -> Writer:
    parser = SafeParser()

    def write(value: Any, parts: list[str], literal: str) -> str:
        text = _string(value, path)
        try:
            parser.parse(f"<Extension>{text}</Extension>".encode())
        except (DocumentRefused, UnicodeEncodeError) as fault:
            raise Unwritable(f"{path} 须为合法的 XML 片段 / {path} takes well-formed XML: {fault}") from fault
        return literal + text

    return write


def _list_writer(shape: ListOf, path: str) -> Writer:
    item = compile_writer(shape.item, f"{path}/{shape.name}")
    opening, closing = f"<{shape.name}>", f"</{shape.name}>"

    def write(value: Any, parts: list[str], literal: str) -> str:
        if not isinstance(value, (list, tuple)):
            raise Unwritable(f"{path} 须为列表 / {path} takes a list, got {type(value).__name__}")
        for entry in value:
            literal = item(entry, parts, literal + opening) + closing
        return literal

    return write


def _struct_writer(shape: Struct, path: str) -> Writer:
    steps = []
    for field in shape.fields:
        inner = f"{path}/{field.name}"
        is_text = isinstance(field.shape, Leaf) and field.shape.kind == "str"
        writer = None if is_text else compile_writer(field.shape, inner)
        # an empty list says what its absence says: the optional wrapper is left out
        leave_out = isinstance(field.shape, ListOf) and field.shape.minimum > 0 and not field.required
        steps.append((field.name, f"<{field.name}>", f"</{field.name}>", writer, field.required, leave_out, inner))
    rows = tuple(steps)

    def write(value: Any, parts: list[str], literal: str) -> str:
        if value.__class__ is not dict:
            raise Unwritable(f"{path} 须为结构 / {path} takes a structure, got {type(value).__name__}")
        left = len(value)
        get = value.get
        append = parts.append
        for name, opening, closing, writer, required, leave_out, inner in rows:
            entry = get(name)
            if entry is None:
                if required:
                    raise LookupError(f"缺少字段 {inner} / missing field {inner}")
                continue
            left -= 1
            if writer is None:
                append(literal + opening)
                append(entry if entry.__class__ is str else _string(entry, inner))
                literal = closing
            elif not leave_out or entry:
                literal = writer(entry, parts, literal + opening) + closing
        if left:
            raise _unknown(value, shape, path)
        return literal

    return write


def _unknown(value: dict[str, Any], shape: Struct, path: str) -> LookupError:
    names = {field.name for field in shape.fields}
    odd = ", ".join(str(name) for name in value if name not in names or value[name] is None)
    return LookupError(f"{path} 中有未知或为空的字段：{odd} / unknown or empty fields in {path}: {odd}")


def printable(text: str) -> str:
    """``text`` with what XML 1.0 forbids shown as ``\\xNN``: for words about foreign bytes in receipts."""
    return _ILLEGAL.sub(lambda bad: f"\\x{ord(bad.group()):02x}", text)

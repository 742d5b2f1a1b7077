"""Compiled readers: validated elements -> plain dicts, one closure a structure, made once from the shape trees.

What they may rely on: the element is valid by its schema, so order, presence and leaf types are known.  Asking lxml for a
child's tag costs as much as the child itself, hence tags are asked only behind the first absent optional field.
Blanks around tokens (xs:token) carry no meaning; the ``plain`` readers leave their removal out and serve documents whose
bytes show that there are none (``is_plain``).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from lxml import etree

from schemas.shape import Leaf, ListOf, Shape, Struct

Reader = Callable[[etree._Element], Any]

_BLANKS = re.compile("[ \t\r\n]+")
_OPEN, _CLOSE = b"<>"
_TRUE = {"true": True, "1": True, "false": False, "0": False}


def is_plain(data: bytes) -> bool:
    """Whether no leaf of the UTF-8 document ``data`` can have blanks to collapse and no ``>`` stands but at the end of a tag
    (a sufficient test on the bytes).

    Single bytes are searched ten times faster than pairs: hence the blanks are split at, and any ``&`` or ``!`` will do.
    """
    if b"\n" in data or b"\t" in data or b"\r" in data or b"&" in data or b"!" in data:
        return False
    if data.count(b"<") != data.count(b">"):
        return False
    pieces = data.split(b" ")
    if b"" in pieces:
        return False
    return not any(piece[-1] == _CLOSE for piece in pieces[:-1]) and not any(piece[0] == _OPEN for piece in pieces[1:])


def compile_reader(shape: Shape, namespace: str, plain: bool) -> Reader:
    """A function element -> value for ``shape``; child tags are in ``namespace``."""
    if isinstance(shape, Leaf):
        return _leaf_reader(shape, plain)
    if isinstance(shape, Struct):
        return _struct_reader(shape, namespace, plain)
    if isinstance(shape, ListOf):
        return _list_reader(shape, namespace, plain)
    return read_raw


def _text(element: etree._Element) -> str:
    return element.text or ""


def _collapsed(element: etree._Element) -> str:
    return _BLANKS.sub(" ", element.text or "").strip(" ")


def _integer(element: etree._Element) -> int:
    return int(element.text or "")


def _boolean(element: etree._Element) -> bool:
    return _TRUE[(element.text or "").strip(" \t\r\n")]


def read_raw(element: etree._Element) -> str:
    """The children of an ``Extension`` as XML text that stands on its own (namespaces declared inside)."""
    return "".join(etree.tostring(child, encoding="unicode", with_tail=False) for child in element)


def _leaf_reader(shape: Leaf, plain: bool) -> Reader:
    if shape.kind == "int":
        return _integer
    if shape.kind == "bool":
        return _boolean
    return _text if plain or not shape.collapse else _collapsed


def _list_reader(shape: ListOf, namespace: str, plain: bool) -> Reader:
    item = compile_reader(shape.item, namespace, plain)

    def read(element: etree._Element) -> list[Any]:
        return [item(child) for child in element]

    return read


def _all_text(steps: tuple[tuple[str, Reader | None], ...]) -> bool:
    return all(reader is None for _, reader in steps)


def _struct_reader(shape: Struct, namespace: str, plain: bool) -> Reader:
    steps: list[tuple[str, Reader | None]] = []
    for field in shape.fields:
        reader = compile_reader(field.shape, namespace, plain)
        # None: a text leaf, read in the loop itself
        steps.append((field.name, None if reader is _text else reader))
    by_tag = {f"{{{namespace}}}{name}": (name, reader) for name, reader in steps}
    every = tuple(steps)
    needed = tuple(step for step, field in zip(steps, shape.fields, strict=True) if field.required)
    lead = next((at for at, field in enumerate(shape.fields) if not field.required), len(steps))
    # the number of children says it all when it is that of every field, or of the required ones alone
    by_count = {len(steps): (tuple(name for name, _ in steps), _all_text(steps), steps) for steps in (needed, every)}

    def read(element: etree._Element) -> dict[str, Any]:
        children: list[etree._Element] = element[:]  # type: ignore[index, assignment]  # the stubs know no slices
        values: dict[str, Any] = {}
        known = by_count.get(len(children))
        if known is not None:
            names, all_text, steps = known
            if all_text:
                return dict(zip(names, [child.text or "" for child in children], strict=True))
            for (name, reader), child in zip(steps, children, strict=True):
                values[name] = (child.text or "") if reader is None else reader(child)
            return values
        for (name, reader), child in zip(every[:lead], children, strict=False):
            values[name] = (child.text or "") if reader is None else reader(child)
        for child in children[lead:]:
            name, reader = by_tag[child.tag]
            values[name] = (child.text or "") if reader is None else reader(child)
        return values

    return read

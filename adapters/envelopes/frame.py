"""The frame of a foreign envelope: its field table read from a tree, tolerantly, and written as text, strictly (spec 05.1).

Input may have its children in any order, with or without a namespace, with children nobody knows; output has every field in
the row's order and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lxml import etree

from adapters.document import Fault
from adapters.xml.writers import Unwritable
from schemas.model import EnvelopeField, EnvelopeRow

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;"})
ECHOED = 256
"""Characters of a field of no declared width that an answer repeats; longer ones it does not."""
Roots = Mapping[str, etree._Element]
"""The documents of an envelope by part; a tree has one, under the empty name."""


class Frame:
    """One envelope row, ready to read and write."""

    def __init__(self, row: EnvelopeRow) -> None:
        self.row = row
        self._parts = row.parts or ("",)
        self.answer_only = tuple(field for field in row.fields if field.on == "answer" and field.role in ("result", "content"))
        self.request_only = tuple(field for field in row.fields if field.on == "request")

    def part_of(self, field: EnvelopeField) -> str:
        """The part a field stands in; the first where the row does not say."""
        return field.part or self._parts[0]

    def path(self, field: EnvelopeField) -> str:
        """The field's place for people."""
        part = f"{field.part}:" if field.part else ""
        return f"/{part}{self.row.root}/{field.path}"

    def find(self, roots: Roots, field: EnvelopeField) -> etree._Element | None:
        """The element of a field, whatever stands before it and whatever its namespace; None if it is not there."""
        at: etree._Element | None = roots.get(self.part_of(field))
        for step in field.path.split("/"):
            if at is None:
                return None
            at = next((child for child in at if local(child) == step), None)
        return at

    def text(self, roots: Roots, field: EnvelopeField) -> str | None:
        """Text of a field without the blanks around it; None if it is not there."""
        element = self.find(roots, field)
        return None if element is None else text_of(element).strip(" \t\r\n\0\u3000")

    def echoed(self, roots: Roots) -> tuple[tuple[str, str], ...]:
        """What an answer repeats of a request, by path; nothing too long for its field."""
        said = ((field.path, self.text(roots, field), field.width or ECHOED) for field in self.row.fields if field.echo)
        return tuple((path, text) for path, text, width in said if text and len(text) <= width)

    def wrong_root(self, roots: Roots) -> Fault | None:
        """The fault of documents with another root than the row's."""
        for part in self._parts:
            found = local(roots[part]) if part in roots else ""
            if found != self.row.root:
                path, wanted = f"/{part}", self.row.root
                zh = f"根元素应为 {wanted}（封装 {self.row.name}），收到 {found or '无'}"
                en = f"the root must be {wanted} (envelope {self.row.name}), found {found or 'none'}"
                return Fault(path, "root", found, zh, en)
        return None

    def missing(self, roots: Roots, answer: bool) -> tuple[Fault, ...]:
        """A fault for every required field that is not there or empty; what an answer would only repeat is not missed in it."""
        faults = []
        other = "request" if answer else "answer"
        for field in self.row.fields:
            if not field.required or field.on == other or (answer and field.echo):
                continue
            element = self.find(roots, field)
            if element is None or not (len(element) or text_of(element).strip()):
                path = self.path(field)
                faults.append(Fault(path, "required", "", f"缺少 {path}，请补上", f"{path} is missing: add it"))
        return tuple(faults)

    def write(self, values: Mapping[str, str | None], content: str | None, answer: bool) -> dict[str, str]:
        """Documents by part. ``values`` by path (None: left out), ``content`` markup. Raises Unwritable."""
        other = "request" if answer else "answer"
        trees: dict[str, dict[str, Any]] = {part: {} for part in self._parts}
        for field in self.row.fields:
            if field.on == other:
                continue
            if field.role == "content":
                markup = content
            else:
                value = values.get(field.path)
                markup = None if value is None else self._escaped(field, value)
            if markup is None:
                continue
            at = trees[self.part_of(field)]
            *parents, name = field.path.split("/")
            for step in parents:
                at = at.setdefault(step, {})
            at[name] = markup
        opening = f' xmlns="{self.row.namespace}"' if self.row.namespace else ""
        root = self.row.root
        return {part: f"<{root}{opening}>{_markup(tree)}</{root}>" for part, tree in trees.items()}

    def _escaped(self, field: EnvelopeField, value: str) -> str:
        path = self.path(field)
        bad = _ILLEGAL.search(value)
        if bad is not None:
            sign = f"U+{ord(bad.group()):04X}"
            raise Unwritable(f"{path}：XML 不允许字符 {sign} / {path}: XML forbids {sign}")
        if field.width and len(value) > field.width:
            raise Unwritable(f"{path} 最多 {field.width} 位：{value} / {path} takes {field.width} characters: {value}")
        return value.translate(_ESCAPES)


def text_of(element: etree._Element) -> str:
    """All text of an element."""
    return "".join(map(str, element.itertext()))


def local(element: etree._Element) -> str:
    """An element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def _markup(tree: dict[str, Any]) -> str:
    return "".join(f"<{name}>{value if isinstance(value, str) else _markup(value)}</{name}>" for name, value in tree.items())

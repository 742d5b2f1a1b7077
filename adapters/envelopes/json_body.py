"""Bodies in JSON as elements, so that they are judged as any body is: every fault told at once (spec 01.2 rule 5, 05.1).

Values have the type their field has, no number stands for a text (``025`` would lose its zero): what is of another type, or
no field at all, is a fault of its own, and the schema says what is wrong with the rest.
"""

from __future__ import annotations

import json
from itertools import accumulate
from typing import Any

from lxml import etree

from adapters.document import DocumentRefused, Fault
from adapters.xml.parser import SafeParser
from adapters.xml.sentences import unexpected
from adapters.xml.writers import printable
from schemas.shape import Leaf, ListOf, Raw, Shape, Struct

_TYPES: dict[str, tuple[type, str, str]] = {
    "str": (str, "字符串", "text"),
    "int": (int, "整数", "an integer"),
    "bool": (bool, "布尔值", "true or false"),
    "dict": (dict, "结构", "a structure"),
    "list": (list, "列表", "a list"),
}
"""What stands for each kind of value in JSON, and its name for people."""
_SHOWN = 200


class JsonBody:
    """One body being made in ``namespace``; ``faults`` are what the schema cannot see in the element that comes of it."""

    def __init__(self, parser: SafeParser, namespace: str) -> None:
        self._parser = parser
        self._namespace = namespace
        self._prefixes: Any = {None: namespace}
        self.faults: list[Fault] = []

    def element(self, value: Any, name: str, shape: Shape, path: str = "") -> etree._Element:
        """``value`` as the element ``name``, whose place for people is below ``path``."""
        made = etree.Element(f"{{{self._namespace}}}{name}", nsmap=self._prefixes)
        self._fill(made, value, shape, f"{path}/{name}")
        return made

    def unsaid(self, faults: tuple[Fault, ...]) -> tuple[Fault, ...]:
        """Of the schema's ``faults`` those that are not of what is a fault here already."""
        told = {fault.path for fault in self.faults}
        return tuple(one for one in faults if told.isdisjoint(accumulate(one.path.split("/"), "{}/{}".format)))

    def _fill(self, made: etree._Element, value: Any, shape: Shape, path: str) -> None:
        if isinstance(shape, Struct):
            if self._is("dict", value, path):
                self._fields(made, value, shape, path)
        elif isinstance(shape, ListOf):
            if self._is("list", value, path):
                for at, entry in enumerate(value, 1):
                    number = f"[{at}]" if len(value) > 1 else ""
                    child = etree.SubElement(made, f"{{{self._namespace}}}{shape.name}")
                    self._fill(child, entry, shape.item, f"{path}/{shape.name}{number}")
        elif isinstance(shape, Raw):
            if self._is("str", value, path):
                self._raw(made, value, path)
        else:
            self._leaf(made, value, shape, path)

    def _fields(self, made: etree._Element, value: dict[str, Any], shape: Struct, path: str) -> None:
        known = {field.name for field in shape.fields}
        for name in value:
            if name not in known:
                self.faults.append(unexpected(f"{path}/{name}", name, ()))
        for field in shape.fields:
            entry = value.get(field.name, made)
            spare = isinstance(field.shape, ListOf) and field.shape.minimum > 0 and not field.required
            if entry is not made and not (spare and entry == []):  # an empty list says what its absence says
                made.append(self.element(entry, field.name, field.shape, path))

    def _leaf(self, made: etree._Element, value: Any, shape: Leaf, path: str) -> None:
        if self._is(shape.kind, value, path):
            text = value if shape.kind == "str" else json.dumps(value)
            try:
                made.text = text
            except ValueError:
                shown = printable(text)[:_SHOWN]
                zh, en = f"{path} 含有 XML 不允许的字符", f"{path} holds a character XML forbids"
                self.faults.append(Fault(path, "character", shown, zh, en))

    def _raw(self, made: etree._Element, text: str, path: str) -> None:
        """Foreign content travels as markup in a string."""
        try:
            parsed = self._parser.parse(f'<Extension xmlns="{self._namespace}">{text}</Extension>'.encode())
        except (DocumentRefused, UnicodeEncodeError):
            zh, en = f"{path} 须为合法的 XML 片段", f"{path} takes well-formed XML"
            self.faults.append(Fault(path, "well-formed", printable(text)[:_SHOWN], zh, en))
        else:
            made.text = parsed.text
            made.extend(list(parsed))

    def _is(self, kind: str, value: Any, path: str) -> bool:
        """Whether ``value`` is of its field's kind; a fault where it is not."""
        wanted, zh, en = _TYPES[kind]
        if isinstance(value, wanted) and (kind != "int" or not isinstance(value, bool)):
            return True
        shown = printable(json.dumps(value, ensure_ascii=False))[:_SHOWN]
        self.faults.append(Fault(path, "type", shown, f"{path} 须为{zh}：{shown}", f"{path} takes {en}, got {shown}"))
        return False

"""What an envelope's content says and how it is written: a bare body, a whole Package, JSON or plain text (spec 01.2, 05)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lxml import etree

from adapters.document import Document, DocumentRefused, Fault, Header
from adapters.envelopes.bodies import plain, to_ours, to_theirs
from adapters.envelopes.dialect import BodyMap, Dialect
from adapters.envelopes.frame import local, text_of
from adapters.envelopes.inner import cdata, json_text, left_over, parse_json, parse_xml
from adapters.envelopes.json_body import JsonBody
from adapters.envelopes.operations import ELEMENT as OPERATION
from adapters.envelopes.operations import Operations, canonical
from adapters.envelopes.references import Find, References
from adapters.xml.codec import Codec
from schemas.loader import NATIVE, RECEIPT
from schemas.model import EnvelopeRow
from schemas.shape import Raw, Struct

_REF = re.compile(r'<RefSerial xmlns="urn:bss:if:package:[0-9.]+">([^<]{1,30})</RefSerial>')
_TEXT_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})


@dataclass(slots=True)
class Found:
    """What content holds: an ``element`` with its bytes, the entries of a ``json`` object, plain ``text``, or what holds
    ``operations``."""

    element: etree._Element | None = None
    data: bytes = b""
    json: dict[str, Any] | None = None
    text: str = ""
    operations: etree._Element | None = None

    @property
    def name(self) -> str:
        """The inner element's name; empty where it has none."""
        if self.element is not None:
            return local(self.element)
        if self.json is not None and len(self.json) == 1 and isinstance(next(iter(self.json.values())), dict):
            return str(next(iter(self.json)))
        return ""


class Content:
    """Contents for one peer in one envelope."""

    def __init__(self, codec: Codec, row: EnvelopeRow, dialect: Dialect, find: Find) -> None:
        self._codec = codec
        self._row = row
        self._dialect = dialect
        self._find = find
        self._inner = dialect.inner or row.inner
        known = codec.catalogue.messages() if row.operations else ()
        named = {(one.code, False): one.name for one in known} | {(one.code, True): one.answer or "" for one in known}
        self._operations = Operations(row, {key: dialect.bodies[name] for key, name in named.items() if name in dialect.bodies})
        self._theirs = {names.element: ours for ours, names in dialect.bodies.items() if names.element}

    # read ---------------------------------------------------------------------------------------------------------

    def find(self, content: etree._Element | None, root: etree._Element) -> Found:
        """What stands in ``content``, parsed within the limits ``root`` has left. Raises DocumentRefused."""
        if content is None:
            return Found()
        if len(content):
            if self._row.operations and local(content[0]) == OPERATION:
                return Found(text=canonical(content) if self._dialect.signed else "", operations=content)
            if len(content) > 1:
                fault = Fault(
                    f"/{local(content)}", "one", str(len(content)), "内容中只能有一个元素", "one element belongs here"
                )
                raise DocumentRefused("SCHEMA_FAULTS", (fault,))
            inner = content[0]
            return Found(inner, etree.tostring(inner, encoding="utf-8", with_tail=False))
        text = text_of(content).strip()
        limits = left_over(self._codec.parser.limits, root, content)
        if text.lstrip("\ufeff").startswith("<"):
            element, data = parse_xml(text, limits)
            return Found(element, data, text=text)
        if text.startswith("{"):
            return Found(json=parse_json(text, limits), text=text)
        return Found(text=text)

    def part(self, content: etree._Element | None) -> Found:
        """What stands in a piece of several: a part that says nothing by itself, and what a signature covers of it."""
        if content is None or not len(content):
            return Found(text="" if content is None else text_of(content).strip())
        return Found(text=canonical(content) if self._dialect.signed else "")

    def compose(self, found: Found, header: Header, codes: tuple[str, ...], areas: Callable[[str], str], answer: bool) -> None:
        """Makes of operations the element they stand for, and has the header say what an answer must name. Raises
        DocumentRefused."""
        if found.operations is None:
            raise TypeError("operations are needed")
        rows = [self._codec.catalogue.message(code) for code in codes]
        names = {row.code: (row.answer or RECEIPT) if answer else row.name for row in rows}
        references = References(self._row.functions, self._find, areas)
        made = self._operations.compose(found.operations, codes, names, header.serial, references)
        found.element, header.operations = made

    def element_of(self, found: Found) -> str:
        """Our name of the element found; empty where there is none, ``Package`` for a whole one."""
        name = found.name
        return self._theirs.get(name, name)

    def package(self, found: Found, expect: dict[str, Any]) -> Document:
        """A whole Package. Raises DocumentRefused."""
        if found.element is None:
            raise TypeError("a package is an element")
        return self._codec.decode_tree(found.element, found.data, expect)

    def body(self, found: Found, name: str, header: Header) -> Document:
        """A bare body, ``header`` as the envelope said it. Raises DocumentRefused as ``Codec.decode_body``."""
        if found.json is not None:
            document = self._json(found.json, name, header)
        else:
            document = self._codec.decode_body(self._ours(found, name, header), header)
        self._take_reference(document)
        return document

    def _ours(self, found: Found, name: str, header: Header) -> etree._Element:
        element = found.element
        if element is None:
            raise TypeError("a body is an element")
        namespace = self._codec.catalogue.version(header.version).message_namespace
        names = self._dialect.bodies.get(name)
        if names is None and str(element.tag).startswith(f"{{{namespace}}}"):
            return element
        shape = self._codec.catalogue.shape(name, header.version)
        return to_ours(element, name, shape, namespace, names or BodyMap())

    def _json(self, found: dict[str, Any], name: str, header: Header) -> Document:
        body = found[name] if self.element_of(Found(json=found)) == name and name in found else found
        catalogue = self._codec.catalogue
        made = JsonBody(self._codec.parser, catalogue.version(header.version).message_namespace)
        element = made.element(body, name, catalogue.shape(name, header.version))
        try:
            document = self._codec.decode_body(element, header)
        except DocumentRefused as refusal:
            refusal.faults = (*made.faults, *made.unsaid(refusal.faults))
            raise
        if made.faults:
            raise DocumentRefused("SCHEMA_FAULTS", tuple(made.faults), header)
        return document

    def _take_reference(self, document: Document) -> None:
        """The serial a result answers travels in the body's Extension where the envelope has no place for it."""
        extension = document.body.get("Extension")
        found = _REF.search(extension) if isinstance(extension, str) else None
        if found is None or extension is None:
            return
        document.header.ref_serial = found.group(1)
        rest = extension.replace(found.group(), "")
        if rest.strip():
            document.body["Extension"] = rest
        else:
            del document.body["Extension"]

    # write --------------------------------------------------------------------------------------------------------

    def write(self, document: Document, charset: str) -> tuple[str, str]:
        """Markup of the content, and the text it stands for (what a signature covers). Raises LookupError, Unwritable."""
        if self._inner == NATIVE:
            text = self._codec.package_text(document, charset)
            return (cdata(text) if self._row.content != "text" else text.translate(_TEXT_ESCAPES)), text
        carried = self._with_reference(document)
        asked = document.element == document.row.name
        if document.header.operations if not asked else self._inner == "soo" and self._operations.of(document.row.code):
            return self._as_operations(carried, asked)
        if self._inner == "json":
            text = json_text(document.element, carried.body)
            self._codec.body_text(carried)  # what the schema's writer refuses is refused in JSON, too
            return cdata(text), text
        text = self._codec.body_text(carried)
        names = self._dialect.bodies.get(document.element)
        if names is not None:
            text = to_theirs(self._codec.parser.parse(text.encode()), names)
        if self._row.content == "element":
            return text, text
        whole = self._codec.declaration(charset) + text
        return (cdata(whole) if self._row.content == "cdata" else whole.translate(_TEXT_ESCAPES)), whole

    def _as_operations(self, document: Document, asked: bool) -> tuple[str, str]:
        """As a list of operations, or as the answer to one."""
        body = None
        if document.element != RECEIPT:
            parsed = self._codec.parser.parse(self._codec.body_text(document).encode())
            body = plain(parsed, self._dialect.bodies.get(document.element, BodyMap()))
        code, written = document.row.code, self._operations
        markup = written.request(body, code) if asked and body is not None else written.answer(document, body)
        if not self._dialect.signed:
            return markup, ""
        return markup, canonical(self._codec.parser.parse(f"<x>{markup}</x>".encode()))

    def _with_reference(self, document: Document) -> Document:
        reference = document.header.ref_serial
        if reference is None or self._row.playing("ref_serial") is not None or document.element != document.row.name:
            return document
        shape = self._codec.catalogue.shape(document.element, document.header.version)
        place = shape.field("Extension") if isinstance(shape, Struct) else None
        if place is None or not isinstance(place.shape, Raw):
            return document
        namespace = self._codec.catalogue.version(document.header.version).namespace
        mark = f'<RefSerial xmlns="{namespace}">{reference}</RefSerial>'
        body = {**document.body, "Extension": mark + document.body.get("Extension", "")}
        return Document(document.row, document.element, document.header, body)

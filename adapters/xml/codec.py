"""The codec: bytes <-> documents in the native envelope, and bodies for every other envelope (spec 01.2).

Decoding is charset -> safe parser -> one compiled schema set -> compiled readers; lxml alone decides, and only when it says
no the explanation is fetched (adapters.xml.explain).  Encoding writes text by compiled writers in the schema's order.
A codec belongs to one thread: its parser is used again for every document.
"""

from __future__ import annotations

import re
from typing import Any

from lxml import etree

from adapters.document import Document, DocumentRefused, Fault, Header
from adapters.envelopes.package import disagreements, loose_header, optional_tags, read_header, write_header
from adapters.xml.charset import Found, Reading, Undecodable, encode_document, known, opened, read
from adapters.xml.forms import Forms
from adapters.xml.parser import DEFAULT_LIMITS, Limits, SafeParser
from adapters.xml.readers import Reader, compile_reader, is_plain
from adapters.xml.writers import Writer, compile_writer, finish
from schemas.loader import RECEIPT, Catalogue
from schemas.model import MessageRow

_CODE = re.compile(r"[A-Z]{2}[0-9]{2}")
# before the version, in the namespace of every Package (spec 01.2)
_PACKAGES = "urn:bss:if:package:"


class _Release:
    """Everything compiled for one schema version."""

    def __init__(self, catalogue: Catalogue, version: str) -> None:
        row = catalogue.version(version)
        self.row = row
        self.version = version
        self.schema = catalogue.schema(version)
        self.optional = optional_tags(row)
        self.prefix = f"{{{row.message_namespace}}}"
        self.opening = f'<Package xmlns="{row.namespace}"><Header>'
        self.header = catalogue.header(version)
        self._catalogue = catalogue
        self._readers: dict[tuple[str, bool], tuple[str, Reader]] = {}
        self._writers: dict[str, tuple[str, str, Writer]] = {}

    def reader(self, tag: str, plain: bool) -> tuple[str, Reader]:
        """Local name and reader of a body element by its tag."""
        found = self._readers.get((tag, plain))
        if found is None:
            name = tag.removeprefix(self.prefix)
            shape = self._catalogue.shape(name, self.version)
            found = self._readers[tag, plain] = (name, compile_reader(shape, self.row.message_namespace, plain))
        return found

    def writer(self, element: str) -> tuple[str, str, Writer]:
        """Opening and closing literal and writer of a body element."""
        found = self._writers.get(element)
        if found is None:
            writer = compile_writer(self._catalogue.shape(element, self.version), element)
            opening = f'<{element} xmlns="{self.row.message_namespace}">'
            found = self._writers[element] = (opening, f"</{element}>", writer)
        return found


class Codec:
    """Decodes and encodes documents of every row of the catalogue; compiled per version and element on first use."""

    def __init__(self, catalogue: Catalogue, limits: Limits = DEFAULT_LIMITS) -> None:
        self.catalogue = catalogue
        self.parser = SafeParser(limits)
        self._forms = Forms()
        self._rows: dict[tuple[str, str, str], MessageRow] = {}
        self._releases = {version: _Release(catalogue, version) for version in catalogue.versions()}
        self._roots = {f"{{{release.row.namespace}}}Package": release for release in self._releases.values()}
        self._declarations = {
            name: f'<?xml version="1.0" encoding="{name}"?>' for name in ("UTF-8", "GB18030", "GBK", "GB2312")
        }

    # decode -------------------------------------------------------------------------------------------------------

    def decode(self, raw: bytes, charset: str | None = None, expect: dict[str, Any] | None = None) -> Document:
        """The document in ``raw``; ``charset`` is what packet or HTTP say, ``expect`` the packet's header fields by
        attribute name of ``Header`` (``{"code": "OH01", "serial": ...}``), which must agree.

        Raises DocumentRefused NOT_WELL_FORMED, SCHEMA_FAULTS (all faults), MESSAGE_UNKNOWN, VERSION_UNSUPPORTED,
        CHARSET_UNDECODABLE, TOO_LARGE or HEADER_DISAGREES, with the header as far as it can be read.
        """
        return self.decode_reading(raw, charset, expect)[0]

    def decode_reading(
        self, raw: bytes, charset: str | None = None, expect: dict[str, Any] | None = None
    ) -> tuple[Document, Found]:
        """As ``decode``, and how the charset was found (which rule, which labels were false: kept per peer)."""
        sure = self.decode_sure(raw, charset)
        if sure is not None:
            return _agreed(sure[0], expect), sure[1]
        reading = self.read(raw, charset)
        data = reading.data
        try:
            root = self.parser.parse_shallow(data)
        except DocumentRefused as refusal:
            refusal.header = loose_header(data)
            raise
        return self.decode_tree(root, data, expect), reading

    def decode_sure(self, raw: bytes, charset: str | None, root: str = "Package") -> tuple[Document, Found] | None:
        """The document in ``raw``, and how its charset was found, if its form is so well known that it is valid beyond doubt;
        None where it must be parsed. ``root`` is the local name of what stands around it, ``Envelope`` of SOAP.

        Raises DocumentRefused as ``decode``.
        """
        found = opened(raw)
        if found is None or 2 * len(raw) > self.parser.limits.size:
            return None
        try:
            sure = self._forms.sure(found[0], charset, found[1], root)
        except Undecodable:
            return None
        if sure is None:
            return None
        header, name, body = sure.read
        return Document(self._row(header, self._releases[sure.version], name), name, header, body), sure.found

    def decode_tree(self, root: etree._Element, data: bytes, expect: dict[str, Any] | None = None) -> Document:
        """A Package that was parsed already, of the bytes ``data`` (another envelope may have stood around it).

        Raises DocumentRefused as ``decode``.
        """
        release = self._roots.get(root.tag)
        if release is None or not release.schema.validate(root):
            raise self._refusal(root, data)
        document = self._read_plain(root, release, data) if is_plain(data) else self._document(root, release, plain=False)
        return _agreed(document, expect)

    def read(self, raw: bytes, charset: str | None) -> Reading:
        """Step one of every envelope: size bound and charset. Raises DocumentRefused TOO_LARGE, CHARSET_UNDECODABLE."""
        if len(raw) > self.parser.limits.size:
            raise DocumentRefused("TOO_LARGE", header=loose_header(raw), detail=f"{len(raw)} bytes")
        try:
            return read(raw, charset)
        except Undecodable as fault:
            raise DocumentRefused("CHARSET_UNDECODABLE", header=loose_header(raw), detail=str(fault)) from fault

    def _read_plain(self, root: etree._Element, release: _Release, data: bytes) -> Document:
        """By its known form, or through lxml and remembered."""
        known = self._forms.read(data)
        if not isinstance(known, bytes):
            header, name, body = known
            return Document(self._row(header, release, name), name, header, body)
        document = self._document(root, release, plain=True)
        shape = self.catalogue.shape(document.element, release.version)
        read = (document.header, document.element, document.body)
        self._forms.learn(known, data, read, release.version, release.header, shape)
        return document

    def _document(self, root: etree._Element, release: _Release, plain: bool) -> Document:
        head, holder = root
        header = read_header(head, release.optional, not plain)
        body = holder[0]
        name, reader = release.reader(body.tag, plain)
        row = self._row(header, release, name)
        return Document(row, name, header, self._body(root, body, reader, header))

    def _row(self, header: Header, release: _Release, element: str) -> MessageRow:
        if header.version == release.version:
            known = self._rows.get((header.version, header.code, element))
            if known is not None:
                return known
        if header.version not in self._releases:
            raise _unsupported(header)
        if header.version != release.version:
            faults = disagreements(header, {"version": release.version})
            raise DocumentRefused("HEADER_DISAGREES", faults, header)
        try:
            row = self.catalogue.message(header.code, release.version)
        except LookupError as fault:
            raise _unknown_code(header) from fault
        if element != RECEIPT and element not in row.elements() and element not in self._results(row):
            raise DocumentRefused("HEADER_DISAGREES", (_mismatch(row, element),), header)
        self._rows[header.version, header.code, element] = row
        return row

    def _results(self, row: MessageRow) -> tuple[str, ...]:
        """What may stand in the reply to a command besides a receipt: in blocking mode the result itself (01.1.4)."""
        return tuple(self.catalogue.message(code, row.version).name for code in row.result)

    def _body(self, root: etree._Element, body: etree._Element, reader: Reader, header: Header) -> dict[str, Any]:
        try:
            values: dict[str, Any] = reader(body)
        except ValueError as fault:
            # a valid integer longer than the interpreter is willing to read
            found = Fault("/Package/Body", "range", "", "数值位数过多", "a number has too many digits")
            raise DocumentRefused("SCHEMA_FAULTS", (found,), header) from fault
        if "Extension" in values:
            self.parser.check_depth(root)
        return values

    def decode_body(self, body: etree._Element, header: Header) -> Document:
        """A bare body element of another envelope with the header that envelope read, validated by the same schemas.

        ``header.version`` selects the schemas. Raises DocumentRefused as ``decode``.
        """
        release = self._releases.get(header.version)
        if release is None:
            raise _unsupported(header)
        self.parser.check_depth(body)
        if not body.tag.startswith(release.prefix) or not release.schema.validate(body):
            raise DocumentRefused("SCHEMA_FAULTS", self._explain(body, release.version, bare=True), header)
        name, reader = release.reader(body.tag, False)
        row = self._row(header, release, name)
        return Document(row, name, header, self._body(body, body, reader, header))

    def check(self, raw: bytes, charset: str | None = None) -> str:
        """For people checking files: a Package, or a bare body element without any envelope. Returns what it is, e.g.
        ``OH01 DispatchOrder``. Raises DocumentRefused as ``decode``.
        """
        root = self.parser.parse(self.read(raw, charset).data)
        release = next((one for one in self._releases.values() if root.tag.startswith(one.prefix)), None)
        if release is None:
            document = self.decode(raw, charset)
            return f"{document.row.code} {document.element}"
        name: str = root.tag.removeprefix(release.prefix)
        if not release.schema.validate(root):
            raise DocumentRefused("SCHEMA_FAULTS", self._explain(root, release.version, bare=True))
        return name if name == RECEIPT else f"{self.catalogue.by_element(name, release.version).code} {name}"

    def decode_answer(self, raw: bytes, charset: str | None, asked: Header) -> Document:
        """As ``decode``: a Package says itself what it answers, which must be what was asked (01.1.1, 01.2 rule 1)."""
        return self.decode(raw, charset, {"code": asked.code, "serial": asked.serial})

    def serial_of(self, serial: str) -> str:
        """A Package holds our serials as they are."""
        return serial

    def full_serials(self, serial: str, own: str) -> tuple[str, str, str] | None:
        """None: a serial in a Package is all of it."""
        return None

    def quick_header(self, raw: bytes, charset: str | None = None) -> Header | None:
        """Best effort on bytes that may be no document at all: the header as far as it can be read, None if it cannot."""
        try:
            return loose_header(read(raw, charset).data)
        except Undecodable:
            return loose_header(raw)

    def _refusal(self, root: etree._Element, data: bytes) -> DocumentRefused:
        """Why lxml said no: an unknown version or message first, else every fault."""
        header = loose_header(data)
        self.parser.check_depth(root)
        release = self._roots.get(root.tag)
        tag = etree.QName(root)
        if release is None and tag.localname == "Package" and (tag.namespace or "").startswith(_PACKAGES):
            return _unsupported(header, "/Package", str(tag.namespace).removeprefix(_PACKAGES))
        if release is not None and header is not None:
            if re.fullmatch(r"[0-9]{1,2}\.[0-9]{1,2}", header.version) and header.version not in self._releases:
                return _unsupported(header)
            codes = {row.code for row in self.catalogue.messages()}
            if _CODE.fullmatch(header.code) and header.code not in codes:
                return _unknown_code(header)
        version = release.version if release is not None else self.catalogue.versions()[-1]
        return DocumentRefused("SCHEMA_FAULTS", self._explain(root, version), header)

    def _explain(self, root: etree._Element, version: str, bare: bool = False) -> tuple[Fault, ...]:
        # xmlschema costs a tenth of a second to import and is needed only for the first faulty document
        from adapters.xml.explain import explain

        return explain(self.catalogue, root, version, bare)

    # encode -------------------------------------------------------------------------------------------------------

    def encode(self, document: Document, charset: str) -> bytes:
        """The whole Package in ``charset`` with its XML declaration; characters outside it become references.

        Raises LookupError (unknown or missing field, unknown element, charset or version) and Unwritable (ValueError).
        """
        return encode_document(self.package_text(document, charset), charset)

    def package_text(self, document: Document, charset: str) -> str:
        """The whole Package as text whose declaration says ``charset``. Raises as ``encode``."""
        release = self._releases.get(document.header.version)
        if release is None:
            missing = document.header.version
            raise LookupError(f"不支持的版本：{missing} / unsupported version: {missing}")
        opening, closing, writer = release.writer(document.element)
        parts: list[str] = []
        literal = write_header(document.header, parts, self.declaration(charset) + release.opening)
        literal = writer(document.body, parts, f"{literal}</Header><Body>{opening}")
        return finish(parts, f"{literal}{closing}</Body></Package>")

    def declaration(self, charset: str) -> str:
        """The XML declaration of a document in ``charset``. Raises LookupError for one no peer may use."""
        name = known(charset)
        if name is None:
            raise LookupError(f"不支持的字符集：{charset} / unsupported charset: {charset}")
        return self._declarations[name]

    def body_text(self, document: Document) -> str:
        """The bare body element as XML text, for other envelopes. Raises as ``encode``."""
        release = self._releases.get(document.header.version)
        if release is None:
            version = document.header.version
            raise LookupError(f"不支持的版本：{version} / unsupported version: {version}")
        opening, closing, writer = release.writer(document.element)
        # literals and values alternate from an empty literal on
        parts: list[str] = []
        return finish(parts, writer(document.body, parts, opening) + closing)


def _agreed(document: Document, expect: dict[str, Any] | None) -> Document:
    """The document, if its header says what the packet does. Raises DocumentRefused HEADER_DISAGREES."""
    if expect is not None:
        faults = disagreements(document.header, expect)
        if faults:
            raise DocumentRefused("HEADER_DISAGREES", faults, document.header)
    return document


def _unsupported(header: Header | None, path: str = "/Package/Header/Version", version: str = "") -> DocumentRefused:
    """``version`` where it is not the header's, as in the namespace of a document."""
    found = version or (header.version if header is not None else "")
    fault = Fault(path, "version", found, f"不支持版本 {found}", f"version {found} is not supported")
    return DocumentRefused("VERSION_UNSUPPORTED", (fault,), header)


def _unknown_code(header: Header) -> DocumentRefused:
    zh, en = f"未知的报文编码 {header.code}", f"unknown message code {header.code}"
    return DocumentRefused("MESSAGE_UNKNOWN", (Fault("/Package/Header/MessageCode", "message", header.code, zh, en),), header)


def _mismatch(row: MessageRow, element: str) -> Fault:
    wanted = " | ".join((*row.elements(), RECEIPT))
    zh = f"报文体 {element} 不属于 {row.code}，应为 {wanted}"
    return Fault("/Package/Body", "agrees", element, zh, f"body {element} does not belong to {row.code}: expected {wanted}")

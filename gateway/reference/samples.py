"""Samples as partners need them: as XML, as packets of the native layout byte by byte, and as SOAP envelopes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from adapters.document import Document
from adapters.packing import packed
from adapters.soap.names import SoapVersion
from adapters.soap.writing import Frame
from adapters.wire.layout import Layout
from adapters.wire.packet import Kind
from adapters.xml.codec import Codec
from gateway.onboarding.layout_ruler import fields_of
from schemas.loader import RECEIPT, Catalogue
from schemas.model import MessageRow
from schemas.samples_check import expected

LAYOUT = "ctif-128"
CHARSET = "GB18030"
_PER_LINE = 16
_FEW_LINES = 4


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample document: ``expects`` is the result code it gets; ``document`` and ``packet`` where it is a good one."""

    name: str
    expects: str
    text: str
    document: Document | None = None
    packet: bytes = b""

    @property
    def element(self) -> str:
        """What the body holds; empty for a bad one."""
        return self.document.element if self.document is not None else ""


class Samples:
    """Reads the samples of messages and writes them in other forms."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._codec = Codec(catalogue)
        self._row = catalogue.layout(LAYOUT)
        self._layout = Layout(self._row)
        self._frames: dict[tuple[SoapVersion, str], Frame] = {}
        self._read: dict[tuple[str, str], list[Sample]] = {}

    def of(self, row: MessageRow) -> list[Sample]:
        """The samples of a message: good ones first, the message itself before its answers and receipts."""
        key = (row.code, row.version)
        if key not in self._read:
            self._read[key] = self._sorted(row)
        return self._read[key]

    def _sorted(self, row: MessageRow) -> list[Sample]:
        ranks = {element: rank for rank, element in enumerate((*row.elements(), RECEIPT))}
        found = [self._sample(row, path) for path in self._catalogue.samples(row.name)]
        return sorted(found, key=lambda one: (one.document is None, ranks.get(one.element, 0), one.name))

    def _sample(self, row: MessageRow, path: Path) -> Sample:
        raw = path.read_bytes()
        expects = expected(path)
        text = raw.decode("utf-8").strip()
        if expects != "0000":
            return Sample(path.stem, expects, text)
        document = self._codec.decode(raw)
        return Sample(path.stem, expects, text, document, self._packet(row, document))

    def _packet(self, row: MessageRow, document: Document) -> bytes:
        answering = Kind.RECEIPT if document.element == RECEIPT else Kind.REPLY
        asking = Kind.NOTIFICATION if row.pattern == "N" else Kind.REQUEST
        kind = asking if document.element == row.name else answering
        return self._layout.encode(packed(document.header, self._codec.encode(document, CHARSET), kind, CHARSET))

    def dump(self, packet: bytes, whole: bool) -> str:
        """The packet as lines: each field of the header by itself, then the body in hex, to its end or its first lines."""
        size = self._row.header_size
        lines = [f"   @  len  {'field':13} hex"]
        for one in fields_of(self._row, self._layout, packet[:size]):
            text = packet[one["offset"] : one["offset"] + one["width"]].decode("ascii").rstrip()
            name = f"{one['offset']:4} {one['width']:4}  {one['field']:13}"
            lines.append(f"{name} {one['hex'].replace(' ', '')}  {text}".rstrip())
        body = packet[size:]
        shown = len(body) if whole else min(len(body), _PER_LINE * _FEW_LINES)
        lines.append(f"{size:4} {len(body):4}  body")
        for at in range(0, shown, _PER_LINE):
            part = body[at : min(at + _PER_LINE, shown)]
            plain = "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in part)
            lines.append(f"{size + at:6}  {part.hex(' '):{3 * _PER_LINE - 1}}  {plain}")
        if shown < len(body):
            lines.append(f"        … {len(body) - shown} bytes")
        return "\n".join(lines)

    def soap(self, document: Document, version: SoapVersion = "1.1") -> str:
        """The document in a SOAP envelope, indented for people."""
        return _indented(self._frame(version, document.header.version).around(self._codec.encode(document, "UTF-8")))

    def fault(self, document: Document, version: SoapVersion) -> str:
        """A refusing Receipt as the Fault it travels in."""
        result = self._catalogue.result(document.body["code"])
        package = self._codec.encode(document, "UTF-8")
        return _indented(self._frame(version, document.header.version).fault(package, result))

    def _frame(self, version: SoapVersion, release: str) -> Frame:
        return self._frames.setdefault((version, release), Frame(version, self._catalogue.version(release)))


def _indented(envelope: bytes) -> str:
    root = etree.fromstring(envelope, etree.XMLParser(remove_blank_text=True, resolve_entities=False, no_network=True))
    etree.indent(root, "  ")
    return etree.tostring(root, encoding="unicode")

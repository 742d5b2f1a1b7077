"""Envelopes that travel in HTTP form fields: uni-bss in ``xmlmsg``, inter-boss in ``xmlhead`` and ``xmlbody`` (spec 05.2).

The bytes are the form itself, in both directions.  A document that comes bare, without the form around it, is taken where the
envelope has only one.
"""

from __future__ import annotations

from urllib.parse import quote_from_bytes, unquote_to_bytes

from adapters.document import DocumentRefused, Fault, Header
from adapters.envelopes.frame import Roots
from adapters.envelopes.tree import TreeEnvelope
from adapters.xml.charset import Reading, encode_document

MOST_FIELDS = 16
"""Fields of a form that are looked at; more is no form of these."""
MEDIA_TYPE = "application/x-www-form-urlencoded"


class FormEnvelope(TreeEnvelope):
    """One such envelope for one peer."""

    def _open(self, raw: bytes, charset: str | None) -> tuple[Roots, Reading]:
        parts = self._row.parts
        if len(raw) > 3 * self._codec.parser.limits.size:
            raise DocumentRefused("TOO_LARGE", detail=f"{len(raw)} bytes")
        fields = {parts[0]: raw} if len(parts) == 1 and is_document(raw) else form_fields(raw)
        missing = [part for part in parts if part not in fields]
        if missing:
            faults = tuple(
                Fault(f"/{part}", "required", "", f"表单缺少字段 {part}", f"the form lacks the field {part}")
                for part in missing
            )
            raise DocumentRefused("SCHEMA_FAULTS", faults)
        readings = {part: self._codec.read(fields[part], charset) for part in parts}
        return {part: self._codec.parser.parse(one.data) for part, one in readings.items()}, readings[parts[0]]

    def _loose_header(self, raw: bytes) -> Header | None:
        try:
            fields = form_fields(raw) if not is_document(raw) else {"": raw}
        except DocumentRefused:
            return super()._loose_header(raw)
        return super()._loose_header(b"".join(fields[part] for part in sorted(fields, key=self._rank)))

    def _rank(self, part: str) -> int:
        """The envelope's own fields first."""
        return self._row.parts.index(part) if part in self._row.parts else len(self._row.parts)

    def _close(self, texts: dict[str, str], charset: str) -> bytes:
        declaration = self._codec.declaration(charset)
        fields = {part: encode_document(declaration + text, charset) for part, text in texts.items()}
        return "&".join(f"{part}={quote_from_bytes(raw, safe='')}" for part, raw in fields.items()).encode("ascii")


def is_document(raw: bytes) -> bool:
    """Whether these bytes are a document rather than a form: they begin with a tag or a byte order mark."""
    return raw.lstrip()[:1] == b"<" or raw.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x84\x31\x95\x33"))


def form_fields(raw: bytes) -> dict[str, bytes]:
    """Fields of a form by name, the first of each. Raises DocumentRefused for what is no form."""
    pieces = raw.strip().split(b"&")
    if len(pieces) > MOST_FIELDS:
        fault = Fault("/", "form", str(len(pieces)), "表单字段过多", "the form has too many fields")
        raise DocumentRefused("TOO_LARGE", (fault,))
    found: dict[str, bytes] = {}
    for piece in pieces:
        name, equals, value = piece.partition(b"=")
        if equals:
            key = unquote_to_bytes(name).decode("ascii", "replace")
            found.setdefault(key, unquote_to_bytes(value.replace(b"+", b" ")))
    return found

"""Points in time as xs:dateTime for peers whose row says so (spec 02, common types); both forms are read from anybody."""

from __future__ import annotations

import re
from typing import Any

from adapters.document import Document, Header
from adapters.envelopes.seam import Envelope
from adapters.xml.charset import Found
from adapters.xml.codec import Codec
from schemas.shape import Leaf, ListOf, Shape, Struct

_TYPE = "DateTime"
_ZONE = "+08:00"
"""Asia/Shanghai, which our fourteen digits are in (01.1.1)."""


class XsMoments:
    """An envelope whose bodies are written with xs:dateTime instead of fourteen digits."""

    def __init__(self, codec: Codec, inner: Envelope) -> None:
        self._codec = codec
        self._inner = inner

    def encode(self, document: Document, charset: str) -> bytes:
        """See ``Envelope``."""
        shape = self._codec.catalogue.shape(document.element, document.header.version)
        body = _written(document.body, shape)
        return self._inner.encode(Document(document.row, document.element, document.header, body), charset)

    def decode(self, raw: bytes, charset: str | None = None, expect: dict[str, Any] | None = None) -> Document:
        """See ``Envelope``."""
        return self._inner.decode(raw, charset, expect)

    def decode_reading(
        self, raw: bytes, charset: str | None = None, expect: dict[str, Any] | None = None
    ) -> tuple[Document, Found]:
        """See ``Envelope``."""
        return self._inner.decode_reading(raw, charset, expect)

    def decode_answer(self, raw: bytes, charset: str | None, asked: Header) -> Document:
        """See ``Envelope``."""
        return self._inner.decode_answer(raw, charset, asked)

    def quick_header(self, raw: bytes, charset: str | None = None) -> Header | None:
        """See ``Envelope``."""
        return self._inner.quick_header(raw, charset)

    def serial_of(self, serial: str) -> str:
        """See ``Envelope``."""
        return self._inner.serial_of(serial)

    def full_serials(self, serial: str, own: str) -> tuple[str, str, str] | None:
        """See ``Envelope``."""
        return self._inner.full_serials(serial, own)


def compact(text: str) -> str:
    """A point in time as our fourteen digits, however it is written; empty for what is none."""
    digits = re.sub(r"[-:/T. ]", "", text)[:14]
    return digits if len(digits) == 14 and digits.isdecimal() else ""


def _written(value: Any, shape: Shape) -> Any:
    if isinstance(shape, Struct) and isinstance(value, dict):
        shapes = {field.name: field.shape for field in shape.fields}
        return {name: _written(one, shapes[name]) if name in shapes else one for name, one in value.items()}
    if isinstance(shape, ListOf) and isinstance(value, list):
        return [_written(one, shape.item) for one in value]
    if isinstance(shape, Leaf) and shape.type_name == _TYPE and isinstance(value, str) and len(value) == 14:
        day, time = value[:8], value[8:]
        return f"{day[:4]}-{day[4:6]}-{day[6:]}T{time[:2]}:{time[2:4]}:{time[4:]}{_ZONE}"
    return value

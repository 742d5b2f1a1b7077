"""The seam between envelopes and everything else: bytes -> document, document -> bytes, chosen by the peer row's name.

The native ``package`` is the codec itself.  Every other envelope (spec 01.2, 05) is a row of ``schemas/envelopes`` read by the
code of its shape, under the ``Dialect`` of the peer; bodies and whole inner documents go through the same codec.
Whoever carries bytes (packets, SOAP, HTTP) needs nothing but this module:

    speech = envelope(codec, peer.envelope, dialect)
    document = speech.decode(raw, charset, expect)
    raw = speech.encode(document, charset)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from adapters.document import Document, Header
from adapters.envelopes.dialect import PLAIN, Dialect
from adapters.envelopes.form import FormEnvelope
from adapters.envelopes.line import LineEnvelope
from adapters.envelopes.moments import XsMoments
from adapters.envelopes.references import Find, nothing
from adapters.envelopes.tree import TreeEnvelope
from adapters.xml.charset import Found
from adapters.xml.codec import Codec
from schemas.model import EnvelopeRow


class Envelope(Protocol):
    """What an envelope can do; raises and meanings as ``Codec.decode``, ``Codec.decode_reading``, ``Codec.encode``."""

    def decode(self, raw: bytes, charset: str | None = None, expect: dict[str, Any] | None = None) -> Document:
        """Bytes -> document. What a foreign envelope cannot say is taken from ``expect`` (the packet's header)."""

    def decode_reading(
        self, raw: bytes, charset: str | None = None, expect: dict[str, Any] | None = None
    ) -> tuple[Document, Found]:
        """Bytes -> document, and how the charset was found."""

    def decode_answer(self, raw: bytes, charset: str | None, asked: Header) -> Document:
        """Bytes of the answer to the message with header ``asked``: some envelopes' answers do not say what they answer."""

    def encode(self, document: Document, charset: str) -> bytes:
        """Document -> bytes."""

    def quick_header(self, raw: bytes, charset: str | None = None) -> Header | None:
        """Best effort: the header as far as it can be read, with a result code if it is an answer's; None if it cannot."""

    def serial_of(self, serial: str) -> str:
        """A serial of ours as it stands in this envelope (narrower where the envelope is)."""

    def full_serials(self, serial: str, own: str) -> tuple[str, str, str] | None:
        """Which serials of ``own`` may stand as ``serial`` here: from, to, last places; None where it is the serial itself."""


_MAKERS: dict[str, Callable[[Codec, EnvelopeRow, Dialect, Find], Envelope]] = {
    "native": lambda codec, row, dialect, find: codec,
    "tree": TreeEnvelope,
    "form": FormEnvelope,
    "line": lambda codec, row, dialect, find: LineEnvelope(codec, row, dialect),
}


def envelope(codec: Codec, name: str, dialect: Dialect = PLAIN, find: Find = nothing) -> Envelope:
    """The envelope of a peer row by the row's name (``schemas/envelopes``); ``find`` knows what functions may stand for. Raises
    LookupError."""
    row = codec.catalogue.envelope(name)
    made = _MAKERS[row.shape](codec, row, dialect, find)
    return made if dialect.datetimes == "compact" else XsMoments(codec, made)

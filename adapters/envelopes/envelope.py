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

from adapters.envelopes.dialect import PLAIN, Dialect
from adapters.envelopes.form import FormEnvelope
from adapters.envelopes.line import LineEnvelope
from adapters.envelopes.moments import XsMoments
from adapters.envelopes.references import Find, nothing
from adapters.envelopes.seam import Envelope as Envelope
from adapters.envelopes.tree import TreeEnvelope
from adapters.xml.codec import Codec
from schemas.model import EnvelopeRow

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

"""What the tests of envelopes share: the catalogue's good documents, and dialects in which every message can be said."""

from __future__ import annotations

from dataclasses import replace

from adapters.document import Document
from adapters.envelopes.dialect import Dialect
from adapters.envelopes.envelope import Envelope, envelope
from adapters.xml.codec import Codec
from schemas.loader import load

CATALOGUE = load()
CODEC = Codec(CATALOGUE)
FOREIGN = tuple(row.name for row in CATALOGUE.envelopes() if row.shape in ("tree", "form"))
SYSTEMS = {system: f"600103001{at}" for at, system in enumerate(("CRM001", "PF0001", "RM0001", "BIL001", "CH0001"))}
GROUP_CODES = {row.code: f"BUS{90000 + at}/SVC{90000 + at}" for at, row in enumerate(CATALOGUE.messages())}


def speech(name: str, **settings: object) -> Envelope:
    """An envelope as PF0001 speaks it with CRM001."""
    row = CATALOGUE.envelope(name)
    dialect = Dialect(own="CRM001", peer="PF0001", systems=SYSTEMS, codes=GROUP_CODES if row.code_pattern else {})
    return envelope(CODEC, name, replace(dialect, **settings))  # type: ignore[arg-type]


def documents() -> list[Document]:
    """Every good sample of every message, its answer and its receipts."""
    paths = [path for row in CATALOGUE.messages() for path in CATALOGUE.samples(row.name) if path.name.startswith("ok_")]
    return [CODEC.decode(path.read_bytes()) for path in paths]


def sample(message: str, name: str = "ok_") -> Document:
    """One of them: the first of a message that is the message itself."""
    for path in CATALOGUE.samples(message):
        if path.name.startswith(name):
            document = CODEC.decode(path.read_bytes())
            if document.element == document.row.name:
                return document
    raise LookupError(message)


def there_and_back(voice: Envelope, document: Document, charset: str) -> Document:
    """Encoded and decoded again, an answer as the asker reads it."""
    raw = voice.encode(document, charset)
    if document.element == document.row.name:
        return voice.decode(raw, charset)
    header = document.header
    return voice.decode_answer(raw, charset, replace(header, sender=header.receiver, receiver=header.sender))

"""What can be read of an envelope nobody can parse, so that its refusal can be matched by who sent it (spec 01.2, 05)."""

from __future__ import annotations

import re

from adapters.document import Header
from adapters.envelopes.names import Names
from adapters.envelopes.package import loose_header, unspaced
from schemas.model import EnvelopeRow

FIRM = ("code", "serial", "sender", "receiver")
"""Header fields of a packet that an envelope must not contradict."""
_SKIPPED = ((b"<?", b"?>"), (b"<!--", b"-->"), (b"<!", b">"))
_ROOT = re.compile(rb"<(?:[\w.\-]{1,60}:)?([\w.\-]{1,60})")
REACH = 8192
"""Bytes of a document that are looked through."""


def root_name(raw: bytes) -> str:
    """The local name of the first element in bytes of any charset; empty where none stands near the beginning."""
    start = unspaced(raw[:2048])
    at = 0
    while True:
        at = start.find(b"<", at)
        found = next((end for opening, end in _SKIPPED if start.startswith(opening, at)), None)
        if at < 0 or found is None:
            break
        at = start.find(found, at)
    match = _ROOT.match(start, at) if at >= 0 else None
    return match.group(1).decode("ascii") if match is not None else ""


class Loose:
    """Finds the header fields of one envelope of one ``peer`` by their names alone."""

    def __init__(self, row: EnvelopeRow, names: Names, peer: str) -> None:
        self._names = names
        self._peer = peer
        told = (field for field in row.fields if field.echo or field.role in (*FIRM, "code2"))
        self._fields = {field.path.rpartition("/")[2]: field for field in told}
        alternatives = "|".join(map(re.escape, self._fields))
        self._pattern = re.compile(rf"<(?:[\w.\-]{{1,30}}:)?({alternatives})>\s*([\x21-\x7e]{{1,64}}?)\s*</".encode())

    def header(self, raw: bytes) -> Header | None:
        """The header as far as it can be found; None without a serial, be it the envelope's or that of a Package inside."""
        found: dict[str, str] = {}
        echoed: dict[str, str] = {}
        for match in self._pattern.finditer(unspaced(raw[: 2 * REACH])[:REACH]):
            field, text = self._fields[match.group(1).decode("ascii")], match.group(2).decode("ascii")
            found.setdefault(field.role, text)
            if field.echo and len(text) <= (field.width or len(text)):
                echoed.setdefault(field.path, text)
        if "serial" not in found:
            return loose_header(raw)
        codes = self._names.codes_in("/".join(found[role] for role in ("code", "code2") if role in found))
        sender, receiver = (self._names.system_in(found.get(role)) for role in ("sender", "receiver"))
        code = codes[0] if codes else ""
        return Header(code, found["serial"], sender or self._peer, receiver, echoed=tuple(echoed.items()))

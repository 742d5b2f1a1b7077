"""A peer's names and codes for ours, both ways: messages, systems, areas, serials, results (spec 02.2, 05).

Logic knows our codes only; what a peer calls them is a row of the envelope or of the peer.
"""

from __future__ import annotations

import re

from adapters.document import Fault, Header
from adapters.envelopes.dialect import Dialect
from adapters.xml.sentences import bad_length
from adapters.xml.writers import Unwritable
from schemas.loader import Catalogue
from schemas.model import Category, EnvelopeRow

_PLACE = re.compile(r"\{(\w+)\}")
_SERIAL = re.compile(r"[A-Z0-9 ]{6}[0-9]{24}")
_PIECES = re.compile(r"[^0-9A-Za-z]+")
UNMAPPED = "NOT_PERMITTED"
"""What a result code nobody has mapped counts as: no success, no link to stop, a person looks (06.1, document refused)."""


_WIDEST = {"serial": 32, "area": 6}
"""Characters of what names a message and where it belongs, whatever the envelope: as many as the log has."""


def too_wide(header: Header, paths: dict[str, str]) -> tuple[Fault, ...]:
    """A fault for each of these that a request has more of, by the ``paths`` of its envelope's fields."""
    told = ((paths.get(name, "/"), getattr(header, name), most) for name, most in _WIDEST.items())
    return tuple(bad_length(path, value[:200], len(value), False, most) for path, value, most in told if len(value) > most)


class Names:
    """One peer's, in one envelope."""

    def __init__(self, catalogue: Catalogue, row: EnvelopeRow, dialect: Dialect) -> None:
        self._catalogue = catalogue
        self._row = row
        self._dialect = dialect
        self._codes = {**row.codes, **dialect.codes}
        self._pattern = re.compile(row.code_pattern) if row.code_pattern else None
        self._ours: dict[str, list[str]] = {}
        for ours, theirs in self._codes.items():
            self._ours.setdefault(theirs, []).append(ours)
        self._systems = {theirs: ours for ours, theirs in dialect.systems.items()}
        self._areas = {theirs: ours for ours, theirs in dialect.areas.items()}
        self._results = {**row.result_in, **dialect.results}
        self._results_out = {**row.result_out, **dialect.results_out}
        self._success = catalogue.table("success_codes").rows
        width = row.playing("serial")
        self._serial_width = width.width if width is not None else 0

    # messages

    def code_out(self, code: str) -> list[str]:
        """Their code of a message, in the halves their routing key has. Raises LookupError where they have none for it."""
        theirs = self._codes.get(code, code)
        if self._pattern is not None and self._pattern.fullmatch(theirs) is None:
            peer, pattern = self._dialect.peer, self._pattern.pattern
            raise LookupError(
                f"对端 {peer} 没有 {code} 的编码：请在 [peer.dialect.codes] 中登记（形如 {pattern}）"
                f" / peer {peer} has no code for {code}: add it to [peer.dialect.codes], like {pattern}"
            )
        return theirs.split("/") if self._row.playing("code2") is not None else [theirs]

    def code_echoed(self, code: str) -> list[str]:
        """As ``code_out``, in an answer; empty halves where they have none, or nobody could read which message it was: that it
        is answered counts more."""
        try:
            return self.code_out(code)
        except LookupError:
            return [""]

    def codes_in(self, theirs: str) -> tuple[str, ...]:
        """Our messages a code of theirs may stand for; empty if it is not known."""
        found = self._ours.get(theirs)
        if found:
            return tuple(found)
        try:
            return (self._catalogue.message(theirs).code,)
        except LookupError:
            return ()

    # systems, areas, serials

    def system_out(self, system: str) -> str:
        """Their name of a system."""
        return self._dialect.systems.get(system, system)

    def system_in(self, theirs: str | None) -> str:
        """Our id of a system they name; empty where they name none."""
        return self._systems.get(theirs, theirs) if theirs else ""

    def area_out(self, area: str) -> str:
        """Their code of a local network."""
        return self._dialect.areas.get(area, area)

    def area_in(self, theirs: str | None) -> str:
        """Our code of a local network they name."""
        return self._areas.get(theirs, theirs) if theirs else ""

    def serial_out(self, serial: str) -> str:
        """A serial of ours in their width: composed as the row says, else its last places, which hold the sequence.

        One that has their form already (an answer echoes theirs) stays as it is.
        """
        template = self._row.serial
        if template and _SERIAL.fullmatch(serial):
            issuer = self.system_out(serial[:6].rstrip())
            return filled(template, {"sender": issuer, "date": serial[6:14], "sequence": serial[20:]})
        return serial[-self._serial_width :] if self._serial_width else serial

    def full_serials(self, serial: str, own: str) -> tuple[str, str, str] | None:
        """The way back from ``serial_out`` for a serial issued by ``own``: lowest, highest, and the sequence of both."""
        issuer = self.system_out(own)
        found = re.fullmatch(f"{re.escape(issuer)}([0-9]{{8}})([0-9]{{10}})", serial)
        if not self._row.serial or found is None:
            return None
        date, sequence = found.groups()
        return f"{own:<6}{date}000000{sequence}", f"{own:<6}{date}235959{sequence}", sequence

    # results

    def result_out(self, code: str) -> tuple[str, str]:
        """Their result code and kind of result for ours."""
        category = self._category(code)
        theirs = self._results_out.get(code) or self._results_out.get(category) or code
        kinds = self._row.result_types
        return theirs, kinds.get(code) or kinds.get(category, "")

    def result_in(self, theirs: str | None, kind: str | None) -> tuple[str, bool]:
        """Our code of a result of theirs, and whether anybody has mapped it. Blanks and dotted text around it are met."""
        raw = (theirs or "").strip()
        for found in (raw, *reversed([piece for piece in _PIECES.split(raw) if piece and piece != raw])):
            code = self._one_result(found)
            if code is not None:
                return self._worse(code, kind), True
        by_kind = self._row.type_results.get(kind or "") if kind is not None and kind != "0" else None
        return (by_kind, True) if by_kind is not None else (self._catalogue.result(UNMAPPED).code, False)

    def _category(self, code: str) -> Category:
        try:
            return self._catalogue.result(code).category
        except LookupError:
            return "fatal"

    def _one_result(self, raw: str) -> str | None:
        if raw in self._results:
            return self._catalogue.result(self._results[raw]).code
        if raw.upper() in self._success:
            return self._catalogue.result("OK").code
        try:
            return self._catalogue.result(raw).code
        except LookupError:
            return None

    def _worse(self, code: str, kind: str | None) -> str:
        """Kind and code may disagree: a success that is called a failure is none (02.2)."""
        if kind in (None, "", "0") or self._category(code) not in ("ok", "accepted", "duplicate"):
            return code
        if kind not in self._row.result_types.values():
            return code
        return self._row.type_results.get(kind or "", self._catalogue.result(UNMAPPED).code)


def filled(template: str, values: dict[str, str]) -> str:
    """``template`` with ``{name}`` replaced. Raises Unwritable for a name nobody gives."""

    def one(match: re.Match[str]) -> str:
        if match.group(1) not in values:
            raise Unwritable(f"封装行引用了未知的 {match.group()} / the envelope's row names an unknown {match.group()}")
        return values[match.group(1)]

    return _PLACE.sub(one, template)

"""What one case has said and heard so far, and what it can say of that: who judges it needs no more (spec 07.2)."""

from __future__ import annotations

from typing import Any

from conformance.exchange import Asked, Cut, Got, Open, Reply, Shut, Wire, Write
from conformance.model import Case, Entry, Line, Way
from conformance.paper import Paper, Written
from conformance.prompting import Prompt
from conformance.stream import header_fields
from conformance.values import Scope

_MAX_LOG = 5_000
"""So many entries of one case are kept: a system under test that floods is judged, not remembered."""


class CaseState:
    """``orders`` are for the shell to carry out; ``wires`` and ``came`` by name, ``asked`` by label."""

    def __init__(self, case: Case, paper: Paper, token: str) -> None:
        self.case = case
        self.token = token
        self.orders: list[Open | Write | Shut | Cut | Reply | Prompt] = []
        self.paper = paper
        self.wires: dict[str, Wire] = {}
        self.asked: dict[str, Asked] = {}
        self.by_serial: dict[str, Asked] = {}
        self.inbox: list[Got] = []
        self.came: dict[str, Got] = {}
        self.events: list[tuple[str, str, int]] = []
        self.log: list[Entry] = []
        self.notes: list[str] = []
        phases = (("preamble", case.preamble), ("lines", case.lines), ("postamble", case.postamble))
        self._steps = [(phase, line) for phase, lines in phases for line in lines]
        self._index = 0
        self._names: dict[str, Any] = {"pixit": dict(paper.pics.values), "sut": {"system": paper.pics.systems[paper.sut]}}

    def scope(self, now: int) -> Scope:
        """What placeholders are filled from now."""
        return Scope(self._names, self.token, now)

    def answer(self, got: Got, line: Line, now: int) -> None:
        """Write the answer a line gives to ``got``."""
        if line.what in ("receipt", "answer") or line.do == "send":
            body = line.args.get("body", {})
            spoken = line
        else:
            body = line.args.get("reply", {})
            spoken = Line("send", line.place, got.party, "answer" if "reply" in line.args else "receipt")
        if spoken.what == "receipt":
            code = str(line.args.get("code", line.args.get("answer", "0001")))
            body = {"code": code, "text": "模拟方 / played party", **(body if isinstance(body, dict) else {})}
        scope = self.scope(now).beside(it={**got.reading.body, "header": got.reading.document.get("header", {})})
        written = self.paper.reply(spoken, body, got.reading, scope)
        self.record_sent(spoken, written, got.party, now)
        self.orders.append(Reply(got, written.raw))

    def keep(self, label: str, got: Got) -> None:
        """What came stands under a label now."""
        self._names[label] = {**got.reading.body, "header": got.reading.document.get("header", {})}
        self.came[label] = got

    def record(
        self, way: Way, party: str, name: str, now: int, raw: bytes = b"", packet: dict[str, Any] | None = None,
        document: dict[str, Any] | None = None, text: str = "",
    ) -> None:  # fmt: skip
        """One entry of the message log."""
        if len(self.log) < _MAX_LOG:
            step = min(self._index, len(self._steps)) + 1
            kept = self.paper.recorded(raw)
            self.log.append(Entry(now, way, party, name, step, kept, packet or {}, document or {}, text))

    def record_sent(self, line: Line, written: Written, name: str, now: int) -> None:
        """One entry for what was written."""
        self.record("sent", line.party, name, now, written.raw, header_fields(written.packet), written.document)

"""How the played parties behave where a case says nothing: RM assigns what it is asked for, CRM accepts completions (data).

A case names only the lines that matter; everything else a system under test may ask meanwhile is answered by these rows
(``data/manners.toml``), as a well-behaved peer would.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adapters.wire.packet import Packet
from conformance.door import REFUSED, UNPROVEN, Doorman
from conformance.identity import Checker
from conformance.model import Line, Place
from conformance.paper import Paper, Reading, Written
from conformance.values import Scope
from conformance.web_carriage import PROVEN

_PLACE = Place("manners.toml", 1)
_FOREIGN = {"code": "3003", "text": "不属于本次测试的记录 / a record of no case of this run"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a played party does about a message: the answer, and perhaps a message of its own ``after_ms`` later.
    ``locked_out``: why the system under test was not let in."""

    written: Written
    then: tuple[Line, dict[str, Any], str, int] | None = None
    locked_out: str = ""


class Manners:
    """The rows by message and party."""

    def __init__(self, rows: list[dict[str, Any]], paper: Paper) -> None:
        self._paper = paper
        self._doorman = Doorman(paper)
        self._checker = Checker(paper.pics.accounts, paper.pics.systems[paper.sut])
        self._login = paper.catalogue.by_element("Login")
        self._rows: dict[tuple[str, str, str], dict[str, Any]] = {}
        for row in rows:
            self._rows[row["code"], row.get("party", ""), row.get("name", "")] = row

    def react(self, party: str, asked: Reading, way: str, scope: Scope) -> Answer:
        """What ``party`` does about a message; ``way`` names another manner than the usual one."""
        code = asked.packet.code
        if asked.symbol:
            result = self._paper.catalogue.result(asked.symbol)
            return Answer(self.receipt(party, asked, {"code": result.code, "text": f"{result.zh} / {result.en}"}, scope))
        row = self._row(code, party, way)
        if row is None and asked.element == self._login.name:
            return self._welcome(party, asked, scope)
        scope = scope.beside(it={**asked.body, "header": asked.document["header"]})
        if row is None:
            return Answer(self.receipt(party, asked, {"code": "0001", "text": "已接收 / accepted"}, scope))
        if "answer" in row:
            written = self._paper.reply(_line("answer", party), row["answer"], asked, scope)
        else:
            written = self.receipt(party, asked, {"code": row.get("receipt", "0001"), "text": "模拟方 / played party"}, scope)
        if "then" not in row:
            return Answer(written)
        line = Line("send", _PLACE, party, row["then"])
        ref = str(asked.packet.serial) if row.get("ref") else ""
        return Answer(written, (line, row["body"], ref, int(row.get("after_ms", 0))))

    def unproven(self, party: str, packet: Packet, now: int) -> str:
        """Why a request over HTTP does not prove to ``party`` who asks; empty: it does. A fact of the packet from now on."""
        account = self._paper.pics.accounts.get(party)
        if self._paper.web is None or account is None:
            return ""
        why = self._checker.why_not(party, packet, now)
        packet.extra[PROVEN] = why or account.how
        return why

    def turn_away(self, party: str, asked: Reading, scope: Scope) -> Written:
        """The answer to who has not proven who it is."""
        return self.receipt(party, asked, UNPROVEN, scope)

    def _welcome(self, party: str, asked: Reading, scope: Scope) -> Answer:
        """The answer to a login."""
        body, why = self._doorman.welcome(party, asked, scope.now)
        if why:
            return Answer(self.receipt(party, asked, REFUSED, scope), locked_out=why)
        return Answer(self._paper.reply(_line("answer", party), body, asked, scope))

    def receipt(self, party: str, asked: Reading, body: dict[str, Any], scope: Scope) -> Written:
        """A receipt."""
        return self._paper.reply(_line("receipt", party), body, asked, scope)

    def refuse_foreign(self, party: str, asked: Reading, scope: Scope) -> Written:
        """The answer to a record of no case."""
        return self.receipt(party, asked, _FOREIGN, scope)

    def no_request(self, party: str, asked: Reading, scope: Scope) -> Written:
        """The answer to a document that says something else than its code."""
        row = self._paper.catalogue.result("HEADER_DISAGREES")
        return self.receipt(party, asked, {"code": row.code, "text": f"{row.zh} / {row.en}"}, scope)

    def follow(self, then: tuple[Line, dict[str, Any], str, int], asked: Reading, scope: Scope) -> Written:
        """The message that follows."""
        line, body, ref, _ = then
        scope = scope.beside(it={**asked.body, "header": asked.document["header"]})
        return self._paper.message(line, body, scope, ref or None)

    def _row(self, code: str, party: str, way: str) -> dict[str, Any] | None:
        for key in ((code, party, way), (code, "", way), (code, party, ""), (code, "", "")):
            if key in self._rows:
                return self._rows[key]
        return None


def _line(what: str, party: str) -> Line:
    return Line("send", _PLACE, party, what)

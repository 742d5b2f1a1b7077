"""One case, played by hand: when it passes, when it fails, and what it does about what it cannot play (spec 07.2, 07.4)."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.wire.packet import Kind, Packet
from conformance.exchange import Got, Open, Write
from conformance.lines import read_lines
from conformance.model import Case, Line, Place, Verdict
from conformance.paper import Paper
from conformance.pics import Pics
from conformance.runner import CaseRun
from gateway.clock import Entropy
from schemas.loader import load

NOW = 1_795_309_200_000
HEAD = {"service_order_id": "SO1", "version": 1, "area": "025"}
CANCEL: dict[str, Any] = {**HEAD, "reason": {"type": "10C", "code": "10C001", "text": "x"}}


def _lines(*tables: dict[str, Any]) -> tuple[Line, ...]:
    return tuple(line for table in tables for line in read_lines(table, Place("x.toml", 1)))


class Played:
    """A case against a system under test that is this test."""

    def __init__(self, lines: tuple[Line, ...], preamble: tuple[Line, ...] = (), postamble: tuple[Line, ...] = ()) -> None:
        case = Case("x/1", "x", "s", ("PF",), "MUST", "须", "MUST", Place("x.toml", 1), preamble=preamble, lines=lines,
                    postamble=postamble)  # fmt: skip
        self.paper = Paper(load(), Pics(), "PF", 1)
        self.run = CaseRun(case, self.paper, "TOK", Entropy(1), {}, "again")
        self.run.start(NOW)
        self.carry_out()

    def carry_out(self) -> None:
        """Connections open at once; what is written is forgotten."""
        while self.run.orders:
            order = self.run.orders.pop(0)
            if isinstance(order, Open):
                self.run.opened(order.name, NOW)

    def answer(self, label: str, code: str) -> None:
        """The receipt of what was sent under a label."""
        asked = self.run.asked[label].written
        line = Line("send", Place("x", 1), "PF", "receipt")
        body = {"code": code, "text": "x"}
        written = self.paper.reply(line, body, self.paper.read(asked.packet), self.run.scope(NOW))
        self.run.answered(written.packet, written.raw, "CRM", NOW)
        self.carry_out()

    def tell(self, code: str, body: dict[str, Any], ref: str = "") -> None:
        """A message of the system under test's own."""
        serial = str(self.run.asked[ref].written.packet.serial) if ref else None
        line = Line("send", Place("x", 1), "CRM", code, args={"header": {"sender": "PF0001", "receiver": "CRM001"}})
        written = self.paper.message(line, body, self.run.scope(NOW), serial)
        got = Got("CRM", self.paper.read(written.packet), None, written.raw, NOW)
        self.run.arrived(got, "CRM", NOW)
        self.carry_out()

    @property
    def verdict(self) -> Verdict | None:
        """How it ended, if it has."""
        return None if self.run.result is None else self.run.result.verdict


SEND = {"send": "CN01", "by": "CRM", "as": "m", "body": CANCEL, "receipt": "0001"}
ROWS = {**HEAD, "report_seq": 1, "items": [{"item_id": "1", "outcome": "refused", "code": "3005", "state": "COMPLETED"}]}


@pytest.mark.parametrize(("code", "verdict"), [("0001", Verdict.PASS), ("0002", Verdict.FAIL), ("3004", Verdict.FAIL)])
def test_a_receipt_is_judged(code: str, verdict: Verdict) -> None:
    played = Played(_lines(SEND))
    played.answer("m", code)
    assert played.verdict is verdict


def test_a_preamble_that_is_not_reached_is_inconclusive() -> None:
    played = Played(_lines({"wait": True, "for": "1s"}), preamble=_lines(SEND))
    played.answer("m", "3004")
    assert played.verdict is Verdict.INCONCLUSIVE


def test_the_postamble_is_played_after_a_failure_and_changes_nothing() -> None:
    again = {**SEND, "as": "clean"}
    played = Played(_lines(SEND), postamble=_lines(again))
    played.answer("m", "3004")
    assert played.verdict is None
    played.answer("clean", "9005")
    assert played.verdict is Verdict.FAIL
    assert played.run.result is not None
    assert any("9005" in note for note in played.run.result.notes)


@pytest.mark.parametrize(("receipt", "result", "verdict"), [
    ("3005", None, Verdict.PASS),
    ("3004", None, Verdict.FAIL),
    ("0001", "3005", Verdict.PASS),
    ("0001", "3004", Verdict.FAIL),
])  # fmt: skip
def test_a_command_is_refused_in_receipt_or_result(receipt: str, result: str | None, verdict: Verdict) -> None:
    sent = {name: value for name, value in SEND.items() if name != "receipt"}
    played = Played(_lines(sent, {"expect": "refusal", "to": "CRM", "of": "m", "code": "3005"}))
    played.answer("m", receipt)
    if result is not None:
        assert played.verdict is None
        played.tell("CN02", {**ROWS, "items": [{**ROWS["items"][0], "code": result}]}, "m")
    assert played.verdict is verdict


def test_another_refusal_is_told_with_what_it_means() -> None:
    sent = {name: value for name, value in SEND.items() if name != "receipt"}
    played = Played(_lines(sent, {"expect": "refusal", "to": "CRM", "of": "m", "code": "3005"}))
    played.answer("m", "3004")
    assert played.run.result is not None
    assert played.run.result.explanation is not None
    row = load().result("3004")
    assert played.run.result.explanation.reason.endswith(f"的拒绝不符：3004 {row.zh} / CN01 is refused otherwise: {row.en}")


def test_what_was_done_is_no_refusal_whatever_code_stands_beside_it() -> None:
    sent = {name: value for name, value in SEND.items() if name != "receipt"}
    played = Played(_lines(sent, {"expect": "refusal", "to": "CRM", "of": "m", "code": "3005"}))
    played.answer("m", "0001")
    played.tell("CN02", {**ROWS, "items": [{**ROWS["items"][0], "outcome": "cancelled"}]}, "m")
    assert played.verdict is Verdict.FAIL


def test_what_the_system_leaves_out_is_its_failure_not_the_suites() -> None:
    follow = {"send": "CN01", "by": "CRM", "body": {**CANCEL, "service_order_id": "${r.items.0.none}"}}
    played = Played(_lines(SEND, {"expect": "CN02", "to": "CRM", "as": "r"}, follow))
    played.answer("m", "0001")
    played.tell("CN02", ROWS, "m")
    assert played.verdict is Verdict.FAIL


def test_time_runs_out() -> None:
    played = Played(_lines({"open": True, "by": "CRM"}, {"expect": "CN02", "to": "CRM", "within": "2s"}))
    assert played.run.next_due() == NOW + 2_000
    played.run.tick(NOW + 1_999)
    assert played.verdict is None
    played.run.tick(NOW + 2_000)
    assert played.verdict is Verdict.FAIL


def test_quiet_fails_at_once_when_something_comes() -> None:
    played = Played(_lines({"open": True, "by": "CRM"}, {"quiet": "CN02", "to": "CRM", "for": "5s"}))
    played.tell("CN02", ROWS)
    assert played.verdict is Verdict.FAIL


def test_bytes_are_split_as_the_line_says() -> None:
    run = Played(()).run
    assert run.result is not None
    split = _lines({"send": "CN01", "by": "CRM", "as": "m", "body": CANCEL, "split": [10, -5], "pause": "1s"})
    case = Case("x/2", "x", "s", ("PF",), "MUST", "须", "MUST", Place("x.toml", 1), lines=split)
    run = CaseRun(case, Paper(load(), Pics(), "PF", 1), "TOK", Entropy(1), {}, "")
    run.start(NOW)
    run.orders.clear()
    run.opened("CRM", NOW)
    run.tick(NOW + 1_000)
    run.tick(NOW + 2_000)
    pieces = [order.data for order in run.orders if isinstance(order, Write)]
    assert [len(pieces), len(pieces[0]), len(pieces[2])] == [3, 10, 5]


def test_an_answer_nobody_asked_for_is_noted() -> None:
    played = Played(_lines(SEND))
    stray = Packet(b"", kind=Kind.RECEIPT, code="CN01", sender="PF0001", receiver="CRM001", serial="S" * 30)
    played.run.answered(stray, b"", "CRM", NOW)
    assert played.verdict is None
    assert any("nobody asked" in note for note in played.run.notes)

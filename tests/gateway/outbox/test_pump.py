"""The outbox pump: order per key, window, UNKNOWN, back-off, budgets, restart (spec 06.1)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from adapters.wire.packet import Packet
from gateway import timers
from gateway.outbox import pump as outbox_pump
from tests.gateway.rig import PEERS, Rig, Send, Station, fate_for, packet_of, receipt_for, submission

HOUR = 3600.0


def peers(**changes: Any) -> tuple[dict[str, Any], ...]:
    """The usual peers, PF with ``changes`` and no impatient heartbeats."""
    timers = {"heartbeat": 6000, "idle": 80000, **changes.pop("timers", {})}
    return (PEERS[0], {**PEERS[1], "timers": timers, **changes})


def silent(packet: Packet) -> None:
    return None


class Script:
    """Answers by turn: symbols of results, ``None`` for silence; the last one goes on for ever. RX04 gets ``fate``."""

    def __init__(self, *symbols: str | None, fate: tuple[str, str | None] = ("unseen", None)) -> None:
        self.symbols = list(symbols)
        self.fate: tuple[str, str | None] | None = fate
        self.asked = 0
        self.at: list[int] = []
        self.rig: Rig | None = None

    def __call__(self, packet: Packet) -> Packet | None:
        if self.rig is not None:
            self.at.append(self.rig.clock.now())
        if packet.code == "RX04":
            self.asked += 1
            return None if self.fate is None else fate_for(packet, *self.fate)
        symbol = self.symbols.pop(0) if len(self.symbols) > 1 else self.symbols[0]
        return None if symbol is None else receipt_for(packet, symbol)


def made(script: Any, **changes: Any) -> tuple[Rig, Station]:
    """A gateway whose PF answers by ``script``."""
    rig = Rig(peers(**changes))
    station = rig.station(script=script)
    if isinstance(script, Script):
        script.rig = rig
    rig.run(3)
    return rig, station


# -- order, keys, window ----------------------------------------------------------------------------------------------


def test_messages_of_one_key_go_in_order_one_at_a_time() -> None:
    held: list[Packet] = []
    rig, pf = made(held.append)
    job = rig.send("a", "a", "a")
    for place in range(3):
        rig.run()
        assert pf.serials() == job.serials[: place + 1]
        pf.wire.send(receipt_for(held[-1]))
    rig.run()
    assert set(rig.out().values()) == {"DONE"}


def test_a_stuck_key_does_not_hold_others() -> None:
    rig, pf = made(silent)
    job = Send("PF0001", ["a", "b", "a", "c", "b"])
    stuck = ""

    def first(packet: Packet) -> Packet | None:
        nonlocal stuck
        stuck = stuck or packet.serial
        return None if packet.serial == stuck else receipt_for(packet)

    pf.script = first
    rig.gateway.writer.submit(job)
    rig.run(2)
    states = [rig.out()[one] for one in job.serials]
    assert states == ["SENDING", "DONE", "READY", "DONE", "DONE"]


def test_without_a_key_every_message_is_a_line_of_its_own() -> None:
    rig, pf = made(silent)
    rig.send("", "", "")
    rig.run()
    assert len(pf.received) == 3


def test_no_more_than_the_window_is_outstanding() -> None:
    rig, pf = made(silent, window=4)
    rig.send(*[f"k{n}" for n in range(10)])
    rig.run(2)
    assert len(pf.received) == 4
    for packet in list(pf.received):
        pf.wire.send(receipt_for(packet))
    rig.run(2)
    assert len(pf.received) == 8


def test_what_is_open_in_the_table_beyond_memory_is_read_on_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_pump, "HELD_ENTRIES", 10)
    monkeypatch.setattr(outbox_pump, "HELD_DOCUMENTS", 3)
    rig = Rig(peers())
    jobs = [rig.send(*[f"k{n % 3}" for n in range(size)]) for size in (7, 9, 30)]
    rig.run(2)
    pf = rig.station()
    later = rig.send("k0", "k1")
    rig.run(120)
    serials = [one for job in (*jobs, later) for one in job.serials]
    keys = [n % 3 for size in (7, 9, 30) for n in range(size)] + [0, 1]
    assert sorted(pf.serials()) == sorted(serials)
    for key in range(3):
        mine = [one for one, its in zip(serials, keys, strict=True) if its == key]
        assert [one for one in pf.serials() if one in mine] == mine


def test_a_message_read_from_the_table_before_it_was_announced_goes_once() -> None:
    rig, pf = made(receipt_for)
    pump = rig.gateway.pump
    announce = pump.outgoing
    kept: list[Any] = []
    rig.gateway.writer.on_outgoing = kept.append  # the commit is done, the reactor has not heard of it yet
    rig.send("a", "b")
    rig.run()
    lane = pump.lanes["PF0001"]
    lane.more_in_table = True
    pump._refill(lane)
    announce(kept[0])
    rig.run(2)
    assert len(pf.received) == 2


# -- UNKNOWN ------------------------------------------------------------------------------------------------------------


def test_a_peer_that_finds_duplicates_gets_the_same_bytes_three_times_then_is_asked() -> None:
    script = Script(None, fate=("applied", None))
    rig, pf = made(script)
    job = rig.send("a")
    rig.run(70)
    codes = [packet.code for packet in pf.received]
    assert codes == ["CH02"] * 4 + ["RX04"]
    assert {packet.body for packet in pf.received[:4]} == {pf.received[0].body}
    assert {packet.serial for packet in pf.received[:4]} == set(job.serials)
    # header and all: the time of sending stays the document's
    assert all(packet == pf.received[0] for packet in pf.received[:4])
    assert f"<SendTime>{pf.received[0].send_time}</SendTime>".encode() in pf.received[0].body
    assert rig.out() == {job.serials[0]: "DONE"}
    assert [at // 1000 - script.at[0] // 1000 for at in script.at] == [0, 15, 30, 45, 62]


@pytest.mark.parametrize(
    ("fate", "state", "sent"),
    [
        (("stored", None), "DONE", 1),
        (("applied", None), "DONE", 1),
        (("refused", "3004"), "REJECTED", 1),
        (("refused", "1002"), "DEAD", 1),
        (("refused", None), "RETRY", 1),
        (("refused", "7788"), "RETRY", 1),
        (("unseen", None), "DONE", 2),
    ],
)
def test_a_peer_that_does_not_is_asked_first(fate: tuple[str, str | None], state: str, sent: int) -> None:
    rig, pf = made(Script(None, "ACCEPTED", fate=fate), finds_duplicates=False)
    job = rig.send("a")
    rig.run(20)
    assert rig.out() == {job.serials[0]: state}
    mine = [packet for packet in pf.received if packet.code == "CH02"]
    assert len(mine) == sent
    assert len({packet.body for packet in mine}) == 1


def test_what_only_reads_is_just_asked_again() -> None:
    """Whether a question without effect was seen is not worth a question (01.1.5)."""
    script = Script(None, None, "OK")
    rig, pf = made(script, finds_duplicates=False)
    job = Send("PF0001", [""], "PQ01")
    rig.gateway.writer.submit(job)
    rig.run(90)
    assert [packet.code for packet in pf.received] == ["PQ01"] * 3
    assert {packet.body for packet in pf.received} == {pf.received[0].body}
    assert set(rig.out().values()) == {"DONE"}


def test_queries_without_an_answer_are_repeated_on_schedule_and_end_in_fallout() -> None:
    script = Script(None)
    script.fate = None
    rig, pf = made(script, finds_duplicates=False, timers={"circuit_failures": 1000, "blocking": 30})
    job = rig.send("a", "a")
    rig.run(HOUR * 3)
    assert rig.out()[job.serials[0]] == "DEAD"
    first = [at - script.at[0] for at, packet in zip(script.at, pf.received, strict=True) if packet.code == "RX04"][:5]
    assert [round(at / 1000) for at in first] == [17, 57, 147, 477, 1107]
    assert [packet.serial for packet in pf.received if packet.code == "CH02"] == job.serials
    assert rig.rows("SELECT error_class, symbol FROM fallout ORDER BY id") == [("unknown", "OUTCOME_UNKNOWN")]


def test_queries_keep_to_the_window_and_never_hang() -> None:
    rig, pf = made(silent, finds_duplicates=False, window=9)
    rig.send(*[f"k{n}" for n in range(9)])
    rig.run(2)
    script = Script(None)
    script.fate = None
    pf.script = script
    rig = rig.restarted(peers=peers(finds_duplicates=False, window=3, timers={"circuit_failures": 1000}))
    rig.run(5)
    assert script.asked == 3
    script.fate = ("applied", None)
    rig.run(120)
    assert set(rig.out().values()) == {"DONE"}


def test_the_age_of_unknown_counts_from_when_it_became_unknown() -> None:
    """A message that waited for hours for its peer is not given up at its first timeout."""
    rig = Rig(peers(finds_duplicates=False))
    job = rig.send("a")
    rig.run(1)
    rig = rig.restarted(after=HOUR * 5)
    script = Script(None, "ACCEPTED", fate=("unseen", None))
    pf = rig.station(script=script)
    rig.run(120)
    assert rig.out() == {job.serials[0]: "DONE"}
    assert len(pf.received) == 3


def test_unknown_behind_a_link_that_stays_down_ends_in_fallout() -> None:
    rig, pf = made(silent, finds_duplicates=False)
    job = rig.send("a")
    rig.run(2)
    pf.stop()
    rig.run(HOUR * 2.5)
    assert rig.out() == {job.serials[0]: "DEAD"}
    assert rig.rows("SELECT error_class FROM fallout") == [("unknown",)]


def test_a_late_answer_is_applied() -> None:
    rig, pf = made(silent)
    job = rig.send("a")
    rig.run(16)
    assert len(pf.received) == 2
    rig.run(14.2)  # the second attempt has just timed out too
    pf.wire.send(receipt_for(pf.received[0]))
    rig.run(5)
    assert rig.out() == {job.serials[0]: "DONE"}


def test_a_late_answer_while_the_peer_is_asked_is_applied_once() -> None:
    script = Script(None)
    script.fate = None
    rig, pf = made(script, finds_duplicates=False)
    job = rig.send("a", "a")
    rig.run(18)
    assert script.asked == 1
    pf.script = receipt_for
    pf.wire.send(receipt_for(pf.received[0]))
    rig.run(1)
    pf.wire.send(receipt_for(pf.received[0]))  # and once more, when its story has ended
    pf.wire.send(fate_for(next(p for p in pf.received if p.code == "RX04"), "unseen"))
    rig.run(5)
    assert rig.out() == dict.fromkeys(job.serials, "DONE")
    assert [packet.code for packet in pf.received] == ["CH02", "RX04", "CH02"]


def test_two_late_answers_at_once_have_one_effect() -> None:
    rig, pf = made(silent, finds_duplicates=False)
    job = rig.send("a", "a")
    rig.run(16)
    pf.wire.write(b"".join(pf.wire.layout.encode(receipt_for(pf.received[0])) for _ in range(2)))
    pf.script = receipt_for
    rig.run(5)
    assert rig.out() == dict.fromkeys(job.serials, "DONE")
    assert rig.gateway.writer.figures.failed == 0


def test_a_lost_connection_leaves_it_unknown_and_it_goes_on_over_the_next() -> None:
    rig, pf = made(silent)
    job = rig.send("a")
    rig.run(1)
    pf.script = receipt_for
    pf.wire.drop()
    rig.run(10)
    assert rig.out() == {job.serials[0]: "UNKNOWN"}, "the same bytes again at the receipt timer (06.1), not at once"
    rig.run(10)
    assert rig.out() == {job.serials[0]: "DONE"}
    assert len(pf.received) == 2
    assert rig.rows("SELECT n, result_class FROM attempt ORDER BY n") == [(1, "unknown"), (2, "ok")]


def test_an_unreadable_answer_is_no_answer() -> None:
    rig, pf = made(receipt_for)

    def garbled_once(packet: Packet) -> Packet:
        pf.script = receipt_for
        return Packet(b"<x", **_head(packet))

    pf.script = garbled_once
    rig.send("a")
    rig.run(20)
    assert list(rig.out().values()) == ["DONE"]
    assert rig.rows("SELECT n, result_class FROM attempt ORDER BY n") == [(1, "unknown"), (2, "ok")]
    assert len(pf.received) == 2


def test_an_unreadable_answer_is_kept_and_its_fault_told() -> None:
    """Who connects a peer has to know what is wrong with its answers, at once and at the desk."""
    rig, _ = made(lambda packet: Packet(receipt_for(packet).body.replace(b"<code>", b"<kode>"), **_head(packet)))
    rig.send("a")
    rig.run(20)
    (told,) = rig.rows("SELECT detail FROM history WHERE subject = 'message' ORDER BY seq LIMIT 1")
    assert "对端的应答读不懂（NOT_WELL_FORMED，1 处）：/" in told[0]
    rig.run(3 * 3600)
    assert "The peer's answer cannot be read (NOT_WELL_FORMED, 1 faults)" in rig.one("SELECT en FROM fallout")
    assert b"<kode>" in rig.one("SELECT reply FROM attempt ORDER BY n DESC LIMIT 1")


def _head(packet: Packet) -> dict[str, Any]:
    answer = receipt_for(packet)
    return {name: getattr(answer, name) for name in ("kind", "code", "sender", "receiver", "serial", "send_time", "charset")}


def test_an_answer_whose_document_is_another_messages_is_no_answer() -> None:
    """Receipts in each other's packets: each says of itself what it answers (01.1.1), and neither is what it came as."""
    held: list[Packet] = []
    rig, pf = made(held.append)
    job = rig.send("a", "b")
    rig.run()
    taken, refused = receipt_for(held[0]), receipt_for(held[1], "STATE_CONFLICT")
    taken.body, refused.body, taken.result, refused.result = refused.body, taken.body, refused.result, taken.result
    pf.wire.send(taken)
    pf.wire.send(refused)
    rig.run(16)
    assert [rig.out()[one] for one in job.serials] == ["SENDING", "SENDING"]  # the same bytes again: what did they mean?
    assert [packet.serial for packet in pf.received] == [*job.serials, *job.serials]
    pf.wire.send(receipt_for(held[0]))
    pf.wire.send(receipt_for(held[1], "STATE_CONFLICT"))
    rig.run(2)
    assert [rig.out()[one] for one in job.serials] == ["DONE", "REJECTED"]


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("symbol", "state", "tries", "fallout"),
    [
        ("STORAGE", "DEAD", 8, ["technical"]),
        ("INTERNAL", "DEAD", 8, ["technical"]),
        ("STATE_CONFLICT", "REJECTED", 1, ["business"]),
        ("SCHEMA_FAULTS", "DEAD", 1, ["document"]),
        ("NOT_PERMITTED", "DEAD", 1, ["document"]),
        ("3007", "REJECTED", 5, ["temporary_business"]),
    ],
)
def test_a_refusal_is_repeated_as_long_as_its_class_allows(symbol: str, state: str, tries: int, fallout: list[str]) -> None:
    rig, pf = made(Script(symbol))
    job = rig.send("a")
    rig.run(HOUR * 3)
    assert rig.out() == {job.serials[0]: state}
    assert len(pf.received) == tries
    assert rig.rows("SELECT error_class FROM fallout") == [(one,) for one in fallout]


def test_technical_refusals_back_off() -> None:
    script = Script("STORAGE", "STORAGE", "STORAGE", "ACCEPTED")
    rig, _pf = made(script)
    rig.send("a")
    rig.run(HOUR)
    gaps = [later - earlier for earlier, later in pairwise(script.at)]
    assert len(gaps) == 3
    for gap, most in zip(gaps, (10_000, 20_000, 40_000), strict=True):
        assert 5_000 <= gap <= most + 1_000


def test_each_class_has_a_budget_of_its_own() -> None:
    """Forty failed connects do not use up the eight tries of a technical refusal."""
    rig = Rig(peers(long=False, timers={"circuit_failures": 1000}))
    job = rig.send("a")
    rig.run(HOUR * 2)
    assert rig.one("SELECT tries FROM message") > 8
    pf = rig.station(script=Script("STORAGE", "ACCEPTED"))
    rig.run(600)
    assert rig.out() == {job.serials[0]: "DONE"}
    assert len(pf.received) == 2


def test_busy_pauses_the_link_and_keeps_the_order() -> None:
    script = Script("9001", "ACCEPTED")
    rig, pf = made(script, window=1)
    job = rig.send("a", "b", "a")
    rig.run(1)
    assert len(pf.received) == 1
    assert rig.gateway.links["PF0001"].state == "paused"
    rig.run(60)
    mine = [one for one in pf.serials() if one in (job.serials[0], job.serials[2])]
    assert mine == [job.serials[0], job.serials[0], job.serials[2]]
    assert script.at[1] - script.at[0] >= 2_500
    assert set(rig.out().values()) == {"DONE"}


@pytest.mark.parametrize("code", ["2001", "2003", "2004"])
def test_an_authentication_refusal_stops_the_link(code: str) -> None:
    rig, pf = made(Script(code))
    job = rig.send("a", "b")
    rig.run(2)
    rig.send("c")
    rig.run(300)
    assert rig.gateway.links["PF0001"].state == "stopped"
    assert len(pf.received) == 2
    assert [rig.out()[one] for one in job.serials] == ["DEAD", "DEAD"]
    assert sorted(rig.out().values()).count("READY") == 1


def test_the_core_hears_of_a_final_refusal_and_of_a_receipt() -> None:
    for script, state in ((Script("ACCEPTED"), "DONE"), (Script("NO_PROCESS"), "REJECTED")):
        rig, _ = made(script)
        rig.ask(rig.caller(), packet_of(submission(1)), seconds=3)
        (outcome,) = rig.rows("SELECT state FROM message WHERE code = 'OH01'")
        inputs = {row[0] for row in rig.rows("SELECT input FROM history WHERE subject = 'order'")}
        assert outcome == (state,)
        assert ("receipt" if state == "DONE" else "receipt_refused") in inputs


# -- circuit, age -------------------------------------------------------------------------------------------------------


def test_the_circuit_opens_and_tries_one_message_when_half_open() -> None:
    rig, pf = made(silent, timers={"circuit_failures": 2, "circuit_pause": 100, "receipt": 5})
    rig.send("a", "b", "c")
    rig.run(6)
    assert rig.gateway.links["PF0001"].state == "circuit open"
    seen = len(pf.received)
    rig.run(90)
    assert len(pf.received) == seen
    rig.run(10)
    assert len(pf.received) == seen + 1  # half-open: one message tries
    pf.script = receipt_for
    rig.run(300)
    assert set(rig.out().values()) == {"DONE"}
    assert rig.gateway.links["PF0001"].state == "up"


def test_technical_refusals_open_the_circuit_business_ones_do_not() -> None:
    for symbol, state in (("STORAGE", "circuit open"), ("STATE_CONFLICT", "up")):
        rig, _pf = made(Script(symbol), timers={"circuit_failures": 3, "circuit_pause": 300})
        rig.send("a", "b", "c", "d")
        rig.run(2)
        assert rig.gateway.links["PF0001"].state == state


def test_what_cannot_be_sent_for_a_day_goes_to_fallout_key_by_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timers, "LOOK_S", HOUR)  # nothing of the core is due
    rig = Rig(peers())
    job = rig.send("a", "a")
    rig.run(23 * HOUR)
    assert set(rig.out().values()) == {"READY"}
    rig.run(2 * HOUR)
    assert rig.out() == dict.fromkeys(job.serials, "DEAD")
    assert rig.rows("SELECT error_class FROM fallout") == [("not_sent",), ("not_sent",)]


# -- what the peer's form cannot take -------------------------------------------------------------------------------------


def test_a_document_that_cannot_be_written_is_parked_and_the_key_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    rig, pf = made(receipt_for)
    encode, seen = rig.gateway.codec.encode, []

    def refuse(document: Any, charset: str) -> bytes:
        seen.append(document.header.serial)
        if seen[0] == document.header.serial:
            raise ValueError("not in this charset")
        return encode(document, charset)

    monkeypatch.setattr(rig.gateway.codec, "encode", refuse)
    job = rig.send("a", "a")
    rig.run(3)
    assert [rig.out()[one] for one in job.serials] == ["PARKED", "DONE"]
    assert pf.serials() == [job.serials[1]]
    assert rig.rows("SELECT error_class FROM fallout") == [("document",)]


# -- restart --------------------------------------------------------------------------------------------------------------


def test_a_restart_resumes_what_was_ready_and_sending() -> None:
    rig = Rig(peers())
    job = rig.send("r", "r")
    rig.run(1)
    rig = rig.restarted()
    assert set(rig.out().values()) == {"READY"}
    pf = rig.station(script=silent)
    rig.run(5)
    assert sorted(rig.out().values()) == ["READY", "SENDING"]
    pf.script = receipt_for
    rig = rig.restarted()
    rig.run(10)
    assert set(rig.out().values()) == {"DONE"}
    assert pf.serials() == [job.serials[0], job.serials[0], job.serials[1]]
    assert pf.received[0].body == pf.received[1].body


@pytest.mark.parametrize(("script", "state"), [(Script("STORAGE"), "RETRY"), (Script(None, fate=("stored", None)), "UNKNOWN")])
def test_a_restart_resumes_what_waits_for_its_time(script: Script, state: str) -> None:
    rig, pf = made(script, finds_duplicates=False)
    rig.send("a")
    rig.run(0)
    while list(rig.out().values()) != [state]:
        rig.run(1)
    rig = rig.restarted()
    pf.script = Script("ACCEPTED", fate=("stored", None))
    rig.run(60)
    assert list(rig.out().values()) == ["DONE"]


def test_a_restart_keeps_what_was_spent() -> None:
    """Tries of a class and the age of the unknown outcome are in the log, so a restart gives no second budget."""
    script = Script("STORAGE")
    rig, pf = made(script)
    rig.send("a")
    rig.run(1)
    while rig.one("SELECT tries FROM message") < 7:
        rig.run(10)
    rig = rig.restarted()
    rig.run(HOUR)
    assert len(pf.received) == 8
    assert list(rig.out().values()) == ["DEAD"]


def test_after_a_restart_the_core_still_hears_what_the_peer_says_of_a_dispatch() -> None:
    rig, pf = made(silent, finds_duplicates=False)
    rig.ask(rig.caller(), packet_of(submission(1)), seconds=2)
    assert rig.one("SELECT state FROM message WHERE code = 'OH01'") == "SENDING"
    pf.script = Script(None, fate=("applied", None))
    rig = rig.restarted()
    rig.run(10)
    assert rig.one("SELECT state FROM message WHERE code = 'OH01'") == "DONE"
    assert ("receipt",) in rig.rows("SELECT input FROM history WHERE subject = 'order'")
    assert [packet.code for packet in pf.received] == ["OH01", "RX04"]


def test_an_abandoned_gateway_writes_and_says_nothing_any_more() -> None:
    rig, pf = made(receipt_for)
    wire = rig.caller()
    dead = rig.gateway
    dead.abandon()
    rig.send("a")
    rig.run(300)
    assert rig.out() == {}
    assert not pf.wire.open
    assert not wire.open


# -- a store that says no -------------------------------------------------------------------------------------------------


def test_when_the_store_refuses_attempts_nothing_leaves_and_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    rig, pf = made(receipt_for)
    job = rig.send("a", "b")
    refused = _refusing(rig, monkeypatch, after=1)
    rig.run(1)
    assert refused
    assert pf.received == []
    monkeypatch.undo()
    rig.run(5)
    assert sorted(pf.serials()) == sorted(job.serials)
    assert set(rig.out().values()) == {"DONE"}
    assert rig.one("SELECT count(*) FROM message_body") == 2


def test_bytes_framed_in_a_group_that_was_rolled_back_are_recorded_with_the_attempt_that_sent_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig, pf = made(silent)
    rig.send("a")
    _refusing(rig, monkeypatch, after=1)
    rig.run(1)
    monkeypatch.undo()
    rig.run(5)
    rig = rig.restarted()
    rig.run(5)
    assert len(pf.received) == 2
    assert pf.received[0].body == pf.received[1].body
    assert rig.rows("SELECT raw FROM message_body") == [(pf.received[0].body,)]


def test_when_the_store_refuses_what_came_of_an_attempt_it_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    rig, pf = made(receipt_for)
    job = rig.send("a", "a")
    _refusing(rig, monkeypatch, after=2)
    rig.run(1)
    monkeypatch.undo()
    rig.run(30)
    assert rig.out() == dict.fromkeys(job.serials, "DONE")
    assert pf.serials() == [job.serials[0], job.serials[0], job.serials[1]]


def test_when_the_store_refuses_an_expiry_the_key_keeps_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(peers())
    job = rig.send("a", "a")
    rig.run(1)
    rig = rig.restarted(after=24 * HOUR - 60)
    refused = _refusing(rig, monkeypatch, after=0)
    rig.run(120)
    assert refused
    assert set(rig.out().values()) == {"READY"}
    monkeypatch.undo()
    pf = rig.station()
    rig.run(300)
    assert pf.serials() in ([], job.serials, job.serials[1:])
    assert set(rig.out().values()) <= {"DONE", "DEAD"}
    assert rig.gateway.pump.waiting("PF0001") == (0, 0, False)


def _refusing(rig: Rig, monkeypatch: pytest.MonkeyPatch, *, after: int) -> list[int]:
    """From the ``after``-th group from now on the store is full."""
    from adapters.store.driver import StoreFault

    flush, count = rig.store.flush, [after]
    refused: list[int] = []

    def full() -> None:
        if count[0] > 0:
            count[0] -= 1
            flush()
            return
        flush()
        refused.append(1)
        raise StoreFault("storage", "database or disk is full")

    monkeypatch.setattr(rig.store, "flush", full)
    return refused


def test_a_message_nobody_can_be_asked_about_ends_at_the_desk_and_holds_nobody_up() -> None:
    """The peer's envelope has no code for RX04: no answer came, and there is nothing to ask by (06.1 UNKNOWN)."""
    dialect = {"systems": {"CRM001": "6001030001", "PF0001": "6001030011"}, "codes": {"CH02": "BUS35011/SVC80003"}}
    pf = {"id": "PF0001", "role": "PF", "connect": ["mem://pf"], "listen": "s", "envelope": "contract-root", "dialect": dialect}
    rig = Rig((pf,))
    silent = rig.station("mem://pf", lambda packet: None)
    rig.send("A")
    rig.run(60)
    sent = len(silent.received)
    rig.send("B")
    rig.run(60)
    assert len(silent.received) > sent
    rig.run(3 * 3600)
    assert set(rig.out().values()) == {"DEAD"}
    assert rig.one("SELECT count(*) FROM fallout WHERE error_class = 'unknown'") == 2

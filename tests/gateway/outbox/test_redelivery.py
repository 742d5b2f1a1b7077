"""RX03 from a peer, and messages taken back: what is sent once more, what is not (spec 02.1, 5.7)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.document import Document, Header
from adapters.store import tables as t
from adapters.store.driver import FaultKind, StoreFault
from adapters.store.engine import open_engine
from adapters.store.rows import MessageRecord
from crm_core.fallout.desk import WorkFallout
from gateway.desk.orders import FalloutJob
from gateway.proof.heap_clock import HeapClock
from tests.gateway.outbox.test_pump import Script, made, peers
from tests.gateway.rig import CATALOGUE, CODEC, START, Rig, SlowCommit, Wire, packet_of, receipt_for, submission


def request(body: dict[str, Any], number: int) -> bytes:
    """RX03 of provisioning."""
    row = CATALOGUE.by_element("Redeliver")
    header = Header(row.code, f"PF000120261122090000{number:010d}", "PF0001", "CRM001", "025", "20261122090000", "0.9", "B")
    return CODEC.encode(Document(row, row.name, header, body), "UTF-8")


def ask(rig: Rig, wire: Wire, body: dict[str, Any], number: int = 1) -> dict[str, Any]:
    """RX03 of provisioning; its answer."""
    (answer,) = rig.ask(wire, packet_of(request(body, number)))
    return CODEC.decode(answer.body, answer.charset).body


def test_what_was_answered_is_sent_again_byte_for_byte_and_stays_answered() -> None:
    rig, pf = made(receipt_for)
    job = rig.send("a")
    rig.run(1)
    answer = ask(rig, rig.caller(), {"serials": [job.serials[0], "CRM001-NEVER"]})
    assert answer == {"redelivered": [{"serial": job.serials[0]}], "unknown_serials": ["CRM001-NEVER"]}
    rig.run(1)
    assert pf.serials() == job.serials * 2
    assert pf.received[0].body == pf.received[1].body
    assert rig.out() == {job.serials[0]: "DONE"}


@pytest.mark.parametrize("together", [True, False])
def test_asked_twice_for_in_one_group_or_while_one_commits_it_is_sent_twice(together: bool, tmp_path: Path) -> None:
    clock, engine = HeapClock(START), open_engine(f"sqlite:///{tmp_path}/store.db")
    t.metadata.create_all(engine)
    rig = Rig(peers(), engine=engine, clock=clock, runner=SlowCommit(clock, 1.0))
    pf = rig.station()
    rig.run(3)
    job = rig.send("a")
    rig.run(10)
    wire = rig.caller()
    asked = [packet_of(request({"serials": job.serials}, number)) for number in (1, 2)]
    for packets in ([asked] if together else [[one] for one in asked]):
        rig.ask(wire, *packets, seconds=0.3)
    rig.run(10)
    assert [CODEC.decode(one.body, one.charset).body for one in wire.got] == [{"redelivered": [{"serial": job.serials[0]}]}] * 2
    assert pf.serials() == job.serials * 3
    assert rig.out() == {job.serials[0]: "DONE"}
    engine.dispose()


def test_an_echo_waits_for_its_link() -> None:
    rig, pf = made(receipt_for)
    job = rig.send("a")
    rig.run(1)
    pf.stop()
    rig.run(1)
    assert "redelivered" in ask(rig, rig.caller(), {"serials": job.serials})
    again = rig.station()
    rig.run(120)
    assert again.serials() == job.serials


def test_what_was_given_up_begins_anew() -> None:
    rig, pf = made(Script("SCHEMA_FAULTS", "ACCEPTED"))
    job = rig.send("a")
    rig.run(1)
    assert rig.out() == {job.serials[0]: "DEAD"}
    assert ask(rig, rig.caller(), {"serials": job.serials}) == {"redelivered": [{"serial": job.serials[0]}]}
    rig.run(1)
    assert rig.out() == {job.serials[0]: "DONE"}
    assert pf.received[0].body == pf.received[1].body


def test_messages_of_others_are_none_of_its_business() -> None:
    rig, _ = made(receipt_for)
    job = rig.send("a", peer="BIL001")
    rig.run(1)
    assert ask(rig, rig.caller(), {"serials": job.serials}) == {"unknown_serials": job.serials}


def test_reports_of_ours_have_no_numbers() -> None:
    rig, _ = made(receipt_for)
    rig.ask(rig.caller(), packet_of(submission(1)))
    (order,) = rig.rows("SELECT id FROM service_order")[0]
    body = {"service_order_id": order, "from_seq": 2, "to_seq": 4}
    assert ask(rig, rig.caller(), body) == {"unknown_seqs": [2, 3, 4]}


def withdrawn() -> tuple[Rig, MessageRecord]:
    """A dispatch taken back before anybody tried to send it."""
    rig = Rig()
    rig.run(1)
    rig.ask(rig.caller(), packet_of(submission(1)))
    (serial,) = rig.rows("SELECT serial FROM message WHERE code = 'OH01'")[0]
    row = rig.rows("SELECT id, state FROM service_order")[0]
    assert row[1] == "SUBMITTED"
    from crm_core.orders.cancel import CancelOrder

    heard: list[dict[str, Any]] = []
    command = CancelOrder(row[0], {"type": "10C", "code": "10C001", "text": "客户不要了"})
    rig.gateway.desk.run(command, "OP1", "cancel", heard.append)
    rig.run(1)
    assert heard[0]["state"] == "CANCELLED"
    record = rig.store.sent_to("PF0001", [serial])[0]
    assert (record.state, record.error_class) == ("PARKED", "withdrawn")
    return rig, record


@pytest.mark.parametrize(("stands", "kind"), [(True, "data"), (True, "locked"), (False, "locked")])
def test_a_message_taken_back_by_a_commit_of_unknown_outcome_does_not_leave(stands: bool, kind: FaultKind) -> None:
    """The commit took place, or not, and was said to have failed: what it took back is looked for, or taken back anew."""
    from crm_core.orders.cancel import CancelOrder

    rig = Rig()
    rig.run(1)
    rig.ask(rig.caller(), packet_of(submission(1)))
    (order,) = rig.rows("SELECT id FROM service_order")[0]
    commit = rig.store.commit

    def doubtful() -> None:
        rig.store.commit = commit  # type: ignore[method-assign]
        if stands:
            commit()
        rig.store._commit_open = True
        raise StoreFault(kind, "nobody knows")

    rig.store.commit = doubtful  # type: ignore[method-assign]
    heard: list[dict[str, Any]] = []
    cancel = CancelOrder(order, {"type": "10C", "code": "10C001", "text": "客户不要了"})
    rig.gateway.desk.run(cancel, "OP1", "cancel", heard.append)
    rig.run(1)
    pf = rig.station()
    rig.run(60)
    assert heard
    assert rig.rows("SELECT state FROM service_order") == [("CANCELLED",)]
    assert rig.rows("SELECT state, error_class FROM message WHERE code = 'OH01'") == [("PARKED", "withdrawn")]
    assert "OH01" not in [packet.code for packet in pf.received]


def test_a_message_taken_back_is_unknown_to_whoever_asks_for_it() -> None:
    rig, record = withdrawn()
    pf = rig.station()
    assert ask(rig, rig.caller(), {"serials": [record.serial]}) == {"unknown_serials": [record.serial]}
    rig.run(60)
    assert "OH01" not in [packet.code for packet in pf.received]


def test_a_message_taken_back_is_not_sent_again_at_the_desk() -> None:
    rig, record = withdrawn()
    with rig.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO fallout (id, error_class, opened_at, zh, en, symbol, message_id, area, state, about_json,"
            " actions_json, row_version)"
            f" VALUES ('FO1', 'document', 1, 'x', 'x', '', {record.id}, '025', 'new', '{{}}', '[]', 0)"
        )
    heard: list[dict[str, Any]] = []
    work = WorkFallout("FO1", "retry", "OP1", "再试")
    job = FalloutJob(work, (record, {}), "CRM001", CATALOGUE, lambda message, document: None, heard.append, [].extend)
    rig.gateway.writer.submit(job)
    rig.run(1)
    assert (heard[0]["ok"], heard[0]["code"]) == (False, "3004")
    assert rig.rows("SELECT state FROM message WHERE code = 'OH01'") == [("PARKED",)]
    assert rig.rows("SELECT state FROM fallout WHERE id = 'FO1'") == [("new",)]


def test_an_order_whose_dispatch_nobody_could_be_sent_is_cancelled_at_once() -> None:
    from crm_core.orders.cancel import CancelOrder
    from tests.gateway.outbox.test_unparking import parked

    rig = parked()
    (order,) = rig.rows("SELECT id FROM service_order")[0]
    heard: list[dict[str, Any]] = []
    rig.gateway.desk.run(CancelOrder(order, {"type": "10C", "code": "10C001", "text": "不要了"}), "OP1", "cancel", heard.append)
    rig.run(1)
    assert heard[0]["state"] == "CANCELLED"
    assert rig.rows("SELECT code FROM message WHERE code = 'CN01'") == []
    assert rig.rows("SELECT state, error_class FROM message WHERE code = 'OH01'") == [("PARKED", "withdrawn")]

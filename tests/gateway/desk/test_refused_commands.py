"""A command refused for its form or its sender is no refusal of the order: a person sees to it, and it goes on (06.1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adapters.wire.packet import Packet
from gateway.cli.desk_requests import desk_requests
from tests.gateway.desk.test_desk_jobs import ask
from tests.gateway.rig import CATALOGUE, CODEC, Rig, Station, packet_of, receipt_for, serial, submission

FOR_A_PERSON = ("SCHEMA_FAULTS", "NOT_PERMITTED", "NOT_AUTHENTICATED", "SENDER_UNKNOWN")


def refusing(symbol: str, code: str) -> Any:
    """Takes everything but messages with ``code``."""
    return lambda packet: receipt_for(packet, symbol if packet.code == code else "ACCEPTED")


def submitted(script: Any) -> tuple[Rig, Station]:
    """One order, and provisioning that answers as ``script`` says."""
    rig = Rig()
    station = rig.station("mem://pf", script)
    rig.station("mem://bill")
    rig.run(1)
    answer = rig.ask(rig.caller(), packet_of(submission(1)), seconds=2)[0]
    assert answer.result == "0001"
    return rig, station


def cancel(rig: Rig) -> None:
    """The counter takes the order back."""
    good = next(path for path in CATALOGUE.samples("OrderOperation") if path.name.startswith("ok_cancel"))
    document = CODEC.decode(good.read_bytes())
    known = dict(zip(("service_order_id", "customer_order_id"),
                     rig.rows("SELECT id, customer_order_id FROM service_order")[0], strict=True))  # fmt: skip
    body = {name: value for name, value in document.body.items() if name != "version"} | known
    body["cancel"] = {"reason": body["cancel"]["reason"]}
    header = replace(document.header, serial=serial(77))
    raw = CODEC.encode(replace(document, header=header, body=body), "UTF-8")
    assert rig.ask(rig.caller(), packet_of(raw), seconds=5)[0].result == "0001"


def standing(rig: Rig) -> list[tuple[str, int]]:
    """How far each item is, and whether it stands in FALLOUT."""
    return [(progress, int(fallout)) for progress, fallout in rig.rows("SELECT progress, fallout FROM order_item")]


def resume(rig: Rig) -> None:
    """A person has the link to provisioning go on."""
    request = {"do": "link", "peer": "PF0001", "action": "resume", "operator": "OP1", "reason": "口令已改"}
    desk_requests(rig.gateway)["link"](request, lambda answer: None)


def mend(rig: Rig, station: Station) -> None:
    """Provisioning takes everything now; a person has the link resumed and the message tried again."""
    station.script = receipt_for
    resume(rig)
    record = rig.one("SELECT id FROM fallout WHERE closed_at IS NULL")
    assert ask(rig, id=record, action="retry", operator="OP1", reason="对端已修复")["ok"]
    rig.run(120)


@pytest.mark.parametrize("symbol", FOR_A_PERSON)
def test_a_dispatch_refused_for_its_form_waits_for_a_person_and_goes_on(symbol: str) -> None:
    rig, station = submitted(refusing(symbol, "OH01"))
    assert standing(rig) == [("SUBMITTED", 1)]
    first = station.received[0]
    mend(rig, station)
    assert standing(rig) == [("ACKNOWLEDGED", 0)]
    again = station.received[-1]
    assert (again.code, again.serial == first.serial) == ("OH01", False)
    assert CODEC.decode(again.body).body == CODEC.decode(first.body).body


def test_a_business_refusal_is_final() -> None:
    rig, _ = submitted(refusing("CUSTOMER_UNKNOWN", "OH01"))
    assert standing(rig) == [("REJECTED", 0)]
    assert rig.one("SELECT count(*) FROM fallout") == 0


def test_a_code_nobody_knows_leaves_the_link_and_the_order_as_they_are() -> None:
    def strange(packet: Packet) -> Packet:
        answer = receipt_for(packet)
        answer.result = "7777"
        return answer

    rig, _ = submitted(strange)
    assert standing(rig) == [("SUBMITTED", 1)]
    assert rig.rows("SELECT DISTINCT error_class FROM fallout") == [("document",)]


@pytest.mark.parametrize("symbol", ["NOT_AUTHENTICATED"])
def test_a_wrong_password_kills_no_order(symbol: str) -> None:
    """All that was under way when the link stopped goes on once the link does."""
    rig = Rig()
    station = rig.station("mem://pf", refusing(symbol, "OH01"))
    rig.run(1)
    rig.ask(rig.caller(), *[packet_of(submission(number)) for number in (1, 2, 3, 4)], seconds=2)
    assert standing(rig) == [("SUBMITTED", 1)] * 4
    station.script = receipt_for
    resume(rig)
    for (record,) in rig.rows("SELECT id FROM fallout WHERE closed_at IS NULL"):
        ask(rig, id=record, action="retry", operator="OP1", reason="口令已改")
    rig.run(120)
    assert standing(rig) == [("ACKNOWLEDGED", 0)] * 4


def test_a_cancel_refused_for_its_form_stays_asked_for() -> None:
    rig, station = submitted(refusing("SCHEMA_FAULTS", "CN01"))
    cancel(rig)
    refused = next(packet for packet in station.received if packet.code == "CN01")
    assert refused.serial in rig.one("SELECT operations_json FROM service_order")
    mend(rig, station)
    again = [packet for packet in station.received if packet.code == "CN01"][-1]
    assert again.serial != refused.serial
    assert again.serial in rig.one("SELECT operations_json FROM service_order")


def test_what_was_asked_before_its_order_closed_is_not_sent_again() -> None:
    """A record of an order that ended otherwise, as older stores hold them: a closed item never reopens (06.4)."""
    rig, station = submitted(refusing("SCHEMA_FAULTS", "OH01"))
    record = rig.one("SELECT id FROM fallout")
    assert ask(rig, id=record, action="close", operator="OP1", reason="客户放弃", approved_by="OP2")["ok"]
    rig.run(5)
    assert standing(rig) == [("FAILED", 0)]
    with rig.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE fallout SET state = 'new', owner = NULL, closed_at = NULL, actions_json = '[]'")
    rig, sent = rig.restarted(), len(station.received)
    rig.run(1)
    for dry_run in (True, False):
        answer = ask(rig, id=record, action="retry", operator="OP1", reason="x", dry_run=dry_run)
        assert (answer["code"], answer["state"]) == ("3004", "FAILED")
    rig.run(60)
    assert len(station.received) == sent

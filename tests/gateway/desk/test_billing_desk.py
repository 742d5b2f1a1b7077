"""A charging fact the desk sends again is still the fact it was: answered once, seen with its order (spec 5.4, 06.2, 06.4)."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.document import Document, Header
from adapters.wire.packet import Packet
from tests.gateway.desk.test_desk_jobs import ask
from tests.gateway.rig import CATALOGUE, CODEC, PEERS, Rig, Station, packet_of, receipt_for, serial, submission

PF, BILL = "PF0001", "BIL001"
PEERS_HERE = (*PEERS[:2], {**PEERS[2], "listen": "s"})
DONE = {
    "completed_by": "装维员乙",
    "time": "20261122100000",
    "items": [{"item_id": "1", "access_number": "02580000001", "resources": [
        {"res_inst_id": "P1", "res_type": "PORT", "role": "port", "code": "NJ-01"},
        {"res_inst_id": "N1", "res_type": "NUMBER", "role": "number", "code": "02580000001"},
    ]}],
}  # fmt: skip


def told(rig: Rig, sender: str, code: str, body: dict[str, Any], number: int, ref: str | None = None) -> str:
    """A message of a peer about our order; the result code it got."""
    row = CATALOGUE.message(code)
    header = Header(code, serial(number, sender), sender, "CRM001", "025", "20261122090000", "0.9", "A", ref_serial=ref)
    packet = packet_of(CODEC.encode(Document(row, row.name, header, body), "UTF-8"))
    return next(one.result for one in rig.ask(rig.caller(), packet) if one.is_answer)


class Refusing:
    """Billing that cannot read the first notice, and takes the next."""

    def __init__(self) -> None:
        self.symbols = ["SCHEMA_FAULTS"]

    def __call__(self, packet: Packet) -> Packet:
        return receipt_for(packet, self.symbols.pop() if self.symbols else "ACCEPTED")


def completed(script: Any) -> tuple[Rig, Station, str]:
    """An order that is done, its notice at billing."""
    rig = Rig(PEERS_HERE)
    rig.station()
    station = rig.station("mem://bill", script)
    rig.run(3)
    rig.ask(rig.caller(), packet_of(submission(1)))
    order_id = rig.one("SELECT id FROM service_order")
    head = {"service_order_id": order_id, "version": 1, "area": "025"}
    assert told(rig, PF, "OH08", {**head, **DONE}, 1) == "0001"
    rig.run(5)
    assert rig.one("SELECT state FROM service_order") == "COMPLETED"
    return rig, station, order_id


def test_a_notice_sent_again_under_a_new_serial_is_the_same_fact() -> None:
    rig, station, order_id = completed(Refusing())
    ((record, about),) = rig.rows("SELECT id, service_order_id FROM fallout")
    assert about == order_id  # it goes by its product instance, and is seen with its order
    assert ask(rig, id=record, action="retry", operator="OP1", reason="对端已修复")["ok"]
    rig.run(5)
    first, again = station.serials()
    assert first != again
    assert rig.rows("SELECT serial, state FROM billing_record") == [(again, "sent")]
    assert told(rig, BILL, "BL02", {"outcome": "accepted", "area": "025"}, 1, again) == "0001"
    assert rig.rows("SELECT state FROM billing_record") == [("accepted",)]


@pytest.mark.parametrize("late", [False, True])
def test_a_notice_never_answered_is_watched_again_after_a_retry_and_settled_by_its_answer(late: bool) -> None:
    rig, station, _ = completed(receipt_for)
    (notice,) = station.serials()
    rig.run(3700)
    ((record, state),) = rig.rows("SELECT id, state FROM fallout")
    assert state == "new"
    if not late:
        assert ask(rig, id=record, action="retry", operator="OP1", reason="已催计费")["ok"]
        rig.run(3700)
        assert rig.rows("SELECT state FROM fallout ORDER BY id") == [("closed",), ("new",)]
    assert told(rig, BILL, "BL02", {"outcome": "accepted", "area": "025"}, 1, notice) == "0001"
    assert {row[0] for row in rig.rows("SELECT state FROM fallout")} == {"closed"}
    assert rig.rows("SELECT state FROM billing_record") == [("accepted",)]

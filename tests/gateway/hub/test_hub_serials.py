"""Sender and serial stay the origin's where the far end can be told them, else ours is issued and the pair kept (README)."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.wire.packet import Kind
from gateway.hub.routing import Hub
from tests.gateway.hub.test_hub import PEERS, asked, hub
from tests.gateway.rig import CODEC, packet_of, result_of, sample, serial

SYSTEMS = {"CRM001": "6001030001", "PF0001": "6001030011", "RM0001": "6001030012"}
CODES = {"OH03": "BUS35011/SVC80003"}


def legs(rm: dict[str, Any] | None = None, pf: dict[str, Any] | None = None, told: str = "") -> list[str]:
    """The serials a command of PF came and went on under."""
    rig = hub(({**PEERS[0], **(pf or {})}, {**PEERS[1], **(rm or {})}))
    raw = asked(Serial=told) if told else asked()
    rig.ask(rig.caller(), packet_of(raw), seconds=1)
    return [one for (one,) in rig.rows("SELECT serial FROM message ORDER BY id")]


@pytest.mark.parametrize("rm", [{}, {"layout": "len4-be", "window": 1}, {"binding": "soap", "connect": ["mem://rm/in"]}])
def test_the_askers_serial_goes_on(rm: dict[str, Any]) -> None:
    assert legs(rm) == [serial(1, "PF0001"), serial(1, "PF0001")]


@pytest.mark.parametrize(
    "rm",
    [{"layout": "dc-64"}, {"envelope": "contract-root", "dialect": {"systems": SYSTEMS, "codes": CODES}}],
    ids=["header", "envelope"],
)
def test_one_of_ours_goes_on_where_the_far_end_has_no_room(rm: dict[str, Any]) -> None:
    came, went = legs(rm)
    assert (came, went[:6]) == (serial(1, "PF0001"), "CRM001")


@pytest.mark.parametrize(
    ("pf", "told"), [({"serials_trusted": False}, ""), ({}, "42"), ({}, serial(1, "PF0002"))], ids=["row", "form", "issuer"]
)
def test_one_of_ours_goes_on_where_the_askers_could_be_anybodys(pf: dict[str, Any], told: str) -> None:
    assert legs(pf=pf, told=told)[1].startswith("CRM001")


def test_a_result_that_names_the_askers_serial_finds_its_way_where_no_receiver_is_named() -> None:
    rig = hub()
    rig.station("mem://rm")
    pf = rig.station("mem://pf")
    rig.ask(rig.caller(), packet_of(asked()), seconds=2)
    given = {"Serial": serial(9, "RM0001"), "Sender": "RM0001", "Receiver": "PF0001", "RefSerial": serial(1, "PF0001")}
    rig.ask(rig.caller(), packet_of(sample("ResourceAssigned", **given), kind=Kind.NOTIFICATION), seconds=2)
    header = CODEC.decode(pf.received[0].body).header
    assert (header.serial, header.ref_serial) == (serial(9, "RM0001"), serial(1, "PF0001"))


def test_the_far_end_can_be_asked_about_it_by_the_askers_serial() -> None:
    rig = hub()
    rm = rig.station("mem://rm")
    raw = asked(5, "QueryMessage", Mode="B")
    document = CODEC.decode(raw)
    document.body.update(sender="PF0001", serial=serial(1, "PF0001"))
    rig.ask(rig.caller(), packet_of(asked()), packet_of(CODEC.encode(document, "UTF-8")), seconds=2)
    first, question = rm.received
    about = CODEC.decode(question.body).body
    assert (about["sender"], about["serial"]) == (first.sender, first.serial)


def test_two_legs_never_share_a_serial() -> None:
    """What was taken back and is put anew goes under one of ours: answers are matched by serial."""
    rig = hub()
    pf = rig.caller()
    question = packet_of(asked(2, "ReserveResource", Mode="B"))
    (answer,) = rig.ask(pf, question, seconds=45)
    assert result_of(answer)[0] == "9003"
    rig.ask(pf, question, seconds=1)
    assert [one[:6] for (one,) in rig.rows("SELECT serial FROM message WHERE direction = 'out'")] == ["PF0001", "CRM001"]


def test_a_layout_without_room_for_serials_is_not_narrow() -> None:
    rig = hub()
    assert isinstance(rig.gateway.dispatcher._hub, Hub)
    assert rig.gateway.dispatcher._hub._narrow == {"dc-64", "bd-272"}

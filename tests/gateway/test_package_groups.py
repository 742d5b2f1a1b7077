"""Messages in several packages: each durable, the message taken once when all are here, in any order, over a restart (05.1)."""

from __future__ import annotations

from copy import deepcopy
from itertools import permutations
from typing import Any

import pytest
from lxml import etree

from adapters.document import Document
from adapters.envelopes.dialect import Dialect
from adapters.envelopes.envelope import envelope
from adapters.envelopes.inner import cdata
from adapters.store.driver import StoreFault
from adapters.wire.packet import Packet
from gateway.package_groups import REMEMBERED
from tests.gateway.rig import CODEC, Rig, packet_of, sample

SYSTEMS = {"CRM001": "6001030001", "PF0001": "6001030011", "RM0001": "6001030012"}
CODES = {"OH03": "BUS35011/SVC80003", "OH01": "BUS14001/SVC11001"}
GROUP = {"envelope": "contract-root", "dialect": {"systems": SYSTEMS, "codes": CODES}}
PEERS: tuple[dict[str, Any], ...] = (
    {"id": "PF0001", "role": "PF", "listen": "s", **GROUP},
    {"id": "RM0001", "role": "RM", "connect": ["mem://rm"]},
)
VOICE = envelope(CODEC, "contract-root", Dialect(own="PF0001", peer="CRM001", systems=SYSTEMS, codes=CODES))


def asked() -> Document:
    """A command of PF for RM."""
    return CODEC.decode(sample("AssignResource", Sender="PF0001", Receiver="RM0001"))


def package(text: str, at: object, total: object = 3, group: str = "G1", number: int | None = None) -> Packet:
    """One package: a part of the document's text, under a serial of its own."""
    root = etree.fromstring(VOICE.encode(asked(), "UTF-8"))
    head = root.find("TcpCont")
    serial = f"600103001120261122{number if number is not None else at:010d}"
    head.find("TransactionID").text = serial
    for name, value in (("PackageGroup", group), ("TotalPackageNum", total), ("CurrentPackage", at)):
        etree.SubElement(head, name).text = str(value)
    root.find("SvcCont").text = "@"
    raw = etree.tostring(root, encoding="unicode").replace("@", cdata(text)).encode("gb18030")
    packet = packet_of(sample("AssignResource", Sender="PF0001", Receiver="RM0001"), serial=serial, charset="GB18030")
    packet.body = raw
    return packet


def parts(count: int = 3) -> list[str]:
    """The document's text, cut anywhere."""
    text = CODEC.body_text(asked())
    size = -(-len(text) // count)
    return [text[at : at + size] for at in range(0, len(text), size)]


def packages() -> list[Packet]:
    return [package(text, at) for at, text in enumerate(parts(), 1)]


def code(packet: Packet) -> str:
    return packet.result


def legs(rig: Rig) -> list[tuple[Any, ...]]:
    return rig.rows("SELECT direction, element, state, result_code FROM message ORDER BY id")


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_message_is_taken_once_when_all_its_packages_are_here(order: tuple[int, ...]) -> None:
    rig = Rig(PEERS)
    rm, pf, sent = rig.station("mem://rm"), rig.caller(), packages()
    for at in order:
        assert rm.received == []
        (answer,) = rig.ask(pf, sent[at], seconds=2)
        assert answer.result == "0001"
    (gone,) = rm.received
    assert CODEC.decode(gone.body).body == asked().body
    assert [row[2] for row in legs(rig)] == ["DONE"] * 4
    assert [row[1] for row in legs(rig)] == ["PackageGroup", "PackageGroup", "AssignResource", "AssignResource"]
    for packet in sent:  # all of it again: stored answers, nothing else
        (again,) = rig.ask(pf, packet, seconds=2)
        assert again.result == "0001"
    assert (len(rm.received), len(legs(rig))) == (1, 4)


def test_packages_at_once_on_one_connection() -> None:
    rig = Rig(PEERS)
    rm = rig.station("mem://rm")
    answers = rig.ask(rig.caller(), *packages(), seconds=3)
    assert [answer.result for answer in answers] == ["0001"] * 3
    assert len(rm.received) == 1


def test_what_came_before_a_restart_counts() -> None:
    rig = Rig(PEERS)
    one, two, three = packages()
    assert [answer.result for answer in rig.ask(rig.caller(), one, two, seconds=2)] == ["0001", "0001"]
    assert legs(rig) == [("in", "PackageGroup", "PARKED", "0001")] * 2
    rig = rig.restarted()
    rm = rig.station("mem://rm")
    (again,) = rig.ask(rig.caller(), one, seconds=2)
    assert (again.result, rm.received) == ("0001", [])
    (answer,) = rig.ask(rig.caller(), three, seconds=2)
    assert answer.result == "0001"
    assert CODEC.decode(rm.received[0].body).body == asked().body
    assert [row[2] for row in legs(rig)] == ["DONE"] * 4


def test_groups_do_not_mix() -> None:
    rig = Rig(PEERS)
    rm, pf = rig.station("mem://rm"), rig.caller()
    one, two, three = parts()
    rig.ask(pf, package(one, 1), package(one, 1, group="G2", number=11), package(two, 2), seconds=2)
    rig.ask(pf, package(three, 3, group="G2", number=13), seconds=2)
    assert rm.received == []
    rig.ask(pf, package(three, 3), seconds=2)
    assert len(rm.received) == 1


@pytest.mark.parametrize(
    ("packet", "result"),
    [
        (package("x", 1, number=9), "1010"),
        (package("x", 2, 4), "1010"),
        (package("x", 9), "1002"),
        (package("x", 0), "1002"),
        (package("x", 2, 101), "1002"),
        (package("x", 2, "many"), "1002"),
        (package("x", 2, group=""), "1002"),
    ],
)
def test_what_is_no_package_of_its_group_is_refused_and_the_group_stands(packet: Packet, result: str) -> None:
    rig = Rig(PEERS)
    rm, pf = rig.station("mem://rm"), rig.caller()
    one, two, three = packages()
    rig.ask(pf, one, seconds=1)
    (answer,) = rig.ask(pf, packet, seconds=1)
    assert code(answer) == result
    if packet.serial != two.serial:
        assert [answer.result for answer in rig.ask(pf, two, three, seconds=2)] == ["0001", "0001"]
        assert len(rm.received) == 1


def test_what_the_packages_make_is_judged_as_any_document() -> None:
    rig = Rig(PEERS)
    rm, pf = rig.station("mem://rm"), rig.caller()
    texts = parts()
    texts[1] = texts[1].replace("<version>", "<version>x", 1) if "<version>" in texts[1] else texts[1][:-9]
    answers = rig.ask(pf, *(package(text, at) for at, text in enumerate(texts, 1)), seconds=2)
    assert [answer.result for answer in answers][:2] == ["0001", "0001"]
    assert answers[2].result in ("1001", "1002", "9001")
    assert rm.received == []


def test_a_group_of_one_is_a_message() -> None:
    rig = Rig(PEERS)
    rm = rig.station("mem://rm")
    (answer,) = rig.ask(rig.caller(), package(CODEC.body_text(asked()), 1, 1), seconds=2)
    assert (answer.result, len(rm.received)) == ("0001", 1)


def test_packages_together_are_no_larger_than_a_document_may_be() -> None:
    rig = Rig(PEERS)
    text = "<a>" + "<b/>" * 12_000
    answers = rig.ask(rig.caller(), *(package(text, at) for at in (1, 2, 3)), seconds=2)
    assert [answer.result for answer in answers] == ["0001", "0001", "1008"]


def test_operations_spread_over_packages_are_one_message() -> None:
    whole = envelope(CODEC, "contract-root", Dialect(own="CRM001", peer="PF0001", systems=SYSTEMS, inner="soo"))
    document = CODEC.decode(sample("DispatchOrder"))
    root = etree.fromstring(whole.encode(document, "UTF-8"))
    count = len(root.findall(".//SOO"))
    pieces = []
    for at in range(1, count + 1):
        one = deepcopy(root)
        holder = one.find("SvcCont")
        for number, soo in enumerate(list(holder), 1):
            if number != at:
                holder.remove(soo)
        for name, value in (("PackageGroup", "G"), ("TotalPackageNum", count), ("CurrentPackage", at)):
            etree.SubElement(one.find("TcpCont"), name).text = str(value)
        pieces.append(whole.decode(etree.tostring(one)).header.piece)
    made = pieces[-1].join(list(reversed(pieces)))
    assert (made.element, made.body) == (document.element, document.body)
    assert len(made.header.operations) == count


def test_many_groups_at_once_all_get_whole() -> None:
    """Their packages come faster than they are committed, and there are more than are remembered."""
    rig = Rig(PEERS)
    rm = rig.station("mem://rm")
    one, two = parts(2)
    many = range(REMEMBERED + 8)
    firsts = [package(one, 1, 2, f"G{n}", 2 * n) for n in many]
    seconds = [package(two, 2, 2, f"G{n}", 2 * n + 1) for n in many]
    answers = rig.ask(rig.caller(), *firsts, *seconds, seconds=5)
    assert {answer.result for answer in answers} == {"0001"}
    assert {row[2] for row in legs(rig)} == {"DONE"}
    assert len(rm.received) == len(many)


def test_the_packages_wait_on_where_the_whole_message_was_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sender is told to try again, and its last package completes the group then."""
    rig = Rig(PEERS)
    rm, pf, (one, two, three) = rig.station("mem://rm"), rig.caller(), packages()
    rig.ask(pf, one, two, seconds=2)
    flush, store = rig.gateway.store.flush, rig.gateway.store

    def no_relays() -> None:
        if any(row[5] == "AssignResource" for row in store._rows["message"]):
            raise StoreFault("data", "this row cannot be kept")
        flush()

    monkeypatch.setattr(store, "flush", no_relays)
    (answer,) = rig.ask(pf, three, seconds=2)
    assert answer.result.startswith("9")
    assert [row[2] for row in legs(rig)] == ["PARKED", "PARKED"]
    monkeypatch.undo()
    (answer,) = rig.ask(pf, three, seconds=2)
    assert answer.result == "0001"
    assert ([row[2] for row in legs(rig)], len(rm.received)) == (["DONE"] * 4, 1)


def test_groups_whose_names_begin_alike_do_not_mix() -> None:
    rig = Rig(PEERS)
    (one, two), name = parts(2), "G" * 60
    rig.ask(rig.caller(), package(one, 1, 2, f"{name}1", 1), package(one, 1, 2, f"{name}2", 2), seconds=2)
    rig = rig.restarted()
    rm = rig.station("mem://rm")
    answers = rig.ask(rig.caller(), package(two, 2, 2, f"{name}1", 3), package(two, 2, 2, f"{name}2", 4), seconds=2)
    assert ([answer.result for answer in answers], len(rm.received)) == (["0001"] * 2, 2)


def test_the_packages_of_a_group_are_bounded_as_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.package_groups.MOST_BYTES", 60_000)
    rig = Rig(PEERS)
    pf, text = rig.caller(), "x" * 25_000
    results = [rig.ask(pf, package(text, at, 9), seconds=1)[0].result for at in (1, 2, 3)]
    assert results == ["0001", "0001", "1008"]


def test_what_is_remembered_of_all_groups_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.package_groups.REMEMBERED_BYTES", 60_000)
    rig = Rig(PEERS)
    pf, groups = rig.caller(), rig.gateway.dispatcher.groups
    for number in range(6):
        rig.ask(pf, package("x" * 25_000, 1, 2, f"G{number}", number), seconds=1)
    assert groups is not None
    assert 0 < groups.size <= 90_000

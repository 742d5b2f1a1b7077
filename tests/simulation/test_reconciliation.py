"""Reconciling over the wire, both ways, with every simulated system (spec 02.1 RX01 and RX02, 06.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from adapters.document import Document, Header
from adapters.wire.packet import Kind, Packet
from adapters.wire.times import wire_time
from gateway.cli.desk_requests import desk_requests
from gateway.cli.reconcile import tell
from gateway.proof.world import BILL, CHANNEL, CRM, PF, RM, World, WorldPlan

pytestmark = pytest.mark.simulation

PAIRS = {PF: "CRM-PF", RM: "CRM-RM", BILL: "CRM-BILL"}
SPAN = {"begin": "20261101000000", "end": "20261201000000"}
AREA = "025"


@pytest.fixture
def world() -> World:
    """Eight orders that have ended well."""
    made = World(WorldPlan(seed=3, orders=8))
    assert made.run().sound
    return made


def reconcile(world: World, peer: str, **more: Any) -> dict[str, Any]:
    """What the command is told."""
    got: list[dict[str, Any]] = []
    request = {"do": "reconcile", "peer": peer, "area": AREA, **SPAN} | more
    desk_requests(world.gateway)["reconcile"](request, got.append)
    world.clock.advance(30_000)
    (reply,) = got
    return reply


def ask(world: World, sender: str, code: str, body: dict[str, Any], number: int = 1) -> tuple[str, dict[str, Any]]:
    """The gateway's answer to a peer: element and body."""
    codec, now = world.gateway.codec, wire_time(world.clock.now())
    row = codec.catalogue.message(code)
    serial = f"{sender}{now}7{number:09d}"
    raw = codec.encode(Document(row, row.name, Header(code, serial, sender, CRM, AREA, now, "0.9", "B"), body), "UTF-8")
    packet = Packet(
        body=raw, kind=Kind.REQUEST, code=code, sender=sender, receiver=CRM, area=AREA, serial=serial, send_time=now, mode="B",
        charset="UTF-8",
    )  # fmt: skip
    got: list[bytes] = []
    world.gateway.dispatcher.take_in(packet, got.append)
    world.clock.advance(500)
    (answer,) = got
    document = codec.decode(answer, "UTF-8")
    return document.element, document.body


@pytest.mark.parametrize("peer", list(PAIRS))
def test_equal_ledgers_give_the_same_digest_and_no_difference(world: World, peer: str) -> None:
    reply = reconcile(world, peer, detail=True)
    assert (reply["ok"], reply["equal"], reply["differences"]) == (True, True, [])
    assert reply["own"] == reply["theirs"]
    assert reply["own"]["totals"][0]["count"] > 1


@pytest.mark.parametrize("peer", list(PAIRS))
def test_a_peer_that_asks_hears_the_digest_of_its_own_ledger(world: World, peer: str) -> None:
    theirs = reconcile(world, peer)["theirs"]
    element, body = ask(world, peer, "RX01", {"pair": PAIRS[peer], "area": AREA, "window": SPAN})
    assert (element, body["digest"], body["totals"]) == ("ReconcileSummaryAnswer", theirs["digest"], theirs["totals"])


def test_a_logical_day_is_as_good_as_its_window(world: World) -> None:
    window = {"begin": "20261121000000", "end": "20261122000000"}
    _, by_window = ask(world, PF, "RX01", {"pair": "CRM-PF", "area": AREA, "window": window})
    _, by_day = ask(world, PF, "RX01", {"pair": "CRM-PF", "area": AREA, "logical_day": "20261121"}, 2)
    _, other = ask(world, PF, "RX01", {"pair": "CRM-PF", "area": AREA, "logical_day": "20261120"}, 3)
    assert (by_day["digest"], by_day["totals"][0]["count"] > 0) == (by_window["digest"], True)
    assert other["totals"] == [{"name": "ALL", "count": 0, "amount": 0}]


def test_detail_comes_in_pages_in_key_order(world: World) -> None:
    scope = {"pair": "CRM-RM", "area": AREA, "window": SPAN}
    _, whole = ask(world, RM, "RX02", scope)
    pages = [ask(world, RM, "RX02", scope | {"page_no": n, "page_size": 2}, n + 1)[1] for n in (1, 2)]
    keys = [row["key"] for row in whole["rows"]]
    assert keys == sorted(keys)
    assert [row["key"] for page in pages for row in page["rows"]] == keys[:4]
    assert pages[1]["page"] == {"page_no": 2, "page_size": 2, "total_count": len(keys)}


@pytest.mark.parametrize(("sender", "pair"), [(PF, "CRM-BILL"), (CHANNEL, "CRM-PF"), (PF, "GCRM-PCRM")])
def test_nobody_hears_of_somebody_elses_pair(world: World, sender: str, pair: str) -> None:
    element, body = ask(world, sender, "RX01", {"pair": pair, "area": AREA, "window": SPAN})
    assert (element, body["code"]) == ("Receipt", "2002")


def test_a_day_that_does_not_exist_is_refused(world: World) -> None:
    element, _ = ask(world, PF, "RX01", {"pair": "CRM-PF", "area": AREA, "logical_day": "20261399"})
    assert element == "Receipt"


def forget_order(world: World) -> str:
    brain: Any = world.hosts[PF].brain
    key = next(name for name, order in brain.orders.items() if order.image["area"] == AREA)
    del brain.orders[key]
    return str(key)


def forget_fact(world: World) -> str:
    brain: Any = world.hosts[BILL].brain
    key = next(name for name, entry in brain.entries.items() if entry.body["area"] == AREA)
    serial = brain.entries[key].serial
    del brain.entries[key]
    return str(serial)


def free_resource(world: World) -> str:
    brain: Any = world.hosts[RM].brain
    used = next(one for one in brain.plant.resources.values() if one.area == AREA and one.state == "4")
    used.state = "0"
    return str(used.id)


@pytest.mark.parametrize(("peer", "lose"), [(PF, forget_order), (BILL, forget_fact), (RM, free_resource)])
def test_what_a_peer_lost_is_listed_as_ours_only(world: World, peer: str, lose: Callable[[World], str]) -> None:
    key = lose(world)
    reply = reconcile(world, peer)
    assert (reply["equal"], [(row["key"], row["kind"]) for row in reply["differences"]]) == (False, [(key, "only_left")])


def test_what_a_message_under_way_explains_is_no_difference(world: World) -> None:
    key = forget_order(world)
    forgotten = "UPDATE message SET state = 'UNKNOWN', closed_at = NULL WHERE code = 'OH01' AND order_key = ?"
    world.store.driver.all(forgotten, (key,))
    reply = reconcile(world, PF)
    assert [(row["key"], row["under_way"]) for row in reply["differences"]] == [(key, True)]
    assert reply["equal"]


def test_the_comparison_reads_in_both_languages(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    key = forget_order(world)
    tell(PF, reconcile(world, PF))
    told = capsys.readouterr().out
    for part in ("CRM-PF 025", "ALL", key, "仅本方有 only here", "1 处差异 / differences"):
        assert part in told


def test_what_we_lost_is_listed_as_theirs_only(world: World) -> None:
    world.store.driver.all("DELETE FROM service_order WHERE id = ?", ("SO000000000001",))
    reply = reconcile(world, PF)
    assert [(row["key"], row["kind"]) for row in reply["differences"]] == [("SO000000000001", "only_right")]


def test_a_state_and_a_version_that_differ_are_two_differences(world: World) -> None:
    world.store.driver.all("UPDATE service_order SET state = 'CANCELLED', version = 2 WHERE id = ?", ("SO000000000001",))
    reply = reconcile(world, PF)
    assert [row["kind"] for row in reply["differences"]] == ["state", "version"]
    assert reply["differences"][0]["theirs"]["state"] == "COMPLETED"


def test_a_peer_that_is_down_is_said_to_be(world: World) -> None:
    world.hosts[BILL].stop()
    world.clock.advance(1_000)
    reply = reconcile(world, BILL)
    assert (reply["ok"], "BIL001" in reply["en"]) == (False, True)


@pytest.mark.parametrize("wrong", [{"peer": CHANNEL}, {"peer": "NOBODY"}, {"begin": "yesterday"}, {"area": ""}])
def test_what_cannot_be_asked_is_refused_at_once(world: World, wrong: dict[str, str]) -> None:
    assert reconcile(world, **({"peer": PF} | wrong))["ok"] is False

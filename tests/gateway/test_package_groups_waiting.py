"""Packages whose group does not get whole: told once, after a restart too, closed by the late one or given up (05.1, 06.1)."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.store.mapping import loads
from adapters.store.tables import WAITING_PIECE
from gateway.proof.auditor import nothing_is_left
from gateway.waiting_groups import LIMIT_MS
from schemas.loader import load
from tests.gateway.desk.test_desk_jobs import ask
from tests.gateway.rig import CODEC, Rig
from tests.gateway.test_package_groups import PEERS, asked, legs, package, packages, parts

LIMIT_S = LIMIT_MS // 1000
A_LOOK = 61


def waiting(*places: int) -> Rig:
    """These packages of three came."""
    rig = Rig(PEERS)
    sent = packages()
    answers = rig.ask(rig.caller(), *(sent[at - 1] for at in places), seconds=2)
    assert [answer.result for answer in answers] == ["0001"] * len(places)
    return rig


def records(rig: Rig) -> list[tuple[Any, ...]]:
    return rig.rows("SELECT state, error_class, symbol, message_id FROM fallout ORDER BY id")


def late(rig: Rig, at: int) -> str:
    """The result a package gets that comes now."""
    (answer,) = rig.ask(rig.caller(), packages()[at - 1], seconds=2)
    return answer.result


def test_a_group_that_waits_within_the_limit_is_nobodys_business() -> None:
    rig = waiting(1)
    rig.run(LIMIT_S - A_LOOK)
    assert late(rig, 2) == "0001"  # the limit counts from the last package
    rig.run(LIMIT_S - A_LOOK)
    assert records(rig) == []


def test_past_the_limit_a_person_is_told_once_what_is_missing() -> None:
    rig = waiting(1, 3)
    rig.run(LIMIT_S + A_LOOK)
    assert records(rig) == [("new", "incomplete", "SEGMENT_SEQUENCE", 1)]
    ((about, zh, en),) = rig.rows("SELECT about_json, zh, en FROM fallout")
    said = loads(about)
    assert (said["peer"], said["group"], said["total"], said["here"], said["missing"]) == ("PF0001", "G1", 3, [1, 3], [2])
    assert ("缺第 2 包" in zh, "2 are missing" in en) == (True, True)
    rig.run(3 * LIMIT_S)
    assert len(records(rig)) == 1
    assert [row[2] for row in legs(rig)] == ["PARKED", "PARKED"]
    with rig.engine.connect() as connection:
        assert list(nothing_is_left(connection, load())) == []


def test_after_a_restart_it_is_found_and_not_told_again() -> None:
    rig = waiting(2).restarted()
    rig.run(LIMIT_S + A_LOOK)
    assert len(records(rig)) == 1
    rig = rig.restarted()
    rig.run(LIMIT_S + A_LOOK)
    assert len(records(rig)) == 1


def test_a_package_that_does_not_make_it_whole_opens_no_second_record() -> None:
    rig = waiting(1)
    rig.run(LIMIT_S + A_LOOK)
    assert late(rig, 2) == "0001"
    rig.run(LIMIT_S + A_LOOK)
    assert len(records(rig)) == 1


def test_each_group_has_a_record_of_its_own() -> None:
    rig = waiting(1)
    rig.ask(rig.caller(), package(parts()[0], 1, group="G2", number=11), seconds=1)
    rig.run(LIMIT_S + A_LOOK)
    assert len(records(rig)) == 2


@pytest.mark.parametrize("restart", [False, True])
def test_the_late_package_makes_the_message_and_closes_the_record(restart: bool) -> None:
    rig = waiting(1, 2)
    rm = rig.station("mem://rm")
    rig.run(LIMIT_S + A_LOOK)
    assert len(records(rig)) == 1
    rig = rig.restarted() if restart else rig
    assert late(rig, 3) == "0001"
    rig.run(A_LOOK)
    assert [CODEC.decode(one.body).body for one in rm.received] == [asked().body]
    assert [row[0] for row in records(rig)] == ["closed"]
    assert [row[2] for row in legs(rig)] == ["DONE"] * 4


@pytest.mark.parametrize("action", ["skip", "ignore"])
def test_given_up_at_the_desk_its_packages_wait_no_longer(action: str) -> None:
    rig = waiting(1, 2)
    rig.run(LIMIT_S + A_LOOK)
    ((name,),) = rig.rows("SELECT id FROM fallout")
    assert ask(rig, id=name, action=action, operator="OP1", reason="试算", dry_run=True)["ok"]
    assert [row[2] for row in legs(rig)] == ["PARKED", "PARKED"]
    assert ask(rig, id=name, action=action, operator="OP1", reason="对端不再补发")["state"] == "closed"
    assert rig.rows("SELECT state, error_class, result_code FROM message") == [("DONE", "skipped", "0001")] * 2
    rm = rig.station("mem://rm")
    assert late(rig, 3) == "0001"  # a group that begins anew
    assert (rm.received, legs(rig)[-1][2]) == ([], "PARKED")
    rig.run(LIMIT_S + A_LOOK)
    assert [row[0] for row in records(rig)] == ["closed", "new"]


def test_a_package_cannot_be_sent_again_by_the_receiver() -> None:
    rig = waiting(1)
    rig.run(LIMIT_S + A_LOOK)
    ((name,),) = rig.rows("SELECT id FROM fallout")
    assert ask(rig, id=name, action="retry", operator="OP1", reason="x")["code"] == "3004"
    assert (records(rig)[0][0], legs(rig)[0][2]) == ("new", "PARKED")


def test_what_cannot_be_read_any_more_is_told_too() -> None:
    rig = waiting(1)
    changed = tuple({k: v for k, v in peer.items() if k not in ("envelope", "dialect")} for peer in PEERS)
    rig = rig.restarted(peers=changed)
    rig.run(LIMIT_S + A_LOOK)
    assert len(records(rig)) == 1


def test_the_look_reads_only_what_waits() -> None:
    rig = waiting(1)
    sql = f"EXPLAIN QUERY PLAN SELECT peer FROM message WHERE {WAITING_PIECE} GROUP BY peer, order_key"
    assert any("ix_message_waiting_piece" in row[-1] for row in rig.rows(sql))

"""A person skips and resumes single messages, holds and releases keys, stops links; all of it outlives a restart (06.1)."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.wire.packet import Packet
from tests.gateway.desk.test_desk_jobs import ask
from tests.gateway.outbox.test_pump import Script, made, peers, silent
from tests.gateway.rig import Rig, Station, receipt_for


def act(rig: Rig, action: str, name: str, **changes: Any) -> dict[str, Any]:
    return ask(rig, **{"do": "message", "action": action, "name": name, "operator": "OP1", "reason": "对端异常", **changes})


def waiting() -> tuple[Rig, Station, list[str], Script]:
    """Two messages of a key: the first waits to be tried again after a technical refusal."""
    script = Script("STORAGE", "OK")
    rig, station = made(script)
    job = rig.send("a", "a")
    rig.run(0.3)
    assert [rig.out()[one] for one in job.serials] == ["RETRY", "READY"]
    return rig, station, job.serials, script


def test_a_skipped_message_is_parked_and_its_key_goes_on() -> None:
    rig, station, serials, _ = waiting()
    answer = act(rig, "skip", serials[0])
    assert (answer["ok"], answer["state"]) == (True, "PARKED")
    rig.run(2)
    assert [rig.out()[one] for one in serials] == ["PARKED", "DONE"]
    assert station.serials() == serials
    assert rig.rows("SELECT error_class, state FROM fallout") == [("skipped", "new")]
    assert rig.rows("SELECT actor, detail FROM history WHERE input = 'skip'") == [("OP1", "对端异常")]


def test_one_that_stands_behind_another_is_skipped_where_it_stands() -> None:
    rig, station, serials, _ = waiting()
    assert act(rig, "skip", serials[1])["ok"]
    rig.run(30)
    assert [rig.out()[one] for one in serials] == ["DONE", "PARKED"]
    assert station.serials() == [serials[0], serials[0]]


@pytest.mark.parametrize("restart", [False, True])
def test_skipped_and_resumed_it_leaves_under_its_serial_and_its_record_closes(restart: bool) -> None:
    rig, station, serials, _ = waiting()
    act(rig, "skip", serials[0])
    rig.run(2)
    if restart:
        rig = rig.restarted()
        rig.run(2)
    assert act(rig, "resume", serials[0])["state"] == "READY"
    rig.run(5)
    assert set(rig.out().values()) == {"DONE"}
    assert station.serials()[-1] == serials[0]
    assert rig.rows("SELECT state FROM fallout") == [("closed",)]


def test_one_that_waits_for_its_time_is_tried_at_once() -> None:
    rig, _, serials, _ = waiting()
    assert act(rig, "resume", serials[0])["state"] == "RETRY"
    rig.run(0.5)
    assert [rig.out()[one] for one in serials] == ["DONE", "DONE"]


@pytest.mark.parametrize("action", ["skip", "resume"])
def test_what_has_ended_is_neither_skipped_nor_resumed(action: str) -> None:
    rig, _ = made(receipt_for)
    rig.send("a")
    rig.run(1)
    serial = next(iter(rig.out()))
    assert (act(rig, action, serial)["code"], rig.out()[serial]) == ("3004", "DONE")


def test_one_under_way_waits_for_its_answer() -> None:
    held: list[Packet] = []
    rig, station = made(held.append)
    rig.send("a")
    rig.run(1)
    serial = next(iter(rig.out()))
    answer = act(rig, "skip", serial)
    assert (answer["code"], answer["state"]) == ("3004", "SENDING")
    station.wire.send(receipt_for(held[-1]))
    rig.run(1)
    assert rig.out()[serial] == "DONE"


@pytest.mark.parametrize(("changes", "code"), [({"reason": ""}, "3020"), ({"operator": ""}, "3020")])
def test_a_refused_act_leaves_the_message_where_it_was(changes: dict[str, str], code: str) -> None:
    rig, _, serials, _ = waiting()
    assert act(rig, "skip", serials[0], **changes)["code"] == code
    assert not act(rig, "skip", "0" * 30)["ok"]
    assert not act(rig, "dance", serials[0])["ok"]
    rig.run(30)
    assert set(rig.out().values()) == {"DONE"}


@pytest.mark.parametrize("restart", [False, True])
def test_a_held_key_sends_nothing_until_it_is_released(restart: bool) -> None:
    rig, station, serials, _ = waiting()
    assert act(rig, "hold", "a", reason="等待核实")["state"] == "held"
    rig.send("b", "a")
    if restart:
        rig.run(1)
        rig = rig.restarted()
    rig.run(60)
    assert [state for serial, state in rig.out().items() if serial in serials] == ["RETRY", "READY"]
    assert list(rig.out().values())[2:] == ["DONE", "READY"]
    assert rig.gateway.status()["held_keys"] == [{"key": "a", "reason": "等待核实"}]
    assert act(rig, "release", "a")["state"] == "released"
    rig.run(5)
    assert set(rig.out().values()) == {"DONE"}
    assert rig.gateway.status()["held_keys"] == []
    assert len(station.received) == 5


def test_what_was_under_way_when_its_key_was_held_is_not_tried_again_before_the_release() -> None:
    rig, station = made(silent)
    rig.send("a")
    rig.run(1)
    act(rig, "hold", "a")
    rig.run(200)
    assert len(station.received) == 1
    station.script = receipt_for
    act(rig, "release", "a")
    rig.run(30)
    assert set(rig.out().values()) == {"DONE"}


def test_a_link_stopped_by_a_person_is_stopped_after_a_restart_until_it_is_resumed() -> None:
    rig = Rig(peers())
    station = rig.station()
    rig.run(3)
    given = {"do": "link", "peer": "PF0001", "operator": "OP1", "reason": "对端割接"}
    assert ask(rig, action="stop", **given)["state"] == "stopped"
    rig.send("a")
    rig.run(5)
    again = rig.restarted()
    again.run(30)
    assert station.received == []
    assert {row["peer"]: row["stopped"] for row in again.gateway.status()["links"]}["PF0001"] == "OP1: 对端割接"
    ask(again, action="resume", **given)
    again.run(5)
    assert set(again.out().values()) == {"DONE"}
    third = again.restarted()
    assert {row["peer"]: row["stopped"] for row in third.gateway.status()["links"]}["PF0001"] is None

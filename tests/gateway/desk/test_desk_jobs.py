"""The desk over a running gateway: messages sent again or corrected, answers after the commit (spec 06.2, 06.1)."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.cli.desk_requests import desk_requests
from tests.gateway.outbox.test_pump import Script, made
from tests.gateway.rig import PEERS, Rig, Station


def ask(rig: Rig, **request: Any) -> dict[str, Any]:
    """One request of a person, as the control socket hands it over."""
    heard: list[dict[str, Any]] = []
    name = request.pop("do", "fallout")
    desk_requests(rig.gateway)[name](request, heard.append)
    rig.run(0.2)
    (answer,) = heard
    return answer


def given_up() -> tuple[Rig, Station, list[str], list[str]]:
    """Three messages the peer could not read; from now on it can. Their serials, and the ids of the records."""
    rig, station = made(Script(*["SCHEMA_FAULTS"] * 3, "OK"))
    job = rig.send("a", "a", "b")
    rig.run(10)
    ids = [row[0] for row in rig.rows("SELECT id FROM fallout ORDER BY message_id")]
    assert (len(ids), set(rig.out().values())) == (3, {"DEAD"})
    station.received.clear()
    return rig, station, job.serials, ids


def test_redelivered_with_the_same_serial() -> None:
    """What nobody refused: the peer was not there for a day."""
    rig = Rig(PEERS)
    job = rig.send("a", "a", "b")
    rig.run(86_500)
    serials = job.serials
    station = rig.station("mem://pf")
    rig.run(600)
    ids = [row[0] for row in rig.rows("SELECT id FROM fallout ORDER BY message_id")]
    assert set(rig.out().values()) == {"DEAD"}
    for one in ids[:2]:
        answer = ask(rig, id=one, action="retry", operator="OP1", reason="对端恢复")
        assert (answer["ok"], answer["state"]) == (True, "closed")
    rig.run(10)
    assert station.serials() == serials[:2]
    assert [rig.out()[one] for one in serials] == ["DONE", "DONE", "DEAD"]
    assert ask(rig, id=ids[0], action="retry", operator="OP1", reason="对端恢复")["code"] == "0002"
    rig.run(60)
    assert len(station.received) == 2


def test_what_the_peer_refused_leaves_under_a_new_serial() -> None:
    """To the bytes it has seen a peer gives the answer it gave (01.1.6)."""
    rig, station, serials, ids = given_up()
    assert ask(rig, id=ids[0], action="retry", operator="OP1", reason="对端已修复")["ok"]
    rig.run(10)
    (sent,) = station.received
    assert sent.serial not in serials
    assert (rig.out()[serials[0]], rig.out()[sent.serial]) == ("DEAD", "DONE")


def test_a_field_the_message_has_not_is_refused_before_anything_is_closed() -> None:
    rig, station, _, ids = given_up()
    edit = {"id": ids[0], "action": "edit", "operator": "OP1", "reason": "x"}
    answer = ask(rig, **edit, changes={"contact/phone": "1", "state": "COMPLETED"})
    assert (answer["code"], "contact/phone" in answer["en"], "state" in answer["en"]) == ("3020", True, True)
    rig.run(10)
    assert station.received == []
    assert ask(rig, **edit, changes={"state": "COMPLETED"})["code"] == "0000"


def test_corrected_under_a_new_serial() -> None:
    rig, station, serials, ids = given_up()
    ask(rig, id=ids[2], action="edit", operator="OP1", reason="改正状态", changes={"state": "COMPLETED"})
    rig.run(10)
    (sent,) = station.received
    assert sent.serial not in serials
    assert b"<state>COMPLETED</state>" in sent.body
    assert rig.out()[serials[2]] == "DEAD"
    (linked,) = rig.rows("SELECT detail FROM history WHERE input = 'corrected_from'")
    assert linked[0].startswith(serials[2])


def test_a_dry_run_sends_nothing() -> None:
    rig, station, _, ids = given_up()
    assert ask(rig, id=ids[0], action="retry", operator="OP1", reason="x", dry_run=True)["ok"]
    rig.run(10)
    assert station.received == []
    assert rig.rows("SELECT DISTINCT state FROM fallout") == [("new",)]


@pytest.mark.parametrize(("request_", "code"), [
    ({"id": "FO404", "action": "claim", "operator": "OP1"}, "3003"),
    ({"action": "retry", "operator": "OP1"}, "3020"),
    ({"action": "complete", "operator": "OP1", "reason": "x"}, "3004"),
    ({"action": "retry", "operator": "", "reason": "x"}, "2002"),
])  # fmt: skip
def test_a_refusal_says_why_in_both_languages(request_: dict[str, Any], code: str) -> None:
    rig, _, _, ids = given_up()
    answer = ask(rig, **{"id": ids[0], **request_})
    assert (answer["ok"], answer["code"]) == (False, code)
    assert answer["zh"]
    assert answer["en"]


@pytest.mark.parametrize("request_", [
    {"id": 7, "action": "retry", "operator": "OP1"},
    {"id": "FO1", "action": "edit", "operator": "OP1", "changes": "x"},
    {"do": "resume", "id": "SO1", "operator": "OP1"},
])  # fmt: skip
def test_what_is_no_request_is_refused(request_: dict[str, Any]) -> None:
    rig = Rig(PEERS)
    assert ask(rig, **request_)["ok"] is False


def test_an_offer_of_an_unknown_order_is_refused() -> None:
    rig = Rig(PEERS)
    assert ask(rig, do="resume", id="SO404", operator="OP1", accept=True)["code"] == "3003"

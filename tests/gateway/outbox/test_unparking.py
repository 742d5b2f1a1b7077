"""Messages parked for want of a peer leave once the configuration names it (spec 06.1 promise 5)."""

from __future__ import annotations

from gateway.cli.desk_requests import desk_requests
from tests.gateway.rig import PEERS, Rig, packet_of, submission

NO_PF = (PEERS[0], PEERS[2])


def parked() -> Rig:
    """An order whose dispatch nobody could be sent."""
    rig = Rig(NO_PF)
    rig.run(1)
    rig.ask(rig.caller(), packet_of(submission(1)))
    assert rig.rows("SELECT state, error_class, peer FROM message WHERE code = 'OH01'") == [("PARKED", "not_sent", "PF")]
    return rig


def test_it_leaves_under_its_serial_when_the_peer_is_configured_and_its_record_closes() -> None:
    rig = parked()
    (serial,) = rig.rows("SELECT serial FROM message WHERE code = 'OH01'")[0]
    rig = rig.restarted(peers=PEERS)
    pf = rig.station()
    rig.run(5)
    assert pf.serials() == [serial]
    assert rig.rows("SELECT state, peer FROM message WHERE code = 'OH01'") == [("DONE", "PF0001")]
    assert rig.rows("SELECT state FROM fallout") == [("closed",)]
    assert rig.one("SELECT state FROM service_order") == "ACKNOWLEDGED"
    rig = rig.restarted()
    rig.run(5)
    assert len(pf.received) == 1


def test_its_binding_is_that_of_the_peer_it_leaves_to() -> None:
    rig = parked()
    assert rig.rows("SELECT binding FROM message WHERE code = 'OH01'") == [("",)]
    rig = rig.restarted(peers=(*NO_PF, {**PEERS[1], "binding": "http", "connect": ["mem://pf"]}))
    rig.run(5)
    assert rig.rows("SELECT binding FROM message WHERE code = 'OH01'") == [("http",)]


def test_still_without_a_peer_it_stays() -> None:
    rig = parked().restarted()
    rig.run(5)
    assert rig.rows("SELECT state FROM message WHERE code = 'OH01'") == [("PARKED",)]
    assert rig.rows("SELECT state FROM fallout") == [("new",)]


def test_its_age_counts_from_when_the_peer_was_configured() -> None:
    rig = parked()
    rig = rig.restarted(peers=PEERS, after=25 * 3600)
    rig.run(3600)
    rig = rig.restarted(peers=PEERS)
    rig.run(600)
    assert rig.rows("SELECT state FROM message WHERE code = 'OH01'") == [("READY",)]
    pf = rig.station()
    rig.run(100)
    assert len(pf.received) == 1


def test_what_a_person_closed_does_not_leave_behind_their_back() -> None:
    rig = parked()
    (record,) = rig.rows("SELECT id FROM fallout")[0]
    heard: list[dict[str, object]] = []
    request = {"id": record, "action": "ignore", "operator": "OP1", "reason": "对端不建"}
    desk_requests(rig.gateway)["fallout"](request, heard.append)
    rig.run(1)
    assert heard[0]["ok"]
    rig = rig.restarted(peers=PEERS)
    pf = rig.station()
    rig.run(60)
    assert pf.received == []


def test_tried_again_while_nobody_is_configured_it_is_refused_and_stays_in_sight() -> None:
    rig = parked()
    (record,) = rig.rows("SELECT id FROM fallout")[0]
    heard: list[dict[str, object]] = []
    for action in ("claim", "retry"):
        request = {"id": record, "action": action, "operator": "OP1", "reason": "再试"}
        desk_requests(rig.gateway)["fallout"](request, heard.append)
        rig.run(1)
    assert [(answer["ok"], answer["code"]) for answer in heard] == [(True, "0000"), (False, "3004")]
    assert "add the peer" in str(heard[1]["en"])
    assert rig.rows("SELECT state FROM message WHERE code = 'OH01'") == [("PARKED",)]
    assert rig.rows("SELECT state FROM fallout") == [("claimed",)]
    rig = rig.restarted(peers=PEERS)
    pf = rig.station()
    rig.run(5)
    assert len(pf.received) == 1

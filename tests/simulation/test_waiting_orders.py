"""Deferral, lock, pending install and the desk over the wire, against simulated provisioning and resources (5.8-5.11, 06.2)."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.store import desk_queries
from adapters.wire.times import wire_time
from crm_core.fallout.desk import WorkFallout
from crm_core.orders.lock_order import LockOrder
from crm_core.orders.resume_pending import ResumePending
from crm_core.ports import Command
from gateway import timers
from gateway.proof.world import PF
from simulators.pf.script import Act, Script
from simulators.scripts import Scripts
from tests.simulation.test_operations import Talk

pytestmark = pytest.mark.simulation

DEFER = {"type": "10P", "code": "10P002", "text": "用户外出"}


def at(talk: Talk, seconds: int) -> str:
    """A wire time from now."""
    return wire_time(talk.world.clock.now() + seconds * 1000)


def do(talk: Talk, command: Command | WorkFallout) -> dict[str, Any]:
    """A person at the desk."""
    heard: list[dict[str, Any]] = []
    if isinstance(command, WorkFallout):
        talk.world.gateway.desk.work(command, heard.append)
    else:
        talk.world.gateway.desk.run(command, "OP1", "test", heard.append)
    talk.advance(1)
    return heard[0]


def inputs(talk: Talk) -> list[str]:
    return [entry["input"] for entry in talk.seen()["history"]]


def test_deferred_until_its_date_then_it_goes_on_and_ends() -> None:
    talk = Talk()
    assert talk.ask("defer", {"reason": DEFER, "until": at(talk, 1200)})["code"] == "0001"
    talk.advance(2)
    order = talk.seen()
    assert (order["state"], order["operations"], order["clock"]["stops"]) == ("DEFERRED", [], ["deferral"])
    talk.advance(600)
    assert talk.seen()["state"] == "DEFERRED"
    assert talk.end() == []
    order = talk.seen()
    assert (order["state"], order["deferral"]["ended_by"], order["fallouts"]) == ("COMPLETED", "date", [])


def test_a_deferral_is_ended_before_its_date() -> None:
    talk = Talk()
    talk.ask("defer", {"reason": DEFER, "until": at(talk, 86_400)})
    talk.advance(2)
    talk.ask("end_deferral", {"appointment": at(talk, 7200)})
    talk.advance(2)
    assert talk.seen()["deferral"]["ended_by"] == "request"
    assert talk.end() == []
    assert talk.seen()["state"] == "COMPLETED"


def test_a_deferral_beyond_the_policy_never_leaves() -> None:
    talk = Talk()
    assert talk.ask("defer", {"reason": DEFER, "until": at(talk, 181 * 86_400)})["code"] == "3013"
    assert talk.end() == []


def test_locked_nothing_else_may_be_and_unlocked_it_ends() -> None:
    talk = Talk()
    lease = {"reason": {"text": "核查"}, "locked_by": "OP1", "lease_until": at(talk, 3600), "keep_resources": True}
    assert talk.ask("lock", lease)["code"] == "0001"
    talk.advance(1)
    order = talk.seen()
    assert (order["lock"]["holder"]["owner"], order["clock"]["stops"]) == ("OP1", ["lock"])
    assert talk.ask("defer", {"reason": DEFER, "until": at(talk, 1200)})["code"] == "3007"
    talk.advance(60)
    assert talk.seen()["ended_at"] is None
    assert talk.ask("unlock", {"fence": order["lock"]["fence"]})["code"] == "3008"
    force = {"reason": {"text": "持有人离职"}, "approved_by": "BOSS"}
    assert talk.ask("unlock", {"fence": order["lock"]["fence"], "force": force})["code"] == "0001"
    assert talk.end() == []
    order = talk.seen()
    assert (order["state"], order["lock"]["holder"], order["held"]) == ("COMPLETED", None, [])


def test_a_lease_ends_by_provisionings_clock_and_the_next_holds_it() -> None:
    talk = Talk()
    first = {"reason": {"text": "核查"}, "locked_by": "OP1", "lease_until": at(talk, 300), "keep_resources": True}
    talk.ask("lock", first)
    talk.advance(1)
    waiting = LockOrder(talk.order, {"text": "复核"}, "OP2", at(talk, 900), wait=True)
    assert do(talk, waiting)["ok"]
    assert [claim["owner"] for claim in talk.seen()["lock"]["queue"]] == ["OP2"]
    talk.advance(400)
    assert talk.seen()["lock"]["holder"]["owner"] == "OP2"
    assert talk.end() == []
    assert talk.seen()["state"] == "COMPLETED"


def short(reason: str, wait_s: int) -> Talk:
    """The order finds no port; the queue is asked after ``wait_s``."""
    act = Act("shortage", res_type="PORT", reason=reason, ms=wait_s * 1000)
    talk = Talk(scripts=Scripts(pf=Script((act,))))
    talk.advance(10)
    assert talk.seen()["state"] == "PENDING_INSTALL"
    return talk


def test_what_was_missing_is_offered_taken_and_installed() -> None:
    talk = short("10W001", 600)
    with talk.world.engine.connect() as connection:
        (waiting,) = desk_queries.pending(connection, area="025")
        assert desk_queries.pending(connection, area="0755") == []
    assert (waiting["order"], waiting["missing"], waiting["offered_until"]) == (talk.order, "PORT", None)
    assert do(talk, ResumePending(talk.order, True))["code"] == "3010"
    talk.advance(900)
    assert talk.seen()["pending"]["offer"] is not None
    assert do(talk, ResumePending(talk.order, True))["ok"]
    assert talk.end() == []
    order = talk.seen()
    assert (order["state"], order["pending"], order["operations"]) == ("COMPLETED", None, [])


def test_an_offer_is_declined_and_comes_again_after_its_date() -> None:
    talk = short("10W001", 600)
    talk.advance(900)
    assert do(talk, ResumePending(talk.order, False, at(talk, 3600), {"text": "用户不在"}))["ok"]
    talk.advance(60)
    order = talk.seen()
    assert (order["state"], order["pending"]["offer"], order["operations"]) == ("PENDING_INSTALL", None, [])
    talk.advance(7200)
    assert do(talk, ResumePending(talk.order, True))["ok"]
    assert talk.end() == []
    assert talk.seen()["state"] == "COMPLETED"


def test_an_offer_nobody_made_is_not_taken() -> None:
    talk = Talk()
    assert do(talk, ResumePending(talk.order, True))["code"] == "3004"
    assert talk.end() == []


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a day of waiting, what is due is looked for every ten minutes, not every minute."""
    monkeypatch.setattr(timers, "LOOK_S", 600.0)


@pytest.mark.usefixtures("unhurried")
def test_a_silent_provisioning_is_on_the_watchdogs_list_and_given_up_at_the_desk() -> None:
    talk = Talk(without=PF)
    with talk.world.engine.connect() as connection:
        (waiting,) = desk_queries.unanswered(connection)
    assert (waiting["order"], waiting["operation"], waiting["fallout"]) == (talk.order, "dispatch", None)
    talk.advance(30 * 3600)
    order = talk.seen()
    assert order["state"] == "FALLOUT"
    record = next(row["id"] for row in order["fallouts"] if row["error_class"] == "overdue")
    assert do(talk, WorkFallout(record, "close", "OP1", "对端停用"))["code"] == "2002"
    assert do(talk, WorkFallout(record, "close", "OP1", "对端停用", "BOSS"))["ok"]
    assert talk.seen()["state"] == "FAILED"


def states(talk: Talk, state: str | None = None) -> list[str]:
    """Of the overdue records the list shows."""
    with talk.world.engine.connect() as connection:
        return [row["state"] for row in desk_queries.fallouts(connection, state=state, error_class="overdue")]


def unreachable_for_a_deferral() -> Talk:
    """Provisioning goes away, a deferral is asked for, its result is overdue while its message is still tried."""
    talk = Talk()
    talk.world.hosts[PF].stop()
    assert talk.ask("defer", {"reason": DEFER, "until": at(talk, 5 * 86_400)})["code"] == "0001"
    talk.advance(3600)
    return talk


def test_a_record_is_auto_retry_while_the_message_it_waits_for_is_tried_and_closes_with_its_result() -> None:
    talk = unreachable_for_a_deferral()
    assert (states(talk), states(talk, "auto-retry"), states(talk, "new")) == (["auto-retry"], ["auto-retry"], [])
    with talk.world.engine.connect() as connection:
        (row,) = desk_queries.fallouts(connection, error_class="overdue")
        assert desk_queries.fallout(connection, row["id"]) == row
    talk.world.hosts[PF].start()
    talk.advance(3600)
    assert (states(talk), states(talk, "closed")) == ([], ["closed"])


@pytest.mark.usefixtures("unhurried")
def test_given_up_it_is_new_and_once_taken_claimed() -> None:
    talk = unreachable_for_a_deferral()
    talk.advance(24 * 3600)
    assert (states(talk), states(talk, "new"), states(talk, "auto-retry")) == (["new"], ["new"], [])
    with talk.world.engine.connect() as connection:
        (row,) = desk_queries.fallouts(connection, error_class="overdue")
    assert do(talk, WorkFallout(row["id"], "claim", "OP1"))["ok"]
    assert (states(talk), states(talk, "claimed"), states(talk, "new")) == (["claimed"], ["claimed"], [])

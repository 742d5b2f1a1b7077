"""The legality matrix at PF, cell by cell: as data, and in what PF answers in each state (04.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from crm_core.orders.legality import COLUMNS, MATRIX, Verdict, rule
from simulators.codes import number
from simulators.pf.legality import shipped_matrix
from tests.simulators.pf_talk import DAY, HOUR, PfTalk
from tests.simulators.talk import item

SLOW = {"do": "slow", "stage": "FIELD", "ms": HOUR}
ROWS = [row for row in MATRIX if row not in ("DRAFT", "SUBMITTED", "locked")]


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("lock", ["free", "own", "other"])
def test_both_sides_read_the_same_in_every_cell(row: str, column: str, lock: str) -> None:
    beneath = (row, "IN_PROGRESS") if row in ("FALLOUT", "CANCELLING", "AMENDING") else (row,)
    for same_date in (False, True):
        ours, theirs = rule(beneath, column, lock, {}, same_date), shipped_matrix().rule(beneath, column, lock, same_date)
        assert (theirs.verdict.name, theirs.symbol) == (ours.verdict.name, ours.symbol)


def begun(*acts: dict[str, Any], stage: str = "FIELD") -> PfTalk:
    talk = PfTalk(SLOW, *acts)
    talk.begin()
    talk.until_stage(stage)
    talk.run(talk.now + 1_000)
    return talk


def acknowledged() -> PfTalk:
    talk = PfTalk()
    talk.begin()
    return talk


def pending() -> PfTalk:
    talk = PfTalk()
    talk.rm.plant.pools["025", "ONU"].clear()
    talk.begin()
    talk.until("PI01")
    return talk


def deferred() -> PfTalk:
    talk = begun()
    talk.defer(talk.now + 5 * DAY)
    return talk


def amending() -> PfTalk:
    talk = begun({"do": "manual_change", "ms": DAY})
    talk.change([item(attrs=[{"code": "X", "new": "9", "action": "M"}])])
    return talk


def cancelling() -> PfTalk:
    talk = begun()
    talk.cancel()
    return talk


def stuck() -> PfTalk:
    talk = begun({"do": "undo_fails", "stage": "DATA_CONFIG", "times": 99})
    talk.cancel()
    talk.until("CN02")
    return talk


def completing() -> PfTalk:
    talk = PfTalk()
    talk.decide = lambda report: None
    talk.begin()
    talk.until("OH08")
    return talk


def completed() -> PfTalk:
    talk = PfTalk()
    talk.begin()
    talk.run()
    return talk


def returned() -> PfTalk:
    talk = PfTalk({"do": "return", "stage": "FIELD", "reason": "10R002"})
    talk.begin()
    talk.until("OH09")
    return talk


def cancelled() -> PfTalk:
    talk = begun()
    talk.cancel()
    talk.run(talk.now + HOUR)
    return talk


def locked() -> PfTalk:
    talk = begun()
    talk.lock(talk.now + DAY, by="B")
    return talk


STATES: dict[str, tuple[Callable[[], PfTalk], tuple[str, ...]]] = {
    "ACKNOWLEDGED": (acknowledged, ("ACKNOWLEDGED",)),
    "IN_PROGRESS": (begun, ("IN_PROGRESS",)),
    "PENDING_INSTALL": (pending, ("PENDING_INSTALL",)),
    "DEFERRED": (deferred, ("DEFERRED",)),
    "AMENDING": (amending, ("AMENDING", "IN_PROGRESS")),
    "CANCELLING": (cancelling, ("CANCELLING", "IN_PROGRESS")),
    "FALLOUT": (stuck, ("FALLOUT", "CANCELLING", "IN_PROGRESS")),
    "COMPLETING": (completing, ("COMPLETING",)),
    "COMPLETED": (completed, ("COMPLETED",)),
    "RETURNED": (returned, ("RETURNED",)),
    "CANCELLED": (cancelled, ("CANCELLED",)),
    "locked": (locked, ("IN_PROGRESS",)),
}
OPERATIONS: dict[str, tuple[Callable[[PfTalk], Any], str]] = {
    "change": (lambda talk: talk.change([item(product="LAN")], new=9), "CO02"),
    "cancel": (lambda talk: talk.cancel(), "CN02"),
    "dates": (lambda talk: talk.say("OH10", reason={"text": "催单"}), "OH14"),
    "defer": (lambda talk: talk.defer(talk.now + 9 * DAY), "OH14"),
    "end_deferral": (lambda talk: talk.end_deferral(talk.now + DAY), "OH14"),
    "resume_pending": (lambda talk: talk.say("PA03", accept=True), "PA04"),
    "lock": (lambda talk: talk.lock(talk.now + DAY, by="A"), "LK01"),
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("state", STATES)
def test_what_pf_answers_in_each_state(state: str, operation: str) -> None:
    make, rows = STATES[state]
    ask, result = OPERATIONS[operation]
    talk = make()
    before, version = talk.order.state, talk.order.version
    ruling = rule(rows, operation, "other" if state == "locked" else "free", {})
    heard = len(talk.crm)
    reaction = ask(talk)
    answers = [body for code, body in talk.crm[heard:] if code == result]
    code = reaction.refusal and number(reaction.refusal.symbol)
    for body in answers:
        row = body["items"][0] if result == "CN02" else body
        code = code or row.get("code")
    if ruling.verdict is Verdict.REFUSED:
        assert code == number(ruling.symbol)
        told = reaction.refusal.state if reaction.refusal is not None else _state(answers[0])
        assert told == before
        assert (talk.order.state, talk.order.version) == (before, version)
    elif operation == "resume_pending":
        assert code == number("HOLD_EXPIRED")  # nothing is offered yet
    else:
        assert code is None


def _state(body: dict[str, Any]) -> str:
    row = body["items"][0] if "items" in body and isinstance(body["items"][0], dict) else body
    return str(row["state"])

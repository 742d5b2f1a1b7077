"""The cases for a CRM find what a CRM may do wrong: our own, with one decision of its core turned (spec 07.7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from crm_core.cutover import cancel as cutover_cancel
from crm_core.cutover import freeze, unfreeze
from crm_core.cutover.freeze import FreezeInstances
from crm_core.orders import amend, item_states, legality, machine, pending, propose_deferral, resume_result
from crm_core.orders import cancel_result as cancelling
from crm_core.orders import change_result as changing
from crm_core.orders.change_result import RecordChangeResult
from crm_core.orders.lock_report import RecordLockReport
from crm_core.surveys.record_survey_result import RecordSurveyResult
from gateway.cli.conformance_strength import play

Patch = pytest.MonkeyPatch


def cell(row: str, column: str, says: str) -> Callable[[Patch], None]:
    """The legality matrix says something else."""

    def turn(patch: Patch) -> None:
        patch.setitem(legality.MATRIX[row], column, says)
        patch.setattr(machine, "_BOOKS", {})
        patch.setattr(machine.DEFAULT, "_known", {})

    return turn


def reopens(name: str, closed: str, to: str) -> Callable[[Patch], None]:
    """What comes behind the end counts."""

    def turn(patch: Patch) -> None:
        line = item_states.Line(name, (closed,), to, clause="late")
        patch.setattr(item_states, "LINES", (line, *item_states.LINES))
        patch.setattr(machine, "_BOOKS", {})
        patch.setattr(machine.DEFAULT, "_known", {})

    return turn


def attribute(target: Any, name: str, value: Any) -> Callable[[Patch], None]:
    """A function of the core is another."""
    return lambda patch: patch.setattr(target, name, value)


def always(**fields: Any) -> Callable[[type, str], Callable[[Patch], None]]:
    """A method sees these fields, whatever was said."""

    def of(cls: type, method: str) -> Callable[[Patch], None]:
        told = getattr(cls, method)

        def turned(self: Any, *args: Any) -> Any:
            for name, value in fields.items():
                object.__setattr__(self, name, value)
            return told(self, *args)

        return lambda patch: patch.setattr(cls, method, turned)

    return of


Flaw = tuple[str, Callable[[Patch], None], str]
GROUPS: dict[str, tuple[Flaw, ...]] = {
    "first": (
        ("an applied change is not taken over", attribute(changing, "put_content", lambda *_: None), "5.6/88"),
        ("a completion passes an open cancel", cell("CANCELLING", "completion", "ok"), "5.7/83"),
        ("any reason makes an order wait", attribute(pending, "given_reason", lambda *_: None), "5.8/PI01.refused.3020"),
        ("a report with an old fence ends the lock", always(fence=1)(RecordLockReport, "judge"), "5.11/87"),
        ("a freeze tried dry freezes", always(dry_run=False)(FreezeInstances, "execute"), "5.12/84"),
        ("any answer closes a survey", always(is_last=True)(RecordSurveyResult, "execute"), "5.1/82"),
    ),
    "second": (
        ("a burnt version is used again", attribute(amend, "highest_sent", lambda order: order.version), "5.6/82"),
        ("a cancel that is stuck is over", attribute(cancelling, "STUCK", "none"), "5.7/87"),
        ("a deferred order may wait for facilities", cell("DEFERRED", "pending", "same"), "5.8/84"),
        ("back in the queue counts as resumed", attribute(resume_result, "RESUMED", "queued"), "5.9/82"),
        ("a proposal is agreed and forgotten", attribute(propose_deferral, "defer", lambda *_, **__: None), "5.10/DF04.valid"),
        ("a lock does not hold back", cell("locked", "completion", "ok"), "5.11/83"),
        ("orders in flight do not block a freeze", attribute(freeze, "_blocking", lambda *_: ()), "5.12/82"),
    ),
    "third": (
        ("a change with a person counts as applied", always(outcome="applied")(RecordChangeResult, "judge"), "5.6/83"),
        ("a completed order may be cancelled", cell("COMPLETED", "cancel", "same"), "5.7/90"),
        ("a locked order is deferred", cell("locked", "defer", "ok"), "5.11/82"),
        ("a return passes a lock", cell("locked", "return", "ok"), "04.1/CRM_LOCKED.return"),
        ("an unfreeze thaws nothing", attribute(unfreeze, "thaw", lambda *_: 0), "5.12/81"),
        ("a cancelled cutover stays frozen", attribute(cutover_cancel, "thaw", lambda *_: 0), "5.12/86"),
    ),
    "late": (
        ("an acceptance opens a cancelled order", reopens("accept", "CANCELLED", "ACCEPTED"), "5.4/OH02.late.cancelled"),
        ("a stage opens a cancelled order", reopens("stage", "CANCELLED", "IN_PROGRESS"), "5.4/OH07.late.cancelled"),
        ("a cancel ends what is completed", reopens("cancel_done", "COMPLETED", "CANCELLED"), "5.7/96"),
    ),
}  # fmt: skip
"""Flaws of different chapters, seeded together: what it does wrong, how, and the case that must find it."""


@pytest.mark.parametrize("group", GROUPS)
def test_each_flaw_of_the_crm_fails_its_case(monkeypatch: Patch, group: str) -> None:
    for _, turn, _ in GROUPS[group]:
        turn(monkeypatch)
    cases = tuple(case for _, _, case in GROUPS[group])
    verdicts = {one.case.id: str(one.verdict) for one in play("provisioning", "crm", (), 1, cases).results}
    assert verdicts == dict.fromkeys(verdicts, "FAIL")
    assert len(verdicts) == len(cases)


def test_without_a_flaw_they_pass() -> None:
    cases = tuple(case for flaws in GROUPS.values() for _, _, case in flaws)
    assert [one.case.id for one in play("provisioning", "crm", (), 1, cases).results if one.verdict != "PASS"] == []

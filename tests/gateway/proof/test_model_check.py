"""The exhaustive search: sound on the core as it is, and able to fail on a core that is not."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from click.testing import CliRunner

from crm_core.errors import StateConflict
from crm_core.orders import item_states, machine, moves
from crm_core.orders.item_states import Line
from crm_core.ports import Outcome, UnitOfWork
from gateway.cli.app import bssgw
from gateway.proof import model_check
from gateway.proof.model_check import Search, Verdicts
from gateway.proof.model_check_inputs import inputs
from gateway.proof.model_check_moment import Input, Moment, Step
from gateway.reference_data import build_reference
from schemas.loader import load


def some(*names: str) -> tuple[Input, ...]:
    """The inputs of these names."""
    known = {one.name: one for one in inputs()}
    return tuple(known[name] for name in names)


def searched(*tried: Input, bound: int = 0) -> Verdicts:
    return Search(build_reference(load()), bound, tried).run()


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets the item machine's table for one test."""

    def mutate(changed: tuple[Line, ...]) -> None:
        monkeypatch.setattr(item_states, "LINES", changed)
        monkeypatch.setattr(machine, "_BOOKS", {})

    return mutate


def test_no_state_of_the_core_is_wedged_and_nothing_illegal_takes_effect() -> None:
    # the command searches further: with commands open beside a cancel, and reservations that expire at any moment
    tried = [one for one in inputs() if one.name not in ("reservation_expired", "completion_early")]
    found = searched(*tried)
    assert found.findings == {}
    assert found.sound
    assert found.states > 150
    assert found.transitions > 5_000
    assert found.refused > 1_000
    assert found.final > 10


def test_with_a_command_open_at_a_time_deferrals_and_locks_end_too() -> None:
    tried = some("day_comes", "defer", "defer_applied", "defer_refused", "end_deferral", "end_deferral_done", "lock",
                 "lock_granted", "unlock", "unlock_done", "deferral_ended_by_date", "lock_expired_reported", "completion",
                 )  # fmt: skip
    found = searched(*tried, bound=1)
    assert found.findings == {}
    assert found.states > 25


def test_nobody_queues_for_the_lock_of_an_order_that_ended() -> None:
    tried = some("day_comes", "lock", "lock_queued", "lock_refused", "completion", "cancelled_by_rule")
    found = searched(*tried, bound=1)
    assert found.findings == {}


def test_every_input_has_a_name_of_its_own() -> None:
    names = [one.name for one in inputs()]
    assert len(set(names)) == len(names)


def test_a_state_nobody_leads_out_of_is_found_with_its_path(lines: Any) -> None:
    lines(tuple(line for line in item_states.LINES if line.input != "resumed"))
    found = searched(*some("day_comes", "receipt", "pending", "resumed_by_rule", "completion"))
    assert found.wedged > 0
    first = found.findings["wedged"][0]
    assert (first.state, first.path) == ("PENDING_INSTALL", ("day_comes", "pending"))


def test_a_closed_item_that_moves_is_found(lines: Any) -> None:
    lines((Line("stage", ("CANCELLED",), "IN_PROGRESS"), *item_states.LINES))
    found = searched(*some("day_comes", "cancel", "cancel_cancelled", "stage"))
    assert found.illegal_changes > 0
    assert found.findings["illegal_changes"][0].about == "stage: closed CANCELLED moved"


def test_a_lock_that_outlives_its_order_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moves, "end", lambda lock: (lock, "ended"))
    found = searched(*some("day_comes", "lock_for_cutover", "cancelled_by_rule"))
    assert found.left_over == 1
    assert found.findings["left_over"][0].about == "the lock"


@dataclass(frozen=True)
class Careless:
    """Changes first and refuses then."""

    service_order_id: str

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        return ()

    def execute(self, uow: UnitOfWork) -> Outcome:
        order = uow.order(self.service_order_id)
        assert order is not None
        order.items[0].fallout = True
        raise StateConflict("不行", "no")


def test_a_refusal_that_changed_something_is_found() -> None:
    def careless(m: Moment) -> Step:
        return Step(Careless(m.id))

    found = searched(Input("careless", "late", careless))
    assert (found.illegal_changes, found.refused) == (1, 1)
    assert "changed all the same" in found.findings["illegal_changes"][0].about


def test_the_command_prints_figures_and_the_path_to_a_wedge(lines: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    few = some("day_comes", "pending", "resumed_by_rule", "completion")
    monkeypatch.setattr(model_check, "inputs", lambda: few)
    sound = CliRunner().invoke(bssgw, ["model", "check", "--json"])
    figures = json.loads(sound.stdout)
    assert sound.exit_code == 0
    assert {"states", "transitions", "wedged", "illegal_changes", "seconds"} <= set(figures)
    assert (figures["wedged"], figures["illegal_changes"]) == (0, 0)
    lines(tuple(line for line in item_states.LINES if line.input != "resumed"))
    wedged = CliRunner().invoke(bssgw, ["model", "check"])
    assert wedged.exit_code == 1
    assert "day_comes → pending" in wedged.output

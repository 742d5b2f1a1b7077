"""Who may do what at the desk, by the shipped table of roles (spec 06.2); reasons outside their scope (spec 03)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from crm_core.errors import DomainError
from crm_core.fallout.actions import ACTIONS
from crm_core.fallout.desk import WorkFallout
from crm_core.orders.cancel import CancelOrder
from crm_core.orders.defer import DeferOrder
from crm_core.ports import Origin
from crm_core.times import DAY_MS, to_wire
from gateway.reference_data import build_reference
from schemas.loader import load
from tests.crm_core.desk import World
from tests.crm_core.samples import NOW

PEOPLE = {"王受理": "CLERK", "李专员": "SPECIALIST", "赵主管": "SUPERVISOR"}
REFERENCE = build_reference(load(), PEOPLE)
ROLES = REFERENCE.desk_roles


def stuck() -> World:
    world = World(reference=REFERENCE)
    world.tell(world.accept(1))
    world.tell(world.stage(2, state="exception"))
    return world


def work(world: World, operator: str, action: str, approved_by: str = "") -> str:
    """The symbol of what came of a dry run; a refusal changed nothing."""
    command = WorkFallout(world.fallouts()[-1].id, action, operator, "查明原因", approved_by, dry_run=True)
    before = world.store.snapshot()
    try:
        return world.store.run(command, NOW, world.reference, Origin(operator, "", "fallout")).symbol
    except DomainError as error:
        return error.code
    finally:
        assert world.store.snapshot() == before


@pytest.mark.parametrize("operator", [*PEOPLE, "陌生人"])
@pytest.mark.parametrize("action", list(ACTIONS))
def test_each_role_may_do_what_its_row_says_and_nothing_else(operator: str, action: str) -> None:
    allowed = action in ROLES.get(PEOPLE.get(operator, ""), ())
    approver = next(name for name in ("赵主管", "钱主管") if name != operator)
    reference = build_reference(load(), {**PEOPLE, "钱主管": "SUPERVISOR"})
    world = stuck()
    world.reference = reference
    symbol = work(world, operator, action, approver)
    assert (symbol == "NOT_PERMITTED") == (not allowed)


@pytest.mark.parametrize(("approver", "symbol"), [
    ("赵主管", "OK"),
    *((name, "NOT_PERMITTED") for name in ("王受理", "李专员", "陌生人", "")),
])  # fmt: skip
def test_a_forced_result_is_approved_by_somebody_who_may(approver: str, symbol: str) -> None:
    assert work(stuck(), "李专员", "complete", approver) == symbol


def test_with_nobody_named_everybody_may_everything() -> None:
    world = stuck()
    world.reference = replace(REFERENCE, operators={})
    assert work(world, "陌生人", "complete", "另一人") == "OK"


def test_the_table_names_actions_that_exist() -> None:
    known = {*ACTIONS, "approve", "link"}
    assert {action for actions in ROLES.values() for action in actions} == known


# -- reasons and their scope -----------------------------------------------------------------------------------------------


def at(stage: str | None, area: str = "025") -> World:
    """An order in process, its last stage as given."""
    world = World(reference=REFERENCE)
    world.tell(world.accept(1))
    world.order.stage, world.order.area = stage, area
    return world


def cancel(world: World, code: str) -> Any:
    return CancelOrder(world.id, {"type": "10C", "code": code, "text": "原因"})


def defer(world: World, code: str) -> Any:
    return DeferOrder(world.id, {"type": "10P", "code": code, "text": "原因"}, to_wire(NOW + DAY_MS))


@pytest.mark.parametrize(("stage", "make", "code", "taken"), [
    (None, cancel, "10C001", True),
    ("FIELD", cancel, "10C204", True),
    ("TEST", cancel, "10C204", False),
    (None, cancel, "10C204", False),
    ("PON", defer, "10P003", True),
    ("MDF", defer, "10P003", False),
    ("FIELD", defer, "10P404", False),
    ("FIELD", defer, "10C001", False),
])  # fmt: skip
def test_a_reason_holds_at_its_stages(stage: str | None, make: Any, code: str, taken: bool) -> None:
    world = at(stage)
    before = world.store.snapshot()
    if taken:
        assert world.tell(make(world, code)).symbol == "ACCEPTED"
        return
    with pytest.raises(DomainError) as caught:
        world.tell(make(world, code))
    assert (caught.value.code, world.store.snapshot() == before) == ("ATTRIBUTE_INVALID", True)


@pytest.mark.parametrize(("code", "kind", "area", "found"), [
    ("10W010", "10W", "025", True),  # the area itself
    ("10W010", "10W", "0512", False),  # a neighbour
    ("10R207", "10R", "020", True),  # found above: the province
    ("10R207", "10R", "025", False),  # another province
    ("10R207", "10W", "020", False),  # another type
])  # fmt: skip
def test_a_reason_holds_in_its_areas_and_below(code: str, kind: str, area: str, found: bool) -> None:
    assert (REFERENCE.reason(kind, code, area, "FIELD") is not None) == found

"""Machines of surveys, schemes and cutovers: every state with every input (spec 5.1, 5.2, 5.12)."""

from __future__ import annotations

from itertools import product

import pytest

from crm_core.cutover import machine as cutover
from crm_core.errors import StateConflict
from crm_core.schemes import machine as scheme
from crm_core.state_table import StateTable
from crm_core.surveys import machine as survey

SURVEY = """
requested: acknowledged>surveying not_taken>refused answered>surveying done>done cancelled>cancelled refused>refused
requested: cancel>cancelling cancel_refused>requested
surveying: acknowledged>surveying not_taken>surveying answered>surveying done>done cancelled>cancelled refused>refused
surveying: cancel>cancelling cancel_refused>surveying
cancelling: acknowledged>cancelling not_taken>refused answered>cancelling done>done cancelled>cancelled refused>refused
cancelling: cancel>cancelling cancel_refused>surveying
done: acknowledged>done not_taken>done cancel_refused>done
cancelled: acknowledged>cancelled not_taken>cancelled cancel_refused>cancelled cancel>cancelled
refused: acknowledged>refused not_taken>refused cancel_refused>refused
"""
SCHEME = """
10: acknowledged>20 not_taken>50 designing>20 designed>30 undesignable>50 cancel>10 cancelled>70 refused>10 noted>10
20: acknowledged>20 not_taken>20 designing>20 designed>30 undesignable>50 cancel>20 cancelled>70 refused>20 noted>20
30: acknowledged>30 not_taken>30 designing>30 designed>30 undesignable>50 confirm>30 confirmed>40 reject>30 rejected>50
30: redone>20 expired>60 cancel>30 cancelled>70 refused>30 noted>30
40: acknowledged>40 not_taken>40 designing>40 confirmed>40 expired>60 cancel>40 cancelled>70 refused>40 noted>40
50: acknowledged>50 not_taken>50 designing>50 rejected>50 refused>50 noted>50
60: acknowledged>60 not_taken>60 designing>60 expired>60 refused>60 noted>60
70: acknowledged>70 not_taken>70 designing>70 cancel>70 cancelled>70 refused>70 noted>70
"""
CUTOVER = """
1: freeze_part>1 freeze_last>2 unfreeze>1 cancel>98 window_end>1
2: freeze_part>2 freeze_last>2 unfreeze>2 complete_part>3 complete_last>4 complete_none>97 cancel>98 window_end>2
3: complete_part>3 complete_last>4 complete_none>97 unfreeze>3 window_end>3
4: unfreeze>4 window_end>4
97: unfreeze>97 window_end>97
98: unfreeze>98 window_end>98 cancel>98
"""
ITEM = """
planned: freeze>frozen block>planned thaw>planned apply>done fail>failed exclude>excluded
frozen: freeze>frozen thaw>planned apply>done fail>failed exclude>excluded
done: thaw>done apply>done
failed: thaw>failed fail>failed
excluded: thaw>excluded exclude>excluded
"""
MACHINES: dict[str, tuple[StateTable, str]] = {
    "survey": (survey.MACHINE, SURVEY),
    "scheme": (scheme.MACHINE, SCHEME),
    "cutover": (cutover.MACHINE, CUTOVER),
    "item": (cutover.ITEM, ITEM),
}


def allowed(text: str) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for line in text.strip().splitlines():
        state, _, moves = line.partition(": ")
        found.update({(state, move.split(">")[0]): move.split(">")[1] for move in moves.split()})
    return found


CELLS = [
    pytest.param(name, state, given, id=f"{name}-{state}-{given}")
    for name, (machine, _) in MACHINES.items()
    for state, given in product(machine.states, machine.inputs)
]


@pytest.mark.parametrize(("name", "state", "given"), CELLS)
def test_every_state_with_every_input(name: str, state: str, given: str) -> None:
    machine, text = MACHINES[name]
    expected = allowed(text).get((state, given))
    assert machine.to(state, given) == expected
    if expected is not None:
        assert machine.move("X1", state, given) == expected
        return
    with pytest.raises(StateConflict) as caught:
        machine.move("X1", state, given)
    assert (caught.value.code, caught.value.state) == ("STATE_CONFLICT", state)


@pytest.mark.parametrize("name", MACHINES)
def test_no_line_is_written_twice_and_none_is_missing(name: str) -> None:
    machine, text = MACHINES[name]
    pairs = [(line.state, line.input) for line in machine.lines]
    assert len(pairs) == len(set(pairs)) == len(allowed(text))


@pytest.mark.parametrize("name", MACHINES)
def test_ends_are_never_left_and_are_reached_from_everywhere(name: str) -> None:
    machine, _ = MACHINES[name]
    for line in machine.lines:
        assert line.state not in machine.ends or line.to == line.state
    reach = {state: {state} for state in machine.states}
    for _ in machine.states:
        for line in machine.lines:
            reach[line.state] |= reach[line.to]
    assert [state for state in machine.states if not reach[state] & set(machine.ends)] == []
    assert set(machine.states) == reach[machine.start]

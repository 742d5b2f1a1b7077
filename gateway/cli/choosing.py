"""Option values that stand in a table of the program; the table is read only when one is given, so that commands start fast."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click


class OneOf(click.ParamType[str]):
    """One of what ``known`` gives, in either case; anything else is a fault that lists them, never an empty answer."""

    name = "state"

    def __init__(self, known: Callable[[], Sequence[str]]) -> None:
        self.known = known

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The value as the table spells it. Raises BadParameter."""
        known = self.known()
        found = next((one for one in known if one.lower() == value.lower()), None)
        if found is None:
            self.fail(f"没有 {value}，可用 / no {value}; there are: {', '.join(known)}", param, ctx)
        return found


def _order_states() -> Sequence[str]:
    from crm_core.orders.fold import STATES, TABLE

    return tuple(dict.fromkeys((*STATES, *(line.result for line in TABLE))))


def _message_states() -> Sequence[str]:
    from adapters.store.message_machine import ENDS, OPEN

    return (*OPEN, *ENDS)


def _fallout_states() -> Sequence[str]:
    from crm_core.fallout.model import AUTO_RETRY, CLAIMED, CLOSED, NEW

    return (NEW, AUTO_RETRY, CLAIMED, CLOSED)


def _cutover_states() -> Sequence[str]:
    from schemas.loader import load

    return tuple(load().table("cutover_states").rows)


def _simulated() -> Sequence[str]:
    from simulators.fleet import SYSTEMS

    return tuple(SYSTEMS)


ORDER_STATE = OneOf(_order_states)
MESSAGE_STATE = OneOf(_message_states)
FALLOUT_STATE = OneOf(_fallout_states)
CUTOVER_STATE = OneOf(_cutover_states)
SIMULATED = OneOf(_simulated)

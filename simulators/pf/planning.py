"""PF's desk for what is no order: surveys, schemes, cutovers (spec 5.1, 5.2, 5.12).

It is a brain of its own for these chapters; the PF's brain hands it their messages, answers and time.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

from simulators.brain import Body, Meta, Reaction, Send
from simulators.pf.cutover import Cutovers, Orders
from simulators.pf.scheme import Schemes
from simulators.pf.survey import Surveys
from simulators.ports import Entropy


@cache
def planning_table() -> dict[str, Any]:
    """The table as shipped."""
    return tomllib.loads((files("simulators.pf") / "planning.toml").read_text("utf-8"))


class Planning:
    """``speed`` multiplies durations; ``orders`` is the rest of PF; ``uses`` tells whether an order that is open or completed
    is built on a scheme id."""

    role = "PF"

    def __init__(self, entropy: Entropy, speed: float, orders: Orders, uses: Callable[[str], bool]) -> None:
        table = planning_table()

        def takes(bounds: list[int]) -> int:
            return round(entropy.uniform(*bounds) * speed)

        self.surveys = Surveys(table["survey"], takes)
        self.schemes = Schemes(table["scheme"], takes, uses)
        self.cutovers = Cutovers(table["cutover"], orders)
        self.handlers: dict[str, Callable[[Body, Meta, int], Reaction]] = {
            "RC02": self.surveys.request,
            "RC04": self.surveys.cancel,
            "SD01": self.schemes.request,
            "SD03": self.schemes.designed,
            "SD05": self.schemes.confirm,
            "SD06": self.schemes.reject,
            "SD07": self.schemes.cancel,
            "SD08": self.schemes.reported,
            "RR04": lambda body, meta, now: Reaction(sends=self.schemes.lost(body["reservation_id"])),
            "CT01": self.cutovers.planned,
            "CT05": self.cutovers.executed,
            "CT07": self.cutovers.cancelled,
            "CT08": self.cutovers.answered,
        }
        self._answered: dict[str, Callable[[Send, Body, int], list[Send]]] = {
            "survey": self.surveys.answered,
            "scheme": self.schemes.answered,
            "reserve": self.schemes.answered,
            "cutover": lambda sent, body, now: [],
        }
        self._refused: dict[str, Callable[[Send, str, Body, int], list[Send]]] = {
            "survey": self.surveys.refused,
            "scheme": self.schemes.refused,
            "reserve": self.schemes.refused,
            "cutover": self.cutovers.refused,
        }

    @property
    def codes(self) -> tuple[str, ...]:
        """Messages it serves."""
        return tuple(self.handlers)

    def owns(self, sent: Send) -> bool:
        """Whether a message of PF's own was sent from here."""
        return bool(sent.note) and sent.note[0] in self._answered

    def on_document(self, code: str, body: Body, meta: Meta, now: int) -> Reaction:
        """See ``Brain``."""
        return self.handlers[code](body, meta, now)

    def on_answer(self, sent: Send, body: Body, now: int) -> Reaction:
        """See ``Brain``."""
        return Reaction(sends=self._answered[sent.note[0]](sent, body, now) if self.owns(sent) else [])

    def on_refusal(self, sent: Send, code: str, body: Body, now: int) -> Reaction:
        """See ``Brain``."""
        return Reaction(sends=self._refused[sent.note[0]](sent, code, body, now) if self.owns(sent) else [])

    def expired(self, scheme_id: str) -> bool:
        """Whether a scheme has expired."""
        return self.schemes.expired(scheme_id)

    def frozen(self, instance: str, now: int) -> bool:
        """Whether a cutover holds the instance frozen at ``now`` (ms)."""
        return self.cutovers.frozen(instance, now)

    def due(self, now: int) -> Reaction:
        """See ``Brain``."""
        return Reaction(sends=[*self.surveys.due(now), *self.schemes.due(now), *self.cutovers.due(now)])

    def next_due(self) -> int | None:
        """See ``Brain``."""
        dues = (self.surveys.next_due(), self.schemes.next_due(), self.cutovers.next_due())
        return min((due for due in dues if due is not None), default=None)

    def inspect(self) -> dict[str, Any]:
        """See ``Brain``."""
        return {
            "surveys": {survey.id: survey.state for survey in self.surveys.surveys.values()},
            "schemes": {one.request: {"version": one.version, "state": one.state} for one in self.schemes.schemes.values()},
            "cutovers": self.cutovers.inspect(),
        }

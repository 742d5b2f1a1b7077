"""勘查 at PF (spec 5.1): RC02 asks RM (RC01), people look, RC03 answers - a first time, and a last time that closes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from adapters.wire.times import wire_time
from simulators.agenda import Agenda
from simulators.brain import Body, Meta, Reaction, Send

_DAY = 86_400_000
_NEED = (
    "customer_order_id", "service_order_id", "version", "area", "channel", "product", "action", "quantity", "bandwidth",
    "access_modes", "a_end", "z_end", "product_instance_id", "required_date", "pre_occupy",
)  # fmt: skip
_HEAD = ("customer_order_id", "service_order_id", "version", "area")
_AVAILABLE, _UNAVAILABLE = "1", "0"


@dataclass(eq=False, slots=True)
class Survey:
    """``state`` asked (RM is), looking, looked (a first answer was given), or how it closed: done, cancelled, refused."""

    id: str
    sender: str
    serial: str
    body: Body
    state: str = "asked"
    found: Body | None = None

    @property
    def open(self) -> bool:
        """Whether an answer is still to come."""
        return self.state in ("asked", "looking", "looked")


class Surveys:
    """All surveys by id. ``takes`` draws a duration from [low, high] ms."""

    def __init__(self, settings: dict[str, Any], takes: Callable[[list[int]], int]) -> None:
        self.surveys: dict[str, Survey] = {}
        self._settings = settings
        self._takes = takes
        self._agenda: Agenda[Survey] = Agenda()

    def request(self, body: Body, meta: Meta, now: int) -> Reaction:
        """RC02. The same again is known, another need under the same id refused (1009)."""
        known = self.surveys.get(body["survey_id"])
        if known is not None:
            same = all(known.body.get(name) == body.get(name) for name in _NEED)
            return Reaction(known=True) if same else Reaction.refuse("SERIAL_REUSED", known.state)
        survey = Survey(body["survey_id"], meta.sender, meta.serial, body)
        self.surveys[survey.id] = survey
        need = {name: body[name] for name in _NEED if name in body}
        return Reaction(sends=[Send("RC01", need, role="RM", note=("survey", survey.id))])

    def cancel(self, body: Body, meta: Meta, now: int) -> Reaction:
        """RC04: RC03 cancelled, and what was pre-occupied goes back. One that has closed otherwise refuses (3004)."""
        survey = self.surveys.get(body["survey_id"])
        if survey is None:
            return Reaction.refuse("STATE_CONFLICT")
        if survey.state == "cancelled":
            return Reaction(known=True)
        if not survey.open:
            return Reaction.refuse("STATE_CONFLICT", survey.state)
        survey.state = "cancelled"
        answer = _head(survey) | {"outcome": "cancelled", "reason": body["reason"], "is_last": True}
        sends = [Send("RC03", answer, system=survey.sender, ref_serial=meta.serial)]
        return Reaction(sends=sends + _give_back(survey))

    def answered(self, sent: Send, body: Body, now: int) -> list[Send]:
        """What RM confirms: people look at it now. Of a survey that was cancelled meanwhile it goes back."""
        survey = self.surveys[sent.note[1]]
        survey.found = body
        if not survey.open:
            return _give_back(survey)
        survey.state = "looking"
        self._agenda.add(now + self._takes(self._settings["look_ms"]), survey)
        return []

    def refused(self, sent: Send, code: str, body: Body, now: int) -> list[Send]:
        """RM refuses or is out of reach: so does the survey."""
        survey = self.surveys[sent.note[1]]
        if not survey.open:
            return []
        survey.state = "refused"
        answer = _head(survey) | {"outcome": "refused", "code": code, "reason": {"text": body["text"][:500]}, "is_last": True}
        return [Send("RC03", answer, system=survey.sender, ref_serial=survey.serial)]

    def pre_occupied(self, reservation_id: str) -> bool:
        """Whether a survey was asked to pre-occupy under this id."""
        return any(one.body.get("pre_occupy", {}).get("reservation_id") == reservation_id for one in self.surveys.values())

    def next_due(self) -> int | None:
        """When somebody has looked next (ms)."""
        return self._agenda.next()

    def due(self, now: int) -> list[Send]:
        """First and last answers."""
        sends = []
        for survey in self._agenda.take(now):
            if survey.state == "looking":
                survey.state = "looked"
                self._agenda.add(now + self._takes(self._settings["finish_ms"]), survey)
                answer = self._first(survey)
            elif survey.state == "looked":
                survey.state = "done"
                answer = self._last(survey, now)
            else:
                continue
            sends.append(Send("RC03", answer, system=survey.sender, ref_serial=survey.serial))
        return sends

    def _first(self, survey: Survey) -> Body:
        found = survey.found or {}
        return _head(survey) | {
            "outcome": "done",
            "is_last": False,
            "net_capacity": found["result"] != _UNAVAILABLE,
            "client_capacity": False,
            "construction_possible": True,
            "pre_occupied": "reserved" in found,
            "satisfaction": found["result"],
        }

    def _last(self, survey: Survey, now: int) -> Body:
        found = survey.found or {}
        options = found.get("options", [])
        builds = found["result"] != _AVAILABLE
        metres = min((option.get("distance_m", 0) for option in options), default=0)
        lead = min((option["lead_days"] for option in options), default=0)
        return self._first(survey) | {
            "is_last": True,
            "client_capacity": True,
            "budgets": self._budgets(metres, builds),
            "to_build": {
                "pipeline": found["result"] == _UNAVAILABLE,
                "fibre": builds,
                "device": builds,
                "in_building": False,
            },
            "finish_days": lead + (self._settings["build_days"] if builds else 0),
            "valid_until": wire_time(now + self._settings["valid_days"] * _DAY),
        }

    def _budgets(self, metres: int, builds: bool) -> dict[str, int]:
        rates: dict[str, int] = self._settings["budget"]
        budgets = {
            "line": rates["line_per_m"] * metres if builds else 0,
            "equipment": rates["equipment"] if builds else 0,
            "implementation": rates["implementation"] if builds else 0,
            "wiring": rates["wiring"],
            "exploration": rates["exploration"],
        }
        return budgets | {"total": sum(budgets.values())}


def _head(survey: Survey) -> Body:
    return {name: survey.body[name] for name in _HEAD if name in survey.body} | {"survey_id": survey.id}


def _give_back(survey: Survey) -> list[Send]:
    """RR02 of what RM reserved for the survey."""
    if survey.found is None or "reserved" not in survey.found:
        return []
    head: Body = {"area": survey.body["area"], "reservation_id": survey.body["pre_occupy"]["reservation_id"]}
    return [Send("RR02", head | {"reason": {"text": "勘查已取消"}}, role="RM")]

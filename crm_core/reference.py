"""Data the core reads but does not own: product specifications, areas, reasons, action rules (spec 03 code tables).

Filled by the composition root from the shipped sample catalogue and the code tables; the core has no literals of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from crm_core.clocks.calendar import ALWAYS, WorkCalendar
from crm_core.products.model import Product


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason row (03): its type, where it applies (``areas`` and all below them, ``stages``; none: any), where the process
    goes on, whose cause it is; ``rule``: the rule of the CRM that gives this reason by itself."""

    type: str
    code: str
    zh: str
    en: str
    target_stage: str = ""
    restart_mode: str = ""
    owner: str = "operator"
    areas: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """``billing_kinds``: action -> start/change/stop/suspend/resume or absent; ``reversals``: action -> the opposite one a
    返销 orders; ``compatible``: unordered pairs of actions that
    may run at once on one instance, ``*`` for any (5.4 rule 2); ``areas``: code -> parent; ``policies``: policy rows of the
    legality matrix by name -> bool, and ``decide_by_hand``: codes of products whose completion a person accepts;
    ``calendars`` by code, ``area_calendars``: area -> code; ``result_limits``: event, or use case of what comes in -> seconds
    within which the message gets its result, and the clock they run on (``elapsed`` or ``working``); ``desk_roles``: role ->
    what it may do at the desk, ``operators``: person -> role; with nobody named everybody may do everything; ``symbols``:
    result code of the wire -> its symbol (02.2)."""

    products: dict[str, Product] = field(default_factory=dict)
    areas: dict[str, str] = field(default_factory=dict)
    reasons: dict[tuple[str, str], Reason] = field(default_factory=dict)
    billing_kinds: dict[str, str] = field(default_factory=dict)
    compatible: frozenset[tuple[str, str]] = frozenset()
    policies: dict[str, Any] = field(default_factory=dict)
    calendars: dict[str, WorkCalendar] = field(default_factory=dict)
    area_calendars: dict[str, str] = field(default_factory=dict)
    result_limits: dict[str, tuple[int, str]] = field(default_factory=dict)

    reversals: dict[str, str] = field(default_factory=dict)
    desk_roles: dict[str, tuple[str, ...]] = field(default_factory=dict)
    operators: dict[str, str] = field(default_factory=dict)
    symbols: dict[str, str] = field(default_factory=dict)

    def may(self, operator: str, what: str) -> bool:
        """Whether this person may do ``what`` at the desk (06.2)."""
        return not self.operators or what in self.desk_roles.get(self.operators.get(operator, ""), ())

    def symbol(self, code: str | None) -> str:
        """The symbol of a result code a peer gave; a code no table knows stands for itself, none is empty."""
        return "" if code is None else self.symbols.get(code, code)

    def reason(self, kind: str, code: str, area: str, stage: str | None, *, anywhere: bool = False) -> Reason | None:
        """The row of that type and code whose scope holds ``area`` (searched upward through the tree) and ``stage``, which does
        not matter ``anywhere``."""
        row = self.reasons.get((kind, code))
        if row is None or (row.stages and not anywhere and stage not in row.stages):
            return None
        above: str | None = area
        while row.areas and above not in row.areas:
            if not above:
                return None
            above = self.areas.get(above)
        return row

    def ruled(self, kind: str, rule: str) -> dict[str, Any]:
        """The reason of that type which a rule of the CRM gives, as on the wire; where no row names it, the rule itself."""
        for (row_kind, code), row in self.reasons.items():
            if row_kind == kind and row.rule == rule:
                return {"type": kind, "code": code, "text": row.zh}
        return {"type": kind, "code": rule, "text": rule}

    def calendar(self, code: str) -> WorkCalendar:
        """The work calendar of that code; what no table knows counts every moment."""
        return self.calendars.get(code, ALWAYS)

    def calendar_of(self, area: str) -> WorkCalendar:
        """The work calendar of an area (04.5)."""
        return self.calendar(self.area_calendars.get(area, ""))

    def may_run_together(self, action: str, other: str) -> bool:
        """Whether orders with these two actions may be in flight on one instance at once."""
        pairs = self.compatible
        return (
            (action, other) in pairs
            or (other, action) in pairs
            or (action, "*") in pairs
            or (other, "*") in pairs
            or ("*", action) in pairs
            or ("*", other) in pairs
        )

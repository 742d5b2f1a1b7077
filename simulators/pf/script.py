"""What a simulated provisioning is told to do with certain orders, for tests, demonstrations and people (data, not code).

A script is a list of acts; each says for which orders it counts and what happens there.  As a TOML file::

    [[act]]
    do = "return"                       # see KINDS
    customer_order = "CO*-RETURN"       # patterns of ids, or an attribute of an item: attr = "STORY", value = "return"
    stage = "FIELD"
    reason = "10R002"
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from schemas.loader import load
from simulators.brain import Body

KINDS: dict[str, str] = {
    "return": "at the end of `stage`; restart mode of `reason`, or `mode`: returned, redone, waiting, deferral proposed",
    "shortage": "want of `res_type`; RM is asked for its waiting list after `ms`",
    "reschedule": "at the end of `stage`: the appointment is put off by `ms`, the CRM is asked to agree",
    "slow": "`stage` takes `ms` longer",
    "undo_fails": "undoing `stage` fails `times` times",
    "manual_change": "a person decides about a change after `ms`: `outcome` applied, or refused with symbol `code`",
    "late_change": "a change that crosses the completion is taken, and completion reported again",
    "separate": "items are reported complete one by one",
}
"""What an act may ``do``."""


class ScriptInvalid(ValueError):
    """The script cannot be played; the text says what is wrong, in Chinese and English."""


@dataclass(frozen=True, slots=True)
class Act:
    """One line of a script: conditions (empty: any) and what happens, ``times`` times per order; ``item`` narrows it."""

    do: str
    customer_order: str = "*"
    service_order: str = "*"
    attr: str = ""
    value: str = "*"
    item: str = "*"
    stage: str = ""
    reason: str = ""
    mode: str = ""
    res_type: str = ""
    ms: int = 0
    times: int = 1
    outcome: str = "applied"
    code: str = "STATE_CONFLICT"

    def counts_for(self, image: Body) -> bool:
        """Whether it is about the order with this image."""
        if not fnmatchcase(image.get("customer_order_id", ""), self.customer_order):
            return False
        if not fnmatchcase(image["service_order_id"], self.service_order):
            return False
        if not self.attr:
            return True
        attrs = [attr for item in image["items"] for attr in item.get("attrs", ())]
        return any(attr["code"] == self.attr and fnmatchcase(attr["new"], self.value) for attr in attrs)


@dataclass(frozen=True, slots=True)
class Script:
    """Acts in order; the first that counts is played."""

    acts: tuple[Act, ...] = ()

    def acts_for(self, image: Body) -> tuple[Act, ...]:
        """The acts about an order."""
        return tuple(act for act in self.acts if act.counts_for(image)) if self.acts else ()


def read_script(data: dict[str, Any]) -> Script:
    """The script in ``data``. Raises ScriptInvalid: an unknown act, field, stage, reason or resource type."""
    catalogue = load()
    known = {"stage": "stages", "reason": "reasons", "mode": "restart_modes", "res_type": "resource_types"}
    acts = []
    for n, row in enumerate(data.get("act", ()), 1):
        try:
            act = Act(**row)
        except TypeError as fault:
            raise ScriptInvalid(f"第 {n} 条 act 的字段不对：{fault} / act {n} has a wrong field: {fault}") from fault
        if act.do not in KINDS:
            raise ScriptInvalid(f"第 {n} 条 act 未知：{act.do}，可用 {list(KINDS)} / act {n} is unknown: {act.do}")
        for name, table in known.items():
            code = getattr(act, name)
            if code and code not in catalogue.table(table).rows:
                raise ScriptInvalid(f"第 {n} 条 act 的 {name} 不在码表中：{code} / act {n}: {name} {code} is in no table")
        acts.append(act)
    return Script(tuple(acts))

"""Defects of billing (spec 5.4, 06.4 invariant 12)."""

from __future__ import annotations

from collections.abc import Callable

from simulators.brain import Body
from simulators.defects import decisions as does
from simulators.defects.decisions import Alters, Forgets, Refers, Says, Swallows, Twice
from simulators.defects.flaw import Defect, Flaw


def _row(clause: str, name: str, zh: str, en: str, make: Callable[[], Flaw]) -> Defect:
    return Defect(f"bill-{name}", "bill", "billing", clause, zh, en, make)


def _accepted(body: Body) -> Body:
    return does.without("code", "reason")(body) | {"outcome": "accepted"}


BILL = (
    _row("5.4", "tells-twice", "计费结果两报", "a result is told twice", lambda: Twice("BL02")),
    _row("5.4", "tells-nothing", "无计费结果", "a charging fact gets no result", lambda: Forgets("BL02")),
    _row("5.4", "loses-facts", "收下后丢失", "a charging fact is acknowledged, then lost",
         lambda: Swallows("BL01")),
    _row("5.4", "result-without-reference", "结果不引用命令", "results name no command",
         lambda: Refers("BL02", None)),
    _row("5.4", "charges-twice", "重复起租", "charging is started twice", lambda: Alters("BL02", _accepted)),
    _row("5.4", "unknown-code", "未知实例拒绝码错误", "an unknown instance is refused as in conflict",
         lambda: Alters("BL02", does.refused_as("INSTANCE_UNKNOWN", "STATE_CONFLICT"))),
    _row("5.4", "key-means-nothing", "业务键不查重", "another fact under the same key is taken",
         lambda: Says("BL01", "SERIAL_REUSED")),
)  # fmt: skip
"""Of billing."""

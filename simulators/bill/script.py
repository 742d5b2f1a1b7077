"""What billing finds by itself, told beforehand: who is in arrears, and when it is paid (data, not code).

As a TOML file; of one account the notices come in the order of their rows::

    [[arrears]]
    event = "arrears"                   # or "paid"
    customer_order = "CO*-ARREARS"      # pattern: the order whose charging fact sets the clock going
    kind = "start"                      # optional: kind of that fact
    after_ms = 60000
    amount = 12000                      # 分, optional
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

EVENTS = ("arrears", "paid")


@dataclass(frozen=True, slots=True)
class Finding:
    """One row: ``after_ms`` behind a fact of ``kind`` caused by an order that matches, its account is found so."""

    event: str
    after_ms: int
    customer_order: str = "*"
    kind: str = "start"
    amount: int = 0

    def follows(self, customer_order: str, kind: str) -> bool:
        """Whether a charging fact sets its clock going."""
        return self.kind == kind and fnmatchcase(customer_order, self.customer_order)


@dataclass(frozen=True, slots=True)
class Script:
    """All rows."""

    findings: tuple[Finding, ...] = ()


def read_script(table: dict[str, Any]) -> Script:
    """The script in a table as above. Raises KeyError, TypeError, ValueError on a row that lacks something or says what is
    unknown."""
    findings = tuple(Finding(**row) for row in table.get("arrears", ()))
    for finding in findings:
        if finding.event not in EVENTS:
            raise ValueError(f"event {finding.event}: {', '.join(EVENTS)}")
    return Script(findings)

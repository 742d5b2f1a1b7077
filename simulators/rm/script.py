"""What people at RM do, told beforehand: which assignments are made by hand and how long that takes, and what happens when.

Without a script everything is automatic.  The same table may come from a TOML file::

    [[manual]]                # OH03 and CO03 for this product and area ("*": any) wait so long for a person
    product = "FTTH"
    area = "*"
    delay_ms = 3600000

    [[event]]                 # at an instant (as on the wire) capacity is taken into service: 9 -> 0
    at = "20261122090000"
    area = "025"
    res_type = "PORT"
    quantity = 5
    bureau = "NJGL01"         # optional

    [[failure]]               # these fail, or are rolled back, when they are cut over
    product_instance_id = "PI1"
    outcome = "failed"        # or "rolled_back"
    reason = "熔接失败"

    [[cutover]]               # at an instant a plan is started: the fields of CT01 with all items
    at = "20261122090000"
    dry_run = false
    plan = { cutover_id = "CT1", ... }
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adapters.wire.times import from_wire_time

_ANY = "*"


@dataclass(frozen=True, slots=True)
class Commissioning:
    """Capacity taken into service at ``at`` (ms)."""

    at: int
    area: str
    res_type: str
    quantity: int
    bureau: str | None = None


@dataclass(frozen=True, slots=True)
class PlannedStart:
    """A cutover started at ``at`` (ms)."""

    at: int
    plan: dict[str, Any]
    dry_run: bool


@dataclass(frozen=True, slots=True)
class Script:
    """``manual``: (product, area, delay ms), the first that matches counts; ``failures``: (instance, outcome, reason) of what
    is not cut over; ``cutovers``: plans started at an instant."""

    manual: tuple[tuple[str, str, int], ...] = ()
    commissioning: tuple[Commissioning, ...] = ()
    failures: tuple[tuple[str, str, str], ...] = ()
    cutovers: tuple[PlannedStart, ...] = ()

    def delay(self, products: list[str], area: str) -> int:
        """How long a person takes for items of these products: the slowest counts; 0: nobody is asked."""
        return max((self._delay(product, area) for product in products), default=0)

    def _delay(self, product: str, area: str) -> int:
        for wanted, where, delay in self.manual:
            if wanted in (_ANY, product) and where in (_ANY, area):
                return delay
        return 0


def read_script(table: dict[str, Any]) -> Script:
    """The script in a table as above. Raises KeyError, ValueError on a row that lacks something or names no instant."""
    return Script(
        manual=tuple((row["product"], row["area"], row["delay_ms"]) for row in table.get("manual", ())),
        commissioning=tuple(
            Commissioning(from_wire_time(row["at"]), row["area"], row["res_type"], row["quantity"], row.get("bureau"))
            for row in table.get("event", ())
        ),
        failures=tuple((row["product_instance_id"], row["outcome"], row["reason"]) for row in table.get("failure", ())),
        cutovers=tuple(
            PlannedStart(from_wire_time(row["at"]), row["plan"], row["dry_run"]) for row in table.get("cutover", ())
        ),
    )

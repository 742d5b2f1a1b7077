"""Billing: charging facts in (BL01), what became of them out (BL02); each counts exactly once (spec 5.4, 06.4 invariant 12)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from adapters.wire.times import from_wire_time
from simulators.bill.intervals import Charging, Fact, Interval, Refused, apply
from simulators.brain import Body, Meta, Reaction, Send
from simulators.codes import number
from simulators.installed import Installed


@dataclass(frozen=True, slots=True)
class Entry:
    """A fact as it was told and what became of it: ``refused`` None = it counts."""

    body: Body
    at: int
    refused: tuple[str, str] | None


class BillBrain:
    """The BILL. A fact is known by service order, instance, kind and version."""

    role = "BILL"

    def __init__(self, installed: Iterable[Installed] = ()) -> None:
        self.charging: dict[str, Charging] = {}
        self.entries: dict[tuple[str, str, str, int], Entry] = {}
        self.complaints: list[dict[str, Any]] = []
        for row in installed:
            begun = Interval(row.account_id, row.plan, row.since)
            suspended = row.since if row.suspended else None
            self.charging[row.product_instance_id] = Charging(row.product_instance_id, [begun], suspended)

    @property
    def codes(self) -> tuple[str, ...]:
        """Messages this brain serves."""
        return ("BL01",)

    def on_document(self, code: str, body: Body, meta: Meta, now: int) -> Reaction:
        """See ``Brain``. A fact that counts gets its first result again, another one under its key is refused (1009); one that
        was refused has no effect in force (02) and is judged anew."""
        if code not in self.codes:
            return Reaction.refuse("MESSAGE_UNKNOWN")
        key = (body.get("service_order_id", ""), body["product_instance_id"], body["kind"], body.get("version", 0))
        entry = self.entries.get(key)
        known = entry is not None and entry.refused is None
        if entry is None or entry.refused is not None:
            entry = self.entries[key] = self._enter(body, now)
        elif entry.body != body:
            return Reaction.refuse("SERIAL_REUSED")
        return Reaction(known=known, sends=[Send("BL02", _result(entry), system=meta.sender, ref_serial=meta.serial)])

    def on_answer(self, sent: Send, body: Body, now: int) -> Reaction:
        """The CRM has the result: nothing follows."""
        return Reaction()

    def on_refusal(self, sent: Send, code: str, body: Body, now: int) -> Reaction:
        """A result nobody took stands in the complaints, for the auditor."""
        self.complaints.append({"code": sent.code, "result": code, "body": sent.body, "at": now})
        return Reaction()

    def due(self, now: int) -> Reaction:
        """Billing starts nothing by itself."""
        return Reaction()

    def next_due(self) -> int | None:
        """Never."""
        return None

    def inspect(self) -> dict[str, Any]:
        """Intervals by instance and every fact told, for the auditor."""
        return {
            "instances": {
                charging.instance: {
                    "suspended": charging.suspended,
                    "intervals": [(row.account, row.plan, row.begin, row.end, row.reversed) for row in charging.intervals],
                }
                for charging in self.charging.values()
            },
            "facts": [
                {"key": key, "at": entry.at, "refused": entry.refused, "kind": entry.body["kind"]}
                for key, entry in self.entries.items()
            ],
            "complaints": list(self.complaints),
        }

    def _enter(self, body: Body, now: int) -> Entry:
        instance = body["product_instance_id"]
        fact = Fact(body["kind"], body["account_id"], body["plan"], from_wire_time(body["effective_at"]))
        charging = self.charging.get(instance) or Charging(instance)
        try:
            apply(charging, fact)
        except Refused as reason:
            return Entry(body, now, (reason.symbol, reason.text))
        self.charging[instance] = charging
        return Entry(body, now, None)


def _result(entry: Entry) -> Body:
    wanted = ("customer_order_id", "service_order_id", "version", "area", "product_instance_id", "account_id")
    head = {name: entry.body[name] for name in wanted if name in entry.body}
    if entry.refused is None:
        return head | {"outcome": "accepted"}
    symbol, text = entry.refused
    return head | {"outcome": "refused", "code": number(symbol), "reason": {"text": text, "code": number(symbol)}}

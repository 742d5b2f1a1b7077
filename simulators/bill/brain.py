"""Billing: charging facts in (BL01), what became of them out (BL02); each counts exactly once (spec 5.4, 06.4 invariant 12).

Beside them its copies of customers, accounts and instances (BL03) and the accounts' money (BL04, BL05); arrears and payments it
finds by script (BL06, 05.3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from adapters.reconciliation import Row
from adapters.wire.times import from_wire_time, wire_time
from simulators.agenda import Agenda
from simulators.archive import Archive
from simulators.bill.copies import Copies
from simulators.bill.intervals import Charging, Fact, Interval, Refused, apply, charging_archive
from simulators.bill.money import Bill, Money
from simulators.bill.script import Finding, Script
from simulators.brain import Body, Meta, Reaction, Send
from simulators.codes import number
from simulators.installed import Installed
from simulators.reconciling import reconcile_handlers


@dataclass(frozen=True, slots=True)
class Entry:
    """A fact as it was told last, by whom and under which serial, and what became of it: ``refused`` None = it counts."""

    body: Body
    at: int
    refused: tuple[str, str] | None
    serial: str
    sender: str


class BillBrain:
    """The BILL. A fact is known by service order, instance, kind and version."""

    role = "BILL"

    def __init__(
        self, installed: Iterable[Installed] = (), script: Script | None = None, *, any_plan: bool = False
    ) -> None:
        self._script = script or Script()
        self._findings: Agenda[tuple[Finding, Body, str]] = Agenda()
        self.notices: list[dict[str, Any]] = []
        self.charging = charging_archive()
        self.entries: Archive[Entry] = Archive(_packed_entry, _entry)
        self.complaints: list[dict[str, Any]] = []
        self._accounts: Archive[bool] = Archive(bool, lambda _, known: bool(known))
        self.copies = Copies(self._accounts.__contains__, self.charging.__contains__, any_plan=any_plan)
        self.money = Money(self.copies.knows_account)
        self._handlers: dict[str, Callable[[Body, Meta, int], Reaction]] = {
            "BL01": self._told,
            "BL03": self._image,
            "BL04": self._asked,
            "BL05": self._action,
            **reconcile_handlers(self.role, self._rows),
        }
        for row in installed:
            begun = Interval(row.account_id, row.plan, row.since)
            suspended = row.since if row.suspended else None
            self.charging[row.product_instance_id] = Charging(row.product_instance_id, [begun], suspended)
            self._accounts[row.account_id] = True

    @property
    def codes(self) -> tuple[str, ...]:
        """Messages this brain serves."""
        return tuple(self._handlers)

    def on_document(self, code: str, body: Body, meta: Meta, now: int) -> Reaction:
        """See ``Brain``."""
        handler = self._handlers.get(code)
        if handler is None:
            return Reaction.refuse("MESSAGE_UNKNOWN")
        try:
            return handler(body, meta, now)
        except Refused as reason:
            return Reaction.refuse(reason.symbol)
        finally:
            self._settle()

    def _told(self, body: Body, meta: Meta, now: int) -> Reaction:
        """BL01. A fact that counts gets its first result again, another one under its key is refused (1009); one that was
        refused has no effect in force (02) and is judged anew."""
        key = _SEPARATOR.join(map(str, _key(body)))
        entry = self.entries.get(key)
        known = entry is not None and entry.refused is None
        if entry is None or entry.refused is not None:
            entry = self.entries[key] = self._enter(body, meta, now)
            if entry.refused is None:
                self._look_after(body, meta.sender, now)
        elif entry.body != body:
            return Reaction.refuse("SERIAL_REUSED")
        else:
            self.entries[key] = entry = replace(entry, serial=meta.serial, sender=meta.sender)
        result = _result(entry.body, entry.refused)
        return Reaction(known=known, sends=[Send("BL02", result, system=meta.sender, ref_serial=meta.serial)])

    def _image(self, body: Body, meta: Meta, now: int) -> Reaction:
        """BL03: what became of the image is told in BL02; the same version with other content is refused at once (1009)."""
        refused, known = None, False
        try:
            known = self.copies.take(body)
        except Refused as reason:
            if reason.symbol == "SERIAL_REUSED":
                raise
            refused = (reason.symbol, reason.text)
        names = {"customer_id": body["customer_id"]}
        if body["entity_kind"] != "customer":
            names[f"{body['entity_kind']}_id"] = body["entity_id"]
        result = _result(body | names, refused)
        return Reaction(known=known, sends=[Send("BL02", result, system=meta.sender, ref_serial=meta.serial)])

    def _asked(self, body: Body, meta: Meta, now: int) -> Reaction:
        """BL04. Raises Refused 3002, 3023."""
        instance = body.get("product_instance_id")
        answer = self.money.ask(body)
        if instance is not None and not self.copies.knows_instance(instance):
            raise Refused("INSTANCE_UNKNOWN", f"没有产品实例 {instance} / no product instance {instance}")
        return Reaction(answer=answer)

    def _action(self, body: Body, meta: Meta, now: int) -> Reaction:
        """BL05."""
        answer, known = self.money.act(body, now)
        return Reaction(answer=answer, known=known)

    def on_answer(self, sent: Send, body: Body, now: int) -> Reaction:
        """The CRM has the result, or the notice: nothing follows."""
        return Reaction()

    def on_refusal(self, sent: Send, code: str, body: Body, now: int) -> Reaction:
        """What nobody took stands in the complaints, for the auditor."""
        self.complaints.append({"code": sent.code, "result": code, "body": sent.body, "at": now})
        return Reaction()

    def due(self, now: int) -> Reaction:
        """Tell what is found by now."""
        return Reaction(sends=[self._found(*row, now) for row in self._findings.take(now)])

    def next_due(self) -> int | None:
        """The next finding."""
        return self._findings.next()

    def inspect(self) -> dict[str, Any]:
        """Intervals by instance, every fact told and every notice given, copies and balances, for the auditor."""
        return {
            "instances": {
                charging.instance: {
                    "suspended": charging.suspended,
                    "intervals": [(row.account, row.plan, row.begin, row.end, row.reversed) for row in charging.intervals],
                }
                for charging in self.charging.values()
            },
            "facts": [
                {"key": _key(entry.body), "at": entry.at, "refused": entry.refused, "kind": entry.body["kind"]}
                for entry in self.entries.values()
            ],
            "notices": list(self.notices),
            "copies": self.copies.inspect(),
            "balances": {name: account.balance for name, account in self.money.accounts.items()},
            "complaints": list(self.complaints),
        }

    def _rows(self, asker: str, area: str, begin: int, end: int) -> list[Row]:
        """The facts ``asker`` told that take effect within the span, under their serials."""
        return [
            Row(entry.serial, "accepted" if entry.refused is None else "refused", finished=entry.at)
            for entry in self.entries.scan()
            if entry.sender == asker and entry.body["area"] == area
            and begin <= from_wire_time(entry.body["effective_at"]) < end
        ]  # fmt: skip

    def _settle(self) -> None:
        """What is only looked up again by key takes little room from now on."""
        for archive in (self.entries, self.charging, self._accounts):
            archive.settle()
        self.copies.settle()
        self.money.settle()

    def _look_after(self, fact: Body, system: str, now: int) -> None:
        for finding in self._script.findings:
            if finding.follows(fact.get("customer_order_id", ""), fact["kind"]):
                self._findings.add(now + finding.after_ms, (finding, fact, system))

    def _found(self, finding: Finding, fact: Body, system: str, now: int) -> Send:
        notice = {
            "area": fact["area"], "account_id": fact["account_id"], "event": finding.event, "amount": finding.amount,
            "as_of": wire_time(now), "instances": [{"product_instance_id": fact["product_instance_id"]}],
        }  # fmt: skip
        self.notices.append(notice)
        account = self.money.of(fact["account_id"])
        if finding.event == "arrears":
            account.bills.append(Bill(now, fact["product_instance_id"], finding.amount))
        else:
            account.pay(account.owed)
        return Send("BL06", notice, system=system)

    def _enter(self, body: Body, meta: Meta, now: int) -> Entry:
        instance = body["product_instance_id"]
        fact = Fact(body["kind"], body["account_id"], body["plan"], from_wire_time(body["effective_at"]))
        charging = self.charging.get(instance) or Charging(instance)
        try:
            if fact.kind in _CHARGING:
                self.copies.check_charge(fact.account, fact.plan)
            apply(charging, fact)
        except Refused as reason:
            return Entry(body, now, (reason.symbol, reason.text), meta.serial, meta.sender)
        self.charging[instance] = charging
        self._accounts[fact.account] = True
        return Entry(body, now, None, meta.serial, meta.sender)


_CHARGING = ("start", "change")
"""Facts by which something is charged to an account from then on."""
_NAMED = ("customer_order_id", "service_order_id", "version", "area", "product_instance_id", "account_id", "customer_id")
"""What a result names of what it is the result of."""


_SEPARATOR = "\x1f"
"""Between the parts of a key; no document can hold it."""


def _key(fact: Body) -> tuple[str, str, str, int]:
    return fact.get("service_order_id", ""), fact["product_instance_id"], fact["kind"], fact.get("version", 0)


def _packed_entry(entry: Entry) -> list[Any]:
    return [entry.body, entry.at, entry.refused, entry.serial, entry.sender]


def _entry(_: str, row: list[Any]) -> Entry:
    body, at, refused, serial, sender = row
    return Entry(body, at, None if refused is None else (refused[0], refused[1]), serial, sender)


def _result(body: Body, refused: tuple[str, str] | None) -> Body:
    head = {name: body[name] for name in _NAMED if name in body}
    if refused is None:
        return head | {"outcome": "accepted"}
    symbol, text = refused
    return head | {"outcome": "refused", "code": number(symbol), "reason": {"text": text, "code": number(symbol)}}

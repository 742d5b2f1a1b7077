"""Money of accounts (spec 05.3): what BL05 does to them, once an action serial, and what BL04 tells of them. Amounts in fen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from adapters.wire.times import wire_time
from simulators.archive import Archive
from simulators.bill.intervals import Refused
from simulators.brain import Body

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Payment:
    """One recharge: ``at`` ms."""

    serial: str
    at: int
    amount: int
    method: str


@dataclass(slots=True)
class Bill:
    """What an account owes, or owed, since ``at`` (ms) for one product instance."""

    at: int
    instance: str
    amount: int
    paid: int = 0

    @property
    def cycle(self) -> str:
        """yyyyMM."""
        return wire_time(self.at)[:6]


@dataclass(slots=True, weakref_slot=True)
class Account:
    """Money of one account; ``refunded`` are serials of recharges given back."""

    balance: int = 0
    payments: list[Payment] = field(default_factory=list)
    bills: list[Bill] = field(default_factory=list)
    refunded: dict[str, None] = field(default_factory=dict)

    @property
    def owed(self) -> int:
        """What is not paid."""
        return sum(bill.amount - bill.paid for bill in self.bills)

    def pay(self, amount: int) -> None:
        """Write off what is owed, the oldest first."""
        for bill in self.bills:
            part = min(amount, bill.amount - bill.paid)
            bill.paid += part
            amount -= part


class Money:
    """All accounts' money. ``known`` says whether there is an account."""

    def __init__(self, known: Callable[[str], bool]) -> None:
        self.accounts: Archive[Account] = Archive(asdict, _account, mutable=True)
        self._known = known
        self._done: Archive[tuple[Body, Body]] = Archive(list, lambda _, row: (row[0], row[1]))
        self._actions: dict[str, Callable[[Account, Body, int], None]] = {
            "recharge": _recharge,
            "refund": _refund,
            "write_off": _write_off,
        }
        self._queries: dict[str, Callable[[Account, Body], Body]] = {
            "balance": lambda account, body: {"balance": account.balance, "arrears_total": account.owed},
            "bill": _bills,
            "bill_items": _bill_items,
            "usage": lambda account, body: {"usages": []},
            "arrears": _arrears,
            "payments": _payments,
        }

    def of(self, name: str) -> Account:
        """The account's money. Raises Refused 3023: there is no such account."""
        if not self._known(name):
            raise Refused("ACCOUNT_OR_CREDIT", f"没有账户 {name} / no account {name}")
        account = self.accounts.get(name)
        if account is None:
            account = self.accounts[name] = Account()
        return account

    def settle(self) -> None:
        """See ``Archive``."""
        self.accounts.settle()
        self._done.settle()

    def act(self, body: Body, now: int) -> tuple[Body, bool]:
        """BL05: the answer, and whether the action was done before. Raises Refused 1009, 3004, 3023."""
        asked = {name: body.get(name) for name in ("operation", "account_id", "amount", "original_serial", "method")}
        done = self._done.get(body["action_serial"])
        if done is not None:
            if done[0] != asked:
                raise Refused("SERIAL_REUSED", "同一操作流水、不同内容 / the same action serial with other content")
            return done[1], True
        account = self.of(body["account_id"])
        self._actions[body["operation"]](account, body, now)
        answer: Body = {name: body[name] for name in ("action_serial", "account_id")}
        answer |= {"balance": account.balance, "applied_at": wire_time(now)}
        self._done[body["action_serial"]] = (asked, answer)
        return answer, False

    def ask(self, body: Body) -> Body:
        """BL04: one page of what is asked for. Raises Refused 3023."""
        found = self._queries[body["query"]](self.of(body["account_id"]), body)
        answer: Body = {"account_id": body["account_id"], "query": body["query"]}
        number, size = body.get("page_no", 1), body.get("page_size", _PAGE)
        for name, value in found.items():
            if not isinstance(value, list):
                answer[name] = value
                continue
            shown = value[(number - 1) * size : number * size]
            answer |= {name: shown} if shown else {}
            answer["page"] = {"page_no": number, "page_size": size, "total_count": len(value)}
        return answer


def _account(_: str, row: dict[str, Any]) -> Account:
    payments, bills = [Payment(**one) for one in row["payments"]], [Bill(**one) for one in row["bills"]]
    return Account(row["balance"], payments, bills, dict(row["refunded"]))


def _recharge(account: Account, body: Body, now: int) -> None:
    account.balance += body["amount"]
    account.payments.append(Payment(body["action_serial"], now, body["amount"], body.get("method", "CASH")))


def _refund(account: Account, body: Body, now: int) -> None:
    """Of one recharge, at most what it was and only once; or of the balance."""
    serial = body.get("original_serial")
    if serial is not None:
        paid = next((payment for payment in account.payments if payment.serial == serial), None)
        if paid is None or serial in account.refunded or body["amount"] > paid.amount:
            raise Refused("STATE_CONFLICT", "没有可退的缴费 / no such payment to give back")
    if body["amount"] > account.balance:
        raise Refused("ACCOUNT_OR_CREDIT", "余额不足 / the balance does not suffice")
    account.balance -= body["amount"]
    if serial is not None:
        account.refunded[serial] = None


def _write_off(account: Account, body: Body, now: int) -> None:
    if body["amount"] > account.owed:
        raise Refused("STATE_CONFLICT", "没有这么多欠费 / so much is not owed")
    account.pay(body["amount"])


def _bills(account: Account, body: Body) -> Body:
    cycles: dict[str, list[Bill]] = {}
    for bill in _wanted(account.bills, body):
        cycles.setdefault(bill.cycle, []).append(bill)
    rows = [
        {
            "cycle": name,
            "amount": sum(bill.amount for bill in bills),
            "paid": sum(bill.paid for bill in bills),
            "due_at": wire_time(bills[0].at),
        }
        for name, bills in cycles.items()
    ]
    return {"bills": rows}


def _bill_items(account: Account, body: Body) -> Body:
    rows = [
        {"cycle": bill.cycle, "product_instance_id": bill.instance, "name": "月租费", "amount": bill.amount}
        for bill in _wanted(account.bills, body)
    ]
    return {"bill_items": rows}


def _arrears(account: Account, body: Body) -> Body:
    owed = [bill for bill in _wanted(account.bills, body) if bill.paid < bill.amount]
    rows = [{"cycle": bill.cycle, "amount": bill.amount - bill.paid, "since": wire_time(bill.at)} for bill in owed]
    return {"arrears": rows, "arrears_total": account.owed}


def _payments(account: Account, body: Body) -> Body:
    rows = [
        {"serial": row.serial, "paid_at": wire_time(row.at), "amount": row.amount, "method": row.method}
        for row in account.payments
        if wire_time(row.at).startswith(body.get("cycle", ""))
    ]
    return {"payments": rows}


def _wanted(bills: list[Bill], body: Body) -> list[Bill]:
    """Those of the cycle and of the product instance asked for."""
    asked = {"cycle": body.get("cycle"), "instance": body.get("product_instance_id")}
    return [bill for bill in bills if all(value in (None, getattr(bill, name)) for name, value in asked.items())]

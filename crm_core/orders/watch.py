"""The watchdog of one order: what should have happened by now and did not (spec 04.1, 04.5, 06.1 promise 5).

Run when ``ServiceOrder.watch_at`` has come.  An operation or a dispatch without result by its limit opens a fallout record and
puts FALLOUT on; an alert or limit that passed is told as an event; missing reports are asked for, then a person looks; a
deferral or lease that provisioning should have ended opens a record.  Each is told once; early or twice it is harmless.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.clocks import clock as clocks
from crm_core.events import LimitPassed, ReportsMissing
from crm_core.fallout.model import Fallout
from crm_core.orders.closing import conclude
from crm_core.orders.defer import order_of
from crm_core.orders.dispatch import DISPATCH_SERIAL
from crm_core.orders.item_states import Kind
from crm_core.orders.machine import rulebook
from crm_core.orders.model import ServiceOrder
from crm_core.orders.moves import Moves
from crm_core.orders.operations import blame, fallen
from crm_core.orders.reports import GAP, release
from crm_core.orders.timing import ACCEPTANCE, GRACE_MS, deferral_due, gap_due, lease_due
from crm_core.orders.told import DEFERRED, LOCKED, MISSING, UNACCEPTED, told
from crm_core.ports import Outcome, UnitOfWork
from crm_core.times import to_wire

BUDGET_SPENT = "budget_spent"
NOT_SERVED = "MESSAGE_UNKNOWN"


@dataclass(frozen=True, slots=True)
class WatchOrder:
    """The timer's command."""

    service_order_id: str

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order."""
        return (("order", self.service_order_id),)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """Raises ``OrderUnknown`` (3003)."""
        order = order_of(uow, self.service_order_id)
        if order.watch_at is None or order.watch_at > uow.now:
            return Outcome("OK", state=order.state)
        moves = Moves(uow, order, BUDGET_SPENT)
        late = _overdue_operations(moves)
        stuck = _passed_limits(moves)
        stuck = _missing_reports(moves) or stuck
        _endings(moves)
        if late or stuck:
            _stand(moves, late=not stuck)
        conclude(moves)
        return Outcome("OK", state=order.state)


def _stand(moves: Moves, *, late: bool) -> None:
    """FALLOUT on every open item; if only results are ``late`` it goes again with the last of them."""
    order = moves.order
    blamed = list(fallen(order))
    book = rulebook(moves.uow.reference.policies)
    for item in order.newest():
        effect = book.effect(item, BUDGET_SPENT)
        if effect.kind is Kind.MOVED and moves.put(item, effect):
            blamed.append(item.item_id)
    if late:
        blame(order, blamed)


def _open(moves: Moves, error_class: str, symbol: str, zh: str, en: str, **about: Any) -> str:
    order = moves.order
    record = Fallout(
        moves.uow.new_id("FO"), error_class, moves.uow.now, zh, en, symbol=symbol, service_order_id=order.id, area=order.area,
        about=about,
    )  # fmt: skip
    moves.uow.add(record)
    return record.id


def _overdue_operations(moves: Moves) -> bool:
    order, now = moves.order, moves.uow.now
    entries: list[dict[str, Any]] = []
    found = False
    for entry in order.operations:
        if "limit_at" in entry and "overdue" not in entry and entry["limit_at"] <= now:
            name = entry["operation"]
            zh = f"操作 {name}（{entry['serial']}）自 {to_wire(entry['at'])} 起没有结果"
            en = f"No result of {name} ({entry['serial']}) since {to_wire(entry['at'])}"
            fallout_id = _open(moves, "overdue", "OUTCOME_UNKNOWN", zh, en, operation=name, serial=entry["serial"])
            entry = {**entry, "overdue": fallout_id}
            found = True
        entries.append(entry)
    order.operations = entries
    return found


def _passed_limits(moves: Moves) -> bool:
    """Jeopardy and overtime are events; a dispatch nobody accepted in time is a command without result."""
    order, uow = moves.order, moves.uow
    if order.clock is None:
        return False
    order.clock, fallen_due = clocks.passed(order.clock, uow.now)
    stuck = False
    for limit, what in fallen_due:
        moves.record(what, limit)
        uow.emit(
            LimitPassed(key=order.id, area=order.area, service_order_id=order.id, limit=limit, what=what, at=uow.now)
        )
        if limit == ACCEPTANCE:
            zh = f"定单 {order.id} 版本 {order.version} 派发后未在时限内签收"
            en = f"Version {order.version} of order {order.id} was not accepted within its limit"
            about = {"operation": "dispatch", "version": order.version, **_dispatched(order)}
            told(order, UNACCEPTED, _open(moves, "overdue", "OUTCOME_UNKNOWN", zh, en, **about))
            stuck = True
    return stuck


def _dispatched(order: ServiceOrder) -> dict[str, str]:
    serial = order.details.get(DISPATCH_SERIAL)
    return {"serial": serial} if serial else {}


def missing(order: ServiceOrder) -> tuple[int, int] | None:
    """First and last number of the reports an early one waits for; None where none waits."""
    early = [int(entry["seq"]) for entry in order.held if entry["why"] == GAP]
    return (order.report_seq + 1, min(early) - 1) if early else None


def _missing_reports(moves: Moves) -> bool:
    """Asked for once (RX03); if that did not help, a person looks."""
    order, uow = moves.order, moves.uow
    due, gap = gap_due(order), missing(order)
    if due is None or gap is None or due > uow.now:
        return False
    waiting = [entry for entry in order.held if entry["why"] == GAP]
    asked = any("asked" in entry for entry in waiting)
    mark = {"told": True} if asked else {"asked": uow.now}
    order.held = [{**entry, **mark} if entry["why"] == GAP else entry for entry in order.held]
    first, last = gap
    if not asked:
        event = ReportsMissing(
            key=order.id, area=order.area, to=waiting[0]["sender"], service_order_id=order.id, from_seq=first, to_seq=last
        )
        uow.emit(event)
        moves.record("reports_missing", f"{first}-{last}")
        return False
    zh = f"定单 {order.id} 的报告 {first} 至 {last} 缺失，要求重发后仍未收到"
    en = f"Reports {first} to {last} of order {order.id} are missing, also after asking again"
    told(order, MISSING, _open(moves, "gap", "OUTCOME_UNKNOWN", zh, en, from_seq=first, to_seq=last))
    return True


def _endings(moves: Moves) -> None:
    """Provisioning's clock ends deferrals and leases (04.9); here they are only missed."""
    order, now = moves.order, moves.uow.now
    due = deferral_due(order)
    if due is not None and due <= now and order.deferral is not None:
        until = to_wire(order.deferral["until"])
        zh = f"缓装已于 {until} 到期，服务开通未恢复定单"
        en = f"The deferral ended {until}, provisioning did not resume the order"
        told(order, DEFERRED, _open(moves, "deferral", "OUTCOME_UNKNOWN", zh, en, until=until))
        order.deferral = {**order.deferral, "told": True}
    due = lease_due(order)
    if due is not None and due <= now and order.lock is not None:
        until = to_wire(due - GRACE_MS)
        owner = order.lock["holder"]["owner"]
        zh = f"{owner} 的锁已于 {until} 到期，服务开通未解锁"
        en = f"The lease of {owner} ended {until}, provisioning did not unlock"
        opened = _open(moves, "lock", "OUTCOME_UNKNOWN", zh, en, until=until, owner=owner, fence=order.lock["fence"])
        told(order, LOCKED, opened)
        order.lock = {**order.lock, "told": True}


def imply_missing(uow: UnitOfWork, order: ServiceOrder) -> bool:
    """The missing reports are taken as implied: what came early goes on. False where nothing is missing."""
    gap = missing(order)
    if gap is None:
        return False
    order.report_seq = gap[1]
    release(uow, order)
    return True


@dataclass(frozen=True, slots=True)
class RecordRedeliverReceipt:
    """What came of asking for missing reports: from a peer without RX03 they are taken as implied (04.1)."""

    service_order_id: str
    accepted: bool
    symbol: str

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order."""
        return (("order", self.service_order_id),)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """Raises ``OrderUnknown`` (3003)."""
        order = order_of(uow, self.service_order_id)
        if not self.accepted and self.symbol == NOT_SERVED:
            imply_missing(uow, order)
        return Outcome("OK", state=order.state)

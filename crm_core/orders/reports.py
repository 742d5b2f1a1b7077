"""How provisioning's reports about an order are taken (spec 04.1): in sequence, of the current version, when they may count.

``report_seq`` is contiguous per order: an early report waits for the gap to close, a passed one is recorded without effect, one
without a number is taken as it comes.  A report that meets ``held`` in the legality matrix waits for the change, cancel or lock
that stands in its way; where only some of its items are held, the others go on - or two items could wait for each other.
A report of an older version is recorded only, one of a version a change still waits for its result with waits too.  One that is
refused changes nothing; the caller opens a fallout record (``fallout/open_record.py``), which also counts its number as seen.

What answers a command of the CRM (CO02, CN02, OH14...) keeps its place in the sequence, but judges by itself what it means for
which item: ``SelfJudged``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Protocol, TypeGuard, TypeVar, cast

from crm_core.errors import DomainError, OrderUnknown, StaleVersion
from crm_core.fallout.model import Fallout
from crm_core.orders.item_states import IS_CLOSED, Effect, Kind
from crm_core.orders.machine import rulebook
from crm_core.orders.model import OrderChange, OrderItem, ServiceOrder
from crm_core.orders.moves import Moves
from crm_core.orders.operations import highest_sent, version_awaited
from crm_core.orders.timing import tend
from crm_core.ports import Outcome, UnitOfWork

HELD_LIMIT = 64
"""Reports an order may hold: far above any process's stages between two numbers, small enough to load with the order."""

GAP, BARRED, AHEAD = "gap", "barred", "ahead"


@dataclass(frozen=True, slots=True)
class Source:
    """The message a report came in, which for a held one is not the message being executed; ``ref_serial`` what it answers."""

    sender: str
    serial: str
    ref_serial: str | None = None


Taken = list[tuple[OrderItem, Effect]]


class Report(Protocol):
    """A command that reports about one version of an order."""

    @property
    def service_order_id(self) -> str: ...

    @property
    def version(self) -> int: ...

    @property
    def report_seq(self) -> int | None: ...

    def examine(self) -> None:
        """Raise ``DomainError`` for values no order could take (dates); nothing may fail after this but the item table."""

    def input(self) -> str:
        """The item machine's input."""

    def item_ids(self) -> list[str] | None:
        """The items it names; None: the whole order."""

    def narrowed(self, item_ids: list[str]) -> Any:
        """The same report about these items only."""

    def perform(self, uow: UnitOfWork, moves: Moves, taken: Taken, source: Source) -> None:
        """Do it to the items with their effects, then conclude the moves."""


class SelfJudged(Protocol):
    """A report in the order's sequence whose meaning for each item is its own matter."""

    @property
    def service_order_id(self) -> str: ...

    @property
    def version(self) -> int: ...

    @property
    def report_seq(self) -> int | None: ...

    def examine(self) -> None:
        """Raise ``DomainError`` for values no order could take (dates)."""

    def input(self) -> str:
        """What the history calls it where it has no effect."""

    def judge(self, uow: UnitOfWork, order: ServiceOrder, source: Source) -> bool:
        """Do what it means; False if that is nothing, so that it is recorded only."""


_R = TypeVar("_R", bound=type)
_REPORTS: dict[str, Any] = {}
_SELF_JUDGED: dict[str, None] = {}


def held_by_name(cls: _R) -> _R:
    """Class decorator: held reports are stored by class name and rebuilt from here."""
    _REPORTS[cls.__name__] = cls
    return cls


def judged_by_itself(cls: _R) -> _R:
    """Class decorator for ``SelfJudged`` reports; they are held by name too."""
    _SELF_JUDGED[cls.__name__] = None
    return held_by_name(cls)


def _judges(report: Report | SelfJudged) -> TypeGuard[SelfJudged]:
    return type(report).__name__ in _SELF_JUDGED


def newest_open(order: ServiceOrder) -> list[OrderItem]:
    """Open items, newest rows; all of them once the order has none open, so that a late report meets what is there."""
    items = order.newest()
    return [item for item in items if item.progress not in IS_CLOSED] or items


def receive(uow: UnitOfWork, report: Report | SelfJudged) -> Outcome:
    """Take a report now, hold it, or record it: DUPLICATE where the same is held already (spec 1.1.6).

    Raises ``OrderUnknown`` (3003), ``StaleVersion`` (3015) for a version never sent, BUSY when too much is held, and whatever
    the matrix refuses."""
    order = uow.order(report.service_order_id)
    if order is None:
        raise OrderUnknown(f"定单 {report.service_order_id} 不存在", f"Order {report.service_order_id} is not known")
    try:
        report.examine()
    except DomainError as error:
        error.state = order.state
        raise
    source = Source(uow.origin.sender, uow.origin.serial, uow.origin.ref_serial)
    seq = report.report_seq
    if seq is not None and seq <= order.report_seq:
        _record(uow, order, report, source)
        return Outcome(state=order.state)
    if _waits(order, report):
        _record(uow, order, report, source)
        return Outcome("DUPLICATE", state=order.state)
    if seq is not None and seq > order.report_seq + 1 and order.ended_at is None:
        _hold(uow, order, report, source, GAP)
        tend(order)
        uow.save(order)
        return Outcome(state=order.state)
    _take(uow, order, report, source)
    release(uow, order)
    return Outcome(state=order.state)


def _record(uow: UnitOfWork, order: ServiceOrder, report: Report | SelfJudged, source: Source) -> None:
    """Recorded without effect: the history says it came."""
    uow.add(OrderChange(order.id, uow.now, report.input(), source.sender, source.serial, order.state, order.state))


def _waits(order: ServiceOrder, report: Report | SelfJudged) -> bool:
    """Whether the same report, number and content, is held until the gap before it closes."""
    name, said = type(report).__name__, _said(report)
    return any(entry["why"] == GAP and entry["command"] == name and entry["fields"] == said for entry in order.held)


def _said(report: Report | SelfJudged) -> dict[str, Any]:
    return {field.name: getattr(report, field.name) for field in fields(report)}  # type: ignore[arg-type]


def _hold(uow: UnitOfWork, order: ServiceOrder, report: Report | SelfJudged, source: Source, why: str) -> None:
    if len(order.held) >= HELD_LIMIT:
        raise DomainError("暂存的报告过多，请稍后重发", "Too many reports are held; send it again later", code="BUSY")
    entry = {
        "command": type(report).__name__,
        "fields": _said(report),
        "seq": report.report_seq,
        "sender": source.sender,
        "serial": source.serial,
        "ref_serial": source.ref_serial,
        "at": uow.now,
        "why": why,
    }
    order.held = [*order.held, entry]


def _targets(order: ServiceOrder, report: Report) -> list[OrderItem]:
    wanted = report.item_ids()
    if wanted is None:
        return newest_open(order)
    rows = {item.item_id: item for item in order.newest()}
    unknown = [item_id for item_id in wanted if item_id not in rows]
    if unknown:
        zh, en = f"定单没有订单项 {'、'.join(unknown)}", f"The order has no item {', '.join(unknown)}"
        raise DomainError(zh, en, code="ORDER_UNKNOWN", state=order.state, fallout=f"{zh} / {en}")
    return [rows[item_id] for item_id in dict.fromkeys(wanted)]  # told twice it is one


def _take(uow: UnitOfWork, order: ServiceOrder, report: Report | SelfJudged, source: Source) -> None:
    """Its turn has come: its number counts as seen."""
    if _judges(report):
        if report.version > highest_sent(order):
            raise _never_sent(order, report.version)
        if not report.judge(uow, order, source):
            _record(uow, order, report, source)
    else:
        _perform(uow, order, cast(Report, report), source)
    if report.report_seq is not None and report.report_seq > order.report_seq:
        order.report_seq = report.report_seq
    tend(order)
    uow.save(order)


def _perform(uow: UnitOfWork, order: ServiceOrder, report: Report, source: Source) -> None:
    """Check every item before touching any, then perform; the held part waits."""
    if version_awaited(order, report.version) and order.ended_at is None:
        _hold(uow, order, report, source, AHEAD)
        return
    if report.version > order.version:
        raise _never_sent(order, report.version)
    if report.version < order.version:
        _record(uow, order, report, source)
        return
    taken, barred = _effects(uow, order, report)
    if barred:
        _hold(uow, order, report.narrowed(barred) if taken else report, source, BARRED)
    if taken:
        if order.pf_system is None:
            order.pf_system = source.sender
        report.perform(uow, Moves(uow, order, report.input(), source.serial, source.sender), taken, source)


def _never_sent(order: ServiceOrder, version: int) -> StaleVersion:
    zh, en = f"定单版本 {version} 从未发出或未被采用", f"Version {version} of the order was never sent, or never applied"
    return StaleVersion(zh, en, state=order.state, fallout=f"{zh} / {en}")


def _effects(uow: UnitOfWork, order: ServiceOrder, report: Report) -> tuple[Taken, list[str]]:
    """Per item what would come of it, and the items that hold it; raises if the table refuses one."""
    book = rulebook(uow.reference.policies)
    name = report.input()
    lock = "free" if order.lock is None or order.lock["holder"] is None else "other"
    taken: Taken = []
    barred: list[str] = []
    for item in _targets(order, report):
        effect = book.check(item, name, lock)
        if effect.kind is Kind.HELD:
            barred.append(item.item_id)
        else:
            taken.append((item, effect))
    return taken, barred


def release(uow: UnitOfWork, order: ServiceOrder) -> None:
    """Apply what is held and may now count, in order of arrival, until nothing more moves: after a gap closed, a change or
    cancel was answered, a lock ended, the order ended.  One that is refused now was acknowledged long ago, so it goes to
    fallout here."""
    while True:
        ready = next((entry for entry in order.held if _is_ready(uow, order, entry)), None)
        if ready is None:
            return
        order.held = [entry for entry in order.held if entry is not ready]
        report = _REPORTS[ready["command"]](**ready["fields"])
        source = Source(ready["sender"], ready["serial"], ready["ref_serial"])
        seq = report.report_seq
        try:
            if ready["why"] == GAP and seq <= order.report_seq:
                _record(uow, order, report, source)
            else:
                _take(uow, order, report, source)
        except DomainError as error:
            uow.add(fallout_for(uow, order, error, source))
            if seq is not None and seq > order.report_seq:
                order.report_seq = seq
        tend(order)
        uow.save(order)


def _is_ready(uow: UnitOfWork, order: ServiceOrder, entry: dict[str, Any]) -> bool:
    if order.ended_at is not None:
        return True
    if entry["why"] == GAP:
        return bool(entry["seq"] <= order.report_seq + 1)
    report = _REPORTS[entry["command"]](**entry["fields"])
    if entry["why"] == AHEAD:
        return not version_awaited(order, report.version)
    if report.version != order.version:
        return True
    try:
        return bool(_effects(uow, order, report)[0])
    except DomainError:
        return True


def fallout_for(uow: UnitOfWork, order: ServiceOrder, error: DomainError, source: Source) -> Fallout:
    """The record a person works from when a report contradicts what the CRM knows (04.1, last line)."""
    return Fallout(
        uow.new_id("FO"),
        "report",
        uow.now,
        error.zh,
        error.en,
        symbol=error.code,
        service_order_id=order.id,
        area=order.area,
        about={"serial": source.serial, "sender": source.sender, "state": order.state},
    )

"""Due work of the core, found by looking and done through the worker: orders whose day has come (spec 5.4 rule 7), and orders
that must be looked at because something about them should have happened by now (06.1 promise 5), surveys and schemes nobody
answers, and freeze windows of cutovers that are over (5.12), and packages whose group does not get whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import structlog
from sqlalchemy import BindParameter, Select, bindparam, select
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from adapters.store import plan_tables as p
from adapters.store import tables as t
from adapters.store.engine import reading
from adapters.store.unit import StoreUnit
from crm_core.billing.watch_result import WatchBilling
from crm_core.cutover.window_end import EndFreezeWindow
from crm_core.errors import DomainError
from crm_core.fallout.watch_planning import WatchPlanning
from crm_core.orders.dispatch_due import DispatchDue
from crm_core.orders.watch import WatchOrder
from crm_core.ports import Command, Origin
from crm_core.times import DAY_MS, day_start
from gateway.clock import Clock
from gateway.writer import Writer

log = structlog.get_logger()

LOOK_S = 60.0
"""How often due orders are looked for; their moment is a day, so a minute is early enough."""
AT_ONCE = 500
"""Orders taken a look, so that a backlog never crowds out what peers send."""


_UNTIL: BindParameter[int] = bindparam("until")
_AFTER: BindParameter[str] = bindparam("after")
_MOST: BindParameter[int] = bindparam("most")
_ORDERS, _PARENTS, _FACTS, _CUTOVERS = t.service_order.c, t.customer_order.c, t.billing_record.c, t.cutover.c

# What is looked for every minute, also by a gateway that idles, is built once.
_DUE = (
    select(_ORDERS.id)
    .join(t.customer_order, _PARENTS.id == _ORDERS.customer_order_id)
    .where(_ORDERS.ended_at.is_(None), _ORDERS.state == "DRAFT", _PARENTS.pre_accepted.is_(False))
    .where(_ORDERS.effective_at.is_not(None), _ORDERS.effective_at <= _UNTIL, _ORDERS.id > _AFTER)
    .order_by(_ORDERS.id)
    .limit(_MOST)
)
_WATCHED = (
    select(_ORDERS.id)
    .where(_ORDERS.watch_at.is_not(None), _ORDERS.watch_at <= _UNTIL)
    .order_by(_ORDERS.watch_at, _ORDERS.id)
    .limit(_MOST)
)
_UNANSWERED = (
    select(_FACTS.serial)
    .where(_FACTS.state == "sent", _FACTS.reason_json.is_(None), _FACTS.serial != "", _FACTS.sent_at <= _UNTIL)
    .order_by(_FACTS.sent_at, _FACTS.serial)
    .limit(_MOST)
)
_WINDOWS = (
    select(_CUTOVERS.id)
    .where(_CUTOVERS.ended_at.is_(None), _CUTOVERS.alarmed_at.is_(None), _CUTOVERS.freeze_end <= _UNTIL)
    .order_by(_CUTOVERS.freeze_end, _CUTOVERS.id)
    .limit(_MOST)
)
# What may be looked at in vain, as it waits for something else, is gone through in turn, so that it hides nothing behind it.
_PLANNING = {
    kind: select(table.c.id).where(table.c.closed_at.is_(None), table.c.id > _AFTER).order_by(table.c.id).limit(_MOST)
    for kind, table in (("survey", p.survey), ("scheme_request", p.scheme_request))
}


class CommandJob:
    """A command of our own, e.g. a timer's: nobody waits for an answer."""

    def __init__(self, command: Command, own_id: str, what: str) -> None:
        self.origin = Origin(own_id, "", what)
        self._command = command
        self._what = what

    def prefetch(self) -> Iterable[tuple[str, str]]:
        """What the command names."""
        return self._command.prefetch()

    def inbox_keys(self) -> Iterable[tuple[str, str]]:
        """None."""
        return ()

    def execute(self, unit: StoreUnit) -> None:
        """Do it."""
        self._command.execute(unit)

    def refused(self, unit: StoreUnit, error: DomainError) -> None:
        """The business says no: it stays in the history and the log."""
        unit.note("timer", self._what, error.code, "", "refused", f"{error.zh} / {error.en}"[:400])
        log.warning("timer.refused", what=self._what, symbol=error.code, zh=error.zh, en=error.en)

    def committed(self) -> None:
        """Done."""

    def failed(self, symbol: str) -> None:
        """Nothing was kept: the next look finds it again."""
        log.warning("timer.failed", what=self._what, symbol=symbol)


class Timers:
    """Looks for due work at intervals of the one clock."""

    def __init__(
        self, engine: Engine, writer: Writer, clock: Clock, own_id: str, limit_s: int, groups: Callable[[int], None]
    ) -> None:
        """``limit_s``: within how many seconds billing answers a notice; ``groups`` looks for packages that wait."""
        self._groups = groups
        self._engine = reading(engine)
        self._writer = writer
        self._clock = clock
        self._own = own_id
        self._stopped = False
        self._billing_s = limit_s
        self._looked_to = dict.fromkeys(("order", *_PLANNING), "")

    def start(self) -> None:
        """Look now and from now on."""
        self._look()

    def stop(self) -> None:
        """No more."""
        self._stopped = True

    def _look(self) -> None:
        if self._stopped:
            return
        self._clock.callLater(LOOK_S, self._look)
        now = self._clock.now()
        try:
            with self._engine.connect() as connection:
                due = self._in_turn(connection, "order", _DUE, until=day_start(now) + DAY_MS - 1)
                watched = _found(connection, _WATCHED, until=now)
                facts = _found(connection, _UNANSWERED, until=now - self._billing_s * 1000)
                planning = [(kind, name) for kind in _PLANNING for name in self._in_turn(connection, kind, _PLANNING[kind])]
                windows = _found(connection, _WINDOWS, until=now)
            self._groups(now)
        except SQLAlchemyError as error:
            log.warning("timer.not_read", error=str(error))
            return
        for order_id in due:
            self._writer.submit(CommandJob(DispatchDue(order_id), self._own, f"dispatch due {order_id}"))
        for order_id in watched:
            self._writer.submit(CommandJob(WatchOrder(order_id), self._own, f"watch {order_id}"))
        for serial in facts:
            self._writer.submit(CommandJob(WatchBilling(serial), self._own, f"watch {serial}"))
        for kind, name in planning:
            self._writer.submit(CommandJob(WatchPlanning(kind, name), self._own, f"watch {kind} {name}"))
        for cutover_id in windows:
            self._writer.submit(CommandJob(EndFreezeWindow(cutover_id), self._own, f"freeze window of {cutover_id}"))

    def _in_turn(self, connection: Connection, kind: str, looked_for: Select[str], **values: object) -> list[str]:
        """The next ones in the order of their ids, from the first again when the last was looked at."""
        names = _found(connection, looked_for, after=self._looked_to[kind], **values)
        self._looked_to[kind] = names[-1] if len(names) == AT_ONCE else ""
        return names


def _found(connection: Connection, looked_for: Select[str], **values: object) -> list[str]:
    return list(connection.execute(looked_for, {"most": AT_ONCE, **values}).scalars())

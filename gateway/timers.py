"""Due work of the core, found by looking and done through the worker: orders whose day has come (spec 5.4 rule 7), and orders
that must be looked at because something about them should have happened by now (06.1 promise 5), surveys and schemes nobody
answers, and freeze windows of cutovers that are over (5.12), and packages whose group does not get whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import structlog
from sqlalchemy import select
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
from gateway.clock import Clock
from gateway.writer import Writer

log = structlog.get_logger()

LOOK_S = 60.0
"""How often due orders are looked for; their moment is a day, so a minute is early enough."""
AT_ONCE = 500
"""Orders taken a look, so that a backlog never crowds out what peers send."""


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
        orders, parents = t.service_order, t.customer_order
        self._due = (
            select(orders.c.id)
            .join(parents, parents.c.id == orders.c.customer_order_id)
            .where(orders.c.ended_at.is_(None), orders.c.state == "DRAFT", parents.c.pre_accepted.is_(False))
            .where(orders.c.effective_at.is_not(None))
            .order_by(orders.c.effective_at, orders.c.id)
            .limit(AT_ONCE)
        )
        self._watched = (
            select(orders.c.id)
            .where(orders.c.watch_at.is_not(None))
            .order_by(orders.c.watch_at, orders.c.id)
            .limit(AT_ONCE)
        )

        facts = t.billing_record.c
        self._billing_s = limit_s
        self._unanswered = (
            select(facts.serial)
            .where(facts.state == "sent", facts.reason_json.is_(None), facts.serial != "")
            .order_by(facts.sent_at, facts.serial)
            .limit(AT_ONCE)
        )
        self._planning = {"survey": p.survey, "scheme_request": p.scheme_request}
        self._looked_to = dict.fromkeys(self._planning, "")
        cutovers = t.cutover.c
        self._windows = (
            select(cutovers.id)
            .where(cutovers.ended_at.is_(None), cutovers.alarmed_at.is_(None))
            .order_by(cutovers.freeze_end, cutovers.id)
            .limit(AT_ONCE)
        )

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
                due = [row[0] for row in connection.execute(self._due.where(t.service_order.c.effective_at <= now))]
                watched = [row[0] for row in connection.execute(self._watched.where(t.service_order.c.watch_at <= now))]
                last = now - self._billing_s * 1000
                facts = [row[0] for row in connection.execute(self._unanswered.where(t.billing_record.c.sent_at <= last))]
                planning = [(kind, name) for kind in self._planning for name in self._open_planning(connection, kind)]
                windows = [row[0] for row in connection.execute(self._windows.where(t.cutover.c.freeze_end <= now))]
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

    def _open_planning(self, connection: Connection, kind: str) -> list[str]:
        """The next open ones in the order of their ids, from the first again when the last was looked at."""
        columns = self._planning[kind].c
        following = columns.id > self._looked_to[kind]
        found = select(columns.id).where(columns.closed_at.is_(None), following).order_by(columns.id).limit(AT_ONCE)
        names = [row[0] for row in connection.execute(found)]
        self._looked_to[kind] = names[-1] if len(names) == AT_ONCE else ""
        return names

"""The command worker: the one place a process writes from (architecture 4).

Jobs wait in one queue.  The worker takes what waits, up to ``group_size``, and never waits for more: under load the commit
before is wait enough.  A group is loaded by set, executed on copies, written by set, committed; only then does any job hear
``committed`` and answer its peer (spec 06.1 promise 1).  While a group commits, what comes in is already executed, as the next
group, on what the one under way leaves, up to the first job that would have to wait for the disk; when that one stands it is
written together with whatever waits by then, and executed afresh should it fail.

A refusal undoes one job alone.  A *database* error rolls the group back and replays it in halves until the culprit stands
alone; a full disk or a locked database is no culprit: nothing is kept, every job hears ``failed`` with 9004, and intake stays
closed until a probe succeeds.

Who executes and commits is the runner's choice (``gateway/runners.py``); the worker does not know.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import structlog

from adapters.store.driver import CommitUnderWay, StoreFault
from adapters.store.rows import MessageRecord
from adapters.store.store import StaleWrite, Store
from adapters.store.unit import Publisher, StoreUnit
from crm_core.errors import DomainError
from crm_core.ports import Origin
from crm_core.reference import Reference
from gateway.clock import Clock

log = structlog.get_logger()

LOCK_PATIENCE_MS = 5_000
"""How long a locked database is retried by timer before the jobs are refused with 9004."""
LOCK_RETRY_S = 0.05


class Job(Protocol):
    """Something to be done in a transaction of the worker. Executed again after a rollback: it keeps nothing in between."""

    @property
    def origin(self) -> Origin:
        """Who asks."""

    def prefetch(self) -> Iterable[tuple[str, str]]:
        """Entities it will need, as (kind, id)."""

    def inbox_keys(self) -> Iterable[tuple[str, str]]:
        """Serials it will look up, as (sender, serial)."""

    def execute(self, unit: StoreUnit) -> None:
        """Do it on the unit; ``DomainError`` refuses it and drops the unit."""

    def refused(self, unit: StoreUnit, error: DomainError) -> None:
        """Record the refusal on a fresh unit."""

    def committed(self) -> None:
        """What ``execute`` or ``refused`` did is durable: answer now."""

    def failed(self, symbol: str) -> None:
        """Nothing was kept; ``symbol`` names the technical result code."""


class Runner(Protocol):
    """Who executes and who commits. ``overlaps``: the reactor's thread is free, and may read the store, during a commit."""

    overlaps: bool

    def run(
        self, prepare: Callable[[], Any], commit: Callable[[], None], done: Callable[[Any, Exception | None], None]
    ) -> None:
        """Call ``prepare`` then ``commit`` wherever is right, then ``done(result, error)`` in the reactor's thread."""


@dataclass(slots=True)
class Ahead:
    """The next group, executed while one commits. ``ended``: what follows it waits for the one under way; ``fault``: it met
    an error and must be executed afresh."""

    jobs: list[Job] = field(default_factory=list)
    units: list[StoreUnit] = field(default_factory=list)
    ended: bool = False
    fault: bool = False


@dataclass(slots=True)
class WriterFigures:
    """What the status command and the metrics show."""

    groups: int = 0
    jobs: int = 0
    refused: int = 0
    failed: int = 0
    replays: int = 0
    largest: int = 0


class Writer:
    """The worker of one store."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        runner: Runner,
        reference: Reference,
        publish: Publisher,
        *,
        group_size: int = 96,
        on_outgoing: Callable[[list[tuple[MessageRecord, dict[str, Any]]]], None] = lambda _: None,
    ) -> None:
        self.store = store
        self.figures = WriterFigures()
        self.on_outgoing = on_outgoing
        self.on_room: Callable[[], None] = lambda: None
        self.on_doubt: Callable[[], None] = lambda: None
        self.storage_fault: str | None = None
        self._clock = clock
        self._runner = runner
        self._reference = reference
        self._publish = publish
        self._size = group_size
        self._queue: deque[Job] = deque()
        self._first: deque[list[Job]] = deque()
        self._ahead = Ahead()
        self._busy = False
        self._scheduled = False
        self._locked_since: int | None = None
        self._idle: list[Callable[[], None]] = []
        self._closed = False

    @property
    def waiting(self) -> int:
        """Jobs not yet taken; intake is throttled by it (spec 01.1.3 rule 6)."""
        return len(self._queue)

    def submit(self, job: Job) -> None:
        """Queue a job; it hears ``committed`` or ``failed`` later, never from within this call."""
        if self._closed:
            return
        self._queue.append(job)
        if not self._scheduled and (not self._busy or self._may_look_ahead):
            self._schedule(0.0)

    def when_idle(self, call: Callable[[], None]) -> None:
        """Call once when nothing waits and nothing is under way."""
        self._idle.append(call)
        if not (self._busy or self._scheduled):
            self._schedule(0.0)

    def close(self) -> None:
        """Nothing is taken or told any more: the store goes away. What was not committed never happened."""
        self._closed = True
        self._queue.clear()
        self._first.clear()
        self._ahead = Ahead()

    def _schedule(self, delay: float) -> None:
        self._scheduled = True
        self._clock.callLater(delay, self._turn)

    def _wake(self) -> None:
        """Something ended: what waits has its turn."""
        if not (self._scheduled or self._busy) and (self._queue or self._first or self._idle):
            self._schedule(0.0)

    def _turn(self) -> None:
        self._scheduled = False
        if self._closed:
            return
        if self._busy:
            if self._may_look_ahead and self._queue:
                self._look_ahead()
        elif self._first:
            self._start(self._first.popleft(), [])
        elif self._queue:
            self._start(self._taken(self._size), [])
        else:
            calls, self._idle = self._idle, []
            for call in calls:
                call()

    def _taken(self, most: int) -> list[Job]:
        queue = self._queue
        return [queue.popleft() for _ in range(min(most, len(queue)))]

    def _start(self, group: list[Job], ahead: list[StoreUnit]) -> None:
        """Execute, write and commit a group; of its first jobs the units are there already. The lock is taken first, as
        nothing is worth executing without it."""

        def prepare() -> list[StoreUnit]:
            self.store.begin()
            units = [*ahead, *self._executed(group[len(ahead) :])]
            self.store.flush()
            return units

        self._busy = True
        self._runner.run(prepare, self.store.commit, lambda units, error: self._done(group, units, error))
        if self._may_look_ahead and self._queue and not self._scheduled:
            self._schedule(0.0)

    def _executed(self, group: list[Job]) -> list[StoreUnit]:
        self._load(group)
        now = self._clock.now()
        return [self._execute(job, now) for job in group]

    def _load(self, group: list[Job]) -> None:
        self.store.prefetch(
            (key for job in group for key in job.prefetch()),
            (key for job in group for key in job.inbox_keys()),
        )

    def _execute(self, job: Job, now: int) -> StoreUnit:
        unit = StoreUnit(self.store, now, self._reference, job.origin, self._publish)
        try:
            job.execute(unit)
        except DomainError as error:
            unit = StoreUnit(self.store, now, self._reference, job.origin, self._publish)
            job.refused(unit, error)
            self.figures.refused += 1
        except (StoreFault, StaleWrite, CommitUnderWay):
            raise
        except Exception as error:
            # A defect of ours in one job must not take the group with it: the job is parked by its own `refused`
            # with INTERNAL, visible in fallout, and the traceback is in the log.
            log.exception("job.defect", job=type(job).__name__, code=job.origin.code)
            unit = StoreUnit(self.store, now, self._reference, job.origin, self._publish)
            why = f"内部错误 / defect: {error!r}"
            job.refused(unit, DomainError("系统内部错误", f"Internal error: {error!r}", fallout=why))
        unit.merge()
        return unit

    # -- while a group commits ----------------------------------------------------------------------------------------

    @property
    def _may_look_ahead(self) -> bool:
        """Whether jobs may be executed behind the group under way: it was written, nothing waits to be replayed, and there is
        room."""
        if not self._runner.overlaps or self._first or not self.store.under_way:
            return False
        return not self._ahead.ended and len(self._ahead.jobs) < self._size

    def _look_ahead(self) -> None:
        ahead = self._ahead
        group = deque(self._taken(self._size - len(ahead.jobs)))
        try:
            self._load(list(group))
            now = self._clock.now()
            while group:
                ahead.units.append(self._execute(group[0], now))
                ahead.jobs.append(group.popleft())
        except CommitUnderWay:  # it was not executed at all, and nobody behind it may be before it is
            ahead.ended = True
            self._queue.extendleft(reversed(group))
        except Exception as error:  # judged when the group under way stands, should it be met again
            log.warning("group.afresh", error=repr(error))
            ahead.ended = ahead.fault = True
            ahead.jobs += group

    def _go_on(self) -> None:
        """The group under way stands: the next one is written, with what waits by now."""
        ahead, self._ahead = self._ahead, Ahead()
        if ahead.fault:
            self._roll_back()
            self._first.appendleft(ahead.jobs)
        elif ahead.jobs:
            self._start([*ahead.jobs, *self._taken(self._size - len(ahead.jobs))], ahead.units)

    # -- the end of a group -------------------------------------------------------------------------------------------

    def _done(self, group: list[Job], units: list[StoreUnit] | None, error: Exception | None) -> None:
        self._busy = False
        if self._closed:
            return
        try:
            if error is not None or units is None:
                ahead, self._ahead = self._ahead, Ahead()
                if ahead.jobs:
                    self._first.appendleft(ahead.jobs)
                if self.store.in_doubt:
                    self.store.withdrawn.doubted()
                    self.on_doubt()
                self._recover(group, error)
            else:
                self._committed(group, units)
        finally:
            self._go_on()
            self._wake()

    def _committed(self, group: list[Job], units: list[StoreUnit]) -> None:
        self._locked_since = None
        if self.storage_fault is not None:
            log.warning("storage.recovered")
            self.storage_fault = None
        self.store.committed()
        figures = self.figures
        figures.groups += 1
        figures.jobs += len(group)
        figures.largest = max(figures.largest, len(group))
        outgoing = [entry for unit in units for entry in unit.outgoing]
        leaving = [partial(self.on_outgoing, outgoing)] if outgoing else []
        _tell([*leaving, *(job.committed for job in group), self.on_room])

    # -- when the database says no --------------------------------------------------------------------------------

    def _roll_back(self) -> None:
        try:
            self.store.rollback()
        except StoreFault as second:
            log.error("storage.rollback_failed", error=str(second))
            self.store.close()

    def _recover(self, group: list[Job], error: Exception | None) -> None:
        doubt = self.store.in_doubt
        self._roll_back()
        kind = error.kind if isinstance(error, StoreFault) else "data"
        if kind == "locked":
            now = self._clock.now()
            self._locked_since = self._locked_since or now
            if now - self._locked_since < LOCK_PATIENCE_MS:
                self._first.appendleft(group)
                self._schedule(LOCK_RETRY_S)
                return
        if kind in ("locked", "storage"):
            self._locked_since = None
            self._refuse_all(group, str(error))
            return
        self.figures.replays += 1
        if len(group) > 1:
            half = len(group) // 2
            self._first.extendleft((group[half:], group[:half]))
            return
        log.error("storage.culprit", job=type(group[0]).__name__, code=group[0].origin.code, error=repr(error))
        parked: Job | None = None if doubt else getattr(group[0], "parked", lambda _: None)(error)
        if parked is not None:
            self._first.appendleft([parked])
            return
        self.figures.failed += 1
        _tell([partial(group[0].failed, "INTERNAL"), self.on_room])

    def _refuse_all(self, group: list[Job], reason: str) -> None:
        """Disk full, locked for too long, read-only: nobody is accepted, nothing is lost, a person is told what to do."""
        if self.storage_fault is None:
            log.error(
                "storage.refused",
                reason=reason,
                zh="存储不可写：请检查磁盘空间、目录权限和其他进程的锁，或数据库服务及其连接；恢复后自动继续",
                en="The store cannot be written: check disk space, permissions, other processes' locks, or the database server "
                "and the way to it; it resumes by itself",
            )
        self.storage_fault = reason
        jobs = [*group, *(job for first in self._first for job in first), *self._queue]
        self._first.clear()
        self._queue.clear()
        self.figures.failed += len(jobs)
        _tell([*(partial(job.failed, "STORAGE") for job in jobs), self.on_room])

    def probe(self) -> None:
        """Try an empty transaction; with it working again intake reopens. Called by a timer while ``storage_fault`` is set."""
        if self._busy or self._closed or self.storage_fault is None:
            return
        self._busy = True
        self._runner.run(self._look, lambda: None, self._looked)

    def _look(self) -> None:
        self.store.begin()
        self.store.driver.probe()
        self.store.rollback()

    def _looked(self, _: None, error: Exception | None) -> None:
        self._busy = False
        if self._closed:
            return
        if error is not None:
            self.storage_fault = str(error)
            self.store.close()
        else:
            log.warning("storage.recovered")
            self.storage_fault = None
            self.on_room()
        self._wake()


def _tell(calls: list[Callable[[], None]]) -> None:
    """Every job hears, also behind one whose answer meets a defect of ours; the first defect is raised when all have heard."""
    defects: list[Exception] = []
    for call in calls:
        try:
            call()
        except Exception as error:
            log.exception("job.answer_defect")
            defects.append(error)
    if defects:
        raise defects[0]

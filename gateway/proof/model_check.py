"""Exhaustive proof that no order can wedge (spec 04.4): every input in every reachable state, on the core itself.

From a fresh order on, every input of ``model_check_inputs`` is put to every state it leads to, until no new state is found.
Then these are told:

- *wedged*: a state from which no final state is reached by what happens by itself - answers, progress, clocks, repairs at the
  desk; of an order that was sent back also what the customer then says;
- *illegal changes*: a refused input that changed something, an input the legality matrix refuses that took effect, a closed
  item that moved;
- *left over*: a final state that still holds a lock, a resource, an instance or an unread report.

Each is reported with the inputs that lead there.  How many commands may be open at once is bounded (``bound``); everything else
is finite by itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from crm_core.errors import DomainError
from crm_core.fallout.open_record import OpenFallout
from crm_core.orders.item_states import ENDS, rows_of
from crm_core.orders.legality import Verdict, rule
from crm_core.orders.lock import seen_by
from crm_core.orders.machine import Rulebook
from crm_core.reference import Reference
from gateway.proof.model_check_inputs import inputs
from gateway.proof.model_check_moment import Input, Moment, Step, reasons_of
from gateway.proof.model_check_world import Ground, Key, Snapshot, key_of

DEFAULT_BOUND = 2
_LOOKS = 8
"""How often a watchdog may look before it has told everything that was due."""
_SHOWN = 5
"""Findings of a kind that are kept with their path."""


@dataclass(frozen=True, slots=True)
class Finding:
    """``state`` in short, ``path`` the inputs from the fresh order to it, ``about`` what is wrong with it."""

    state: str
    path: tuple[str, ...]
    about: str


@dataclass(slots=True)
class Verdicts:
    """What a search found; counts are of all, lists hold the first few with their paths."""

    states: int = 0
    transitions: int = 0
    refused: int = 0
    final: int = 0
    wedged: int = 0
    illegal_changes: int = 0
    left_over: int = 0
    findings: dict[str, list[Finding]] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        """Whether it proves what it is there to prove."""
        return not (self.wedged or self.illegal_changes or self.left_over)


class Search:
    """One exhaustive search. ``bound``: how much may be open beside a cancel; ``tried``: fewer inputs than all; ``on_progress``
    hears states found and states still to look at."""

    def __init__(
        self,
        reference: Reference,
        bound: int = DEFAULT_BOUND,
        tried: Sequence[Input] | None = None,
        on_progress: Callable[[int, int], None] = lambda _found, _left: None,
    ) -> None:
        self._ground = Ground(reference)
        self._reasons = reasons_of(reference)
        self._book = Rulebook(self._ground.reference.policies)
        self._bound = bound
        self._inputs = tuple(inputs() if tried is None else tried)
        self._on_progress = on_progress
        self._ids: dict[Key, int] = {}
        self._came: list[tuple[int, str]] = []
        self._waiting: dict[int, Snapshot] = {}
        self._queue: deque[int] = deque()
        self._back: dict[int, list[int]] = {}
        self._final: list[int] = []
        self._keys: list[Key] = []
        self.found = Verdicts()

    def run(self) -> Verdicts:
        """Search and judge."""
        self._enter(self._ground.begin(), -1, "")
        while self._queue:
            self._expand(self._queue.popleft())
            if len(self._came) % 500 == 0:
                self._on_progress(len(self._came), len(self._queue))
        self._judge()
        return self.found

    # -- searching ------------------------------------------------------------------------------------------------------

    def _enter(self, snapshot: Snapshot, origin: int, name: str) -> int:
        key = key_of(snapshot)
        known = self._ids.get(key)
        if known is not None:
            return known
        number = self._ids[key] = len(self._came)
        self._keys.append(key)
        self._came.append((origin, name))
        self._waiting[number] = snapshot
        self._queue.append(number)
        self.found.states += 1
        if snapshot.final:
            self._final.append(number)
            self.found.final += 1
            for what in _left_over(snapshot):
                self.found.left_over += 1
                self._note("left_over", number, what)
        return number

    def _expand(self, number: int) -> None:
        here = self._waiting.pop(number)
        key = self._keys[number]
        moment = Moment(here, self._reasons)
        full = here.under_way >= self._bound
        returned = here.order.state == "RETURNED"
        for one in self._inputs:
            step = None if full and one.opens else one.make(moment)
            if step is None:
                continue
            self.found.transitions += 1
            after = self._apply(number, key, here, one, step)
            if after is None:
                continue
            to = self._enter(after, number, one.name)
            if to != number and (one.live or (returned and one.kind == "channel")):
                self._back.setdefault(to, []).append(number)
        if key_of(here) != key:
            self._illegal(number, "something was changed in place")

    def _apply(
        self, number: int, key: Key, here: Snapshot, one: Input, step: Step
    ) -> Snapshot | None:
        """The state after it where it is another one; None where it is the same or nothing follows from a refusal."""
        after = here.copy()
        refusal, changed = self._put(after, key, step)
        if refusal is None:
            if changed:
                self._judge_change(number, here, after, one)
            return after if changed else None
        self.found.refused += 1
        if changed:
            self._illegal(number, f"{one.name}: {refusal.code}, changed all the same")
        seq = getattr(step.command, "report_seq", None)
        if refusal.fallout is None or seq is None:
            return None
        opened = here.copy()
        record = OpenFallout("report", refusal.zh, refusal.en, service_order_id=here.order.id, report_seq=seq)
        self._ground.run(opened, record, step.origin())
        return opened

    def _put(self, after: Snapshot, key: Key, step: Step) -> tuple[DomainError | None, bool]:
        """Run it, a clock's command again and again until it has said what is due; whether anything changed."""
        for _ in range(1 if step.wait_until is None else _LOOKS):
            if step.wait_until is not None:
                due = after.order.watch_at or step.wait_until
                after.now = max(after.now, step.wait_until, due)
            outcome = self._ground.run(after, step.command, step.origin(), unsent=step.unsent, extra=step.extra)
            changed = key_of(after) != key
            if changed or isinstance(outcome, DomainError):
                return (outcome if isinstance(outcome, DomainError) else None), changed
        return None, False

    # -- judging --------------------------------------------------------------------------------------------------------

    def _judge_change(self, number: int, here: Snapshot, after: Snapshot, one: Input) -> None:
        item = here.item
        if item.progress in ENDS and (after.item.progress, after.item.version) != (item.progress, item.version):
            self._illegal(number, f"{one.name}: closed {item.progress} moved")
        if one.column and here.order.state != "RETURNED" and self._forbidden(here, one):
            self._illegal(number, f"{one.name}: the matrix refuses it, it took effect")

    def _forbidden(self, here: Snapshot, one: Input) -> bool:
        item = here.item
        rows = rows_of(item.progress, (item.fallout, item.cancelling, item.amending))
        ruling = rule(rows, one.column, seen_by(here.order.lock, one.as_who), self._book.policies)
        return ruling.verdict is Verdict.REFUSED

    def _illegal(self, number: int, about: str) -> None:
        self.found.illegal_changes += 1
        self._note("illegal_changes", number, about)

    def _judge(self) -> None:
        reached = set(self._final)
        waiting = deque(self._final)
        while waiting:
            for origin in self._back.get(waiting.popleft(), ()):
                if origin not in reached:
                    reached.add(origin)
                    waiting.append(origin)
        for number in range(len(self._came)):
            if number not in reached:
                self.found.wedged += 1
                self._note("wedged", number, "no final state is reached from here")

    def _note(self, kind: str, number: int, about: str) -> None:
        noted = self.found.findings.setdefault(kind, [])
        if len(noted) < _SHOWN:
            noted.append(Finding(_short(self._keys[number]), tuple(self._path(number)), about))

    def _path(self, number: int) -> list[str]:
        names: list[str] = []
        while number > 0:
            number, name = self._came[number]
            names.append(name)
        return names[::-1]


def _short(key: Key) -> str:
    progress, fallout, cancelling, amending = key[:4]
    overlays = [name for name, on in (("fallout", fallout), ("cancelling", cancelling), ("amending", amending)) if on]
    return " ".join([str(progress), *overlays])


def _left_over(snapshot: Snapshot) -> Iterator[str]:
    """What an order that has ended still has a hand on."""
    order = snapshot.order
    if order.lock is not None and (order.lock["holder"] or order.lock["queue"]):
        yield "the lock"
    if not snapshot.reservation.closed:
        yield "its reservation"
    if snapshot.instance.open_orders:
        yield "its instance"
    if order.held:
        yield f"reports unread: {', '.join(entry['command'] for entry in order.held)}"

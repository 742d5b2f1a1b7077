"""LK01 锁单: an order is to be locked for a lease, or a lease extended; and what provisioning answers (spec 5.11, 04.7)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from crm_core.errors import DomainError
from crm_core.events import LockRequested, UnlockRequested
from crm_core.orders.closing import conclude
from crm_core.orders.defer import order_of
from crm_core.orders.fold import CLOSED_STATES
from crm_core.orders.item_states import IS_CLOSED, Kind
from crm_core.orders.keys import order_keys
from crm_core.orders.lock import Claim, Lock, as_dict, from_dict, seen_by
from crm_core.orders.machine import refusal, rulebook
from crm_core.orders.model import ServiceOrder
from crm_core.orders.moves import Moves
from crm_core.orders.operation_result import refused
from crm_core.orders.operations import Entry, answered, ask, under_way
from crm_core.orders.reports import release
from crm_core.orders.timing import LOCK, resume_clock, stop_clock
from crm_core.ports import Outcome, UnitOfWork
from crm_core.times import DAY_MS, from_wire, to_wire

LONGEST_DAYS = 30
"""Default of the policy ``lease_longest_days`` (5.11)."""


@dataclass(frozen=True, slots=True)
class LockOrder:
    """``reason`` text, code?; ``locked_by`` whose lock it will be; ``lease_until`` a wire time; ``wait``: queue behind
    another holder instead of being refused."""

    service_order_id: str
    reason: dict[str, Any]
    locked_by: str
    lease_until: str
    keep_resources: bool = True
    wait: bool = False
    operator: str | None = None
    asked: dict[str, str] | None = None
    dry_run: bool = False

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order."""
        return order_keys(self.service_order_id, None)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """ACCEPTED; the answer says whether it is held or queued. DUPLICATE if the same lease is held (with its fence, which
        the holder needs to unlock) or being asked for.
        Raises ``OrderUnknown`` (3003), 3013 for a lease that is past or beyond the policy's days, 3007 where another holds it
        and nobody wants to wait, and what the matrix says."""
        order = order_of(uow, self.service_order_id)
        until = self._until(uow, order)
        own = seen_by(order.lock, self.locked_by)
        self._check(uow, order, own)
        held = from_dict(order.lock)
        if own == "own" and held.holder == Claim(self.locked_by, self.reason["text"], until):
            return Outcome("DUPLICATE", state=order.state, details=(("fence", str(held.fence)),))
        waiting = under_way(order, LOCK)
        if waiting is not None and waiting["claim"]["owner"] == self.locked_by and waiting["claim"]["until"] == until:
            return Outcome("DUPLICATE", state=order.state)
        if not self.dry_run:
            event = LockRequested(
                key=order.id, area=order.area, to=order.pf_system, customer_order_id=order.customer_order_id,
                service_order_id=order.id, version=order.version, operator=self.operator, reason=self.reason,
                locked_by=self.locked_by, lease_until=to_wire(until), keep_resources=self.keep_resources,
                wait=self.wait or None,
            )  # fmt: skip
            claim = {"owner": self.locked_by, "reason": self.reason["text"], "until": until}
            ask(uow, order, LOCK, event, claim=claim, asked=self.asked)
            Moves(uow, order, LOCK).settle()
        return Outcome("ACCEPTED", state=order.state)

    def _until(self, uow: UnitOfWork, order: ServiceOrder) -> int:
        moment = from_wire(self.lease_until)
        longest = uow.reference.policies.get("lease_longest_days", LONGEST_DAYS)
        if not uow.now < moment <= uow.now + longest * DAY_MS:
            raise DomainError(
                f"租期 {self.lease_until} 须在今后 {longest} 天之内",
                f"A lease ends within the next {longest} days, not at {self.lease_until}",
                code="DATE_INVALID",
                state=order.state,
            )
        return moment

    def _check(self, uow: UnitOfWork, order: ServiceOrder, lock: str) -> None:
        """The matrix on every open item: one item allows it, the order may be locked. Waiting looks past the holder."""
        book = rulebook(uow.reference.policies)
        rows = order.newest()
        first: DomainError | None = None
        for item in [row for row in rows if row.progress not in IS_CLOSED] or rows:
            effect = book.effect(item, LOCK, "free" if self.wait and lock == "other" else lock)
            if effect.kind is not Kind.REFUSED:
                return
            first = first or refusal(item, LOCK, effect)
        if first is not None:
            raise first


@dataclass(frozen=True, slots=True)
class RecordLockAnswer:
    """The answer to LK01: ``fence`` and ``lease_until`` when granted, ``queue_position`` while queued; not ``accepted``:
    ``symbol`` says why."""

    service_order_id: str
    accepted: bool
    symbol: str
    fence: int | None = None
    lease_until: str | None = None
    queue_position: int | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order."""
        return order_keys(self.service_order_id, None)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """An answer with an older fence than the one that counts changes nothing; a lock granted when nobody waits for it any
        more is given back (01.1.6). Raises ``OrderUnknown`` (3003)."""
        order = order_of(uow, self.service_order_id)
        entry = answered(order, uow.origin.serial)
        if entry is None:
            if self.accepted and self.fence is not None and self.fence > from_dict(order.lock).fence:
                _give_back(uow, order, self.fence)
            return Outcome("OK", state=order.state)
        moves = Moves(uow, order, "locked" if self.accepted and self.fence is not None else LOCK)
        moves.asked = entry.get("asked")
        if not self.accepted:
            refused(moves, LOCK, self.symbol)
        elif self.fence is not None:
            self._granted(moves, entry)
        else:
            queue_up(order, Claim(**entry["claim"]))
        conclude(moves, reason=None if self.accepted else {"text": self.symbol})
        return Outcome("OK", state=order.state)

    def _granted(self, moves: Moves, entry: Entry) -> None:
        claim = Claim(**entry["claim"])
        until = claim.until if self.lease_until is None else from_wire(self.lease_until)
        held_by(moves, replace(claim, until=until), self.fence or 0)


def _give_back(uow: UnitOfWork, order: ServiceOrder, fence: int) -> None:
    """LK02 for a lock nobody here asked for any more."""
    uow.emit(
        UnlockRequested(
            key=order.id, area=order.area, to=order.pf_system, customer_order_id=order.customer_order_id,
            service_order_id=order.id, version=order.version, fence=fence,
        )
    )  # fmt: skip


def queue_up(order: ServiceOrder, claim: Claim) -> None:
    """``claim`` waits; one of the same owner that waited before is replaced. For an order that is closed nobody waits."""
    if order.state in CLOSED_STATES:
        return
    lock = from_dict(order.lock)
    others = tuple(waiting for waiting in lock.queue if waiting.owner != claim.owner)
    order.lock = as_dict(replace(lock, queue=(*others, claim)))


def held_by(moves: Moves, claim: Claim, fence: int) -> bool:
    """Provisioning granted the lock: the order stands still, its clock too. False for a fence older than the one that counts,
    and for an order that was closed meanwhile."""
    order = moves.order
    lock = from_dict(order.lock)
    ended = order.lock is not None and lock.holder is None and fence == lock.fence
    if fence < lock.fence or ended or order.state in CLOSED_STATES:
        return False
    queue = tuple(waiting for waiting in lock.queue if waiting.owner != claim.owner)
    order.lock = as_dict(Lock(claim, fence, queue))
    stop_clock(moves.uow, order, LOCK)
    moves.record("locked", f"{claim.owner}: {claim.reason}")
    return True


def freed(moves: Moves, fence: int, how: str, *, whole: bool = False) -> bool:
    """Provisioning ended the lock with this fence; who waits is granted by a report of its own. ``whole``: the queue ends too.
    False for an older fence, or where nothing was held; the end of a grant not heard of yet is kept, so that it grants nothing
    when it comes."""
    order = moves.order
    lock = from_dict(order.lock)
    if lock.holder is None or fence < lock.fence:
        if fence > lock.fence:
            order.lock = as_dict(replace(lock, fence=fence))
        return False
    order.lock = as_dict(Lock(None, fence, () if whole else lock.queue))
    resume_clock(moves.uow, order, LOCK)
    moves.record(how, lock.holder.owner)
    return True


def set_free(uow: UnitOfWork, moves: Moves, fence: int, how: str) -> None:
    """As ``freed``, and what had to wait for the lock is applied."""
    was_held = freed(moves, fence, how)
    conclude(moves)
    if was_held:
        release(uow, moves.order)

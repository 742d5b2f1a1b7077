"""The lock of an order (spec 04.1, 04.7, 5.11): a lease with a fence and a queue, orthogonal to progress.

free -> held(owner, reason, lease, fence) -> free, or held by the next in the queue.  The fence grows with every grant and
outlives the lock, so that whoever slept through the end of its lease can undo nothing (3015).  Locking again by the owner
extends; a second one waits only if it asked to.  Pure: provisioning's clock decides when a lease ends, its report is the input.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from crm_core.errors import StateConflict


@dataclass(frozen=True, slots=True)
class Claim:
    """Who wants the lock, why, and until when (ms)."""

    owner: str
    reason: str
    until: int


@dataclass(frozen=True, slots=True)
class Lock:
    """``holder`` is None when free; ``fence`` is that of the latest grant; ``queue`` in order of arrival."""

    holder: Claim | None = None
    fence: int = 0
    queue: tuple[Claim, ...] = ()


@dataclass(frozen=True, slots=True)
class LockLine:
    """One line of the table: in ``state``, ``input`` -> ``to`` with ``outcome``; a refusal names its symbol instead.

    ``to`` = ``next``: held by the head of the queue whose lease has not passed, else free."""

    state: str
    input: str
    to: str
    outcome: str
    symbol: str = ""


# fmt: off
TABLE: tuple[LockLine, ...] = (
    LockLine("free", "lock",         "held", "granted"),
    LockLine("free", "unlock",       "free", "same"),
    LockLine("free", "force",        "free", "same"),
    LockLine("free", "expire",       "free", "same"),
    LockLine("free", "end",          "free", "same"),
    LockLine("held", "lock_own",     "held", "extended"),
    LockLine("held", "lock_other",   "held", "refused", "LOCKED"),
    LockLine("held", "lock_wait",    "held", "queued"),
    LockLine("held", "unlock_own",   "next", "released"),
    LockLine("held", "unlock_stale", "held", "refused", "STALE_VERSION"),
    LockLine("held", "unlock_other", "held", "refused", "NOT_LOCK_OWNER"),
    LockLine("held", "force",        "next", "forced"),
    LockLine("held", "force_alone",  "held", "refused", "NOT_PERMITTED"),
    LockLine("held", "expire",       "next", "expired"),
    LockLine("held", "end",          "free", "ended"),
)
# fmt: on
_TABLE = {(line.state, line.input): line for line in TABLE}


def _line(lock: Lock, name: str) -> LockLine:
    line = _TABLE["held" if lock.holder else "free", name]
    if line.symbol:
        holder = lock.holder.owner if lock.holder else ""
        raise StateConflict(
            f"锁由 {holder} 持有，不允许 {name}", f"The lock is held by {holder}: {name} is not allowed", code=line.symbol
        )
    return line


def _next(lock: Lock, at: int) -> Lock:
    waiting = [claim for claim in lock.queue if claim.until > at]
    if not waiting:
        return Lock(None, lock.fence)
    return Lock(waiting[0], lock.fence + 1, tuple(waiting[1:]))


def acquire(lock: Lock, claim: Claim, wait: bool = False) -> tuple[Lock, str]:
    """LK01: granted, extended, queued - or refused 3007. A claim that waits already is replaced, not doubled."""
    if lock.holder is None:
        return Lock(claim, lock.fence + 1, lock.queue), _line(lock, "lock").outcome
    if lock.holder.owner == claim.owner:
        return replace(lock, holder=claim), _line(lock, "lock_own").outcome
    outcome = _line(lock, "lock_wait" if wait else "lock_other").outcome
    others = tuple(waiting for waiting in lock.queue if waiting.owner != claim.owner)
    return replace(lock, queue=(*others, claim)), outcome


def release(lock: Lock, owner: str, fence: int, at: int) -> tuple[Lock, str]:
    """LK02 by its owner: released or, where nothing is held, the same. Refused 3008 for others, 3015 with an old fence."""
    if lock.holder is None:
        return lock, _line(lock, "unlock").outcome
    if lock.holder.owner != owner:
        name = "unlock_other"
    else:
        name = "unlock_own" if fence == lock.fence else "unlock_stale"
    return _next(lock, at), _line(lock, name).outcome


def force(lock: Lock, by: str, approver: str, at: int) -> tuple[Lock, str]:
    """LK02 with force: needs a second person (refused 2002 without)."""
    name = "force" if lock.holder is None or (approver and approver != by) else "force_alone"
    outcome = _line(lock, name).outcome
    return (lock if lock.holder is None else _next(lock, at)), outcome


def expire(lock: Lock, at: int) -> tuple[Lock, str]:
    """The lease is over (LK05): the next in the queue holds it, or nobody."""
    outcome = _line(lock, "expire").outcome
    return (lock if lock.holder is None else _next(lock, at)), outcome


def end(lock: Lock) -> tuple[Lock, str]:
    """The order closed: lock and queue end with it (LK05)."""
    return Lock(None, lock.fence), _line(lock, "end").outcome


def as_dict(lock: Lock) -> dict[str, Any]:
    """As it stands in ``ServiceOrder.lock``."""
    return {
        "holder": None if lock.holder is None else _claim(lock.holder),
        "fence": lock.fence,
        "queue": [_claim(claim) for claim in lock.queue],
    }


def _claim(claim: Claim) -> dict[str, Any]:
    return {"owner": claim.owner, "reason": claim.reason, "until": claim.until}


def from_dict(stored: dict[str, Any] | None) -> Lock:
    """The lock of ``ServiceOrder.lock``; None is a lock that was never held."""
    if stored is None:
        return Lock()
    holder = stored["holder"]
    return Lock(
        None if holder is None else Claim(**holder), stored["fence"], tuple(Claim(**claim) for claim in stored["queue"])
    )


def seen_by(stored: dict[str, Any] | None, asker: str) -> str:
    """How the item machine reads the lock: ``free``, ``own`` or ``other``."""
    if stored is None or stored["holder"] is None:
        return "free"
    return "own" if stored["holder"]["owner"] == asker else "other"

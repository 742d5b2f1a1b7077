"""What may be asked of an order item, and reported about it, in which state (spec 04.1, the legality matrix) - as data.

The CRM reads the matrix before it sends, so that nothing illegal leaves; provisioning reads its own.  A state's row is found
from the top: fallout lies over cancelling, cancelling over amending, amending over the progress.  ``beneath`` in a cell means:
the row below decides.  A lock lies over any of them with a row of its own; of the two cells the stricter counts
(refused > held > no effect > allowed), and where both refuse, the state's code stands first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

COLUMNS = (
    "change",
    "cancel",
    "dates",
    "defer",
    "end_deferral",
    "resume_pending",
    "lock",
    "pending",
    "completion",
    "return",
)
"""Operations with a column of their own; the last three are reports of provisioning."""

REPORTS = frozenset({"pending", "completion", "return"})
"""A report that is refused also opens a fallout record: one side is wrong (04.1, last line)."""

# ok allowed · local allowed, stays in the CRM · no refused (3004 unless a symbol follows) · same success without effect ·
# held applied later · beneath the row below decides · policy:NAME:ok|no a policy row with its default ·
# date the same date has no effect, another is allowed and counts · owner no effect for the lock's owner, others 3007
_MATRIX = """
row             change                cancel            dates                 defer                          end_deferral          resume_pending        lock                            pending           completion        return
DRAFT           local                 ok                local                 no                             no                    no                    no                              no:ORDER_UNKNOWN  no:ORDER_UNKNOWN  no:ORDER_UNKNOWN
SUBMITTED       ok                    ok                ok                    policy:defer_unaccepted:ok     no                    no                    ok                              ok                ok                ok
ACKNOWLEDGED    ok                    ok                ok                    policy:defer_unaccepted:ok     no                    no                    ok                              ok                ok                ok
ACCEPTED        ok                    ok                ok                    ok                             no                    no                    ok                              ok                ok                ok
IN_PROGRESS     ok                    ok                ok                    ok                             no                    no                    ok                              ok                ok                ok
AMENDING        no:CHANGE_IN_PROGRESS ok                no:CHANGE_IN_PROGRESS no:CHANGE_IN_PROGRESS          no:CHANGE_IN_PROGRESS no:CHANGE_IN_PROGRESS ok                              beneath           held              ok
PENDING_INSTALL ok                    ok                ok                    policy:defer_pending:no        no                    ok                    policy:lock_pending:ok          same              no                ok
DEFERRED        ok                    ok                no                    date                           ok                    no                    policy:lock_deferred:ok         no                no                ok
COMPLETING      no:PAST_NO_RETURN     no:PAST_NO_RETURN no                    no                             no                    no                    no                              no                same              no
COMPLETED       no:PAST_NO_RETURN     no:PAST_NO_RETURN no                    no                             no                    no                    no                              no                same              no
FALLOUT         no                    beneath           no                    no                             no                    no                    beneath                         beneath           beneath           beneath
CANCELLING      no                    same              no                    no                             no                    no                    no                              beneath           held              ok
RETURNED        no                    ok                no                    no                             no                    no                    no                              no                no                same
CANCELLED       no                    same              no                    no                             no                    no                    no                              no                no                same
REJECTED        no                    same              no                    no                             no                    no                    no                              no                no                same
FAILED          no                    same              no                    no                             no                    no                    no                              no                no                same
locked          no:LOCKED             ok                no:LOCKED             no:LOCKED                      no:LOCKED             no:LOCKED             owner                           held              held              held
"""  # noqa: E501  a matrix is read as a matrix


class Verdict(IntEnum):
    """What a cell says, in growing strictness."""

    ALLOWED = 0
    SAME = 1
    HELD = 2
    REFUSED = 3


@dataclass(frozen=True, slots=True)
class Ruling:
    """The verdict of the matrix: ``symbol`` names the refusal's result code, ``local`` that nothing leaves the CRM."""

    verdict: Verdict
    symbol: str = ""
    local: bool = False


ALLOWED = Ruling(Verdict.ALLOWED)
LOCAL = Ruling(Verdict.ALLOWED, local=True)
SAME = Ruling(Verdict.SAME)
HELD = Ruling(Verdict.HELD)


def _read(text: str) -> dict[str, dict[str, str]]:
    lines = [line.split() for line in text.strip().splitlines()]
    head = lines[0]
    return {line[0]: dict(zip(head[1:], line[1:], strict=True)) for line in lines[1:]}


MATRIX: dict[str, dict[str, str]] = _read(_MATRIX)
"""Row -> column -> cell, as written above; the overlay ``locked`` is its last row."""

POLICIES: dict[str, bool] = {
    cell.split(":")[1]: cell.endswith(":ok")
    for cells in MATRIX.values()
    for cell in cells.values()
    if cell.startswith("policy:")
}
"""Policy rows of the matrix with their defaults; an operator's settings override them by name."""


def _cell(cell: str, lock: str, same_date: bool, policies: Mapping[str, bool]) -> Ruling:
    kind, _, rest = cell.partition(":")
    if kind == "ok":
        return ALLOWED
    if kind == "local":
        return LOCAL
    if kind == "same":
        return SAME
    if kind == "held":
        return HELD
    if kind == "policy":
        name = rest.split(":")[0]
        return ALLOWED if policies.get(name, POLICIES[name]) else Ruling(Verdict.REFUSED, "STATE_CONFLICT")
    if kind == "date":
        return SAME if same_date else ALLOWED
    if kind == "owner":
        return SAME if lock == "own" else Ruling(Verdict.REFUSED, "LOCKED")
    return Ruling(Verdict.REFUSED, rest or "STATE_CONFLICT")


def rule(rows: tuple[str, ...], column: str, lock: str, policies: Mapping[str, bool], same_date: bool = False) -> Ruling:
    """The ruling on ``column`` for an item whose state rows are ``rows``, topmost first, progress last.

    ``lock`` is ``free``, ``own`` (the asker holds it) or ``other``.  A held lock is read over every open state but
    COMPLETING, in CANCELLING too.
    """
    cell = next(found for row in rows if (found := MATRIX[row][column]) != "beneath")
    ruling = _cell(cell, lock, same_date, policies)
    if lock == "free" or rows[-1] in UNLOCKABLE:
        return ruling
    over = _cell(MATRIX["locked"][column], lock, same_date, policies)
    return over if over.verdict > ruling.verdict else ruling


UNLOCKABLE = frozenset({"COMPLETING", "COMPLETED", "CANCELLED", "REJECTED", "FAILED", "RETURNED"})
"""A lock is not laid over these: completion is being decided, or the item is closed and its lock has ended."""

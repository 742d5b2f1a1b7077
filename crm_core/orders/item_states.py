"""The order item's machine (spec 04.1): one total table of (state, input) -> effect.

An item is a *progress* and three overlays - fallout, cancelling, amending - that lie over it without moving it: a cancel that
is refused must leave the item exactly where it was, and an item can be cancelled while it is being changed.  So the state
people see is derived (the first overlay that is on, else the progress), and the table below speaks of progress and overlays
apart.  The lock is a machine of its own (``lock.py``), or the table would double.

Who may ask what stands in the legality matrix (``legality.py``); what then happens stands here.  An input is judged thus:
(1) has it a column, the matrix decides: refused, held, or success without effect; (2) the first line below that fits gives the
effect; (3) no line fits: the input is *recorded without effect*, except where the table says it is refused.
Provisioning decides races, so inputs that report what it did are never argued with: they are recorded.

Closing ends every overlay.  A closed item never opens again; RETURNED closes only the dispatch: the next version is a new row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from crm_core.orders.legality import COLUMNS, REPORTS, Verdict, rule

EARLY = ("SUBMITTED", "ACKNOWLEDGED", "ACCEPTED")
SENT = (*EARLY, "IN_PROGRESS")
OPEN = ("DRAFT", *SENT, "PENDING_INSTALL", "DEFERRED", "COMPLETING")
CLOSED = ("COMPLETED", "CANCELLED", "REJECTED", "FAILED", "RETURNED")
PROGRESS = OPEN + CLOSED
OVERLAYS = ("fallout", "cancelling", "amending")
"""In the order in which they show."""
UNDER_WAY = tuple(p for p in OPEN if p not in ("DRAFT", "COMPLETING"))

ENDS = frozenset(CLOSED) - {"RETURNED"}
"""Closed for good; after RETURNED the CRM dispatches again or cancels."""

IS_CLOSED = frozenset(CLOSED)

NAMED = "named"
"""Target given by the input itself (DF03 says where the item goes on)."""
RESUMABLE = (*SENT, "PENDING_INSTALL")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: ``input`` in one of ``progress`` with the overlays of ``needs`` on -> ``to`` (same if absent),
    overlays set ``on`` and ``off``. The first line that fits counts. ``clause`` cites the specification's row."""

    input: str
    progress: tuple[str, ...]
    to: str = ""
    on: tuple[str, ...] = ()
    off: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    clause: str = ""
    new_row: bool = False


F, C, A = OVERLAYS

# fmt: off
LINES: tuple[Line, ...] = (
    # dispatch
    Line("dispatch",            ("DRAFT",),            "SUBMITTED", clause="OH01 committed"),
    Line("dispatch",            ("RETURNED",),         "SUBMITTED", new_row=True, clause="OH01, higher version: new row"),
    Line("receipt",             ("SUBMITTED",),        "ACKNOWLEDGED", off=(F,), clause="receipt 0001/0002"),
    Line("receipt_refused",     EARLY[:2],             "CANCELLED", needs=(C,), clause="the same, cancel open"),
    Line("receipt_refused",     EARLY[:2],             "REJECTED", clause="receipt that refuses OH01 for good"),
    Line("accept",              EARLY[:2],             "ACCEPTED", off=(F,), clause="OH02"),
    Line("reject",              EARLY[:2],             "CANCELLED", needs=(C,), clause="OH12, cancel open"),
    Line("reject",              EARLY[:2],             "REJECTED", clause="OH12"),
    # stages
    Line("stage",               EARLY,                 "IN_PROGRESS", off=(F,), clause="OH07, clears fallout"),
    Line("stage",               OPEN[1:],              off=(F,), clause="OH07 without exception clears fallout"),
    Line("stage_exception",     EARLY,                 "IN_PROGRESS", on=(F,), clause="OH07; OH07 reporting exception"),
    Line("stage_exception",     OPEN[1:],              on=(F,), clause="OH07 reporting exception"),
    Line("budget_spent",        OPEN,                  on=(F,), clause="budget or limit spent (06.1)"),
    # change
    Line("change",              ("DRAFT",), clause="matrix: change of DRAFT is local"),
    Line("change",              UNDER_WAY,             on=(A,), clause="CO01 committed"),
    Line("change_applied",      OPEN,                  off=(A,), needs=(A,), clause="CO02 applied: the new version counts"),
    Line("change_refused",      OPEN,                  off=(A,), needs=(A,), clause="CO02 refused"),
    # cancel
    Line("cancel",              ("DRAFT", "RETURNED"), "CANCELLED", clause="cancel of DRAFT, of RETURNED: at once"),
    Line("cancel",              UNDER_WAY,             on=(C,), clause="CN01 committed"),
    Line("cancel_unsent",       ("DRAFT", "SUBMITTED", "RETURNED"), "CANCELLED", clause="OH01 never left the outbox"),
    Line("cancel_done",         OPEN,                  "CANCELLED", clause="CN02 cancelled, asked or unasked (04.4)"),
    Line("cancel_refused",      OPEN,                  off=(C, F), needs=(C,), clause="CN02 refused"),
    Line("cancel_stuck",        OPEN,                  on=(F,), needs=(C,), clause="CN02 stuck: stays on"),
    # pending install
    Line("pending",             SENT,                  "PENDING_INSTALL", off=(F,), clause="PI01"),
    Line("resume_pending",      ("PENDING_INSTALL",), clause="PA03: PA04 moves"),
    Line("resumed",             ("PENDING_INSTALL",),  "IN_PROGRESS", off=(F,), clause="PA04 resumed"),
    # deferral and dates
    Line("dates",               OPEN, clause="OH10, OH11: no progress"),
    Line("defer",               UNDER_WAY, clause="DF01: OH14 moves"),
    Line("deferred",            RESUMABLE,             "DEFERRED", off=(F,), clause="OH14 applied to DF01"),
    Line("end_deferral",        ("DEFERRED",), clause="DF02: DF03 moves"),
    Line("deferral_ended",      ("DEFERRED",),         NAMED, off=(F,), clause="DF03"),
    # lock: a machine of its own
    Line("lock",                UNDER_WAY, clause="LK01: lock machine"),
    # completion
    Line("completion",          SENT,                  "COMPLETING", off=(F,), clause="OH08, acceptance implied"),
    Line("completion_accepted", ("COMPLETING",),       "COMPLETED", clause="CRM decides, OH13"),
    Line("completion_refused",  ("COMPLETING",),       "IN_PROGRESS", on=(F,), clause="CRM decides, OH13"),
    Line("return",              UNDER_WAY,             "CANCELLED", needs=(C,), clause="OH09, cancel open"),
    Line("return",              UNDER_WAY,             "RETURNED", clause="OH09"),
    # desk (06.2)
    Line("desk_retry",          OPEN,                  off=(F,), needs=(F,), clause="desk: retry"),
    Line("desk_edit",           OPEN,                  off=(F,), needs=(F,), clause="desk: edit"),
    Line("desk_skip",           OPEN,                  off=(F,), needs=(F,), clause="desk: skip"),
    Line("desk_complete",       OPEN,                  "COMPLETED", needs=(F,), clause="desk: complete by hand"),
    Line("desk_return",         OPEN,                  "RETURNED", needs=(F,), clause="desk: return"),
    Line("desk_give_up",        OPEN,                  "FAILED", needs=(F,), clause="desk: give up"),
)
# fmt: on

RECORDED_ONLY = ("change_manual", "resume_offered", "operation_answered", "lock_reported", "deferral_proposed")
"""Inputs that never move an item: CO02 manual (the change stays open), PA02 and other PA04, OH14 of OH10 and OH11, refusals;
LK05, which moves the lock; DF04."""

STICKING = frozenset(line.input for line in LINES if F in line.on)
"""Inputs that put FALLOUT on, or give it one more cause."""

INPUTS = (*dict.fromkeys(line.input for line in LINES), *RECORDED_ONLY)

COLUMN_OF: dict[str, str] = {**{column: column for column in COLUMNS}, "cancel_unsent": "cancel"}
"""Inputs the matrix judges first."""

REFUSED_ELSEWHERE = frozenset({"reject", "cancel_unsent"})
"""OH12 after acceptance is refused, not recorded; an order that was answered cannot be one that never left."""


class Kind(Enum):
    """What came of an input."""

    MOVED = "moved"
    RECORDED = "recorded"
    SAME = "same"
    HELD = "held"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Effect:
    """What an input does to an item in a state: the next progress and overlays, or why not (``symbol``).

    ``MOVED`` with ``progress`` and ``overlays`` unchanged is an operation that is allowed and moves nothing (dates, lock).
    ``report`` tells that a refusal also opens a fallout record.
    """

    kind: Kind
    progress: str
    overlays: tuple[bool, bool, bool]
    symbol: str = ""
    local: bool = False
    new_row: bool = False
    report: bool = False
    clause: str = ""


def rows_of(progress: str, overlays: tuple[bool, bool, bool]) -> tuple[str, ...]:
    """Rows of the matrix from the topmost overlay down to the progress; a closed item has no overlays."""
    if progress in IS_CLOSED:
        return (progress,)
    return (*(name.upper() for name, on in zip(OVERLAYS, overlays, strict=True) if on), progress)


def shown(progress: str, overlays: tuple[bool, bool, bool]) -> str:
    """The item's state: the first of fallout, cancelling, amending, progress."""
    return rows_of(progress, overlays)[0]


def _fits(line: Line, name: str, progress: str, overlays: tuple[bool, bool, bool]) -> bool:
    return line.input == name and progress in line.progress and all(overlays[OVERLAYS.index(overlay)] for overlay in line.needs)


def decide(
    progress: str,
    overlays: tuple[bool, bool, bool],
    lock: str,
    name: str,
    policies: Mapping[str, bool],
    same_date: bool = False,
) -> Effect:
    """The total function behind the table: state, lock (``free``, ``own``, ``other``) and input -> effect. Never raises."""
    closed = progress in IS_CLOSED
    overlays = (False, False, False) if closed else overlays
    column = COLUMN_OF.get(name)
    local = False
    if column is not None:
        ruling = rule(rows_of(progress, overlays), column, lock, policies, same_date)
        if ruling.verdict is Verdict.REFUSED:
            return Effect(Kind.REFUSED, progress, overlays, ruling.symbol, report=column in REPORTS)
        if ruling.verdict is Verdict.HELD:
            return Effect(Kind.HELD, progress, overlays)
        if ruling.verdict is Verdict.SAME:
            return Effect(Kind.SAME, progress, overlays)
        local = ruling.local
    line = next((line for line in LINES if _fits(line, name, progress, overlays)), None)
    if line is None:
        if name in REFUSED_ELSEWHERE:
            return Effect(Kind.REFUSED, progress, overlays, "STATE_CONFLICT", report=name == "reject")
        return Effect(Kind.RECORDED, progress, overlays)
    to = line.to or progress
    after = tuple((on or n in line.on) and n not in line.off for n, on in zip(OVERLAYS, overlays, strict=True))
    after = (False, False, False) if to in IS_CLOSED else (after[0], after[1], after[2])
    return Effect(Kind.MOVED, to, after, local=local, new_row=line.new_row, clause=line.clause)

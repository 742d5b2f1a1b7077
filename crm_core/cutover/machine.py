"""Two machines (spec 03, 5.12): a cutover as the CRM sees it, and each of its items.

Cutover: 1 new (parts of the freeze arrive), 2 awaiting work (all were asked for), 3 awaiting recovery (parts of the completion
arrive), 4 done, 97 rolled back (nothing was done), 98 cancelled.  While in 3 what is still frozen counts as in execution.
"""

from __future__ import annotations

from crm_core.cutover.model import Cutover, CutoverItem
from crm_core.history import StateChange
from crm_core.ports import UnitOfWork
from crm_core.state_table import StateTable, lines, same

CLOSED = ("4", "97", "98")

MACHINE = StateTable(
    "割接",
    "Cutover",
    "1",
    CLOSED,
    (
        *same("freeze_part", "1", "2"),
        *lines("freeze_last", {"1": "2"}),
        *same("freeze_last", "2"),
        *same("unfreeze", "1", "2", "3", *CLOSED),
        *lines("complete_part", {"2": "3"}),
        *same("complete_part", "3"),
        *lines("complete_last", {"2": "4", "3": "4"}),
        *lines("complete_none", {"2": "97", "3": "97"}),
        *lines("cancel", {"1": "98", "2": "98"}),
        *same("cancel", "98"),
        *same("window_end", "1", "2", "3", *CLOSED),
    ),
)

ENDS = ("done", "failed", "excluded")
ITEM = StateTable(
    "割接项",
    "Cutover item",
    "planned",
    ENDS,
    (
        *lines("freeze", {"planned": "frozen"}),
        *same("freeze", "frozen"),
        *same("block", "planned"),
        *lines("thaw", {"frozen": "planned"}),
        *same("thaw", "planned", *ENDS),
        *lines("apply", {"planned": "done", "frozen": "done"}),
        *same("apply", "done"),
        *lines("fail", {"planned": "failed", "frozen": "failed"}),
        *same("fail", "failed"),
        *lines("exclude", {"planned": "excluded", "frozen": "excluded"}),
        *same("exclude", "excluded"),
    ),
)


def move(uow: UnitOfWork, cutover: Cutover, given: str, detail: str | None = None) -> None:
    """One input on a cutover, noted in its history. Raises ``StateConflict`` (3004) with the state, changing nothing."""
    before = cutover.state
    cutover.state = MACHINE.move(cutover.id, before, given)
    if cutover.state in CLOSED and cutover.ended_at is None:
        cutover.ended_at = uow.now
    origin = uow.origin
    uow.add(StateChange(uow.now, "cutover", cutover.id, given, before, cutover.state, origin.sender, origin.serial, detail))


def move_item(cutover: Cutover, item: CutoverItem, given: str, at: int) -> bool:
    """One input on an item, counted in its cutover; whether its state changed. Raises ``StateConflict`` (3004)."""
    to = ITEM.move(item.instance_id, item.state, given)
    if to == item.state:
        return False
    item.state, item.since = to, at
    if to == "done":
        cutover.done += 1
    elif to == "failed":
        cutover.failed += 1
    elif to == "excluded":
        cutover.excluded += 1
    return True

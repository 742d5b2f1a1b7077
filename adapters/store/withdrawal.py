"""Outbound messages taken back before anybody tried to send them (spec 5.7: an OH01 that never left the outbox).

What was parked before it could leave (no peer, no form for it) never left either.  The table says PARKED; the pump may still
hold such a message in memory, so the attempt that would have carried it asks here.  A message is taken back by the
group that commits it, and not at all if an attempt was opened before, be it in the same group.  After a commit of unknown
outcome the table is asked before any of its messages leaves.
"""

from __future__ import annotations

from typing import Any

from adapters.store.driver import Driver
from adapters.store.message_machine import PARKED, READY, next_state
from adapters.store.rows import MESSAGE_COLUMNS
from adapters.store.sql import Dialect

TAKEN_BACK = "withdrawn"
"""Error class of such a message: parked for good, nobody has to look."""
_AT = {name: place for place, name in enumerate(MESSAGE_COLUMNS)}


class Withdrawals:
    """What one writer has taken back and its pump not yet passed over."""

    def __init__(self, dialect: Dialect) -> None:
        mark = dialect.mark
        self._unsent = (
            f"SELECT id FROM message WHERE serial = {mark} AND direction = 'out' AND tries = 0 "
            f"AND (state = '{READY}' OR state = '{PARKED}' AND error_class <> '{TAKEN_BACK}'){dialect.lock}"
        )
        self._fate = f"SELECT id FROM message WHERE id = {mark} AND error_class = '{TAKEN_BACK}'"
        self._known: dict[int, None] = {}
        self._doubted: dict[int, None] = {}
        self._written: dict[int, None] = {}
        self._group: dict[int, None] = {}

    def unsent(self, driver: Driver, pending: dict[str, list[tuple[Any, ...]]], serial: str) -> int | None:
        """The id of our message with this serial, if no attempt of it was opened, also not by ``pending`` rows of the group."""
        born = [row for row in pending["message"] if row[_AT["serial"]] == serial and row[_AT["state"]] == READY]
        found = [row[_AT["id"]] for row in born] or [row[0] for row in driver.all(self._unsent, (serial,))]
        moved = [row[-1] for row in pending["message_state"]]
        return next((message_id for message_id in found if message_id not in moved), None)

    def take_back(self, message_id: int, now: int) -> tuple[Any, ...]:
        """Takes effect with the group; returns its row for ``message_state``."""
        self._group[message_id] = None
        return (next_state(READY, "skip"), TAKEN_BACK, None, 0, None, now, message_id)

    def __contains__(self, message_id: int) -> bool:
        return message_id in self._known or message_id in self._written or message_id in self._group

    def took(self, message_id: int, driver: Driver) -> bool:
        """Whether the message was taken back; of a group nobody knows to stand the table says. Raises as ``Driver.all``."""
        if message_id in self._doubted and message_id not in self:
            if driver.all(self._fate, (message_id,)):
                self._known[message_id] = None
            del self._doubted[message_id]
        return message_id in self

    def passed_over(self, message_id: int) -> None:
        """The pump holds it no more."""
        self._known.pop(message_id, None)

    def written(self) -> None:
        """The group is on its way to the disk; what is taken back from now on belongs to the next."""
        self._written, self._group = self._group, {}

    def committed(self) -> None:
        """The group that was written stands."""
        self._known.update(self._written)
        self._written.clear()

    def doubted(self) -> None:
        """Nobody knows whether the group that was written stands."""
        self._doubted.update(self._written)

    def dropped(self) -> None:
        """Neither the group that was written nor the next ever happened."""
        self._written.clear()
        self._group.clear()

"""A question handed on that never left ends with its asker's patience: it is told 9003, nothing goes on later (README, 06.1).

Sent on after its asker was told that nothing was, it would take effect behind the asker's back.  What may have arrived goes on
as any message does; the asker is told 9002.
"""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from adapters.store.message_machine import PARKED, READY, RETRY, next_state
from adapters.store.unit import StoreUnit
from adapters.store.withdrawal import TAKEN_BACK
from crm_core.errors import DomainError
from crm_core.ports import Origin
from gateway.hub.desk import NOTHING_SENT, RelayDesk
from gateway.hub.relay import HandBack
from gateway.outbox.attempts import Entry
from gateway.outbox.lane import Lane
from gateway.outbox.pump import OutboxPump
from gateway.writer import Writer
from schemas.loader import Catalogue
from schemas.model import ResultCode

log = structlog.get_logger()


class UnsentQuestions:
    """Takes them out of the outbox."""

    def __init__(self, writer: Writer, pump: OutboxPump, desk: RelayDesk, catalogue: Catalogue) -> None:
        self._writer = writer
        self._pump = pump
        self._desk = desk
        self._catalogue = catalogue
        self._ending: set[int] = set()

    def give_up(self, message_id: int) -> bool:
        """Ends the message handed on under this id; False where it is no question, or where it may have arrived."""
        if message_id in self._ending:
            return True
        for lane in self._pump.lanes.values():
            entry = lane.find(message_id)
            if entry is not None:
                return self._end(lane, entry)
        return False

    def _end(self, lane: Lane, entry: Entry) -> bool:
        row = self._catalogue.message(entry.code)
        if row.pattern != "Q" or entry.state not in (READY, RETRY) or entry.id in lane.withheld or not lane.keep(entry):
            return False
        said = self._catalogue.result(NOTHING_SENT)
        told = self._desk.hand_back(entry, row, said, None)
        self._ending.add(entry.id)
        self._writer.submit(EndUnsent(self, lane, entry, said, told))
        return True

    def ended(self, lane: Lane, entry: Entry) -> None:
        """It stands in the log: the key goes on, and whoever waits hears it."""
        self._ending.discard(entry.id)
        lane.kept.pop(entry.id, None)
        lane.withheld.pop(entry.id, None)
        entry.state = PARKED
        self._pump.leave(lane, entry)

    def not_ended(self, lane: Lane, entry: Entry) -> None:
        """The store refused: it waits on, and nobody knows what will come of it."""
        self._ending.discard(entry.id)
        self._desk.still_waiting(entry.id)
        released = lane.release(entry.id)
        if released is not None:
            self._pump.schedule(lane, released)


class EndUnsent:
    """The job: the message is taken back, its asker's answer stored."""

    def __init__(self, owner: UnsentQuestions, lane: Lane, entry: Entry, said: ResultCode, told: HandBack | None) -> None:
        self.origin = Origin(entry.peer, entry.serial, entry.code, entry.serial)
        self._owner = owner
        self._lane = lane
        self._entry = entry
        self._said = said
        self._told = told

    def prefetch(self) -> Iterable[tuple[str, str]]:
        """Nothing of the core's."""
        return ()

    def inbox_keys(self) -> Iterable[tuple[str, str]]:
        """None."""
        return ()

    def execute(self, unit: StoreUnit) -> None:
        """Parked for good, nobody has to look; both are one commit."""
        entry, code = self._entry, self._said.code
        after = next_state(entry.state, "skip")
        unit.put("message_state", (after, TAKEN_BACK, code, entry.tries, None, unit.now, entry.id))
        unit.note("message", str(entry.id), "skip", entry.state, after, code)
        if self._told is not None:
            self._told.execute(unit)

    def refused(self, unit: StoreUnit, error: DomainError) -> None:
        """Only a defect of ours comes here."""
        log.error("relay.not_ended", serial=self._entry.serial, why=str(error))
        self._owner.not_ended(self._lane, self._entry)

    def committed(self) -> None:
        """Durable."""
        self._owner.ended(self._lane, self._entry)

    def failed(self, symbol: str) -> None:
        """Nothing was kept."""
        self._owner.not_ended(self._lane, self._entry)

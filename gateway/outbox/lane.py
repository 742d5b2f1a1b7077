"""One peer's outbound messages in memory: lines by key, heads that are ready, heads that wait for their time (spec 06.1).

Only the head of a line is ever ready, waiting for its time, or under way, so a stuck key never blocks others and never
overtakes itself.  A line is always a prefix of what the table holds for its key.  What a person holds - a key, or a message
that is being skipped - is in its line and nowhere else.
"""

from __future__ import annotations

import heapq
from collections import deque
from typing import Protocol

from adapters.store.message_machine import READY
from adapters.store.rows import MessageRecord
from adapters.wire.packet import Packet
from gateway.config.model import Peer
from gateway.outbox.attempts import Entry


class Link(Protocol):
    """What the pump needs of a link (``gateway.links.links``)."""

    @property
    def peer(self) -> Peer:
        """Whom it leads to."""

    @property
    def epoch(self) -> int:
        """Number of the connection under it, for the attempt log."""

    def room(self) -> int:
        """How many messages may leave now; 0 while down, paused or full."""

    def send(self, packet: Packet, deadline_ms: int) -> bool:
        """Hands a packet to the connection, to be answered by the instant ``deadline_ms``; False if there is none after all."""

    def note_failure(self, now: int) -> None:
        """A technical failure: counts for the circuit."""

    def note_success(self) -> None:
        """The peer answered: closes the circuit."""

    def pause(self, until: int) -> None:
        """Keep still until then (busy)."""

    def stop(self, why: str) -> None:
        """Stand still until a person resumes it (authentication, lost framing)."""


class Lane:
    """One peer's messages."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.lines: dict[str, deque[Entry]] = {}
        self.ready: deque[Entry] = deque()
        self.later: list[tuple[int, int, Entry]] = []
        self.under_way: dict[str, Entry] = {}
        self.queries: dict[str, Entry] = {}
        self.opening = 0
        self.held = 0
        self.read_to = 0
        self.more_in_table = False
        self.kept: dict[str | int, None] = {}
        self.withheld: dict[int, Entry] = {}

    def line_up(self, entry: Entry) -> bool:
        """Puts a message behind those of its key; True if it is the first of them."""
        self.held += 1
        self.read_to = max(self.read_to, entry.id)
        line = self.lines.get(entry.key)
        if line is None:
            self.lines[entry.key] = deque((entry,))
            return True
        line.append(entry)
        return False

    def leave(self, entry: Entry) -> Entry | None:
        """The story of one of a line ended; if it was the first, the next one comes forward."""
        self.held -= 1
        line = self.lines[entry.key]
        if line[0] is not entry:
            line.remove(entry)
            return None
        line.popleft()
        if line:
            return line[0]
        del self.lines[entry.key]
        return None

    def find(self, message_id: int) -> Entry | None:
        """The message with this id, if it is held in memory."""
        return next((entry for line in self.lines.values() for entry in line if entry.id == message_id), None)

    def keep(self, entry: Entry) -> bool:
        """Hold one message back, wherever it stands in its line; False: it is under way."""
        self.kept[entry.id] = None
        if self.lines[entry.key][0] is not entry or entry.id in self.withheld:
            return True
        if self._unschedule(entry):
            self.withheld[entry.id] = entry
            return True
        del self.kept[entry.id]
        return False

    def hold(self, key: str) -> None:
        """Nothing of this key is sent; what is under way ends as it will."""
        self.kept[key] = None
        line = self.lines.get(key)
        if line and self._unschedule(line[0]):
            self.withheld[line[0].id] = line[0]

    def release(self, what: str | int) -> Entry | None:
        """A key, or the message with an id, is held no longer: what is to be scheduled now."""
        self.kept.pop(what, None)
        found = next((entry for entry in self.withheld.values() if what in (entry.key, entry.id)), None)
        if found is None or found.key in self.kept or found.id in self.kept:
            return None
        return self.withheld.pop(found.id)

    def hasten(self, entry: Entry, now: int) -> bool:
        """It waits for its time no longer; True if it is to be scheduled anew."""
        entry.due_at = now
        return self._unschedule(entry)

    def withholds(self, entry: Entry) -> bool:
        """Whether a person holds it: then it is nowhere but in its line."""
        if entry.key not in self.kept and entry.id not in self.kept:
            return False
        self.withheld[entry.id] = entry
        return True

    def wait(self, entry: Entry) -> None:
        """It is not due yet."""
        if self.kept and self.withholds(entry):
            return
        heapq.heappush(self.later, (entry.due_at, entry.id, entry))

    def ripen(self, now: int) -> int | None:
        """What has become due is ready; when the next will be."""
        while self.later and self.later[0][0] <= now:
            self.ready.append(heapq.heappop(self.later)[2])
        return self.later[0][0] if self.later else None

    def shift(self, ms: int) -> None:
        """The clock was set by ``ms``: what waits does so as long as it would have, and is no older for it."""
        self.later = [(due + ms, number, entry) for due, number, entry in self.later]
        for line in self.lines.values():
            for entry in line:
                entry.due_at += ms
                entry.first_seen += ms
                entry.unknown_since += ms if entry.unknown_since else 0

    def waiting_for(self, serial: str) -> Entry | None:
        """Takes out the message with this serial if it waits to be tried again or asked after: nothing of it is under way."""
        for line in self.lines.values():
            entry = line[0]
            if entry.serial == serial and entry.tries:
                return entry if self._unschedule(entry) else None
        return None

    def _unschedule(self, entry: Entry) -> bool:
        for query, asked in self.queries.items():
            if asked is entry:
                del self.queries[query]
                return True
        if any(one is entry for one in self.ready):
            self.ready = deque(one for one in self.ready if one is not entry)
            return True
        if any(item[2] is entry for item in self.later):
            self.later = [item for item in self.later if item[2] is not entry]
            heapq.heapify(self.later)
            return True
        return False


def entry_of(record: MessageRecord) -> Entry:
    """The pump's view of a stored outbound message; without a key it is a line of its own.

    READY once more (redelivered, its peer configured at last) its age counts from then, which is when it became due."""
    since = record.due_at if record.state == READY and record.due_at is not None else record.first_seen
    return Entry(
        id=record.id, peer=record.peer, code=record.code, serial=record.serial, area=record.area,
        key=record.order_key or f"#{record.id}", state=record.state, tries=record.tries, first_seen=since,
        due_at=record.due_at or 0, ref_serial=record.ref_serial,
    )  # fmt: skip

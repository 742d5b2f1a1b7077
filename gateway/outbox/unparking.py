"""Messages parked because nobody could be sent them, once the configuration knows whom (spec 06.1 promise 5).

Looked for at every start: a peer is added by a new configuration and a restart.  Their records at the desk close by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from adapters.store.message_machine import PARKED, READY, next_state
from adapters.store.rows import MessageRecord
from adapters.store.unit import StoreUnit
from crm_core.errors import DomainError
from crm_core.fallout.settle import SettleFallout
from crm_core.ports import Origin
from gateway.outbox.log import OutboxLog
from gateway.outbox.pump import OutboxPump
from gateway.peers import PeerBook
from gateway.writer import Writer
from schemas.loader import Catalogue

AT_ONCE = 500
"""Messages a group."""

Parked = tuple[MessageRecord, str, dict[str, Any], tuple[str, ...]]
"""A message, whom it goes to now, its document, and the records a person was to look at."""


class UnparkJob:
    """Some messages leave after all; ``leave`` hears of them after the commit."""

    def __init__(
        self, parked: list[Parked], book: PeerBook, leave: Callable[[list[tuple[MessageRecord, dict[str, Any]]]], None]
    ) -> None:
        self.origin = Origin(book.own_id, "", "unpark")
        self._book = book
        self._parked = parked
        self._leave = leave
        self._ready: list[tuple[MessageRecord, dict[str, Any]]] = []

    def prefetch(self) -> Iterable[tuple[str, str]]:
        """The records at the desk."""
        return [("fallout", name) for *_, records in self._parked for name in records]

    def inbox_keys(self) -> Iterable[tuple[str, str]]:
        """None."""
        return ()

    def execute(self, unit: StoreUnit) -> None:
        """The same serial, to whom it was meant for; its age begins to count now."""
        self._ready = []
        for message, peer, document, records in self._parked:
            if unit.store.outbound_state(message.id) != (PARKED, "not_sent"):
                continue
            state = next_state(PARKED, "redeliver")
            binding = self._book.binding(peer)
            unit.put("message_peer", (peer, binding, state, unit.now, message.id))
            unit.note("message", str(message.id), "redeliver", PARKED, state, f"{message.peer} -> {peer}")
            for name in records:
                SettleFallout(name, "peer_configured", f"报文改由 {peer} 接收 / it is {peer}'s now").execute(unit)
            leaves = replace(message, peer=peer, binding=binding, state=READY, due_at=unit.now, error_class=None)
            self._ready.append((leaves, document))

    def refused(self, unit: StoreUnit, error: DomainError) -> None:
        """Only a defect of ours comes here: they stay parked, the desk has them."""

    def committed(self) -> None:
        """They may leave."""
        self._leave(self._ready)

    def failed(self, symbol: str) -> None:
        """Nothing was kept: the next start finds them again."""


class Unparking:
    """Looks once."""

    def __init__(
        self, outbox: OutboxLog, writer: Writer, pump: OutboxPump, book: PeerBook, catalogue: Catalogue
    ) -> None:
        self._outbox = outbox
        self._writer = writer
        self._pump = pump
        self._book = book
        self._catalogue = catalogue

    def start(self) -> None:
        """Everything parked for want of a peer that now has one."""
        last = 0
        while records := self._outbox.undeliverable_after(last, AT_ONCE):
            last = records[-1].id
            found = [(record, peer) for record in records if (peer := self._peer(record)) is not None]
            parked = [self._whole(record, peer) for record, peer in found]
            if parked:
                self._writer.submit(UnparkJob(parked, self._book, self._leave))

    def _leave(self, messages: list[tuple[MessageRecord, dict[str, Any]]]) -> None:
        self._pump.outgoing(messages, again=True)

    def _whole(self, record: MessageRecord, peer: str) -> Parked:
        return record, peer, self._outbox.document(record.id) or {}, self._outbox.open_fallouts(record.id)

    def _peer(self, record: MessageRecord) -> str | None:
        """The system it was addressed to, or who plays the role it was meant for."""
        if self._book.reachable(record.peer):
            return record.peer
        routes = self._catalogue.message(record.code).routes
        if record.peer != routes[0].receiver:
            return None
        found = (self._book.receiver(route.receiver, record.area) for route in routes)
        return next((peer for peer in found if peer is not None), None)

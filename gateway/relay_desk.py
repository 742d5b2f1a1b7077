"""What is handed on and not yet answered: who waits for it, and how the answer gets back to them (spec 01.1.4, 06.1).

An asker waits a while for what the far end says, so that a refusal is a refusal; longer than it can wait it is told that its
message is stored (C, N) or that the outcome is unknown (Q), and the answer is kept for when it asks again.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.engine import Engine

from adapters.document import Document, Fault, Header
from adapters.replies import receipt_body
from adapters.store.matching import raw_of
from adapters.store.relays import RelayRow as Relay
from adapters.store.relays import open_relays, relays_of
from adapters.store.rows import MessageRecord
from crm_core.errors import DomainError
from gateway.answers import Verdict
from gateway.clock import Clock
from gateway.inbound import Respond
from gateway.outbound import EXPIRED, Entry
from gateway.peers import PeerBook
from gateway.relay import HandBack
from gateway.speech import SpeechBook
from schemas.loader import RECEIPT
from schemas.model import MessageRow, ResultCode

PATIENCE = 2 / 3
"""Share of the asker's own limit that its answer is held back for the far end's."""

NOTHING_SENT = "PEER_UNAVAILABLE"

Answer = tuple[bytes, bool, str]
"""Bytes, whether they are a reply, the result code."""


class RelayDesk:
    """``open`` is by the id of the message that went on."""

    def __init__(self, speeches: SpeechBook, book: PeerBook, clock: Clock, engine: Engine) -> None:
        self.open: dict[int, Relay] = {}
        self._speeches = speeches
        self._book = book
        self._clock = clock
        self._engine = engine
        self._by_origin: dict[int, int] = {}
        self._held: dict[int, list[tuple[Respond, Answer]]] = {}
        self._ready: dict[int, Answer] = {}
        self.patience: Callable[[MessageRow, str], float] = self._patience
        self.give_up: Callable[[int], bool] = lambda message_id: False
        """Ends a question that never left, by the id it was to go on under; False where it may have arrived."""

    def start(self) -> None:
        """What was under way when the last process ended; who waited then waits no longer than anybody."""
        rows = self._speeches.codec.catalogue.messages()
        longest = PATIENCE * max(row.answer_timer for row in rows if row.pattern == "Q")
        for relay in open_relays(self._engine):
            self.forwarded(relay)
            self._clock.callLater(longest, self._expire, relay.origin_id)

    def recall(self, ids: list[int]) -> None:
        """Messages that had ended are to leave once more: those handed on for others are so again."""
        for relay in relays_of(self._engine, ids) if ids else ():
            self.forwarded(relay)

    def sender_of(self, message_id: int) -> str | None:
        """In whose name a message left; None: in ours."""
        found = relays_of(self._engine, [message_id])
        return found[0].sender if found else None

    def forwarded(self, relay: Relay) -> None:
        """A message goes on."""
        self.open[relay.message_id] = relay
        self._by_origin[relay.origin_id] = relay.message_id

    def waits(self, origin_id: int) -> bool:
        """Whether the answer to an inbound message is still to come."""
        return origin_id in self._by_origin

    def hold(self, origin_id: int, row: MessageRow, peer_id: str, respond: Respond, provisional: Answer) -> None:
        """An asker waits; if the far end takes too long it is told ``provisional``."""
        waiting = self._held.setdefault(origin_id, [])
        waiting.append((respond, provisional))
        self._clock.callLater(self.patience(row, peer_id), self._expire, origin_id, respond)

    def _patience(self, row: MessageRow, peer_id: str) -> float:
        peer = self._book.get(peer_id)
        if peer is None:
            return 0.0
        return PATIENCE * (peer.answer_seconds(row) if row.pattern == "Q" else peer.receipt_seconds(row))

    def _expire(self, origin_id: int, respond: Respond | None = None) -> None:
        waiting = self._held.get(origin_id, [])
        message_id = self._by_origin.get(origin_id)
        if message_id is not None and self.give_up(message_id):
            return  # whoever waits hears it once it is durable
        for one in waiting:
            if one[0] is respond:
                waiting.remove(one)
                respond(*one[1])
                break
        if not waiting:
            self._held.pop(origin_id, None)

    def still_waiting(self, message_id: int) -> None:
        """It could not be ended after all: who waits for the answer to it hears what is known."""
        for respond, provisional in self._held.pop(self.open[message_id].origin_id, []):
            respond(*provisional)

    def unsent(self, entry: Entry, symbol: str) -> HandBack | None:
        """As ``hand_back``, of a question that will not go on: its asker hears, now or when it asks again, that nothing was
        sent on (9003), or that it is of no use any more. A command stays stored, for a person to see to."""
        row, catalogue = self._speeches.codec.catalogue.message(entry.code), self._speeches.codec.catalogue
        if row.pattern != "Q":
            return None
        return self.hand_back(entry, row, catalogue.result(symbol if symbol == EXPIRED[0] else NOTHING_SENT), None)

    def relay_of(self, message_id: int) -> Relay | None:
        """For whom a message was handed on, also where its story ended; None: it is ours."""
        found = self.open.get(message_id)
        return found or next(iter(relays_of(self._engine, [message_id])), None)

    def hand_back(
        self, entry: Entry | MessageRecord, row: MessageRow, said: Verdict | ResultCode, document: Document | None
    ) -> HandBack | None:
        """The command that makes the far end's answer the asker's; None where it says nothing the asker can use.

        A far end that does not let *us* in (2001, 2003-2005) says nothing of the asker, whose own link to us is sound: 9003.
        """
        relay = self.relay_of(entry.id)
        faults: tuple[Fault, ...] = ()
        if relay is None:
            return None
        if said.category == "fatal":
            zh, en = f"{entry.peer} 拒绝本系统：{said.zh}", f"{entry.peer} does not let this system in: {said.en}"
            faults = (Fault("/", said.symbol, said.code, zh, en),)
            said, document = self._speeches.codec.catalogue.result(NOTHING_SENT), None
        if row.pattern == "Q" and document is None and said.category != "rejected" and said.symbol != NOTHING_SENT:
            return None
        peer = self._book.get(relay.origin_peer)
        if peer is None:
            return None
        catalogue = self._speeches.codec.catalogue
        element = RECEIPT if document is None else document.element
        body = receipt_body(catalogue, said.symbol, faults) if document is None else document.body
        header = Header(
            entry.code, relay.origin_serial, relay.sender, "", entry.area, "", peer.schema_version,
            "B" if row.pattern == "Q" else peer.mode,
        )  # fmt: skip
        self._speeches.repeat(peer, lambda: raw_of(self._engine, relay.origin_id), header)
        code = catalogue.result(said.symbol).code
        answers = self._speeches.of(peer.id).answers
        if document is not None:
            header.result_text = document.header.result_text
        accepted, now = said.category in ("ok", "accepted", "duplicate"), self._clock.now()
        try:
            raw = answers.handed_on(row, header, element, body, code, now, peer.charset)
        except DomainError as no:
            fault = Fault("/", no.code, "", no.zh, no.en)
            raw = answers.receipt(row, header, no.code, now, peer.charset, faults=(fault,))
            element, code, accepted = RECEIPT, catalogue.result(no.code).code, False
        if entry.id in self.open:
            self._ready[relay.origin_id] = (raw, element != RECEIPT, code)
        told = relay.origin_id not in self._held and row.pattern != "Q"  # a question was not told it is accepted
        return HandBack(relay, raw, code, accepted, told, (said.zh, said.en))

    def closed(self, message_id: int) -> None:
        """A message's story ended: who waits for the answer to what it was handed on for hears it."""
        relay = self.open.pop(message_id, None)
        if relay is None:
            return
        self._by_origin.pop(relay.origin_id, None)
        ready = self._ready.pop(relay.origin_id, None)
        for respond, provisional in self._held.pop(relay.origin_id, []):
            respond(*(ready or provisional))

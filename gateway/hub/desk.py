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
from crm_core.errors import DomainError
from gateway.answers import Verdict
from gateway.clock import Clock
from gateway.config.model import Peer
from gateway.hub.relay import CameAsReply, Forward, HandBack
from gateway.inbound import Respond
from gateway.outbox.attempts import EXPIRED, Entry
from gateway.peers import PeerBook
from gateway.speech import SpeechBook
from schemas.loader import RECEIPT
from schemas.model import MessageRow, ResultCode

PATIENCE = 2 / 3
"""Share of the asker's own limit that its answer is held back for the far end's."""

COMMIT_S = 1.0
"""How long an answer that is being committed is waited for at a time."""

NOTHING_SENT = "PEER_UNAVAILABLE"
ACCEPTED = ("ok", "accepted", "duplicate")
"""Categories of answers that refuse nothing."""

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
        self._following: dict[int, HandBack] = {}
        self._blocking: dict[int, None] = {}
        self.patience: Callable[[MessageRow, str, bool], float] = self._patience
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

    def given_up(self, message_id: int) -> Relay | None:
        """The row of a message that was handed on and has ended; None: it is our own."""
        found = relays_of(self._engine, [message_id])
        return found[0] if found else None

    def sender_of(self, message_id: int) -> str | None:
        """In whose name a message left; None: in ours."""
        found = self.given_up(message_id)
        return None if found is None else found.sender

    def forwarded(self, relay: Relay) -> None:
        """A message goes on."""
        self.open[relay.message_id] = relay
        self._by_origin[relay.origin_id] = relay.message_id

    def waits(self, origin_id: int) -> bool:
        """Whether the answer to an inbound message is still to come."""
        return origin_id in self._by_origin

    def hold(
        self, origin_id: int, row: MessageRow, peer_id: str, respond: Respond, provisional: Answer, *, blocking: bool = False
    ) -> None:
        """An asker waits, ``blocking`` for the result itself (01.1.4); if the far end takes too long it is told
        ``provisional``."""
        waiting = self._held.setdefault(origin_id, [])
        waiting.append((respond, provisional))
        if blocking:
            self._blocking[origin_id] = None
        self._clock.callLater(self.patience(row, peer_id, blocking), self._expire, origin_id, respond)

    def _patience(self, row: MessageRow, peer_id: str, blocking: bool) -> float:
        peer = self._book.get(peer_id)
        if peer is None:
            return 0.0
        return PATIENCE * (peer.answer_seconds(row) if blocking or row.pattern == "Q" else peer.receipt_seconds(row))

    def _expire(self, origin_id: int, respond: Respond | None = None) -> None:
        if origin_id in self._ready:  # its answer is on its way to the disk, and then to the asker
            self._clock.callLater(COMMIT_S, self._expire, origin_id, respond)
            return
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
            self._blocking.pop(origin_id, None)

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

    def hand_back(
        self, entry: Entry, row: MessageRow, said: Verdict | ResultCode, document: Document | None, reply: bytes = b"",
        given_up: Relay | None = None,
    ) -> HandBack | None:  # fmt: skip
        """The command that makes the far end's answer the asker's; None where it says nothing the asker can use.

        ``reply``: the answer's bytes; ``given_up``: the row of a message nobody waits for any more. A far end that does not let
        *us* in (2001, 2003-2005) says nothing of the asker, whose own link to us is sound: it is told 9003.
        """
        relay = given_up or self.open[entry.id]
        faults: tuple[Fault, ...] = ()
        if said.category == "fatal":
            zh, en = f"{entry.peer} 拒绝本系统：{said.zh}", f"{entry.peer} does not let this system in: {said.en}"
            faults = (Fault("/", said.symbol, said.code, zh, en),)
            said, document = self._speeches.codec.catalogue.result(NOTHING_SENT), None
        if row.pattern == "Q" and document is None and said.category != "rejected" and said.symbol != NOTHING_SENT:
            return None
        peer = self._book.get(relay.origin_peer)
        if peer is None:
            return None
        accepted = said.category in ACCEPTED
        result = self._result(entry, relay, row, document, reply) if document is not None and accepted else None
        if result is not None:
            said, document = self._speeches.codec.catalogue.result("ACCEPTED"), None
        raw, element, code = self._answer(entry, row, said, document, relay, peer, faults)
        if given_up is None:
            self._ready[relay.origin_id] = (raw, element != RECEIPT, code)
        accepted = accepted and self._speeches.codec.catalogue.result(code).category in ACCEPTED
        told, asked = relay.origin_id not in self._held, row.pattern == "Q"
        back = HandBack(relay, entry, raw, code, accepted, told, said, asked, result)
        if result is not None and given_up is None:
            self._following[entry.id] = back
        return back

    def _answer(
        self, entry: Entry, row: MessageRow, said: Verdict | ResultCode, document: Document | None, relay: Relay, peer: Peer,
        faults: tuple[Fault, ...],
    ) -> tuple[bytes, str, str]:  # fmt: skip
        """Bytes, element and result code of what ``peer`` is answered; ``faults`` where no document of the far end's is."""
        catalogue, now = self._speeches.codec.catalogue, self._clock.now()
        element = RECEIPT if document is None else document.element
        body = receipt_body(catalogue, said.symbol, faults) if document is None else document.body
        mode = "B" if row.pattern == "Q" else peer.mode
        header = Header(entry.code, relay.origin_serial, relay.sender, "", entry.area, "", peer.schema_version, mode)
        self._speeches.repeat(peer, lambda: raw_of(self._engine, relay.origin_id), header)
        code = catalogue.result(said.symbol).code
        answers = self._speeches.of(peer.id).answers
        if document is not None:
            header.result_text = document.header.result_text
        try:
            return answers.handed_on(row, header, element, body, code, now, peer.charset), element, code
        except DomainError as no:
            fault = Fault("/", no.code, "", no.zh, no.en)
            raw = answers.receipt(row, header, no.code, now, peer.charset, faults=(fault,))
            return raw, RECEIPT, catalogue.result(no.code).code

    def _result(
        self, entry: Entry, relay: Relay, row: MessageRow, document: Document, reply: bytes
    ) -> CameAsReply | None:
        """The result that came as the answer of a blocking far end, where the asker does not wait for it so."""
        catalogue = self._speeches.codec.catalogue
        named = {catalogue.message(code).name for code in row.result}
        if document.element not in named or relay.origin_id in self._blocking:
            return None
        told = document.header
        made = catalogue.by_element(document.element)
        header = Header(
            made.code, relay.serial, entry.peer, relay.origin_peer, entry.area, ref_serial=relay.serial,
            result_code=told.result_code, result_text=told.result_text,
        )  # fmt: skip
        to, far = relay.origin_peer, self._book.get(entry.peer)
        forward = Forward(
            Document(made, document.element, header, document.body), entry.peer, to, self._book.binding(to),
            self._book.own_id, lambda: came.id,
        )  # fmt: skip
        came = CameAsReply(forward, entry.peer, reply, "" if far is None else far.charset, self._book.binding(entry.peer))
        return came

    def follow(self, back: HandBack) -> None:
        """What had to follow an answer is durable: it is handed on."""
        if back.result is not None and back.result.forward.relay is not None:
            self.forwarded(back.result.forward.relay)

    def closed(self, message_id: int) -> None:
        """A message's story ended: who waits for the answer to what it was handed on for hears it."""
        relay = self.open.pop(message_id, None)
        if relay is None:
            return
        self._by_origin.pop(relay.origin_id, None)
        self._blocking.pop(relay.origin_id, None)
        back = self._following.pop(message_id, None)
        if back is not None:
            self.follow(back)
        ready = self._ready.pop(relay.origin_id, None)
        for respond, provisional in self._held.pop(relay.origin_id, []):
            respond(*(ready or provisional))

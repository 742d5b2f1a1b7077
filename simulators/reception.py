"""What a simulated system does with a document that reaches it: known? readable? permitted? then the brain (spec 01.1.6)."""

from __future__ import annotations

from adapters.document import Document, DocumentRefused
from adapters.wire.packet import Packet
from adapters.wire.times import from_wire_time
from schemas.model import MessageRow
from simulators.brain import Body, Brain, Meta, Reaction, Send
from simulators.codes import category, receipt
from simulators.inbox import Inbox, digest
from simulators.link_messages import LinkMessages
from simulators.paper import RECEIPT, Paper
from simulators.settings import HostSettings, PeerSettings

_EVERYBODY = "*"
_CLOCK_TOLERANCE_MS = 300_000
_UNREADABLE = "LN03"
"""The row a document is refused under whose own nobody knows."""


class Reception:
    """Documents in, answers out. ``counts`` are the host's."""

    def __init__(
        self, brain: Brain, settings: HostSettings, paper: Paper, inbox: Inbox, link: LinkMessages, counts: dict[str, int]
    ) -> None:
        self._brain = brain
        self._settings = settings
        self._paper = paper
        self._inbox = inbox
        self._link = link
        self._counts = counts

    def packet(self, packet: Packet, now: int) -> tuple[Packet, list[Send]]:
        """The packet that answers ``packet``, and what the brain sends because of it."""
        self._counts["received"] += 1
        stored = self._inbox.find(packet.sender, packet.serial)
        if stored is not None and stored.digest == digest(packet.body):
            self._inbox.repeats += 1
            return stored.answer, []
        try:
            document = self._paper.read(packet)
        except DocumentRefused as refusal:
            faults = tuple({"path": f.path, "rule": f.rule, "found": f.found, "text": f.text} for f in refusal.faults)
            reaction = Reaction.refuse(refusal.symbol, faults=faults)
            return self._answer(packet, self._row_of(packet), reaction, stored is None, now), []
        if stored is not None:
            return self._answer(packet, document.row, Reaction.refuse("SERIAL_REUSED"), False, now), []
        reaction = self._judge(document, packet, now) or self._take(document.row, document.body, _meta(document), now)
        return self._answer(packet, document.row, reaction, True, now), reaction.sends

    def knows(self, packet: Packet) -> bool:
        """Whether this serial has its answer already."""
        return self._inbox.find(packet.sender, packet.serial) is not None

    def keep(self, packet: Packet, answer: Packet) -> None:
        """Remember what somebody else answered."""
        self._inbox.keep(packet.sender, packet.serial, packet.body, answer, "applied")

    def flawed(self, packet: Packet, symbol: str, now: int) -> Packet:
        """The receipt that refuses a packet which came wrong on an intact stream."""
        return self._answer(packet, self._row_of(packet), Reaction.refuse(symbol), False, now)

    def handed(self, sender: str, send: Send, serial: str, now: int) -> tuple[str, Body, list[Send]]:
        """A document handed over within the process: element and body of its answer, and what the brain sends."""
        self._counts["received"] += 1
        row = self._paper.catalogue.message(send.code)
        meta = Meta(sender, serial, str(send.body.get("area", "")), send.ref_serial)
        reaction = self._take(row, send.body, meta, now)
        self._counts["refused"] += reaction.refusal is not None
        element, body = _answer(row, reaction)
        return element, body, reaction.sends

    def _judge(self, document: Document, packet: Packet, now: int) -> Reaction | None:
        """Is it a request, may this system send it here, and is it still of use? A refusal, or None."""
        if document.element != document.row.name:
            return Reaction.refuse("HEADER_DISAGREES")
        peer = self._settings.peers.get(document.header.sender)
        if peer is None:
            return Reaction.refuse("SENDER_UNKNOWN")
        mine = self._brain.role
        if not any(
            route.sender in (peer.role, _EVERYBODY) and route.receiver in (mine, _EVERYBODY) for route in document.row.routes
        ):
            return Reaction.refuse("NOT_PERMITTED")
        ttl = packet.ttl or document.header.ttl
        if ttl and now > from_wire_time(packet.send_time or document.header.send_time) + ttl * 1000 + _CLOCK_TOLERANCE_MS:
            return Reaction.refuse("TTL_EXPIRED")
        return None

    def _take(self, row: MessageRow, body: Body, meta: Meta, now: int) -> Reaction:
        handler = self._link.handlers.get(row.code)
        return self._brain.on_document(row.code, body, meta, now) if handler is None else handler(body, meta)

    def _answer(self, packet: Packet, row: MessageRow, reaction: Reaction, keep: bool, now: int) -> Packet:
        """The answer as a packet, kept for repeats unless the sender is to try again."""
        peer = self._settings.peers.get(packet.sender) or PeerSettings(packet.sender, "", charset=packet.charset)
        element, body = _answer(row, reaction)
        answer = self._paper.answer(row, element, body, packet, peer, now)
        refused = reaction.refusal is not None
        self._counts["refused"] += refused
        if keep and not (refused and category(answer.result) == "retry"):
            self._inbox.keep(packet.sender, packet.serial, packet.body, answer, "refused" if refused else "applied")
        return answer

    def _row_of(self, packet: Packet) -> MessageRow:
        try:
            return self._paper.catalogue.message(packet.code)
        except LookupError:
            return self._paper.catalogue.message(_UNREADABLE)


def _answer(row: MessageRow, reaction: Reaction) -> tuple[str, Body]:
    """Element and body of the answer or receipt a reaction calls for."""
    if reaction.refusal is not None:
        return RECEIPT, receipt(reaction.refusal.symbol, reaction.refusal.state, reaction.refusal.faults)
    if reaction.answer is not None and row.answer is not None:
        return row.answer, reaction.answer
    return RECEIPT, receipt("DUPLICATE" if reaction.known else "ACCEPTED")


def _meta(document: Document) -> Meta:
    header = document.header
    return Meta(header.sender, header.serial, header.area, header.ref_serial)

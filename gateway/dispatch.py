"""Inbound packets to jobs of the worker: who speaks, may they, what does it say, which command is it (spec 01.1, 02.2).

What comes from nobody we know is answered and logged, not stored.  Everything else that reaches us ends as a job: accepted,
refused with every fault, or parked; its answer leaves after the commit.  When the worker is behind, reading stops
(01.1.3 rule 6).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from operator import attrgetter
from typing import Any

import structlog

from adapters.document import Document, DocumentRefused, Fault, Header
from adapters.translate import Inbound
from adapters.wire.events import Refused
from adapters.wire.layout import Layout
from adapters.wire.packet import Packet
from adapters.wire.times import from_wire_time
from adapters.xml.codec import Codec
from crm_core.ports import Command
from gateway.answers import answer_packet
from gateway.charset_log import CharsetLog
from gateway.clock import Clock
from gateway.config.model import Peer
from gateway.desk.reconcile_command import Reconcile
from gateway.hub.routing import TTL_TOLERANCE_MS, Hub
from gateway.inbound import Defect, InboundJob, Respond
from gateway.links.door import Door, answerable, header_of
from gateway.links.link import Connection
from gateway.links.logins import Logins
from gateway.links.rate import Rates
from gateway.outbox.pump import OutboxPump
from gateway.package_groups import PackageGroups
from gateway.peers import PeerBook
from gateway.speech import SpeechBook
from gateway.writer import Writer
from schemas.loader import Catalogue
from schemas.model import MessageRow

log = structlog.get_logger()

HIGH_WATER = 1024
"""Jobs waiting for the worker beyond which no more is read; below half of it reading goes on."""


class Dispatcher:
    """Owner of every connection that somebody opened to us, and judge of what arrives on any."""

    def __init__(
        self,
        book: PeerBook,
        codec: Codec,
        inbound: Inbound,
        speeches: SpeechBook,
        writer: Writer,
        pump: OutboxPump,
        clock: Clock,
        logins: Logins,
        hub: Hub,
    ) -> None:
        self._hub = hub
        self._logins = logins
        self._redirects = hub.redirects
        self.rates = Rates(book.all(), clock)
        self.door = Door(book, speeches, clock, logins, self.rates)
        self._book = book
        self._codec = codec
        self._catalogue: Catalogue = codec.catalogue
        self._inbound = inbound
        self._speeches = speeches
        self._answers = speeches.native.answers
        self._writer = writer
        self._pump = pump
        self._clock = clock
        self._connections: dict[int, Connection] = {}
        self._paused: dict[int, Connection] = {}
        self._any_row = self._catalogue.messages()[0]
        self._may_send = {(row.code, route.sender) for row in self._catalogue.messages() for route in row.routes}
        self._shared: dict[str, tuple[tuple[str, ...], Callable[[Packet], Any] | None]] = {}
        self.on_ended = _nobody
        self.on_late: Callable[[str, Packet], bool] = _nobody_waits
        self.repeats = 0
        self.charsets = CharsetLog()
        self.groups: PackageGroups | None = None
        """Who collects messages that come in several packages."""
        writer.on_room = self._room

    # -- owner of connections -------------------------------------------------------------------------------------------

    def connected(self, connection: Connection) -> None:
        """Somebody connected; who it is, its first packet says."""
        self._connections[connection.epoch] = connection

    def ended(self, connection: Connection) -> None:
        """Gone."""
        self._connections.pop(connection.epoch, None)
        self._paused.pop(connection.epoch, None)
        if connection.peer_id is not None:
            self.on_ended(connection.peer_id, connection)

    def hold_all(self) -> None:
        """Nothing more is read: what was taken is answered, then we stop serving."""
        for connection in self._connections.values():
            connection.pause_reading("stopping")

    def drop_all(self) -> None:
        """Break every connection."""
        for connection in list(self._connections.values()):
            connection.drop()

    def connection_of(self, peer_id: str) -> Connection | None:
        """The newest connection on which this peer has spoken."""
        mine = (one for one in reversed(self._connections.values()) if one.peer_id == peer_id)
        return next(mine, None)

    def close_all(self) -> None:
        """We stop serving."""
        for connection in list(self._connections.values()):
            connection.close()

    def answered(self, connection: Connection, packet: Packet) -> None:
        """An answer to a notice that went out on the peer's own connection (duplex)."""
        if connection.peer_id is not None:
            self._pump.answered(connection.peer_id, packet)
            self._pump.poke(connection.peer_id)

    def timed_out(self, connection: Connection, serial: str) -> None:
        """No answer in time to such a notice."""
        if connection.peer_id is not None:
            self._pump.timed_out(connection.peer_id, serial)

    def lost(self, connection: Connection, serial: str) -> None:
        """The connection ended under such a notice."""
        if connection.peer_id is not None:
            self._pump.lost(connection.peer_id, serial)

    def unmatched(self, connection: Connection, packet: Packet) -> None:
        """An answer after its requester gave up: applied if its message still waits or was given up, else logged (01.1.6)."""
        peer_id = connection.peer_id or self.door.unproven(connection, packet.sender)
        if not (self._pump.late(peer_id, packet) or self.on_late(peer_id, packet)):
            log.info("answer.unmatched", peer=peer_id, serial=packet.serial, code=packet.code)

    def refused(self, connection: Connection, event: Refused) -> None:
        """A flawed document on an intact stream: refused with its code."""
        packet = event.packet
        if packet.is_answer:
            log.warning("answer.flawed", peer=packet.sender, serial=packet.serial, symbol=event.symbol)
            return
        fault = Fault("/", event.symbol, "", event.zh, event.en)
        refusal = DocumentRefused(event.symbol, (fault,))
        peer = self._identify(connection, packet, refusal)
        if peer is not None:
            self._submit(connection, packet, peer, refusal=refusal, damaged=True)

    # -- judging ----------------------------------------------------------------------------------------------------------

    def arrived(self, connection: Connection, packet: Packet) -> None:
        """A whole request or notification."""
        peer = self._identify(connection, packet)
        if peer is None:
            return
        refusal = self._expired(packet.ttl, packet.send_time)
        self._submit(connection, packet, peer, refusal=refusal)
        if self._writer.waiting > HIGH_WATER and connection.epoch not in self._paused:
            self._paused[connection.epoch] = connection
            connection.pause_reading("intake")

    def _room(self) -> None:
        if self._paused and self._writer.waiting < HIGH_WATER // 2:
            paused, self._paused = self._paused, {}
            for connection in paused.values():
                connection.resume_reading("intake")

    def _identify(self, connection: Connection, packet: Packet, refusal: DocumentRefused | None = None) -> Peer | None:
        """The peer row of the sender; None after an answer to somebody who may not speak, or not so fast."""
        if packet.sender in (connection.peer_id, "") and self.door.knows(connection, packet):
            peer = self._book.get(connection.peer_id or "")
        else:
            peer = self.door.identify(connection, packet, refusal)
        if self.rates.any and peer is not None and self.door.is_too_fast(connection, packet, peer):
            return None
        return peer

    def _expired(self, ttl: int, send_time: str) -> DocumentRefused | None:
        if not ttl or not send_time:
            return None
        try:
            sent = from_wire_time(send_time)
        except ValueError:
            fault = Fault("/", "SendTime", send_time, "SendTime 不是时间", "SendTime is no time that ttl could count from")
            return DocumentRefused("SCHEMA_FAULTS", (fault,))
        if self._clock.now() <= sent + ttl * 1000 + TTL_TOLERANCE_MS:
            return None
        fault = Fault("/", "ttl", str(ttl), "报文已过有效期", "the message is past its time to live")
        return DocumentRefused("TTL_EXPIRED", (fault,))

    def take_in(self, packet: Packet, done: Callable[[bytes], None]) -> None:
        """A document from beside the links (control socket, files): the sender must be a peer row all the same."""
        peer = self._book.get(packet.sender)
        if peer is None:
            header = header_of(packet)
            fault = Fault("/Package/Header/Sender", "sender", packet.sender, "发送方未登记", "the sender is no configured peer")
            done(self._answers.receipt(self._any_row, header, "SENDER_UNKNOWN", self._clock.now(), "UTF-8", faults=(fault,)))
            return
        self._judge(packet, peer, None, lambda body, _reply, _result: done(body), None)

    def take_from(self, packet: Packet, peer: Peer, expect: dict[str, str], respond: Respond) -> None:
        """Bytes of ``peer`` that came over HTTP; the document's header must agree with ``expect``."""
        self._judge(packet, peer, expect, respond, None)

    @property
    def behind(self) -> bool:
        """Whether so much waits for the worker that no more should be taken."""
        return self._writer.waiting > HIGH_WATER

    def _submit(
        self,
        connection: Connection,
        packet: Packet,
        peer: Peer,
        refusal: DocumentRefused | None = None,
        *,
        damaged: bool = False,
    ) -> None:
        reply = packet.mode == "B"
        expect = self._expectations(packet, connection.session.layout)

        def respond(body: bytes, is_reply: bool, result: str) -> None:
            connection.reply(
                answer_packet(packet, self._book.own_id, body, reply=is_reply or reply, charset=peer.charset,
                              result=result, now=self._clock.now())
            )  # fmt: skip

        self._judge(packet, peer, expect, respond, refusal, damaged=damaged)

    def _judge(
        self,
        packet: Packet,
        peer: Peer,
        expect: dict[str, str] | None,
        respond: Respond,
        refusal: DocumentRefused | None,
        *,
        damaged: bool = False,
    ) -> None:
        document: Document | None = None
        if refusal is None:
            try:
                document, reading = self._speeches.read(peer.id, packet, expect)
                if reading.wrong:
                    self.charsets.judge(peer, reading, document.header)
            except DocumentRefused as error:
                document, refusal = None, error
            except Exception as error:
                # a defect of ours that these bytes bring out: parked with it, and the link goes on
                self._park(packet, peer, respond, Defect(error))
                return
        if document is not None and document.header.piece is not None:
            self._collect(packet, peer, respond, document)
        else:
            self.take_judged(packet, peer, respond, document, refusal, numbered=not damaged)

    def _park(self, packet: Packet, peer: Peer, respond: Respond, defect: Defect) -> None:
        found = None if packet.serial else self._codec.quick_header(packet.body, packet.charset)
        header = answerable(packet, found)
        header.sender = peer.id
        answers = self._speeches.of(peer.id).answers
        row = self._row_of(header, self._any_row)
        self._writer.submit(
            InboundJob(packet, row, header, peer.charset, answers, respond, command=defect, numbered=peer.serials_trusted)
        )

    def take_judged(
        self,
        packet: Packet,
        peer: Peer,
        respond: Respond,
        document: Document | None,
        refusal: DocumentRefused | None,
        *,
        numbered: bool = True,
        charset: str = "",
        digest: bytes | None = None,
    ) -> None:
        """What was read of ``packet`` (a document, or why there is none) becomes a job of the worker, answered by ``respond``.

        ``charset`` is the answer's if not the peer's; ``digest`` says which bytes are the same where ``packet.body`` does not.
        """
        command = None
        row: MessageRow = self._any_row
        header = header_of(packet) if refusal is None or refusal.header is None else answerable(packet, refusal.header)
        if document is not None:
            row, header = document.row, document.header
            to, refusal = "", refusal or _unlike(packet, header)
            if refusal is None and document.element == row.name and (header.receiver != self._book.own_id or self._redirects):
                decision = self._hub.decide(document, peer, served=row.command is not None)
                refusal, to = decision.refusal, decision.to
                header.receiver = header.receiver or self._book.own_id
            refusal = refusal or self._expired(header.ttl, header.send_time)
            if to and refusal is None:
                job = self._hub.job(packet, document, peer, to, respond, charset, numbered=numbered, digest=digest)
                self._writer.submit(job)
                return
            refusal = refusal or self._not_ours(document.element, row, header, peer)
        if refusal is None and document is not None:
            command = self._command(document)
            if command is None and peer.login.required and row.code == self._logins.code:
                self._logins.again(document, packet.body, peer, self._speeches.of(peer.id).answers, respond)
                return
            if command is None:
                refusal = self._not_served(row)
        if refusal is not None:
            command = None
            row = self._row_of(header, row)
            header.sender = header.sender or peer.id
        answers = self._speeches.of(peer.id).answers
        taken = InboundJob(packet, row, header, charset or peer.charset, answers, respond, document=document,
                           command=command, refusal=refusal, numbered=numbered and peer.serials_trusted, digest=digest)
        self._begin(taken, command)

    def _begin(self, job: InboundJob, command: Command | None) -> None:
        """What reads much reads it beside the worker first."""
        if isinstance(command, Reconcile):
            command.read(job.origin.sender, partial(self._writer.submit, job), job.failed)
        else:
            self._writer.submit(job)

    def _command(self, document: Document) -> Command | None:
        try:
            return self._inbound.command(document)
        except Exception as error:
            # a row that promises what its command cannot take is a defect of ours: the message is parked with it
            return Defect(error)

    def _collect(self, packet: Packet, peer: Peer, respond: Respond, document: Document) -> None:
        """One package of several: it waits, or completes the message, which is judged as any."""

        def judge(whole: Document | None, refusal: DocumentRefused | None) -> None:
            self.take_judged(packet, peer, respond, whole, refusal)

        if self.groups is None:
            raise RuntimeError("packages of a group are collected beside a store")
        self.groups.take(packet, document, peer, respond, judge)

    def _expectations(self, packet: Packet, layout: Layout) -> dict[str, str] | None:
        """Header fields that exist in both packet and document must agree (01.2 rule 1); body-only layouts have none."""
        known = self._shared.get(layout.name)
        if known is None:
            names = tuple(name for name in IN_BOTH if layout.carries(name))
            known = self._shared[layout.name] = (names, attrgetter(*names) if len(names) > 1 else None)
        names, values = known
        return dict(zip(names, values(packet), strict=True)) if values is not None else None

    def _row_of(self, header: Header, row: MessageRow) -> MessageRow:
        try:
            return self._catalogue.message(header.code)
        except LookupError:
            return row

    def _not_ours(self, element: str, row: MessageRow, header: Header, peer: Peer) -> DocumentRefused | None:
        """Is it a request, from a role that may send it?"""
        if element != row.name:
            fault = Fault("/Package/Body", "request", element, "此处应为请求或通知", "a request or notification belongs here")
            return DocumentRefused("HEADER_DISAGREES", (fault,), header)
        if (row.code, peer.role) in self._may_send or (row.code, "*") in self._may_send:
            return None
        fault = Fault("/Package/Header/MessageCode", "route", row.code, f"{peer.role} 不可发送 {row.code} {row.zh}",
                      f"{peer.role} may not send {row.code} {row.name}")  # fmt: skip
        return DocumentRefused("NOT_PERMITTED", (fault,), header)

    def _not_served(self, row: MessageRow) -> DocumentRefused:
        zh = f"本系统不受理 {row.code} {row.zh}，它由 {row.receivers} 接收：收方请写那个系统"
        en = f"this system does not take {row.code} {row.name}, {row.receivers} does: name that system as the receiver"
        return DocumentRefused("MESSAGE_UNKNOWN", (Fault("/Package/Header/MessageCode", "served", row.code, zh, en),))


def _unlike(packet: Packet, header: Header) -> DocumentRefused | None:
    """Where both name a time to live it is the same (01.2 rule 1)."""
    if packet.ttl in (0, header.ttl) or not header.ttl:
        return None
    zh, en = f"有效期与包头的 {packet.ttl} 不一致", f"the packet header says {packet.ttl}"
    return DocumentRefused("HEADER_DISAGREES", (Fault("/Package/Header/Ttl", "agrees", str(header.ttl), zh, en),), header)


def _nobody_waits(peer_id: str, packet: Packet) -> bool:
    """Until the composition root says who looks for messages that were given up."""
    return False


def _nobody(peer_id: str, connection: Connection) -> None:
    """Until the composition root says who is interested."""


IN_BOTH = ("code", "serial", "sender", "receiver", "area", "send_time", "mode")

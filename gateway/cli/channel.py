"""A small order channel: connects to a gateway's listener as the counter would, submits orders, hears of their progress.

The demo goes this way so that what it shows is the real socket path: packet, session, receipt, notices.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from adapters.document import Document, DocumentRefused, Header
from adapters.replies import receipt_body
from adapters.wire.layout import Layout
from adapters.wire.packet import Kind, Packet
from adapters.wire.session import Answered, Arrived, Close, Lost, Session, SessionSettings, TimedOut
from adapters.wire.times import wire_time
from adapters.xml.codec import Codec
from gateway.clock import Clock
from gateway.config import Peer
from schemas.loader import RECEIPT


class NoAnswer(Exception):
    """A submitted order got no receipt: the limit passed or the connection was lost."""


class ChannelProtocol(Protocol):
    """One connection of the channel over a wire session."""

    transport: Any

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self._session = channel.new_session()
        self._waiting: dict[str, Deferred[Document]] = {}
        self._timer: Any = None

    def connectionMade(self) -> None:
        """Arms the session's first timer."""
        self._settle([])

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the gateway."""
        self._settle(self._session.receive(data, self.channel.clock.now()))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """What was outstanding has no answer."""
        self._settle(self._session.closed(self.channel.clock.now()))

    def ask(self, packet: Packet) -> Deferred[Document]:
        """Sends a request; fires with the document that answers it, or fails with NoAnswer."""
        answer: Deferred[Document] = Deferred()
        self._session.send(packet, self.channel.clock.now())
        self._waiting[packet.serial] = answer
        self._settle([])
        return answer

    def _settle(self, events: list[Any]) -> None:
        """Act on events, write what waits, arm the one timer."""
        for event in events:
            if isinstance(event, Answered):
                self._answered(event)
            elif isinstance(event, Arrived):
                self._session.reply(self.channel.receipt(event.packet), self.channel.clock.now())
            elif isinstance(event, TimedOut | Lost) and (answer := self._waiting.pop(event.serial, None)):
                answer.errback(NoAnswer(event.serial))
            elif isinstance(event, Close) and self.transport is not None:
                self.transport.loseConnection()
        if self.transport is not None and (data := self._session.to_send()):
            self.transport.write(data)
        self._arm()

    def _answered(self, event: Answered) -> None:
        answer = self._waiting.pop(event.serial, None)
        if answer is not None:
            answer.callback(self.channel.codec.decode(event.packet.body, event.packet.charset))

    def _arm(self) -> None:
        clock = self.channel.clock
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        due = self._session.next_deadline()
        self._timer = None if due is None else clock.callLater(max(0.0, (due - clock.now()) / 1000), self._due)

    def _due(self) -> None:
        self._settle(self._session.timeout(self.channel.clock.now()))


class Channel:
    """Speaks for channel ``peer`` with the gateway ``own_id``; ``notices`` counts what it was told (CH02)."""

    def __init__(self, peer: Peer, own_id: str, codec: Codec, clock: Clock) -> None:
        self.peer = peer
        self.codec = codec
        self.clock = clock
        self._own_id = own_id
        self.notices = 0
        self._layout = Layout(codec.catalogue.layout(peer.layout))
        self._sequence = 0
        self._protocol: ChannelProtocol | None = None

    def connect(self, endpoint: Any) -> Deferred[None]:
        """Connects through an ``IStreamClientEndpoint``; fires when it may submit."""
        factory: Any = Factory.forProtocol(lambda: ChannelProtocol(self))
        factory.noisy = False
        connected: Deferred[None] = endpoint.connect(factory).addCallback(self._connected)
        return connected

    def _connected(self, protocol: ChannelProtocol) -> None:
        self._protocol = protocol

    def close(self) -> None:
        """Ends the connection."""
        if self._protocol is not None and self._protocol.transport is not None:
            self._protocol.transport.loseConnection()

    def new_session(self) -> Session:
        """A session with the limits the gateway's configuration gives this channel."""
        peer = self.peer
        settings = SessionSettings(
            window=peer.window,
            heartbeat_ms=round(peer.timers.heartbeat * 1000),
            misses=peer.timers.misses,
            idle_ms=round(peer.idle_seconds * 1000),
            long=peer.long,
            sender=peer.id,
            receiver=self._own_id,
        )
        return Session(self._layout, settings, self.clock.now())

    def submit(self, raw: bytes) -> Deferred[Document]:
        """Submits the document in ``raw`` under a fresh serial of its own; fires with its receipt.

        Raises DocumentRefused where ``raw`` is no valid document, fails with NoAnswer.
        """
        document = self.codec.decode(raw)
        now = self.clock.now()
        self._sequence += 1
        header = document.header
        header.serial = f"{self.peer.id:<6}{wire_time(now)}{self._sequence:010d}"
        header.sender, header.receiver, header.send_time = self.peer.id, self._own_id, wire_time(now)
        if self._protocol is None:
            raise NoAnswer(header.serial)
        return self._protocol.ask(
            Packet(
                body=self.codec.encode(document, self.peer.charset),
                kind=Kind.REQUEST,
                code=header.code,
                sender=header.sender,
                receiver=header.receiver,
                area=header.area,
                serial=header.serial,
                send_time=header.send_time,
                mode=header.mode,
                charset=self.peer.charset,
            )
        )

    def receipt(self, packet: Packet) -> Packet:
        """Hears what arrived and answers it: stored, or refused where it is no document."""
        catalogue, now = self.codec.catalogue, self.clock.now()
        try:
            self.codec.decode(packet.body, packet.charset)
            body, symbol = receipt_body(catalogue, "ACCEPTED"), "ACCEPTED"
            self.notices += 1
        except DocumentRefused as refused:
            body, symbol = receipt_body(catalogue, refused.symbol, refused.faults), refused.symbol
        code = catalogue.result(symbol).code
        header = Header(
            code=packet.code,
            serial=packet.serial,
            sender=self.peer.id,
            receiver=packet.sender,
            area=packet.area,
            send_time=wire_time(now),
            mode=packet.mode,
            result_code=code,
        )
        answer = Document(catalogue.message(packet.code), RECEIPT, header, body)
        return Packet(
            body=self.codec.encode(answer, self.peer.charset),
            kind=Kind.RECEIPT,
            code=packet.code,
            sender=self.peer.id,
            receiver=packet.sender,
            area=packet.area,
            serial=packet.serial,
            send_time=wire_time(now),
            mode=packet.mode,
            charset=self.peer.charset,
            result=code,
        )

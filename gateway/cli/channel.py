"""A small order channel: connects to a gateway's listener as the counter would, submits orders, hears of their progress.

The demo goes this way so that what it shows is the real socket path: packet, session, receipt, notices.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from adapters.document import Document, DocumentRefused, Header
from adapters.login import NONCE_BYTES, credentials
from adapters.packing import packed
from adapters.replies import receipt_body
from adapters.wire.layout import Layout
from adapters.wire.packet import Kind, Packet
from adapters.wire.session import Answered, Arrived, Close, Lost, Ready, Session, SessionSettings, TimedOut
from adapters.wire.times import wire_time
from adapters.xml.codec import Codec
from gateway.clock import Clock, Entropy
from gateway.config.model import Peer
from schemas.loader import RECEIPT
from schemas.model import LayoutRow


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
        self._greeting: str | None = None
        self.ready: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        """Registers and logs in where the gateway wants that; ``ready`` fires when it may submit."""
        self._enter()
        self._settle([])

    def _enter(self) -> None:
        if not self._session.registered:
            return
        login = self.channel.login()
        if login is None:
            self.ready.callback(None)
            return
        self._greeting = login.serial
        self._session.send(login, self.channel.clock.now(), greeting=True)

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the gateway."""
        self._settle(self._session.receive(data, self.channel.clock.now()))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """What was outstanding has no answer."""
        self._settle(self._session.closed(self.channel.clock.now()))
        if not self.ready.called:
            self.ready.errback(NoAnswer(self.channel.peer.id))

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
            elif isinstance(event, Ready):
                self._enter()
            elif isinstance(event, TimedOut | Lost) and (answer := self._waiting.pop(event.serial, None)):
                answer.errback(NoAnswer(event.serial))
            elif isinstance(event, Close) and self.transport is not None:
                self.transport.loseConnection()
        if self.transport is not None and (data := self._session.to_send()):
            self.transport.write(data)
        self._arm()

    def _answered(self, event: Answered) -> None:
        if event.serial == self._greeting:
            if event.packet.result != self.channel.ok:
                self.transport.loseConnection()
                return
            self._session.admit()
            self.ready.callback(None)
            return
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
    """Speaks for channel ``peer``, of ``area``, with the gateway ``own_id``; ``notices`` counts what it was told (CH02).
    ``layouts`` are rows besides those that ship."""

    def __init__(
        self, peer: Peer, own_id: str, codec: Codec, clock: Clock, area: str, layouts: tuple[LayoutRow, ...] = ()
    ) -> None:
        self.peer = peer
        self.codec = codec
        self.clock = clock
        self._own_id = own_id
        self._area = area
        self.notices = 0
        own = next((row for row in layouts if row.name == peer.layout), None)
        self._layout = Layout(own or codec.catalogue.layout(peer.layout))
        self._row = codec.catalogue.by_element("Login")
        self.ok = codec.catalogue.result("OK").code
        self._sequence = 0
        self._protocol: ChannelProtocol | None = None

    def connect(self, endpoint: Any) -> Deferred[None]:
        """Connects through an ``IStreamClientEndpoint``; fires when it may submit."""
        factory: Any = Factory.forProtocol(lambda: ChannelProtocol(self))
        factory.noisy = False
        connected: Deferred[None] = endpoint.connect(factory).addCallback(self._connected)
        return connected

    def _connected(self, protocol: ChannelProtocol) -> Deferred[None]:
        self._protocol = protocol
        return protocol.ready

    def login(self) -> Packet | None:
        """The login the gateway asks of this channel (LN01); None where it asks for none."""
        row, login = self._row, self.peer.login
        if not login.required:
            return None
        now = self.clock.now()
        user = login.peer_user or self.peer.id
        body = credentials(user, login.secret(), now, Entropy().token(NONCE_BYTES))
        header = Header(row.code, self._serial(now), self.peer.id, self._own_id, self._area, wire_time(now), mode="B")
        return self._packet(Document(row, row.name, header, body), Kind.REQUEST)

    def _serial(self, now: int) -> str:
        self._sequence += 1
        return f"{self.peer.id:<6}{wire_time(now)}{self._sequence:010d}"

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
            dialled=True,
            login=peer.login.required,
        )
        return Session(self._layout, settings, self.clock.now(), self._described)

    def _described(self, body: bytes) -> Packet:
        """What a header does not say, read from the document."""
        header = self.codec.quick_header(body)
        if header is None:
            return Packet(body)
        kind = Kind.REQUEST if header.result_code is None else Kind.RECEIPT
        return Packet(body, kind, header.code, header.sender, header.receiver, header.area, header.serial, header.send_time,
                      header.mode, self.peer.charset, result=header.result_code or self.ok)  # fmt: skip

    def submit(self, raw: bytes) -> Deferred[Document]:
        """Submits the document in ``raw`` under a fresh serial of its own; fires with its receipt.

        Raises DocumentRefused where ``raw`` is no valid document, fails with NoAnswer.
        """
        document = self.codec.decode(raw)
        now = self.clock.now()
        header = document.header
        header.serial = self._serial(now)
        header.sender, header.receiver, header.send_time = self.peer.id, self._own_id, wire_time(now)
        if self._protocol is None:
            raise NoAnswer(header.serial)
        return self._protocol.ask(self._packet(document, Kind.REQUEST))

    def _packet(self, document: Document, kind: Kind) -> Packet:
        header, charset = document.header, self.peer.charset
        return packed(header, self.codec.encode(document, charset), kind, charset, header.result_code or self.ok)

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
        return self._packet(Document(catalogue.message(packet.code), RECEIPT, header, body), Kind.RECEIPT)

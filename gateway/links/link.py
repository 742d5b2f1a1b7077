"""One connection with a peer: a Twisted protocol around the pure session machine (spec 01.1).

The session decides, this shell obeys: it hands in bytes and the time, writes what the session gives, keeps one timer, closes
when told.  Output is gathered and written once a turn; what the transport cannot take waits in the session,
which then asks to stop reading (01.1.3 rule 6).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import structlog
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from adapters.wire.events import Answered, Arrived, Close, Event, HeartbeatMissed, Lost, Ready, Refused, TimedOut, Unmatched
from adapters.wire.layout import Layout
from adapters.wire.packet import Packet
from adapters.wire.session import Describe, LocalError, Session
from adapters.wire.settings import SessionSettings
from gateway.clock import Clock
from gateway.config.model import Peer
from gateway.stamp import Stamp
from gateway.tls.faults import fault_of, is_tls

log = structlog.get_logger()

READ_BYTES = 192 * 1024
"""Read at a time: about as many documents as a group of the worker's takes. With twisted's 64 KiB the window of a busy peer is
worked off in thirds, each of them a small group (decision 020)."""


class LoginFirst(Protocol):
    """Logs in on a connection before its owner hears of it (``gateway.links.logins``)."""

    def greeting(self) -> tuple[Packet, int]:
        """The login, and when its answer is due (ms)."""

    def accepted(self, packet: Packet) -> bool:
        """Whether the answer lets us in."""


class ConnectionOwner(Protocol):
    """Who hears of a connection: a listener or an outgoing link."""

    def connected(self, connection: Connection) -> None:
        """The connection stands, and where we opened it registration and login are done."""

    def arrived(self, connection: Connection, packet: Packet) -> None:
        """A request or notification, whole."""

    def refused(self, connection: Connection, event: Refused) -> None:
        """A document that came wrong on an intact stream."""

    def answered(self, connection: Connection, packet: Packet) -> None:
        """An answer to one of ours."""

    def unmatched(self, connection: Connection, packet: Packet) -> None:
        """An answer nobody waits for here."""

    def timed_out(self, connection: Connection, serial: str) -> None:
        """No answer in time."""

    def lost(self, connection: Connection, serial: str) -> None:
        """The connection ended under it."""

    def ended(self, connection: Connection) -> None:
        """The connection is gone."""


@implementer(IPushProducer, IHalfCloseableProtocol)
class Connection(TwistedProtocol):
    """A connection, whichever side opened it. ``epoch`` numbers connections for the attempt log; ``heard``: something came on
    it; ``ending``: why it ended, where TLS ended it, in both languages."""

    def __init__(
        self,
        owner: ConnectionOwner,
        layout: Layout,
        settings: SessionSettings,
        clock: Clock,
        epoch: int,
        describe: Describe,
        login: LoginFirst | None = None,
        stamp: Stamp | None = None,
    ) -> None:
        self.epoch = epoch
        self.entered = False
        self.logged_in: list[str] = []
        self.left = False
        self._login = login
        self._stamp = stamp
        self._greeting: str | None = None
        self.peer_id: str | None = None
        self.proven = False
        self.host = ""
        self.heard = False
        self.ending = ""
        self.on_gone: Callable[[], None] = _nobody
        self._owner = owner
        self._layout = layout
        self._settings = settings
        self._clock = clock
        self._describe = describe
        self._anchor = (clock.now(), clock.seconds())
        self.session = Session(layout, settings, clock.now(), describe)
        self._wire: Any = None
        self._timer: Any = None
        self._timer_at = 0
        self._flushing = False
        self._full = False
        self._holds: dict[str, None] = {}
        self._closing = False
        self._gone = False

    @property
    def known(self) -> bool:
        """Whether who is at the other end has said so, and may be here."""
        return self.proven or self.peer_id is not None

    # -- Twisted ----------------------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        """The session begins with the connection."""
        transport: Any = self.transport
        self._wire = transport
        self._anchor = (self._clock.now(), self._clock.seconds())
        self.session = Session(self._layout, self._settings, self._now(), self._describe)
        self.host = getattr(transport.getPeer(), "host", "") or ""
        transport.registerProducer(self, True)
        if hasattr(transport, "setTcpNoDelay"):
            transport.setTcpNoDelay(True)
            transport.bufferSize = READ_BYTES
        self._enter()
        self._settle()

    def dataReceived(self, data: bytes) -> None:
        """Bytes into the session, events out."""
        self.heard = True
        self._act(self.session.receive(data, self._now()))
        self._settle()

    def readConnectionLost(self) -> None:
        """The peer closed its half; it still gets what it is owed."""
        self._act(self.session.half_closed(self._now()))
        self._settle()

    def writeConnectionLost(self) -> None:
        """Our half is closed: nothing more to do, the peer's half ends the connection."""

    def connectionLost(self, reason: Failure | None = None) -> None:
        """Gone: whatever was outstanding is reported lost."""
        self._gone = True
        if reason is not None and reason.value is not None and is_tls(reason.value):
            self.ending = fault_of(reason.value).text
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        if not self.session.over:
            self._act(self.session.closed(self._now()))
        self._owner.ended(self)
        self.on_gone()

    # -- producer: the transport's say about our output ---------------------------------------------------------------

    def pauseProducing(self) -> None:
        """The transport is full: output waits in the session."""
        self._full = True

    def resumeProducing(self) -> None:
        """The transport has room again."""
        self._full = False
        self._flush()

    def stopProducing(self) -> None:
        """The transport is going away; ``connectionLost`` follows."""
        self._full = True

    # -- for owners -----------------------------------------------------------------------------------------------------

    def speaks_with(self, peer: Peer, stamp: Stamp | None) -> None:
        """Who connected is known now: what we send bears the free fields and the password of its row."""
        self.session.speaks_with(peer.header)
        self._stamp = stamp

    def send(self, packet: Packet, deadline_ms: int) -> bool:
        """Queue one of our messages; False if the session cannot take it now."""
        if self._gone or not self.session.can_send:
            return False
        if self._stamp is not None:
            self._stamp(packet)
        try:
            now = self._now()
            self.session.send(packet, now, now + deadline_ms - self._clock.now())
        except LocalError as error:
            log.warning("link.not_sent", peer=self.peer_id, serial=packet.serial, error=str(error))
            return False
        self._later()
        return True

    def reply(self, packet: Packet) -> None:
        """Queue an answer; if the connection is gone the peer will ask again and get the stored one."""
        if self._gone or self.session.over:
            return
        if self._stamp is not None:
            self._stamp(packet)
        try:
            self.session.reply(packet, self._now())
        except LocalError as error:
            log.error("link.not_answered", peer=self.peer_id, serial=packet.serial, error=str(error))
            return
        self._later()

    def pause_reading(self, why: str) -> None:
        """Read no more until every reason given is taken back: our output or what this peer feeds is full."""
        if not self._holds and not self._gone and self._wire is not None:
            self._wire.pauseProducing()
        self._holds[why] = None

    def resume_reading(self, why: str) -> None:
        """One reason less."""
        if self._holds.pop(why, self) is None and not self._holds and not self._gone and self._wire is not None:
            self._wire.resumeProducing()

    def drop(self) -> None:
        """Close at once."""
        if not self._gone and self._wire is not None:
            self._wire.abortConnection()

    def close(self) -> None:
        """Close when what was written has left, or at the write limit if the peer does not take it."""
        if self._gone or self._wire is None or self._closing:
            return
        self._closing = True
        if self.session.buffered:
            self._wire.write(self.session.to_send())
        # A transport with a producer may wait for it before it closes (TLS does).
        self._wire.unregisterProducer()
        self._wire.loseConnection()
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = self._clock.callLater(self._settings.write_limit_ms / 1000, self.drop)

    def _now(self) -> int:
        """Milliseconds since epoch by the clock as it was set when the connection was made: the session's deadlines are
        stretches of time, which a clock set ahead or back must not change."""
        wall, steady = self._anchor
        return wall + round((self._clock.seconds() - steady) * 1000)

    # -- within ---------------------------------------------------------------------------------------------------------

    def _act(self, events: list[Event]) -> None:
        owner = self._owner
        for event in events:
            match event:
                case Arrived(packet):
                    owner.arrived(self, packet)
                case Answered(serial, packet, _):
                    if serial == self._greeting:
                        self._welcomed(packet)
                    else:
                        owner.answered(self, packet)
                case Unmatched(packet):
                    owner.unmatched(self, packet)
                case TimedOut(serial) if serial == self._greeting:
                    log.warning("login.unanswered", peer=self.peer_id, host=self.host)
                    self.drop()
                case TimedOut(serial):
                    owner.timed_out(self, serial)
                case Lost(serial):
                    if serial != self._greeting:
                        owner.lost(self, serial)
                case Ready():
                    self._enter()
                case Refused():
                    owner.refused(self, event)
                case HeartbeatMissed(n):
                    log.info("link.heartbeat_missed", peer=self.peer_id, n=n)
                case Close():
                    self._over(event)

    def _enter(self) -> None:
        """Registration first, then login; then the owner may use the connection."""
        if self._settings.dialled and not self.session.registered:
            return
        if self._login is not None and self._greeting is None:
            packet, due = self._login.greeting()
            self._greeting = packet.serial
            now = self._now()
            self.session.send(packet, now, now + due - self._clock.now(), greeting=True)
            return
        self.entered = True
        self._owner.connected(self)

    def _welcomed(self, packet: Packet) -> None:
        if self._login is not None and self._login.accepted(packet):
            self.session.admit()
            self._enter()
        else:
            self.close()

    def _over(self, event: Close) -> None:
        level = log.info if event.reason_symbol in ("EOF", "IDLE", "DONE") else log.warning
        level("link.closing", peer=self.peer_id, host=self.host, reason=event.reason_symbol, zh=event.zh, en=event.en)
        if event.abort:
            self._flush()
            self.drop()
        else:
            self.close()

    def _later(self) -> None:
        if not self._flushing:
            self._flushing = True
            self._clock.callLater(0, self._turn)

    def _turn(self) -> None:
        self._flushing = False
        self._settle()

    def _settle(self) -> None:
        self._flush()
        if self.session.congested:
            self.pause_reading("output")
        if not self._gone:
            self._arm()

    def _flush(self) -> None:
        if self._full or self._gone or self._closing or self._wire is None or not self.session.buffered:
            return
        self._wire.write(self.session.to_send())
        if self._holds and not self.session.congested:
            self.resume_reading("output")

    def _arm(self) -> None:
        due = self.session.next_deadline()
        if due is None or self._closing:
            return
        if self._timer is not None and self._timer.active():
            if self._timer_at <= due:
                return
            self._timer.cancel()
        self._timer_at = due
        self._timer = self._clock.callLater(max(0.001, (due - self._now()) / 1000), self._ring)

    def _ring(self) -> None:
        self._timer = None
        if not self._gone:
            self._act(self.session.timeout(self._now()))
            self._settle()


def _nobody() -> None:
    """Nobody counts this connection."""


MakeConnection = Callable[[ConnectionOwner], Connection]
"""A fresh connection for an owner, with layout, settings and epoch filled in."""

"""The composition root: one gateway out of configuration, clock, entropy, endpoints and store (architecture 2).

Everything is handed in, so a real process and a simulation differ only in what they hand in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from twisted.internet.defer import Deferred, DeferredList, FirstError, succeed
from twisted.python.failure import Failure

from adapters.store.matching import matching
from adapters.store.rows import MessageRecord
from adapters.store.store import Store
from adapters.translate import Inbound, Outbound
from adapters.wire.layout import Layout
from adapters.xml.codec import Codec
from gateway.clock import Clock, Entropy
from gateway.clock_watch import ClockWatch
from gateway.config.model import Config, Listen, Peer
from gateway.desk.links import keep_stopped
from gateway.desk.messages import MessageDesk
from gateway.desk.orders import Desk
from gateway.desk.reconciling import ReconcileDesk
from gateway.dispatch import HIGH_WATER, Dispatcher
from gateway.hub.desk import RelayDesk
from gateway.hub.routing import Hub
from gateway.hub.unsent import UnsentQuestions
from gateway.ledgers import Ledgers
from gateway.links.commands import link_commands
from gateway.links.headcount import Headcount
from gateway.links.link import Connection, ConnectionOwner
from gateway.links.links import (
    AcceptedConnections,
    ConnectionFactory,
    DuplexLink,
    Nobody,
    OutgoingLink,
    Surroundings,
    settings_of,
)
from gateway.links.logins import Logins
from gateway.links.probe import LinkTests
from gateway.links.short_link import ShortLink
from gateway.outbox.late_answers import LateAnswers
from gateway.outbox.log import OutboxLog
from gateway.outbox.pump import OutboxPump
from gateway.outbox.redelivery import Redelivery
from gateway.outbox.retry import RetryPolicy
from gateway.outbox.unparking import Unparking
from gateway.package_groups import PackageGroups
from gateway.peers import PeerBook
from gateway.reference_data import reference_of
from gateway.runners import InlineRunner
from gateway.speech import SpeechBook
from gateway.stamp import stamp_of
from gateway.timers import Timers
from gateway.tls import certificates
from gateway.tls.layer import server_factory
from gateway.waiting_groups import WaitingGroups
from gateway.web.link import HttpLink
from gateway.web.service import HttpService
from gateway.web.site import HttpSite
from gateway.writer import Runner, Writer
from schemas.loader import layouts_in, load

log = structlog.get_logger()

PROBE_S = 2.0
"""How often a store that refused is tried again."""
DAY_S = 86_400
"""How often certificates that end soon are warned of."""

AnyLink = OutgoingLink | DuplexLink | ShortLink | HttpLink


class Gateway:
    """A running gateway. ``on_change`` is called after commits that sent something, for progress displays."""

    def __init__(
        self,
        config: Config,
        clock: Clock,
        entropy: Entropy,
        endpoints: Any,
        store: Store,
        runner: Runner | None = None,
        *,
        group_size: int = 96,
    ) -> None:
        self.config = config
        self.on_change: Callable[[], None] = lambda: None
        self.book = PeerBook(config)
        self.links: dict[str, AnyLink] = {}
        self.addresses: dict[str, Any] = {}
        self._clock = clock
        self._entropy = entropy
        self._endpoints = endpoints
        self._ports: list[Any] = []
        self._https: list[HttpService] = []
        self._epoch = 0
        self._stopping = False
        catalogue = self._catalogue = load()
        self.codec = Codec(catalogue)
        self._layouts = {row.name: Layout(row) for row in (*catalogue.layouts(), *layouts_in(config.gateway.layouts))}
        outbound = Outbound(catalogue, self.book)
        self.writer = Writer(
            store, clock, runner or InlineRunner(), reference_of(config, catalogue), outbound.publish,
            group_size=group_size, on_outgoing=self._outgoing,
        )  # fmt: skip
        self.writer.on_doubt = self._in_doubt
        self.store = store
        policy = RetryPolicy(catalogue.table("error_classes"), entropy)
        speeches = self._speeches = SpeechBook(self.codec, self.book, clock.now)
        voice_of = speeches.voice_of
        self._relays = RelayDesk(speeches, self.book, clock, store.engine)
        outbox, own_id = OutboxLog(store.engine), self.book.own_id
        self.pump = OutboxPump(self.writer, outbox, self.codec, clock, policy, own_id, voice_of, self._relays)
        self._relays.give_up = UnsentQuestions(self.writer, self.pump, self._relays, catalogue).give_up
        speeches.waiting = self.pump.under_way
        speeches.sent, speeches.find = outbox.serial_between, matching(store.engine)
        self.desk = Desk(self.writer, outbox, self.pump, catalogue, own_id, self._relays.recall)
        self._unparking = Unparking(outbox, self.writer, self.pump, self.book, catalogue)
        self._redelivery = Redelivery(
            self.codec, clock, own_id, self.links.get, outbox.bytes_of, self._relays.sender_of, voice_of
        )
        self._compose_intake()

    def _compose_intake(self) -> None:
        """Who judges what comes in, what links are handed, what falls due."""
        self._certificates = certificates.Shelf(self.config)
        self._counted: dict[str, Headcount | HttpSite] = {}
        ledgers = Ledgers(self.store.engine, self._clock)
        self.reconciling = ReconcileDesk(
            self.book, self.links.get, self._speeches.voice_of, self._connection, self._clock, ledgers, self._catalogue
        )
        self.message_desk = MessageDesk(self.writer, OutboxLog(self.store.engine), self.pump, self._catalogue, self._clock)
        catalogue, store, clock, entropy = self._catalogue, self.store, self._clock, self._entropy
        config, endpoints = self.config, self._endpoints
        speeches, voice_of = self._speeches, self._speeches.voice_of
        inbound = Inbound(
            catalogue, link_commands(self._service_status, store, self._redelivery.judge, self.book.role_of, ledgers)
        )
        self._logins = Logins(self.book, catalogue, voice_of, clock, entropy, config.gateway.areas[0])
        hub = Hub(config, self.book, speeches, self._relays, store.engine)
        self.dispatcher = Dispatcher(
            self.book, self.codec, inbound, speeches, self.writer, self.pump, clock, self._logins, hub
        )
        groups = self.dispatcher.groups = PackageGroups(speeches, self.writer, self.store.engine, self.book.own_id)
        waiting = self.desk.groups = WaitingGroups(speeches, self.writer, store.engine, self.book.own_id, groups.forget)
        self.reconciling.intake = self.dispatcher
        self.dispatcher.door.on_identified = self._identified
        self.dispatcher.on_ended = self._ended
        self.dispatcher.on_late = LateAnswers(self.codec, OutboxLog(store.engine), self.writer, voice_of, self._relays).take
        tests = LinkTests(self.codec, self.book.own_id, config.gateway.areas[0], clock, voice_of)
        self._surroundings = Surroundings(
            clock, entropy, self.pump, endpoints, self._connection, self.dispatcher, tests.packet
        )
        billing_s = catalogue.for_event("BillingDue")[0].result_limit or 0
        self._timers = Timers(store.engine, self.writer, clock, self.book.own_id, billing_s, waiting.look)

    # -- life ---------------------------------------------------------------------------------------------------------

    def start(self) -> Deferred[Any]:
        """Listens, connects, resumes what was under way; fires when every listener listens."""
        _ = self.store.driver
        self._look_at_certificates()
        self._relays.start()
        for peer in self.book.all():
            link = self._link(peer)
            if link is not None:
                self.links[peer.id] = link
                self.pump.add_link(link)
        listening: list[Deferred[Any]] = []
        for listen in self.config.listen:
            port: Deferred[Any] = self._endpoints.server(listen.address).listen(self._factory_of(listen))
            port.addCallback(self._listens, listen)
            listening.append(port)
        ready: Deferred[Any] = DeferredList(listening, fireOnOneErrback=True, consumeErrors=True)
        ready.addErrback(_first_failure)
        ready.addCallback(self._ready)
        return ready

    def _ready(self, _: Any) -> None:
        self.message_desk.start()
        keep_stopped(self.links, OutboxLog(self.store.engine))
        for link in self.links.values():
            link.start()
        self.pump.start()
        self._unparking.start()
        self._timers.start()
        self._watch = ClockWatch(self._clock, self._clock_set)
        self._probe()

    def stop(self) -> Deferred[Any]:
        """Takes nothing more, lets the worker finish, then closes links and store."""
        self._stopping = True
        self._timers.stop()
        self.pump.stop()
        self.dispatcher.hold_all()
        for service in self._https:
            service.stop_taking()
        closing: list[Deferred[Any]] = [d for d in (port.stopListening() for port in self._ports) if d is not None]
        ending = self._idle()
        ending.addCallback(lambda _: self._close_links(closing))
        ending.addCallback(lambda _: self._idle())  # messages that lost their connection are recorded as such
        ending.addCallback(lambda _: self.writer.close())
        ending.addCallback(lambda _: self.store.close())
        return ending

    def _idle(self) -> Deferred[Any]:
        idle: Deferred[Any] = Deferred()
        self.writer.when_idle(lambda: idle.callback(None))
        return idle

    def _close_links(self, closing: list[Deferred[Any]]) -> Deferred[Any]:
        self.dispatcher.close_all()
        for service in self._https:
            service.close()
        closing.extend(link.close() for link in self.links.values())
        return DeferredList(closing, consumeErrors=True) if closing else succeed(None)

    def abandon(self) -> None:
        """A simulated crash: nothing is finished, nothing is said to anybody; the database keeps what was committed."""
        self._stopping = True
        self._timers.stop()
        self.pump.stop()
        self.writer.close()
        self.dispatcher.drop_all()
        for service in self._https:
            service.drop()
        for port in self._ports:
            port.stopListening()
        for link in self.links.values():
            link.drop()
            link.close()
        self.store.rollback()
        self.store.close()

    # -- wiring -------------------------------------------------------------------------------------------------------

    def _link(self, peer: Peer) -> AnyLink | None:
        world = self._surroundings
        if peer.connect and peer.binding != "socket":
            return HttpLink(peer, world, self.codec)
        if peer.connect:
            return OutgoingLink(peer, world) if peer.long else ShortLink(peer, world)
        return DuplexLink(peer, world) if peer.duplex else None

    def _connection(self, owner: ConnectionOwner, peer: Peer) -> Connection:
        self._epoch += 1
        layout, describe = self._layouts[peer.layout], self._speeches.describe((peer,))
        login = None if layout.carries("password") else self._logins.greeter(peer)
        settings = replace(settings_of(peer, self.book.own_id), dialled=True, login=login is not None)
        stamp = stamp_of(layout, self._catalogue, peer, self._logins.secret(peer))
        return Connection(owner, layout, settings, self._clock, self._epoch, describe, login, stamp)

    def _factory_of(self, listen: Listen) -> Any:
        """Makes the connections of a listener."""
        if listen.binding == "socket":
            if all(peer.listen != listen.name for peer in self.book.all()):
                return Nobody(listen.name)
            counted = self._counted[listen.name] = Headcount(listen.sockets, self._clock)
            if listen.tls is None:
                return AcceptedConnections(lambda: self._accept(listen), counted)
            return server_factory(listen.tls, ConnectionFactory(lambda: self._accept(listen)), self._clock, counted)
        service = HttpService(listen, self.book, self._speeches, self.dispatcher, self._clock)
        self._https.append(service)
        self._counted[listen.name] = service.site
        return service.factory

    def _accept(self, listen: Listen) -> Connection:
        """Somebody connects: the session's limits are those of the peers that may."""
        self._epoch += 1
        peers = [peer for peer in self.book.all() if peer.listen == listen.name]
        widest = max(peers, key=lambda peer: peer.limits.max_document)
        settings = replace(settings_of(widest, self.book.own_id), login=all(peer.login.required for peer in peers), header={})
        layout, describe = self._layouts[listen.layout], self._speeches.describe(tuple(peers))
        stamp = stamp_of(layout, self._catalogue)
        return Connection(self.dispatcher, layout, settings, self._clock, self._epoch, describe, stamp=stamp)

    def _listens(self, port: Any, listen: Listen) -> None:
        self._ports.append(port)
        self.addresses[listen.name] = port.getHost()
        log.info("listening", listen=listen.name, address=str(port.getHost()), layout=listen.layout)

    def _identified(self, peer_id: str, connection: Connection) -> None:
        peer = self.book.get(peer_id)
        if peer is not None:
            stamp = stamp_of(connection.session.layout, self._catalogue, peer, self._logins.secret(peer))
            connection.speaks_with(peer, stamp)
        link = self.links.get(peer_id)
        if isinstance(link, DuplexLink):
            link.up(connection)

    def _ended(self, peer_id: str, connection: Connection) -> None:
        link = self.links.get(peer_id)
        if isinstance(link, DuplexLink):
            link.down(connection)
            other = self.dispatcher.connection_of(peer_id)
            if link.epoch == 0 and other is not None:
                link.up(other)

    def _outgoing(self, messages: list[tuple[MessageRecord, dict[str, Any]]]) -> None:
        ordinary, anew = self._redelivery.take(messages)
        self.pump.outgoing(ordinary)
        if anew:
            self.pump.outgoing(anew, again=True)
        self.on_change()

    def _probe(self) -> None:
        if self._stopping:
            return
        self._watch.look()
        self.writer.probe()
        self._clock.callLater(PROBE_S, self._probe)

    def _look_at_certificates(self) -> None:
        """A gateway runs for months without a start; who reads its log hears in time."""
        if self._stopping:
            return
        for one in certificates.warnings(self._certificates.report(self._clock.now())):
            log.warning("certificate.warned", **one)
        self._clock.callLater(DAY_S, self._look_at_certificates)

    def _clock_set(self, ms: int) -> None:
        for lane in self.pump.lanes.values():
            lane.shift(ms)
        for link in self.links.values():
            link.shift(ms)

    def _in_doubt(self) -> None:
        """Nobody knows whether the last group stands: what it would have sent is looked for in the log, as at a start."""
        for lane in self.pump.lanes.values():
            lane.more_in_table = True
        self._clock.callLater(PROBE_S, self._look_again)

    def _look_again(self) -> None:
        if self._stopping:
            return
        try:
            self._relays.start()
        except SQLAlchemyError as error:
            log.warning("relays.not_read", error=str(error))
            self._clock.callLater(PROBE_S, self._look_again)
            return
        for lane in self.pump.lanes.values():
            self.pump.read_on(lane)

    # -- for people ---------------------------------------------------------------------------------------------------

    def submit_document(self, raw: bytes, done: Callable[[bytes], None]) -> None:
        """A document handed in beside the links (control socket): judged like any other, ``done`` gets the answer's bytes."""
        packet = self._speeches.described(raw)
        packet.kind = None
        self.dispatcher.take_in(packet, done)

    def _service_status(self) -> dict[str, Any]:
        messages = [row.code for row in self._catalogue.messages() if row.command is not None]
        busy = self.writer.storage_fault is not None or self.writer.waiting > HIGH_WATER
        return {
            "schema_versions": list(self._catalogue.versions()),
            "messages": sorted(messages),
            "state": "busy" if busy else "normal",
        }

    def status(self) -> dict[str, Any]:
        """Links, queues and the worker's figures, as plain values."""
        links = []
        for peer_id, link in self.links.items():
            held, under_way, more = self.pump.waiting(peer_id)
            links.append({"peer": peer_id, "role": link.peer.role, "state": link.state, "address": link.address,
                          "stopped": link.stopped, "waiting": held, "under_way": under_way,
                          "more_in_table": more, "connects": link.connects, "fault": link.addresses.fault,
                          "since": link.since})  # fmt: skip
        charsets = [{"peer": peer_id, "documents": dict(counts)} for peer_id, counts in self.dispatcher.charsets.counts.items()]
        figures = self.writer.figures
        return {
            "system_id": self.book.own_id,
            "links": links,
            "listeners": [{"name": name, "connections": one.connections, "turned_away": one.turned_away}
                          for name, one in self._counted.items()],
            "held_keys": [{"key": key, "reason": why} for key, why in self.message_desk.held.items()],
            "wrong_charsets": charsets,
            "rates": self.dispatcher.rates.status(),
            "certificates": self._certificates.report(self._clock.now()),
            "writer": {"waiting": self.writer.waiting, "groups": figures.groups, "jobs": figures.jobs,
                       "refused": figures.refused,
                       "failed": figures.failed, "largest_group": figures.largest, "storage_fault": self.writer.storage_fault},
        }  # fmt: skip


def _first_failure(failure: Failure) -> Failure:
    """What went wrong with the listener itself, instead of the list's wrapping."""
    return failure.value.subFailure if isinstance(failure.value, FirstError) else failure

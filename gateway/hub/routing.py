"""Messages addressed to a third system: judged, recorded, translated and handed on with the promises of any (spec 01.2, 06.1).

Where a document goes is decided by data: the receiver it names, the rows of ``[[route]]``, else the roles its message may
travel between.  Translation is nothing of its own: what came in is a document, what goes out is that document as the other
peer's row writes it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.engine import Engine

from adapters.document import Document, DocumentRefused, Fault
from adapters.store.message_machine import DEAD, DONE, REJECTED
from adapters.store.relays import RelayRow, commands_about, origin_of
from adapters.store.unit import StoreUnit
from adapters.store.withdrawal import TAKEN_BACK
from adapters.wire.fields import SERIAL_DIGITS
from adapters.wire.layout import Layout
from adapters.wire.packet import Packet
from adapters.wire.times import from_wire_time
from crm_core.errors import DomainError
from gateway.config.dialect import Route
from gateway.config.model import Config, Peer
from gateway.hub.desk import RelayDesk
from gateway.hub.relay import Forward
from gateway.inbound import InboundJob, Respond
from gateway.peers import PeerBook
from gateway.speech import SpeechBook
from schemas.loader import Catalogue, layouts_in
from schemas.model import MessageRow

TTL_TOLERANCE_MS = 300_000
"""Clocks may differ by this much (spec 01.1.1, ttl)."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a document goes: to us (``to`` empty), to another peer, or nowhere (``refusal``); ``why`` in both languages."""

    to: str = ""
    why: tuple[str, str] = ("", "")
    refusal: DocumentRefused | None = None


def handed_on(catalogue: Catalogue, senders: Iterable[Peer], book: PeerBook) -> set[str]:
    """Codes of the messages one of ``senders`` may have handed on: to a peer of a role that takes them and can be reached."""
    ways = {(one.role, other.role) for one in senders for other in book.all() if one is not other and book.reachable(other.id)}
    return {
        row.code
        for row in catalogue.messages()
        for route in row.routes
        if not row.of_link and any(route.sender in (one, "*") and route.receiver in (other, "*") for one, other in ways)
    }


class Hub:
    """Routing between peers."""

    def __init__(
        self, config: Config, book: PeerBook, speeches: SpeechBook, desk: RelayDesk | None = None, engine: Engine | None = None
    ) -> None:
        self._book = book
        self._desk = desk
        self._engine = engine
        self._speeches = speeches
        self._routes = config.route
        self._areas = config.gateway.areas
        self._catalogue: Catalogue = speeches.codec.catalogue
        layouts = (*self._catalogue.layouts(), *layouts_in(config.gateway.layouts))
        self._narrow = {row.name for row in layouts if 0 < Layout(row).serial_digits < SERIAL_DIGITS}
        self._causes: dict[str, tuple[str, ...]] = {}
        for row in self._catalogue.messages():
            for code in row.result:
                self._causes[code] = (*self._causes.get(code, ()), row.code)
        self._pairs = {(row.code, route.sender, route.receiver) for row in self._catalogue.messages() for route in row.routes}

    @property
    def redirects(self) -> bool:
        """Whether documents addressed to us may have to go elsewhere."""
        return any(self._book.own_id in route.receiver for route in self._routes)

    # -- where to ---------------------------------------------------------------------------------------------------

    def decide(self, document: Document, peer: Peer, *, served: bool) -> Decision:
        """Where a document of ``peer`` goes; ``served``: this system takes such messages itself."""
        header, own = document.header, self._book.own_id
        named = header.receiver
        header.area = header.area or (peer.areas or self._areas)[0]  # not every envelope has it, a Package must
        for route in self._routes:
            if route.to != peer.id and self._matches(route, document, peer, named, own):
                zh, en = f"符合路由 {route.name}，转发给 {route.to}", f"route {route.name} applies: handed on to {route.to}"
                return self._checked(document, peer, route.to, (zh, en))
        if named == own or (not named and served):
            return Decision("", (f"收方是本系统 {own}", f"the receiver is this system, {own}"))
        if named:
            zh, en = f"收方是 {named}，不是本系统，转发", f"the receiver is {named}, not this system: handed on"
            return self._checked(document, peer, named, (zh, en))
        return self._unnamed(document, peer)

    def _unnamed(self, document: Document, peer: Peer) -> Decision:
        """The envelope names no receiver: whoever asked, else whoever plays a role the message is for."""
        reference = document.header.ref_serial
        if reference and self._engine is not None:
            relay = origin_of(self._engine, reference)
            if relay is not None:
                zh, en = f"是 {relay.origin_peer} 所发命令的结果", f"the result of a command of {relay.origin_peer}"
                return self._checked(document, peer, relay.origin_peer, (zh, en))
        asked = self._asked_for(document, peer)
        if asked:
            asker = asked[0].origin_peer
            zh, en = f"{asker} 就同一定单发过命令", f"{asker} gave a command about the same order"
            return self._checked(document, peer, asker, (zh, en))
        for route in document.row.routes:
            found = self._book.receiver(route.receiver, document.header.area) if route.sender == peer.role else None
            if found is not None:
                code, role = document.row.code, route.receiver
                zh, en = f"{code} 由角色 {role} 接收", f"{code} is for role {role}"
                return self._checked(document, peer, found, (zh, en))
        own = self._book.own_id
        return Decision("", (f"没有别的接收方，按本系统 {own} 处理", f"nobody else takes it: this system, {own}"))

    def _asked_for(self, document: Document, peer: Peer) -> list[RelayRow]:
        """The commands a result of ``peer`` may answer, the newest first, where its envelope cannot say which: those about the
        same order.  If there is but one, the result refers to it."""
        key, codes = document.body.get(document.row.order_key or ""), self._causes.get(document.row.code, ())
        if key is None or not codes or document.header.ref_serial or self._engine is None:
            return []
        found = commands_about(self._engine, peer.id, codes, str(key))
        if len(found) == 1:
            document.header.ref_serial = found[0].serial
        return found

    def _matches(self, route: Route, document: Document, peer: Peer, named: str, own: str) -> bool:
        if named == own and own not in route.receiver:
            return False
        key = str(document.body.get(document.row.order_key or "", ""))
        return (
            (not route.sender or peer.id in route.sender)
            and (not route.receiver or named in route.receiver)
            and (not route.message or document.row.code in route.message)
            and (not route.area or document.header.area in route.area)
            and (not route.key or any(key.startswith(start) for start in route.key))
        )

    def _checked(self, document: Document, peer: Peer, to: str, why: tuple[str, str]) -> Decision:
        """May this message travel from there to there, and can it?"""
        row, target = document.row, self._book.get(to)
        path = "/Package/Header/Receiver"
        if target is None:
            zh, en = f"收方 {to} 既不是本系统也不是已登记的对端", f"the receiver {to} is neither this system nor a peer"
            return Decision(why=why, refusal=_refused("NOT_PERMITTED", path, "receiver", to, zh, en, document))
        if to == peer.id:
            zh, en = f"收方 {to} 就是发送方自己", f"the receiver {to} is the sender itself"
            return Decision(why=why, refusal=_refused("NOT_PERMITTED", path, "receiver", to, zh, en, document))
        if row.of_link:
            zh, en = f"{row.code} 只关乎本链路，不转发", f"{row.code} is about the link it comes on: it is not handed on"
            return Decision(why=why, refusal=_refused("NOT_PERMITTED", path, "of_link", to, zh, en, document))
        if not self._may(row, peer.role, target.role):
            one, other = peer.role, target.role
            zh, en = f"{row.code} 不能由 {one} 发给 {other}", f"{row.code} does not go from {one} to {other}"
            return Decision(why=why, refusal=_refused("NOT_PERMITTED", path, "route", to, zh, en, document))
        if not self._book.reachable(to):
            zh, en = f"没有通往 {to} 的地址：请登记 connect 或 duplex", f"there is no way to {to}: give it connect or duplex"
            return Decision(why=why, refusal=_refused("PEER_UNAVAILABLE", path, "reachable", to, zh, en, document))
        return Decision(to, why)

    def _may(self, row: MessageRow, sender: str, receiver: str) -> bool:
        return any((row.code, one, other) in self._pairs for one in (sender, "*") for other in (receiver, "*"))

    # -- handing on -------------------------------------------------------------------------------------------------

    def job(
        self, packet: Packet, document: Document, peer: Peer, to: str, respond: Respond, charset: str, *, numbered: bool,
        digest: bytes | None = None,
    ) -> RelayJob:  # fmt: skip
        """The job of the worker that takes ``document`` in and hands it on to ``to``."""
        if self._desk is None:
            raise RuntimeError("a hub without a desk only explains")
        expires = self._expires(packet, document)
        return RelayJob(
            self._desk, packet, document, self._speeches, peer, respond, charset, numbered, to, self._book.binding(to),
            self._book.own_id, numbered and self._keeps(document.header.serial, peer, to), expires, digest,
        )  # fmt: skip

    def _keeps(self, serial: str, peer: Peer, to: str) -> bool:
        """Whether the far end can be told the serial its asker issued (README): one that is nobody else's, as its form says,
        and for which the far end's envelope and header have room."""
        formed = len(serial) == SERIAL_DIGITS and serial.startswith(peer.id)
        return formed and peer.serials_trusted and self._is_told_whole(serial, to)

    def _is_told_whole(self, serial: str, to: str) -> bool:
        target = self._book.get(to)
        narrow = target is not None and target.binding == "socket" and target.layout in self._narrow
        return not narrow and self._speeches.voice_of(to).serial_of(serial) == serial

    def _expires(self, packet: Packet, document: Document) -> int:
        """When a document is of no use any more (01.1.1, ttl), ms; 0: never. Packet or document says so; where neither says
        when it was sent it counts from now. What only the tolerance for clocks let in keeps it: its sender's clock is slow."""
        ttl = (document.header.ttl or packet.ttl) * 1000
        if not ttl:
            return 0
        sent, now = document.header.send_time or packet.send_time, self._speeches.native.answers.now()
        expires = (from_wire_time(sent) if sent else now) + ttl
        return expires if expires >= now else expires + TTL_TOLERANCE_MS


class RelayJob(InboundJob):
    """An inbound message whose answer is the far end's: held back a while, then what is known by then."""

    __slots__ = ("_desk", "_first", "_forward", "_peer_id")

    def __init__(
        self,
        desk: RelayDesk,
        packet: Packet,
        document: Document,
        speeches: SpeechBook,
        peer: Peer,
        respond: Respond,
        charset: str,
        numbered: bool,
        to: str,
        binding: str,
        own: str,
        keeps: bool,
        expires_at: int,
        digest: bytes | None = None,
    ) -> None:
        self._forward = Forward(document, peer.id, to, binding, own, lambda: self._message_id or self._first, keeps, expires_at)
        super().__init__(
            packet, document.row, document.header, charset or peer.charset, speeches.of(peer.id).answers, respond,
            document=document, command=self._forward, numbered=numbered and peer.serials_trusted,
            digest=digest,
        )  # fmt: skip
        self._desk = desk
        self._first = 0
        self._peer_id = peer.id

    def execute(self, unit: StoreUnit) -> None:
        """As any inbound message; both legs are one commit."""
        seen = unit.store.seen(self._header.sender, self._header.serial) if self._numbered else None
        self._forward.relay = None
        super().execute(unit)
        self._first = seen[1] if seen is not None and self.repeated else 0
        if seen is not None and self._first and seen[2] is None and self._goes_again(unit):
            self._ask_again(unit, seen[0])

    def _goes_again(self, unit: StoreUnit) -> bool:
        """Whether a repeated question is put to the far end anew: it was refused for then only, or never left (01.3: a blocking
        request is passed through). Nor is one that only reads given up for the far end's silence (01.1.5)."""
        if self._row.pattern != "Q" or not self._answers.is_for_now(self._answer[2]):
            return False
        leg = unit.store.relays.last_leg(unit.store.driver, self._first)
        if leg is None:
            return False
        state, error_class = leg
        return state == REJECTED or error_class == TAKEN_BACK or (state == DEAD and self._row.read_only)

    def _ask_again(self, unit: StoreUnit, digest: bytes) -> None:
        outcome, header = self._forward.execute(unit), self._header
        raw = self._answers.receipt(self._row, header, outcome.symbol, unit.now, self.charset)
        code = self._answers.number(outcome.symbol)
        unit.put("answer_set", (raw, self._first))
        unit.put("message_state", (DONE, None, code, 0, None, unit.now, self._first))
        unit.inbox(header.sender, header.serial, digest, self._first, (raw, code), again=True)
        self._answer = (raw, False, code)

    def refused(self, unit: StoreUnit, error: DomainError) -> None:
        """A defect of ours: nothing goes on."""
        self._forward.relay = None
        super().refused(unit, error)

    def committed(self) -> None:
        """Durable on both sides: the asker waits for the far end, or has its stored answer."""
        relay = self._forward.relay
        if relay is not None:
            self._desk.forwarded(relay)
        origin = relay.origin_id if relay is not None else self._first
        if origin and self._desk.waits(origin):
            blocking = self._header.mode == "B" and self._row.pattern == "C"
            self._desk.hold(origin, self._row, self._peer_id, self._respond, self._answer, blocking=blocking)
        else:
            super().committed()


def _refused(symbol: str, path: str, rule: str, found: str, zh: str, en: str, document: Document) -> DocumentRefused:
    return DocumentRefused(symbol, (Fault(path, rule, found, zh, en),), document.header)

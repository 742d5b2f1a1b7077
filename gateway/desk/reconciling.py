"""Reconciling with a peer because a person asks (spec 06.3): RX01, on difference RX02 page by page, held against our own rows.

The questions go on a connection of their own, one after the other, so no message of the outbox waits for them and nobody
confuses their answers with others.  Our rows are read and compared beside the worker, in steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from adapters.document import Document, DocumentRefused, Header
from adapters.envelopes.envelope import Envelope
from adapters.packing import packed
from adapters.reconciliation import PAGE, PAIRS, Difference, Ledger, Row, compare, heard, summary
from adapters.wire.events import Refused
from adapters.wire.packet import Kind, Packet
from adapters.wire.times import wire_time
from gateway.answers import judge
from gateway.clock import Clock
from gateway.config.model import Peer
from gateway.control import Reply, refusal
from gateway.ledgers import Ledgers, Selection, selection
from gateway.links.link import Connection, ConnectionOwner
from gateway.peers import PeerBook
from schemas.loader import Catalogue

LIMIT_S = 25.0
"""How long a reconciliation may take; the command waits a little longer."""
MOST_PAGES = 500

Body = dict[str, Any]
Tell = Callable[[Reply], None]


class ReconcileDesk:
    """Takes ``{"do": "reconcile", "peer", "area", "begin", "end", "detail"?}``; times as on the wire."""

    def __init__(
        self, book: PeerBook, links: Callable[[str], Any], voice_of: Callable[[str], Envelope],
        make: Callable[[ConnectionOwner, Peer], Connection], clock: Clock, ledgers: Ledgers, catalogue: Catalogue,
    ) -> None:  # fmt: skip
        """``make`` gives a fresh connection of a peer for an owner; ``intake`` judges what the peer asks on it."""
        self.intake: ConnectionOwner | None = None
        self.book = book
        self.voice_of = voice_of
        self.clock = clock
        self.catalogue = catalogue
        self.ledgers = ledgers
        self._links = links
        self._make = make
        self._number = 0

    def handle(self, request: Reply, reply: Tell) -> None:
        """Refuses at once what cannot be asked; else the reply comes when both sides are compared, or in ``LIMIT_S``."""
        given = [request.get(name) for name in ("peer", "area", "begin", "end")]
        if not all(isinstance(one, str) and one for one in given):
            reply(refusal("请求不完整", "the request is incomplete"))
            return
        name, area, begin, end = (str(one) for one in given)
        peer = self.book.get(name)
        link = None if peer is None else self._links(name)
        if peer is None or link is None or peer.role not in PAIRS or not peer.connect or peer.binding != "socket":
            zh = f"不能与 {name} 对账：须是本方连接的 PF、RM 或 BILL"
            en = f"cannot reconcile with {name}: no PF, RM or BILL we connect to by socket"
            reply(refusal(zh, en))
            return
        scope: Body = {"pair": PAIRS[peer.role], "area": area, "window": {"begin": begin, "end": end}}
        try:
            which = selection(peer.id, scope)
        except ValueError:
            reply(refusal("起止时间应为 yyyyMMddHHmmss", "begin and end are yyyyMMddHHmmss"))
            return
        comparison = _Comparison(self, peer, scope, bool(request.get("detail")), reply)

        def connect() -> None:
            factory = Factory.forProtocol(lambda: self._make(comparison, peer))
            factory.noisy = False
            link.addresses.connect_to(link.addresses.current, factory).addErrback(comparison.failed)

        comparison.begin(which, connect)

    def serial(self) -> str:
        """The next serial of a question."""
        self._number += 1
        return f"{self.book.own_id:<6}{wire_time(self.clock.now())}6{self._number:09d}"


class _Comparison:
    """Owner of one connection: its questions, one at a time, and at the end one reply."""

    def __init__(self, desk: ReconcileDesk, peer: Peer, scope: Body, always: bool, reply: Tell) -> None:
        self._desk = desk
        self._peer = peer
        self._scope = scope
        self._own = Ledger()
        self._under_way: dict[str, None] = {}
        self._always = always
        self._reply: Tell | None = reply
        self._asked: Header | None = None
        self._theirs: Body = {}
        self._heard = Ledger()
        self._count = 0
        self._page = 0
        self._talking = True
        self._over = desk.clock.callLater(LIMIT_S, self._end, refusal("对端没有及时应答", "the peer gave no answer in time"))

    # -- our side

    def begin(self, which: Selection, connect: Callable[[], None]) -> None:
        """Reads our rows, then lets ``connect``."""

        def read(fault: Exception | None) -> None:
            if self._reply is None:
                return
            if fault is None:
                connect()
            else:
                self._end(refusal(f"数据库不可读：{fault}", f"the database cannot be read: {fault}"))

        self._desk.ledgers.steps.run(self._reading(which), read)

    def _reading(self, which: Selection) -> Iterator[None]:
        yield from self._desk.ledgers.reading(which, self._own)
        for names in self._desk.ledgers.books().under_way(self._peer.id):
            self._under_way |= dict.fromkeys(names)
            yield

    # -- the talk

    def connected(self, connection: Connection) -> None:
        """The summary first."""
        connection.peer_id = self._peer.id
        self._ask(connection, "ReconcileSummary", self._scope)

    def _ask(self, connection: Connection, element: str, body: Body) -> None:
        desk, peer = self._desk, self._peer
        row, now = desk.catalogue.by_element(element), desk.clock.now()
        own, area, sent = desk.book.own_id, self._scope["area"], wire_time(now)
        header = self._asked = Header(row.code, desk.serial(), own, peer.id, area, sent, peer.schema_version, "B")
        try:
            raw = desk.voice_of(peer.id).encode(Document(row, row.name, header, body), peer.charset)
        except (LookupError, ValueError) as fault:
            self._finish(connection, refusal(f"无法写出 {row.code}：{fault}", f"{row.code} cannot be written: {fault}"))
            return
        packet = packed(header, raw, Kind.REQUEST, peer.charset)
        if not connection.send(packet, now + int(peer.answer_seconds(row) * 1000)):
            self._finish(connection, refusal("链路不能发送", "the link cannot send"))

    def answered(self, connection: Connection, packet: Packet) -> None:
        """The next question, or the end."""
        if self._reply is None or self._asked is None:
            return
        try:
            document = self._desk.voice_of(self._peer.id).decode_answer(packet.body, packet.charset, self._asked)
            if document.element != document.row.answer:
                verdict = judge(self._desk.catalogue, packet, document)
                self._finish(connection, {"ok": False, "code": verdict.code, "zh": verdict.zh, "en": verdict.en})
            elif document.row.name == "ReconcileSummary":
                self._summed(connection, document.body)
            else:
                self._detailed(connection, document.body)
        except (DocumentRefused, ValueError) as fault:
            self._finish(connection, refusal(f"对端应答不可用：{fault}", f"the peer's answer is of no use: {fault}"))

    def _summed(self, connection: Connection, body: Body) -> None:
        self._theirs = body
        if body["digest"] == self._own.digest and not self._always:
            self._finish(connection, self._judged([]))
        else:
            self._next_page(connection)

    def _next_page(self, connection: Connection) -> None:
        self._page += 1
        self._ask(connection, "ReconcileDetail", self._scope | {"page_no": self._page, "page_size": PAGE})

    def _detailed(self, connection: Connection, body: Body) -> None:
        rows = self._heard.take(heard(body))
        self._count += rows
        if rows and self._count < body["page"]["total_count"] and self._page < MOST_PAGES:
            self._next_page(connection)
        elif self._count < body["page"]["total_count"]:
            self._finish(connection, refusal("明细不完整，请缩小范围", "the detail is not complete: ask for less"))
        else:
            self._compare(connection)

    def _compare(self, connection: Connection) -> None:
        """Everything is heard: the connection is no more needed, the comparison takes its time."""
        self._talking = False
        connection.close()
        found: list[Difference] = []

        def comparing() -> Iterator[None]:
            yield from self._heard.settle()
            for some in compare(self._own, self._heard):
                found.extend(some)
                yield

        def compared(fault: Exception | None) -> None:
            if fault is None:
                self._end(self._judged(found))
            else:
                self._end(refusal(f"比对出错：{fault!r}", f"the comparison failed: {fault!r}"))

        self._desk.ledgers.steps.run(comparing(), compared)

    # -- the end

    def _judged(self, found: list[Difference]) -> Reply:
        """Equal, less what a message still under way explains."""
        mine = summary(self._scope, self._own)
        rows = [_plain(one) | {"under_way": one.key in self._under_way} for one in found]
        return {
            "ok": True, "peer": self._peer.id, **self._scope,
            "own": {name: mine[name] for name in ("totals", "digest")},
            "theirs": {name: self._theirs[name] for name in ("totals", "digest")},
            "equal": all(row["under_way"] for row in rows) and (bool(rows) or mine["digest"] == self._theirs["digest"]),
            "differences": rows,
        }  # fmt: skip

    def _finish(self, connection: Connection, reply: Reply) -> None:
        self._end(reply)
        connection.close()

    def _end(self, reply: Reply) -> None:
        tell, self._reply = self._reply, None
        if self._over.active():
            self._over.cancel()
        if tell is not None:
            tell(reply)

    def failed(self, _failure: Failure) -> None:
        """Nobody answered the connect."""
        self._end(refusal(f"连不上 {self._peer.id}", f"{self._peer.id} cannot be reached"))

    def timed_out(self, connection: Connection, serial: str) -> None:
        """It takes connections and does not answer."""
        self._end(refusal("对端没有及时应答", "the peer gave no answer in time"))
        connection.drop()

    def lost(self, connection: Connection, serial: str) -> None:
        """Broken under the question."""
        self.ended(connection)

    def ended(self, connection: Connection) -> None:
        """Over; before the end of the talk that is a failure."""
        if self._talking:
            self._end(refusal("连接中断", "the connection broke"))

    # -- what the peer says besides

    def arrived(self, connection: Connection, packet: Packet) -> None:
        """The peer asks here: judged like anywhere."""
        if self._desk.intake is not None:
            self._desk.intake.arrived(connection, packet)

    def refused(self, connection: Connection, event: Refused) -> None:
        """A flawed document."""
        if self._desk.intake is not None:
            self._desk.intake.refused(connection, event)

    def unmatched(self, connection: Connection, packet: Packet) -> None:
        """An answer to something else."""
        if self._desk.intake is not None:
            self._desk.intake.unmatched(connection, packet)


def _plain(one: Difference) -> Reply:
    def side(row: Row | None) -> Reply | None:
        if row is None:
            return None
        finished = None if row.finished is None else wire_time(row.finished)
        return {"state": row.state, "version": row.version, "finish_time": finished, "amount": row.amount, "hash": row.hash}

    return {"key": one.key, "kind": one.kind, "own": side(one.left), "theirs": side(one.right)}

"""Messages that come in several packages (spec 05.1): each stored and receipted by itself, the message taken when all are here.

A piece is a message of the log that waits, so a restart loses none; what it is waiting for has no other effect.  The package
that completes the group carries the message: its serial is the message's, its answer the message's answer, and the others are
settled.  A repeat of a piece gets its stored receipt; another piece in a place that is taken, or of another message, is 1010.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy.engine import Engine

from adapters.document import Document, DocumentRefused, Fault, Piece
from adapters.envelopes.pieces import ELEMENT
from adapters.store.matching import parked_under
from adapters.store.message_machine import DONE, PARKED
from adapters.store.unit import StoreUnit
from adapters.wire.packet import Packet
from crm_core.errors import DomainError
from crm_core.fallout.settle import SettleFallout
from crm_core.ports import Origin, Outcome
from gateway.answers import Answers
from gateway.config.model import Peer
from gateway.inbound import InboundJob, Respond
from gateway.speech import SpeechBook
from gateway.waiting_groups import record_of
from gateway.writer import Writer

REMEMBERED = 32
"""Groups kept in memory; the pieces of others are read from the log when the next one comes."""
REMEMBERED_BYTES = 64 << 20
"""What all of them may hold together."""
MOST_BYTES = 16 << 20
"""What the packages of one group may be together."""
Judge = Callable[[Document | None, DocumentRefused | None], None]
"""Takes the whole message, or why there is none."""
_KEY = "PackageGroup "
_KEY_ROOM = 64


@dataclass(frozen=True, slots=True)
class Waits:
    """The command of a piece: it is accepted, and nothing comes of it yet."""

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """Nothing."""
        return ()

    def execute(self, uow: object) -> Outcome:
        """Accepted."""
        return Outcome("ACCEPTED")


class PieceJob(InboundJob):
    """A piece as a message that waits; ``gone`` hears that it is none, or was here before."""

    __slots__ = ("_gone", "_key", "durable")

    def __init__(
        self, packet: Packet, document: Document, key: str, peer: Peer, answers: Answers, respond: Respond,
        gone: Callable[[], None],
    ) -> None:  # fmt: skip
        super().__init__(
            packet, document.row, document.header, peer.charset, answers, respond, document=document, command=Waits(),
            numbered=peer.serials_trusted,
        )  # fmt: skip
        self._key = key
        self._gone = gone
        self.durable = False

    @property
    def id(self) -> int:
        """The message's id, once it was executed."""
        return self._message_id

    def _record(self, unit: StoreUnit, outcome: Outcome) -> None:
        answer = self._answers.receipt(self._row, self._header, outcome.symbol, unit.now, self.charset)
        self._store(unit, PARKED, outcome.symbol, answer, reply=False, inbox=True)

    def _order_key(self) -> str:
        return self._key

    def committed(self) -> None:
        """Durable; a repeat is no new piece."""
        self.durable = True
        if self.repeated:
            self._gone()
        super().committed()

    def refused(self, unit: StoreUnit, error: DomainError) -> None:
        """Only a defect of ours comes here."""
        self._gone()
        super().refused(unit, error)

    def failed(self, symbol: str) -> None:
        """Nothing was kept: the sender tries again, and the id is free for others."""
        self._message_id = 0
        self._gone()
        super().failed(symbol)


class Settle:
    """The pieces of a message that was taken wait no longer.

    ``last``: sender and serial of the package that completed it; nothing is settled if that was not kept, as then the sender
    sends it again.  None of a peer whose serials say nothing.
    """

    def __init__(self, own_id: str, code: str, ids: Callable[[], Iterable[int]], last: tuple[str, str] | None) -> None:
        self.origin = Origin(own_id, "", "package group")
        self._code = code
        self._ids = ids
        self._last = last

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """Nothing of the core's."""
        return ()

    def inbox_keys(self) -> tuple[tuple[str, str], ...]:
        """The package that made the message whole."""
        return () if self._last is None else (self._last,)

    def execute(self, unit: StoreUnit) -> None:
        """They are done with, and so is the record of a group that was late."""
        if self._last is not None and unit.store.seen(*self._last) is None:
            return
        ids = [one for one in self._ids() if one]
        if not ids:
            return
        record = record_of(min(ids))
        if unit.fallout(record) is not None:
            SettleFallout(record, "whole", "各包已收齐 / all packages are here").execute(unit)
        for message_id in ids:
            unit.put("message_state", (DONE, None, self._code, 0, None, unit.now, message_id))
            unit.note("message", str(message_id), "joined", PARKED, DONE, "")

    def refused(self, unit: StoreUnit, error: DomainError) -> None:
        """Only a defect of ours comes here: they stay parked, where people see them."""

    def committed(self) -> None:
        """Nobody waits for this."""

    def failed(self, symbol: str) -> None:
        """As refused."""


@dataclass(slots=True)
class _Held:
    """A piece that is here: its serial, the message it belongs to, its bytes, the id it is or will be stored under, and
    whether it is stored."""

    piece: Piece
    serial: str
    code: str
    size: int
    id: Callable[[], int]
    stored: Callable[[], bool] = lambda: True


@dataclass(slots=True)
class _Group:
    held: dict[int, _Held] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of its pieces."""
        return sum(one.size for one in self.held.values())

    @property
    def stored(self) -> bool:
        """Whether the log has all that is known here."""
        return all(one.stored() for one in self.held.values())


class PackageGroups:
    """Groups that are not whole yet, by peer and the group's own name."""

    def __init__(self, speeches: SpeechBook, writer: Writer, engine: Engine, own_id: str) -> None:
        self._speeches = speeches
        self._writer = writer
        self._engine = engine
        self._own = own_id
        self._groups: dict[tuple[str, str], _Group] = {}

    def take(self, packet: Packet, document: Document, peer: Peer, respond: Respond, judge: Judge) -> None:
        """A piece of ``peer``: waits, or makes the message that ``judge`` takes."""
        piece, header = document.header.piece, document.header
        if piece is None:
            raise TypeError("a piece is needed")
        group = self._group(peer, piece)
        before = group.held.get(piece.at)
        fault = self._wrong(piece, document, group)
        if fault is not None:
            judge(None, DocumentRefused("SEGMENT_SEQUENCE", (fault,), header))
            return
        if before is None and group.size + len(packet.body) > MOST_BYTES:
            judge(None, DocumentRefused("TOO_LARGE", (_too_large(group.size + len(packet.body)),), header))
            return
        others = [one for at, one in group.held.items() if at != piece.at]
        if before is None and len(others) + 1 == piece.total:
            self._whole(piece, peer, others, judge, (header.sender, header.serial) if peer.serials_trusted else None)
            return
        key = (peer.id, piece.group)

        def gone() -> None:
            if before is None:
                group.held.pop(piece.at, None)

        answers = self._speeches.of(peer.id).answers
        job = PieceJob(packet, document, _key(piece.group), peer, answers, respond, gone)
        if before is None:
            size = len(packet.body)
            held = _Held(piece, header.serial, document.row.code, size, lambda: job.id, lambda: job.durable)
            group.held[piece.at] = held
            self._groups[key] = group
            self._make_room()
        self._writer.submit(job)

    def forget(self, ids: Collection[int]) -> None:
        """These packages were given up."""
        for group in self._groups.values():
            group.held = {at: one for at, one in group.held.items() if one.id() not in ids}

    @property
    def size(self) -> int:
        """Bytes of all packages in memory."""
        return sum(group.size for group in self._groups.values())

    def _make_room(self) -> None:
        """The oldest groups are forgotten, of those the log knows all of."""
        size = self.size
        for key, group in list(self._groups.items()):
            if len(self._groups) <= REMEMBERED and size <= REMEMBERED_BYTES:
                return
            if group.stored:
                size -= group.size
                del self._groups[key]

    def _whole(self, piece: Piece, peer: Peer, others: list[_Held], judge: Judge, last: tuple[str, str] | None) -> None:
        try:
            document = piece.join([piece, *(one.piece for one in others)])
        except DocumentRefused as refusal:
            judge(None, refusal)
        else:
            judge(document, None)
        self._groups.pop((peer.id, piece.group), None)
        accepted = self._speeches.native.answers.number("ACCEPTED")
        self._writer.submit(Settle(self._own, accepted, lambda: [one.id() for one in others], last))

    def _group(self, peer: Peer, piece: Piece) -> _Group:
        """The group as it stands; of one that is not remembered, what the log has."""
        known = self._groups.get((peer.id, piece.group))
        if known is not None:
            return known
        group = _Group()
        for message_id, raw, charset in parked_under(self._engine, peer.id, _key(piece.group)):
            document = self._speeches.voice_of(peer.id).decode(raw, charset)
            stored = document.header.piece
            if document.element == ELEMENT and stored is not None:
                known_as = partial(int, message_id)
                group.held[stored.at] = _Held(stored, document.header.serial, document.row.code, len(raw), known_as)
        return group

    def _wrong(self, piece: Piece, document: Document, group: _Group) -> Fault | None:
        """Why a piece is none of its group."""
        same = group.held.get(piece.at)
        if same is not None and same.serial != document.header.serial:
            zh, en = f"第 {piece.at} 包已收到", f"package {piece.at} is here already"
            return Fault("/", "sequence", str(piece.at), zh, en)
        for one in group.held.values():
            if one.piece.total != piece.total:
                there, said = one.piece.total, piece.total
                zh, en = f"本组共 {there} 包，此包说 {said}", f"the group has {there} packages, this one says {said}"
                return Fault("/", "sequence", str(said), zh, en)
            if one.code != document.row.code:
                code = document.row.code
                zh, en = f"本组是 {one.code}，此包是 {code}", f"the group is {one.code}, this package is {code}"
                return Fault("/", "sequence", code, zh, en)
        return None


def _too_large(size: int) -> Fault:
    zh, en = f"本组各包合计超过 {MOST_BYTES} 字节", f"the packages of this group are more than {MOST_BYTES} bytes together"
    return Fault("/", "size", str(size), zh, en)


def _key(group: str) -> str:
    """The key pieces wait under in the log; long names that only begin alike have different ones."""
    room = _KEY_ROOM - len(_KEY)
    return _KEY + (group if len(group) <= room else hashlib.sha256(group.encode()).hexdigest()[:room])

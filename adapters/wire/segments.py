"""Documents over several packets (spec 01.1.3 rule 3): cut ours, put the peer's together.

Segments of one serial are numbered from 1 without gap and arrive in order, with other serials in between.  What breaks
that refuses the whole document; the refusal waits for the last segment, so that the peer gets one receipt a document, and
what still comes of it is let go by.  A document whose rest does not come is refused when its time is up.

Bounded on every side, since a peer may open as many documents as it likes: bytes a document, bytes held for the connection
(each segment is charged a little for itself, so empty ones are not free), documents open at a time, and time.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import takewhile

from adapters.wire.errors import SEGMENT_SEQUENCE, TOO_LARGE, FramingFault, LocalError
from adapters.wire.packet import Packet

REASSEMBLY_MS = 120_000
"""How long a document may take from its first segment to its last (spec 01.1.3 rule 3)."""
SEGMENT_COST = 256
"""Bytes a held segment is charged besides its body."""
MAX_SEGMENTS = 9999
"""Segments of the finest cut document: four digits number them."""
MAX_OPEN = 1024
"""Documents that may be incomplete at a time on one connection; far beyond any window, so more is an attack."""

_Key = tuple[bool, str]
"""Whose serial: answers echo ours, everything else carries the peer's; the two may look alike in a narrow layout."""


@dataclass(slots=True)
class _Partial:
    """A document under way: the first packet's header and the bodies so far; refused once ``fault`` stands."""

    head: Packet
    since: int
    bodies: list[bytes] = field(default_factory=list)
    size: int = 0
    fault: FramingFault | None = None

    @property
    def charge(self) -> int:
        return self.size + SEGMENT_COST * len(self.bodies)

    def refuse(self, symbol: str, zh: str, en: str) -> None:
        self.fault = FramingFault(symbol, zh, en, self.head)
        self.bodies.clear()
        self.size = 0


class Reassembler:
    """The documents of one connection that are still incomplete.

    ``max_document`` bounds one document in bytes, ``max_held`` all of them (default: two such, finely cut), ``limit_ms`` the
    time.  ``fetched``: the rest of a document comes only if it is asked for, so a refusal need not wait for it.
    """

    def __init__(
        self, max_document: int, limit_ms: int = REASSEMBLY_MS, max_held: int | None = None, fetched: bool = False
    ) -> None:
        self._max_document = max_document
        self._fetched = fetched
        self._max_held = 2 * (max_document + MAX_SEGMENTS * SEGMENT_COST) if max_held is None else max_held
        self._limit_ms = limit_ms
        self._open: dict[_Key, _Partial] = {}
        self.held = 0
        """Bytes charged for segments that wait for the rest of their documents."""

    def next_deadline(self) -> int | None:
        """When the oldest incomplete document runs out of time, in ms; None if there is none."""
        for partial in self._open.values():
            return partial.since + self._limit_ms  # they stand in the order they began
        return None

    def add(self, packet: Packet, now: int, flaw: FramingFault | None = None) -> Packet | None:
        """The whole document if ``packet`` ends it, else None; ``flaw`` is what was already found wrong with this packet.

        Raises FramingFault when the last segment of a refused document is here (SEGMENT_SEQUENCE, TOO_LARGE; ``packet`` is
        the first one's header; the connection goes on), and one without a packet when too many documents are open.
        """
        key = (packet.is_answer, packet.serial)
        partial = self._open.get(key)
        if partial is None:
            if not packet.more and packet.segment == 1 and len(packet.body) <= self._max_document:
                if flaw is not None:
                    raise flaw
                return packet
            if len(self._open) >= MAX_OPEN:
                raise FramingFault(TOO_LARGE, f"未收齐的文档超过 {MAX_OPEN} 个", f"more than {MAX_OPEN} unfinished documents")
            partial = self._open[key] = _Partial(replace(packet, body=b"", more=False, segment=1, checksum=""), now)
            before = 0
        else:
            before = partial.charge
        if flaw is not None and partial.fault is None:
            partial.refuse(flaw.symbol, flaw.reason_zh, flaw.reason_en)
        elif partial.fault is None:
            self._take(partial, packet)
        self.held += partial.charge - before
        if packet.more and not (self._fetched and partial.fault is not None):
            return None
        self._forget(key, partial)
        if partial.fault is not None:
            raise partial.fault
        return replace(partial.head, body=b"".join(partial.bodies))

    def expired(self, now: int) -> list[FramingFault]:
        """The refusals of documents whose time is up, oldest first; they are forgotten."""
        seconds = self._limit_ms // 1000
        late = [*takewhile(lambda one: one[1].since + self._limit_ms <= now, self._open.items())]
        return [self._given_up(*one, f" {seconds} 秒内未收齐", f"incomplete after {seconds} s") for one in late]

    def cut_off(self) -> list[FramingFault]:
        """The refusals of all documents: nothing more comes on this connection."""
        return [self._given_up(*one, "对端结束发送时未收齐", "incomplete at the end of input") for one in [*self._open.items()]]

    def _given_up(self, key: _Key, partial: _Partial, zh: str, en: str) -> FramingFault:
        self._forget(key, partial)
        missing = len(partial.bodies) + 1
        return partial.fault or FramingFault(
            SEGMENT_SEQUENCE,
            f"分段报文{zh}，缺第 {missing} 段及以后",
            f"segments {en}, missing from segment {missing} on",
            partial.head,
        )

    def _forget(self, key: _Key, partial: _Partial) -> None:
        del self._open[key]
        self.held -= partial.charge

    def _take(self, partial: _Partial, packet: Packet) -> None:
        """One more segment, or what refuses the document."""
        head, due, size = partial.head, len(partial.bodies) + 1, len(packet.body)
        if packet.segment != due:
            partial.refuse(
                SEGMENT_SEQUENCE,
                f"分段序号应为 {due}，收到 {packet.segment}",
                f"segment {due} was due, {packet.segment} came",
            )
        elif packet.sender != head.sender:
            partial.refuse(
                SEGMENT_SEQUENCE,
                f"同一流水号的分段来自不同系统：{head.sender} 之后是 {packet.sender}",
                f"segments of one serial are not of one sender: {packet.sender} after {head.sender}",
            )
        elif packet.code != head.code or packet.kind is not head.kind:
            partial.refuse(
                SEGMENT_SEQUENCE,
                f"同一流水号的分段不是同一消息：{head.code} 之后是 {packet.code}",
                f"segments of one serial are not of one message: {packet.code} after {head.code}",
            )
        elif partial.size + size > self._max_document:
            partial.refuse(
                TOO_LARGE,
                f"文档超过上限 {self._max_document} 字节；请拆分或调大该对端的上限",
                f"the document exceeds the limit of {self._max_document} bytes; divide it or raise the peer's limit",
            )
        elif self.held + size + SEGMENT_COST > self._max_held:
            partial.refuse(
                TOO_LARGE,
                f"本连接未收齐的分段超过 {self._max_held} 字节；请减少同时分段发送的文档",
                f"unfinished segments exceed {self._max_held} bytes on this connection; send fewer documents at a time",
            )
        else:
            partial.bodies.append(packet.body)
            partial.size += size


def split(packet: Packet, max_body: int) -> list[Packet]:
    """The packet as segments of at most ``max_body`` bytes each, itself if it fits; LocalError if ``max_body`` is no size.

    Cuts fall anywhere, also within a character: the receiver decodes the whole document.
    """
    if max_body < 1:
        raise LocalError("每段至少要能容纳 1 字节", "a segment must hold at least one byte")
    body = packet.body
    if len(body) <= max_body:
        return [packet]
    starts = range(0, len(body), max_body)
    return [
        replace(packet, body=body[start : start + max_body], segment=number, more=number < len(starts))
        for number, start in enumerate(starts, 1)
    ]

"""A trace's wire lines read as a conversation: who said what to whom, packet by packet, whatever pieces the bytes came in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from adapters.wire.framer import Framer
from adapters.wire.layout import Layout
from adapters.wire.packet import Kind
from gateway.proof.trace import Line

_BEATS = (Kind.HEARTBEAT, Kind.HEARTBEAT_REPLY)


@dataclass(frozen=True, slots=True)
class Said:
    """One packet as it was delivered, at ``at`` ms; ``kind`` as in a layout row's values."""

    at: int
    sender: str
    receiver: str
    code: str
    kind: str
    serial: str
    result: str
    body: bytes

    def __str__(self) -> str:
        return f"{self.sender} > {self.receiver} {self.code} {self.kind}"


def conversation(lines: Iterable[Line], layout: Layout) -> Iterator[Said]:
    """Packets in the order their last byte was delivered, without heartbeats. Raises FramingFault if they were garbled."""
    framers: dict[str, Framer] = {}
    for line in lines:
        if line.kind != "wire":
            continue
        framer = framers.get(line.text)
        if framer is None:
            framer = framers[line.text] = Framer(layout, layout.default_max)
        for packet in framer.feed(line.data):
            if packet.kind not in _BEATS:
                kind = packet.kind.value if packet.kind is not None else ""
                yield Said(
                    line.at, packet.sender, packet.receiver, packet.code, kind, packet.serial, packet.result, packet.body
                )

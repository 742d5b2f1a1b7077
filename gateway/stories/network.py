"""What the network of a story does to single messages, and what it heard: packets told of as they are written and delivered."""

from __future__ import annotations

from dataclasses import dataclass, field

from adapters.wire.framer import Framer
from adapters.wire.layout import Layout
from adapters.wire.packet import Kind, Packet
from gateway.proof.network import MemoryNetwork
from gateway.proof.trace import Trace
from gateway.proof.wires import Wire
from gateway.stories.story import Fault

LOST = "lost"
"""Kind of the trace lines of what was written and never arrived."""


@dataclass(slots=True)
class _Armed:
    fault: Fault
    seen: int = 0
    serials: dict[str, None] = field(default_factory=dict)


class StoryFaults:
    """The network's hook: looks into what is written and deals the story's faults; links write whole packets."""

    def __init__(self, network: MemoryNetwork, trace: Trace, layout: Layout, faults: tuple[Fault, ...]) -> None:
        self._network = network
        self._trace = trace
        self._layout = layout
        self._armed = [_Armed(fault) for fault in faults]
        if faults:
            network.hook = self._written

    @property
    def undealt(self) -> list[Fault]:
        """Faults whose message never came."""
        return [armed.fault for armed in self._armed if armed.seen < armed.fault.nth]

    def _written(self, source: Wire, data: bytes) -> bool:
        packets = Framer(self._layout, self._layout.default_max).feed(data)
        for armed in self._armed:
            for packet in packets:
                if self._counts(armed, packet):
                    return self._deal(armed.fault, source, data)
        return False

    @staticmethod
    def _counts(armed: _Armed, packet: Packet) -> bool:
        fault = armed.fault
        kind = packet.kind or Kind.REQUEST
        if (packet.code, kind.value, packet.sender) != (fault.code, fault.kind, fault.sender):
            return False
        armed.seen += 1
        return armed.seen == fault.nth

    def _deal(self, fault: Fault, source: Wire, data: bytes) -> bool:
        latency = self._network.latency()
        if fault.do == "late":
            source.other.receive(latency + fault.s, data)
            return True
        if fault.do == "twice":
            source.other.receive(latency, data)
            return False
        self._trace.note(LOST, f"{source.name} > {source.other.name}", data)
        source.abortConnection()
        return True

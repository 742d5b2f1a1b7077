"""Our own CRM made a broken one from outside: what it hears and says is changed between it and its peers (spec 07.7).

The core has no switchable defects; a flaw stands on the wire instead, on whole packets of the native header.
"""

from __future__ import annotations

from adapters.wire.framer import Framer, FramingFault
from adapters.wire.layout import Layout
from adapters.wire.packet import Packet
from gateway.proof.network import MemoryNetwork
from gateway.proof.wires import Wire
from schemas.loader import load
from simulators.defects.seeded import Defects
from simulators.defects.stream import each


class Distorted:
    """The hook of a network in which the CRM listens at ``address`` and whoever else listens is a peer of it."""

    def __init__(self, network: MemoryNetwork, address: str, defects: Defects) -> None:
        self._network = network
        self._address = address
        self._defects = defects
        self._layout = Layout(load().layout("ctif-128"))
        self._asked: dict[str, Packet] = {}
        network.hook = self._written

    def _written(self, source: Wire, data: bytes) -> bool:
        """What ``source`` wrote, with what becomes of it."""
        listens = source.name.startswith(f"{self._address}#")
        dials = source.name.startswith("client#") and not source.other.name.startswith(f"{self._address}#")
        if listens or dials:
            changed = self._defects.wire(each(data, self._said))
        else:
            self._defects.met(source)
            changed = each(self._defects.arriving(data), self._heard)
        if changed == data:
            return False
        if changed:
            source.other.receive(self._network.latency(), changed)
        return True

    def _said(self, raw: bytes) -> bytes:
        packet = self._read(raw)
        if packet is None:
            return raw
        if packet.is_answer:
            asked = self._asked.get(packet.serial)
            return raw if asked is None else self._encoded(packet, [self._defects.answered(asked, packet)], raw)
        return self._encoded(packet, self._defects.going(packet), raw)

    def _heard(self, raw: bytes) -> bytes:
        packet = self._read(raw)
        if packet is None or packet.is_answer:
            return raw
        heard = self._defects.heard(packet)
        self._asked[heard.serial] = heard
        return self._encoded(packet, [heard], raw)

    def _read(self, raw: bytes) -> Packet | None:
        """A whole document; None: it is something else."""
        try:
            found = Framer(self._layout, self._layout.default_max).feed(raw)
        except FramingFault:
            return None
        whole = [one for one in found if not one.is_heartbeat and not one.more and one.segment == 1]
        return whole[0] if whole else None

    def _encoded(self, packet: Packet, instead: list[Packet], raw: bytes) -> bytes:
        return b"".join(raw if one is packet else self._layout.encode(one) for one in instead)

"""Our own CRM made a broken one over HTTP: whole requests and responses changed between it and its peers (spec 07.7)."""

from __future__ import annotations

from conformance.web import WebFault, WebReader
from gateway.proof.network import MemoryNetwork
from gateway.proof.wires import Wire
from simulators.defects.seeded import Defects

_WAITS = b"100-continue"


class DistortedWeb:
    """The hook of a network in which the CRM listens at ``address`` and whoever else listens is a peer of it."""

    def __init__(self, network: MemoryNetwork, address: str, defects: Defects) -> None:
        self._network = network
        self._address = address
        self._defects = defects
        self._readers: dict[Wire, WebReader | None] = {}
        network.hook = self._written

    def _written(self, source: Wire, data: bytes) -> bool:
        """What ``source`` wrote waits until it is whole, and is changed then; a request that waits for leave to go on
        passes, and what is no HTTP."""
        asks = source.name.startswith("client#")
        if source not in self._readers:
            self._readers[source] = None if _WAITS in data.lower() else WebReader(asks)
        reader = self._readers[source]
        if reader is None:
            return False
        try:
            messages = reader.feed(data)
        except WebFault:
            self._readers[source] = None
            return False
        listens = source.name.startswith(f"{self._address}#")
        own = listens or (asks and not source.other.name.startswith(f"{self._address}#"))
        heard = asks and not own
        change = self._defects.wire if own else self._defects.arriving if heard else bytes
        changed = b"".join(change(message.raw) for message in messages)
        if changed:
            source.other.receive(self._network.latency(), changed)
        return True

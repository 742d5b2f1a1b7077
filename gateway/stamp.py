"""What a layout's header has room for beside the document's own: words for people, fields of the operators', a password.

The native header has none of it; then there is no stamp.
"""

from __future__ import annotations

from collections.abc import Callable

from adapters.wire.layout import Layout
from adapters.wire.packet import Packet
from gateway.config.model import Peer
from schemas.loader import Catalogue

Stamp = Callable[[Packet], None]
"""Puts into a packet of ours what its header has room for."""


def stamp_of(layout: Layout, catalogue: Catalogue, peer: Peer | None = None, secret: str = "") -> Stamp | None:
    """The stamp for packets in ``layout``; ``peer`` where it is known who reads them, with its ``secret``."""
    fields = {} if peer is None else dict(peer.header)
    password = secret if layout.carries("password") else ""
    words = layout.carries("text")
    if not (fields or password or words):
        return None

    def stamp(packet: Packet) -> None:
        if packet.is_answer:
            if words and not packet.text:
                packet.text = _words(catalogue, packet.result)
            return
        packet.extra = fields | packet.extra
        packet.password = password

    return stamp


def _words(catalogue: Catalogue, code: str) -> str:
    """What a result code says, for people; a code of somebody else's says nothing here."""
    try:
        return catalogue.result(code).zh
    except LookupError:
        return ""

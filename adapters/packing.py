"""A document's packet: its header says what the document's own header says (spec 01.2 rule 1)."""

from __future__ import annotations

from adapters.document import Header
from adapters.wire.packet import Kind, Packet


def packed(header: Header, body: bytes, kind: Kind, charset: str, result: str = "") -> Packet:
    """The packet of the document with ``header``, written as ``body`` in ``charset``. ``result``: what the packet's header says
    of it where the document does not say; 0000 without."""
    return Packet(
        body=body, kind=kind, code=header.code, sender=header.sender, receiver=header.receiver, area=header.area,
        serial=header.serial, send_time=header.send_time, mode=header.mode, charset=charset,
        result=result or header.result_code or "0000", ttl=header.ttl,
    )  # fmt: skip

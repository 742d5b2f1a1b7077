"""The second noun: a packet, framed bytes with what its header says (spec 01.1.1)."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import ClassVar


class Kind(enum.Enum):
    """What a packet is for; the value is the name a layout row's ``values`` use for it."""

    REQUEST = "request"
    REPLY = "reply"
    NOTIFICATION = "notification"
    RECEIPT = "receipt"
    HEARTBEAT = "heartbeat"
    HEARTBEAT_REPLY = "heartbeat_reply"
    REGISTER = "register"
    """Who connects says so before anything else, where a layout has this."""
    READY = "ready"
    """The answer to it: now documents may come."""
    NEXT = "next"
    """Fetches the further packet ``segment`` of a long document, where a layout sends them one at a time."""

    # Members are singletons: identity is a sound hash, and saves a Python call for every lookup on the hot path.
    __hash__ = object.__hash__


@dataclass(slots=True)
class Packet:
    """One packet, or one document's worth of them after reassembly.

    ``kind`` is None where the layout does not say.  ``send_time`` is the wire's ``yyyyMMddHHmmss``, ``ttl`` seconds (0: no
    limit), ``charset`` ``GB18030`` or ``UTF-8``, ``mode`` ``A`` or ``B``, ``segment`` counts from 1, ``more`` says that
    further segments follow.  ``checksum`` is what a received header said (upper-case hex, empty for blanks); sending
    computes it anew, so it takes no part in comparison.  ``text`` says for people what ``result`` means, cut to its field's
    bytes.  ``password`` is what some layouts carry in every request.  ``extra`` holds the free fields of other layouts by name.
    """

    binding: ClassVar[str] = "socket"
    """By what it travels; of documents that come without a packet around them the classes below say so."""

    body: bytes
    kind: Kind | None = None
    code: str = ""
    sender: str = ""
    receiver: str = ""
    area: str = ""
    serial: str = ""
    send_time: str = ""
    mode: str = "A"
    charset: str = "UTF-8"
    more: bool = False
    segment: int = 1
    result: str = "0000"
    ttl: int = 0
    checksum: str = field(default="", compare=False)
    text: str = ""
    password: str = field(default="", repr=False, compare=False)
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def is_heartbeat(self) -> bool:
        """Whether it only says that its sender lives."""
        return self.kind is Kind.HEARTBEAT or self.kind is Kind.HEARTBEAT_REPLY

    @property
    def is_answer(self) -> bool:
        """Whether this is a reply or a receipt: its serial is the one it answers."""
        return self.kind is Kind.REPLY or self.kind is Kind.RECEIPT


class SoapPacket(Packet):
    """A document that came in a SOAP envelope."""

    __slots__ = ()
    binding = "soap"


class PlainPacket(Packet):
    """A document that came by HTTP POST as it is."""

    __slots__ = ()
    binding = "http"

"""What a case and its shell tell each other: orders to the sockets, messages that came, what was asked and answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from adapters.wire.packet import Packet
from conformance.model import Line
from conformance.paper import Reading, Written

INBOUND = "inbound"
"""The connections the system under test opened."""


@dataclass(frozen=True, slots=True)
class Open:
    """Connect to the system under test as ``party``."""

    name: str
    party: str


@dataclass(frozen=True, slots=True)
class Write:
    """Write on a connection of the case; ``packet`` is what begins with these bytes."""

    name: str
    data: bytes
    packet: Packet | None = None


@dataclass(frozen=True, slots=True)
class Shut:
    """Close one: ``end``, ``half`` (our direction only) or ``abort``."""

    name: str
    how: str


@dataclass(frozen=True, slots=True)
class Cut:
    """Break every connection the system under test opened to ``party``."""

    party: str


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer a message that came on a connection the system under test opened, or on one of ours."""

    got: Got
    data: bytes


@dataclass(slots=True)
class Got:
    """A message of the system under test for this case. ``link`` is the shell's connection it came on."""

    party: str
    reading: Reading
    link: Any
    raw: bytes
    at: int
    index: int = 0
    taken: bool = False


@dataclass(slots=True)
class Wire:
    """A connection of the case: ``state`` is opening, open, ended or failed; ``ours``: this side closed it."""

    party: str
    state: str = "opening"
    ours: bool = False
    why: str = ""
    ended_at: int = 0
    held: bytes = b""


@dataclass(slots=True)
class Asked:
    """Something of ours under a label, and the answers it got."""

    line: Line
    written: Written
    wire: str
    at: int
    answers: list[Got] = field(default_factory=list)
    accepted: bool = False

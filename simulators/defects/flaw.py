"""What a seeded defect may change, and what a row of the table says of one (spec 07.7).

A *flaw* stands between a simulated system and the wire: it may change what the brain hears and decides, what the system says,
how packets are read and answered, the limits of a connection, and the very bytes.  A *defect* is a row: its name, whose it is,
the clause whose cases must fail, and how the flaw is made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from adapters.wire.packet import Packet
from adapters.wire.settings import SessionSettings
from simulators.brain import Body, Meta, Reaction, Send
from simulators.settings import PeerSettings

EVERYBODY = "*"


class Flaw:
    """Does nothing wrong; each kind of flaw changes one of these. ``late_ms``: how long its bytes lie before they leave."""

    late_ms = 0

    def instead(self, code: str, body: Body, meta: Meta, now: int) -> Reaction | None:
        """What happens in place of the brain's own doing; None: the brain decides."""
        return None

    def hears(self, code: str, body: Body, now: int) -> Body:
        """A document as the brain understands it."""
        return body

    def reaction(self, code: str, body: Body, meta: Meta, reaction: Reaction) -> Reaction:
        """What the brain decided about a document."""
        return reaction

    def sends(self, sends: list[Send]) -> list[Send]:
        """Messages of its own, whatever they come of."""
        return sends

    def met(self, connection: object) -> None:
        """The connection the next document comes on."""

    def heard(self, packet: Packet) -> Packet:
        """A document's packet, before anybody looks at it."""
        return packet

    def answered(self, asked: Packet, answer: Packet) -> Packet:
        """The answer to ``asked``."""
        return answer

    def sent(self, packet: Packet) -> Packet:
        """A message of its own as a packet."""
        return packet

    def going(self, packet: Packet) -> list[Packet]:
        """What becomes of a message of its own on its way, for systems that are flawed from outside: none, one, several."""
        return [self.sent(packet)]

    def peer(self, settings: PeerSettings) -> PeerSettings:
        """How a peer is met."""
        return settings

    def limits(self, settings: SessionSettings) -> SessionSettings:
        """The limits of a connection."""
        return settings

    def arriving(self, data: bytes) -> bytes:
        """Bytes that were read."""
        return data

    def wire(self, data: bytes) -> bytes:
        """Bytes about to be written."""
        return data


@dataclass(frozen=True, slots=True)
class Defect:
    """One seeded defect: ``system`` by the simulator's name (``*``: any), the suite and ``clause`` whose cases must fail, and
    how the flaw is made. ``spoken``: over which binding and by which accounts, where that is not the socket."""

    name: str
    system: str
    suite: str
    clause: str
    zh: str
    en: str
    make: Callable[[], Flaw]
    spoken: str = ""

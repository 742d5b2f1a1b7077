"""The mixed profile of the lifecycle bench: which orders live through what, and what the simulated systems do with them.

An order's kind stands in its customer order's id, so that the load, the simulators' script and the judge all know it.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.bench.packets import OrderPackets
from schemas.loader import Catalogue


@dataclass(frozen=True, slots=True)
class Kind:
    """``share`` of a hundred orders; ``prefix`` of two letters of the customer order's id; ``each``: the channel asks to hear
    of every state on the way, not only of the end."""

    name: str
    prefix: bytes
    share: int
    each: bool = False


PLAIN = Kind("plain", b"PL", 60)
MIXED = (
    PLAIN,
    Kind("change", b"CH", 10),
    Kind("cancel", b"CA", 10),
    Kind("pending", b"PE", 5, each=True),
    Kind("deferral", b"DE", 5),
    Kind("lock", b"LK", 5),
    Kind("return", b"RE", 5, each=True),
)
BY_PREFIX = {kind.prefix.decode(): kind for kind in MIXED}

SLOW_MS = 1_500
"""How long the field work takes of orders somebody wants something of, so that they are still under way then."""
SHORT_MS = 300
"""How long nothing is free of what a pending order lacks."""

RATE, NEW_RATE = "100M", "200M"
"""The rate that is ordered, which a returned order cannot have, and what a change makes of it."""

_SLOW = '[[act]]\ndo = "slow"\ncustomer_order = "{}*"\nstage = "FIELD"\nms = {}\n'
SCRIPT = (
    "".join(_SLOW.format(prefix, SLOW_MS) for prefix in ("CH", "CA", "DE", "LK"))
    + f'[[act]]\ndo = "shortage"\ncustomer_order = "PE*"\nres_type = "PORT"\nreason = "10W001"\nms = {SHORT_MS}\n'
    + '[[act]]\ndo = "return"\ncustomer_order = "RE*"\nstage = "FIELD"\nreason = "10R002"\n'
    + f'attr = "BANDWIDTH"\nvalue = "{RATE}"\n'
)
"""What provisioning does otherwise than usual (``simulators.scripts``)."""


def kind_of(customer_order: str) -> Kind:
    """The kind of an order of this bench, by its customer order's id; of another bench's it is plain."""
    return BY_PREFIX.get(customer_order[:2], PLAIN)


def sequence(kinds: tuple[Kind, ...]) -> tuple[Kind, ...]:
    """The kinds of a hundred orders one after the other, each spread evenly."""
    places = [((n + 0.5) / kind.share, at, kind) for at, kind in enumerate(kinds) for n in range(kind.share)]
    return tuple(kind for _, _, kind in sorted(places, key=lambda place: place[:2]))


class MixedPackets(OrderPackets):
    """Orders of every kind in turn."""

    def __init__(self, catalogue: Catalogue, text: str, sender: str, receiver: str, send_time: str) -> None:
        super().__init__(catalogue, text, sender, receiver, send_time)
        self._each = OrderPackets(catalogue, _hear_each(text), sender, receiver, send_time)
        self._turns = sequence(MIXED)

    def kind(self, number: int) -> Kind:
        """The kind of order ``number``."""
        return self._turns[number % len(self._turns)]

    def order(self, number: int) -> bytes:
        """The customer order of packet ``number``."""
        return self.kind(number).prefix + super().order(number)[2:]

    def make(self, number: int) -> bytes:
        """Packet ``number``: framed, ready to be written."""
        packets = self._each if self.kind(number).each else self
        return packets.framed(self.serial(number), self.order(number))


def _hear_each(text: str) -> str:
    """The same order of a channel that wants to hear of every state."""
    return text.replace("</items>", "</items><notify>each</notify>")

"""What a simulated system decides, apart from how its messages travel.

A brain is pure: documents and time in, answers and messages of its own out.  It never sees a socket, a serial it has to
invent, or a clock; so the same brain runs over TCP, over in-memory transports, and wrapped by seeded defects.  The host
(``simulators/host.py``) frames, numbers, retransmits and keeps order; a brain may take it that each document reaches it once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

Body = dict[str, Any]
"""Body fields by wire name, as in ``adapters.document.Body``."""


@dataclass(frozen=True, slots=True)
class Meta:
    """Whence a document came: system id, its serial, the serial it refers to (results), local network."""

    sender: str
    serial: str
    area: str = ""
    ref_serial: str | None = None


@dataclass(frozen=True, slots=True)
class Send:
    """A message of one's own: to a role, or to one system where the fact is addressed (its owner, the asker).

    ``after_ms`` delays it; ``ref_serial`` names the command it is the result of; ``note`` comes back with the answer.
    """

    code: str
    body: Body
    role: str = ""
    system: str = ""
    after_ms: int = 0
    ref_serial: str | None = None
    note: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a document was refused: symbol of the result-code table, the state met, faults as ``FaultEntry`` dicts."""

    symbol: str
    state: str | None = None
    faults: tuple[dict[str, str], ...] = ()


@dataclass(slots=True)
class Reaction:
    """What a brain does about one document: ``answer`` (of Q), or ``refusal``; ``known`` = the business key was seen before
    with the same content (0002, spec 01.1.6); ``sends`` are messages of its own, in order."""

    answer: Body | None = None
    refusal: Refusal | None = None
    known: bool = False
    sends: list[Send] = field(default_factory=list)

    @classmethod
    def refuse(cls, symbol: str, state: str | None = None, faults: tuple[dict[str, str], ...] = ()) -> Reaction:
        """A refusal."""
        return cls(refusal=Refusal(symbol, state, faults))


class Brain(Protocol):
    """One simulated system."""

    role: str

    @property
    def codes(self) -> tuple[str, ...]:
        """Messages it serves."""

    def on_document(self, code: str, body: Body, meta: Meta, now: int) -> Reaction:
        """A document arrived for the first time, valid by schema. ``now`` is ms."""

    def on_answer(self, sent: Send, body: Body, now: int) -> Reaction:
        """``sent`` was answered: the answer's body of a Q, the ``Receipt`` of a C or N. The reaction's sends count."""

    def on_refusal(self, sent: Send, code: str, body: Body, now: int) -> Reaction:
        """``sent`` was refused for good with result ``code``, or given up as undelivered (9003). Its sends count."""

    def due(self, now: int) -> Reaction:
        """Do what is due by ``now``; the reaction's sends count."""

    def next_due(self) -> int | None:
        """When ``due`` wants to be called next (ms), or None."""

    def inspect(self) -> dict[str, Any]:
        """The brain's ledger as plain values, for the auditor and for people."""

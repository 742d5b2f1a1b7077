"""Every seeded defect by name, and the flaws of one host, applied one after the other."""

from __future__ import annotations

from typing import Any

from adapters.wire.packet import Packet
from adapters.wire.settings import SessionSettings
from simulators.brain import Body, Brain, Meta, Reaction, Send
from simulators.defects.flaw import Defect, Flaw
from simulators.defects.rows_amiss import AMISS
from simulators.defects.rows_bill import BILL
from simulators.defects.rows_crm import CRM
from simulators.defects.rows_link import LINK
from simulators.defects.rows_pf import PF
from simulators.defects.rows_rm import RM
from simulators.defects.rows_web import WEB
from simulators.settings import PeerSettings

DEFECTS: dict[str, Defect] = {row.name: row for row in (*LINK, *PF, *RM, *BILL, *CRM, *AMISS, *WEB)}
"""Every defect by name."""


class UnknownDefect(ValueError):
    """No defect of that name; both languages."""

    def __init__(self, name: str) -> None:
        super().__init__(f"没有缺陷 {name}，可用：{' '.join(DEFECTS)} / no defect {name}; there are: {' '.join(DEFECTS)}")
        self.name = name


class Defects:
    """The flaws of one host. No names: nothing is touched."""

    def __init__(self, names: tuple[str, ...] = ()) -> None:
        for name in names:
            if name not in DEFECTS:
                raise UnknownDefect(name)
        self._flaws = [DEFECTS[name].make() for name in names]
        self.late_ms = sum(flaw.late_ms for flaw in self._flaws)

    def brain(self, brain: Brain) -> Brain:
        """The brain with what is wrong with it."""
        return FlawedBrain(brain, self._flaws) if self._flaws else brain

    def met(self, connection: object) -> None:
        """See ``Flaw``."""
        for flaw in self._flaws:
            flaw.met(connection)

    def heard(self, packet: Packet) -> Packet:
        """See ``Flaw``."""
        for flaw in self._flaws:
            packet = flaw.heard(packet)
        return packet

    def answered(self, asked: Packet, answer: Packet) -> Packet:
        """See ``Flaw``."""
        for flaw in self._flaws:
            answer = flaw.answered(asked, answer)
        return answer

    def sent(self, packet: Packet) -> Packet:
        """See ``Flaw``."""
        for flaw in self._flaws:
            packet = flaw.sent(packet)
        return packet

    def going(self, packet: Packet) -> list[Packet]:
        """See ``Flaw``."""
        packets = [packet]
        for flaw in self._flaws:
            packets = [changed for one in packets for changed in flaw.going(one)]
        return packets

    def peer(self, settings: PeerSettings) -> PeerSettings:
        """See ``Flaw``."""
        for flaw in self._flaws:
            settings = flaw.peer(settings)
        return settings

    def limits(self, settings: SessionSettings) -> SessionSettings:
        """See ``Flaw``."""
        for flaw in self._flaws:
            settings = flaw.limits(settings)
        return settings

    def arriving(self, data: bytes) -> bytes:
        """See ``Flaw``."""
        for flaw in self._flaws:
            data = flaw.arriving(data)
        return data

    def wire(self, data: bytes) -> bytes:
        """See ``Flaw``."""
        for flaw in self._flaws:
            data = flaw.wire(data)
        return data


class FlawedBrain:
    """A brain whose hearing, decisions and messages pass its flaws."""

    def __init__(self, brain: Brain, flaws: list[Flaw]) -> None:
        self._brain = brain
        self._flaws = flaws
        self.role = brain.role

    @property
    def codes(self) -> tuple[str, ...]:
        """See ``Brain``."""
        return self._brain.codes

    def on_document(self, code: str, body: Body, meta: Meta, now: int) -> Reaction:
        """See ``Brain``."""
        for flaw in self._flaws:
            instead = flaw.instead(code, body, meta, now)
            if instead is not None:
                return instead
        for flaw in self._flaws:
            body = flaw.hears(code, body, now)
        reaction = self._brain.on_document(code, body, meta, now)
        for flaw in self._flaws:
            reaction = flaw.reaction(code, body, meta, reaction)
        return self._said(reaction)

    def on_answer(self, sent: Send, body: Body, now: int) -> Reaction:
        """See ``Brain``."""
        return self._said(self._brain.on_answer(sent, body, now))

    def on_refusal(self, sent: Send, code: str, body: Body, now: int) -> Reaction:
        """See ``Brain``."""
        return self._said(self._brain.on_refusal(sent, code, body, now))

    def due(self, now: int) -> Reaction:
        """See ``Brain``."""
        return self._said(self._brain.due(now))

    def next_due(self) -> int | None:
        """See ``Brain``."""
        return self._brain.next_due()

    def inspect(self) -> dict[str, Any]:
        """See ``Brain``."""
        return self._brain.inspect()

    def _said(self, reaction: Reaction) -> Reaction:
        for flaw in self._flaws:
            reaction.sends = flaw.sends(reaction.sends)
        return reaction

"""Seeded wrong behaviour, switched on by name: what the conformance suite must find, clause by clause (spec 07.7).

A *flaw* stands between a simulated system and the wire: it may change what the brain decides, what it says, what is heard,
answered or sent, and the very bytes.  A *defect* is a row: its name, whose it is, the clause whose cases must fail, and the
flaw with its arguments.  A host is given names (``HostSettings.defects``); none, and nothing here is touched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from adapters.wire.packet import Kind, Packet
from simulators.brain import Body, Brain, Meta, Reaction, Refusal, Send


class Flaw:
    """Does nothing wrong; each kind of flaw changes one of these."""

    def reaction(self, code: str, body: Body, meta: Meta, reaction: Reaction) -> Reaction:
        """What the brain decided about a document."""
        return reaction

    def sends(self, sends: list[Send]) -> list[Send]:
        """Messages of its own, whatever they come of."""
        return sends

    def heard(self, packet: Packet) -> Packet:
        """A document's packet, before anybody looks at it."""
        return packet

    def answered(self, asked: Packet, answer: Packet) -> Packet:
        """The answer to ``asked``."""
        return answer

    def sent(self, packet: Packet) -> Packet:
        """A message of its own as a packet."""
        return packet

    def wire(self, data: bytes) -> bytes:
        """Bytes about to be written."""
        return data


class Says(Flaw):
    """Refuses ``code`` as ``instead`` where the right refusal is ``symbol``; an empty ``instead``: takes it."""

    def __init__(self, code: str, symbol: str, instead: str = "") -> None:
        self._code, self._symbol, self._instead = code, symbol, instead

    def reaction(self, code: str, body: Body, meta: Meta, reaction: Reaction) -> Reaction:
        """See ``Flaw``."""
        refusal = reaction.refusal
        if code != self._code or refusal is None or refusal.symbol != self._symbol:
            return reaction
        changed = Refusal(self._instead, refusal.state) if self._instead else None
        return Reaction(reaction.answer, changed, reaction.known, reaction.sends)


class Twice(Flaw):
    """Sends ``code`` twice, as two messages."""

    def __init__(self, code: str) -> None:
        self._code = code

    def sends(self, sends: list[Send]) -> list[Send]:
        """See ``Flaw``."""
        return [copy for send in sends for copy in ([send, send] if send.code == self._code else [send])]


class Forgets(Flaw):
    """Never sends ``code``."""

    def __init__(self, code: str) -> None:
        self._code = code

    def sends(self, sends: list[Send]) -> list[Send]:
        """See ``Flaw``."""
        return [send for send in sends if send.code != self._code]


class Alters(Flaw):
    """Changes the body of ``code`` before it goes."""

    def __init__(self, code: str, change: Callable[[Body], Body]) -> None:
        self._code, self._change = code, change

    def sends(self, sends: list[Send]) -> list[Send]:
        """See ``Flaw``."""
        return [replace(send, body=self._change(dict(send.body))) if send.code == self._code else send for send in sends]


class NoReference(Flaw):
    """Does not say which command ``code`` is the result of."""

    def __init__(self, code: str) -> None:
        self._code = code

    def sends(self, sends: list[Send]) -> list[Send]:
        """See ``Flaw``."""
        return [replace(send, ref_serial=None) if send.code == self._code else send for send in sends]


class Rereads(Flaw):
    """Takes a repeat for something new: forgets every serial it has seen by telling them apart."""

    def __init__(self) -> None:
        self._count = 0
        self._true: dict[str, str] = {}

    def heard(self, packet: Packet) -> Packet:
        """See ``Flaw``."""
        self._count += 1
        serial = packet.serial
        new = f"{serial[:20]}{self._count:010d}"
        self._true[new] = serial
        body = packet.body.replace(serial.encode(), new.encode())
        return replace(packet, serial=new, body=body)

    def answered(self, asked: Packet, answer: Packet) -> Packet:
        """The answer still names the serial that was sent."""
        old = self._true.get(answer.serial, answer.serial)
        return replace(answer, serial=old, body=answer.body.replace(answer.serial.encode(), old.encode()))


class Deaf(Flaw):
    """Does not look at ``field`` of a packet's header: hears it as ``value``."""

    def __init__(self, field: str, value: Any) -> None:
        self._change = {field: value}

    def heard(self, packet: Packet) -> Packet:
        """See ``Flaw``."""
        return replace(packet, **self._change)


class Answers(Flaw):
    """Changes the packet of its answers."""

    def __init__(self, change: Callable[[Packet, Packet], Packet]) -> None:
        self._change = change

    def answered(self, asked: Packet, answer: Packet) -> Packet:
        """See ``Flaw``."""
        return self._change(asked, answer)


class Writes(Flaw):
    """Changes the bytes of what is written."""

    def __init__(self, change: Callable[[bytes], bytes]) -> None:
        self._change = change

    def wire(self, data: bytes) -> bytes:
        """See ``Flaw``."""
        return self._change(data)


@dataclass(frozen=True, slots=True)
class Defect:
    """One seeded defect: ``system`` by the simulator's name, ``clause`` whose cases must fail, the suite they are in, and how
    the flaw is made."""

    name: str
    system: str
    suite: str
    clause: str
    zh: str
    en: str
    make: Callable[[], Flaw]


def _other_serial(asked: Packet, answer: Packet) -> Packet:
    """The answer under a serial one higher."""
    other = f"{int(answer.serial[20:]) + 1:010d}" if answer.serial[20:].isdigit() else "0000000001"
    serial = answer.serial[:20] + other
    return replace(answer, serial=serial, body=answer.body.replace(answer.serial.encode(), serial.encode()))


def _as_reply(asked: Packet, answer: Packet) -> Packet:
    return replace(answer, kind=Kind.REPLY) if answer.kind is Kind.RECEIPT else answer


def _without(name: str) -> Callable[[Body], Body]:
    return lambda body: {key: value for key, value in body.items() if key != name}


DEFECTS: dict[str, Defect] = {
    row.name: row
    for row in (
        Defect("pf-accepts-twice", "pf", "provisioning", "5.4", "签收两次", "accepts an order twice", lambda: Twice("OH02")),
        Defect("pf-completes-twice", "pf", "provisioning", "5.4", "报竣两次", "completes twice", lambda: Twice("OH08")),
        Defect(
            "pf-forgets-acceptance", "pf", "provisioning", "5.4", "从不签收", "never accepts", lambda: Forgets("OH02")
        ),
        Defect(
            "pf-result-without-reference", "pf", "provisioning", "5.4", "结果不引用命令", "results name no command",
            lambda: NoReference("OH02"),
        ),
        Defect(
            "pf-no-report-seq", "pf", "provisioning", "04.1", "报竣不带报告序号", "completion without its number",
            lambda: Alters("OH08", _without("report_seq")),
        ),
        Defect("forgets-serials", "*", "transport", "01.1", "不查重", "repeats are taken anew", Rereads),
        Defect("ignores-ttl", "*", "transport", "01.1", "不看有效期", "ignores the time to live", lambda: Deaf("ttl", 0)),
        Defect(
            "answers-other-serial", "*", "transport", "01.1", "应答他人流水号", "answers under another serial",
            lambda: Answers(_other_serial),
        ),
        Defect("receipt-as-reply", "*", "transport", "01.1", "收条类型错误", "receipts as replies", lambda: Answers(_as_reply)),
    )
}  # fmt: skip
"""Every defect by name."""


class UnknownDefect(ValueError):
    """No defect of that name; both languages."""

    def __init__(self, name: str) -> None:
        super().__init__(f"没有缺陷 {name}，可用：{' '.join(DEFECTS)} / no defect {name}; there are: {' '.join(DEFECTS)}")
        self.name = name


class Defects:
    """The flaws of one host, applied one after the other."""

    def __init__(self, names: tuple[str, ...]) -> None:
        for name in names:
            if name not in DEFECTS:
                raise UnknownDefect(name)
        self._flaws = [DEFECTS[name].make() for name in names]

    def brain(self, brain: Brain) -> Brain:
        """The brain with what is wrong with it."""
        return FlawedBrain(brain, self._flaws) if self._flaws else brain

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

    def wire(self, data: bytes) -> bytes:
        """See ``Flaw``."""
        for flaw in self._flaws:
            data = flaw.wire(data)
        return data


class FlawedBrain:
    """A brain whose decisions and messages pass its flaws."""

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

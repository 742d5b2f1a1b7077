"""Flaws of what comes amiss: again on another connection, behind an end, in front of what it builds on, at once with another
(spec 01.1.6, 04.9)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from adapters.wire.packet import Packet
from adapters.wire.times import from_wire_time
from simulators.brain import Body, Meta, Reaction, Send
from simulators.defects.decisions import When
from simulators.defects.flaw import Flaw
from simulators.defects.stream import again_otherwise, each

Make = Callable[[Body, Meta], Send]


class PerConnection(Flaw):
    """Knows a repeat on the connection it came on first; on another it takes it for something new."""

    def __init__(self) -> None:
        self._on: Any = None
        self._first: dict[str, Any] = {}
        self._true: dict[str, str] = {}
        self._count = 0

    def met(self, connection: object) -> None:
        """See ``Flaw``."""
        self._on = connection

    def heard(self, packet: Packet) -> Packet:
        """See ``Flaw``."""
        serial = packet.serial
        if self._first.setdefault(serial, self._on) is self._on:
            return packet
        self._count += 1
        new = f"{serial[:20]}{9_000_000_000 + self._count}"
        self._true[new] = serial
        return replace(packet, serial=new, body=packet.body.replace(serial.encode(), new.encode()))

    def answered(self, asked: Packet, answer: Packet) -> Packet:
        """The answer still names the serial that was sent."""
        true = self._true.get(answer.serial, answer.serial)
        return replace(answer, serial=true, body=answer.body.replace(answer.serial.encode(), true.encode()))


class AgainAnew(Flaw):
    """What got no answer goes again under another serial."""

    def __init__(self) -> None:
        self._change = again_otherwise()

    def wire(self, data: bytes) -> bytes:
        """See ``Flaw``."""
        return each(data, self._change)


class WhileLocked(Flaw):
    """On ``code``, where ``when`` holds of it and its order is locked, sends what ``make`` makes of it at once."""

    def __init__(self, code: str, when: When, make: Make) -> None:
        self._code, self._when, self._make = code, when, make
        self._locked: dict[str, None] = {}

    def reaction(self, code: str, body: Body, meta: Meta, reaction: Reaction) -> Reaction:
        """See ``Flaw``."""
        order = body.get("service_order_id", "")
        if code == "LK01" and reaction.refusal is None:
            self._locked[order] = None
        elif code == "LK02" and reaction.refusal is None:
            self._locked.pop(order, None)
        elif code == self._code and order in self._locked and self._when(body):
            reaction.sends = [*reaction.sends, self._make(body, meta)]
        return reaction


class LeaseRunsOn(Flaw):
    """Tells the end of a lease when its time is up, whatever became of the lock."""

    def __init__(self) -> None:
        self._ms = 0

    def hears(self, code: str, body: Body, now: int) -> Body:
        """See ``Flaw``."""
        if code == "LK01":
            self._ms = from_wire_time(body["lease_until"]) - now
        return body

    def reaction(self, code: str, body: Body, meta: Meta, reaction: Reaction) -> Reaction:
        """The end is put down as soon as the lock is granted."""
        if code == "LK01" and reaction.answer is not None and "fence" in reaction.answer:
            head = {name: body[name] for name in ("service_order_id", "version", "area") if name in body}
            told = head | {"report_seq": 9, "fence": reaction.answer["fence"], "event": "expired"}
            reaction.sends = [*reaction.sends, Send("LK05", told, system=meta.sender, after_ms=self._ms)]
        return reaction


class OffersToAll(Flaw):
    """What came free is offered to everybody who waits."""

    def __init__(self) -> None:
        self._waiting: dict[str, Body] = {}

    def reaction(self, code: str, body: Body, meta: Meta, reaction: Reaction) -> Reaction:
        """Who waits, for what."""
        if code == "PI02" and reaction.answer is not None:
            self._waiting[reaction.answer["waiting_no"]] = body
        elif code == "PI03":
            self._waiting.pop(body["waiting_no"], None)
        return reaction

    def sends(self, sends: list[Send]) -> list[Send]:
        """See ``Flaw``."""
        return [copy for send in sends for copy in (self._copies(send) if send.code == "PA01" else [send])]

    def _copies(self, send: Send) -> list[Send]:
        need = self._waiting.get(send.body["waiting_no"], {}).get("need")
        others = {no: body for no, body in self._waiting.items() if no != send.body["waiting_no"] and body["need"] == need}
        heads = {no: {name: body[name] for name in ("service_order_id", "version")} for no, body in others.items()}
        return [send, *(replace(send, body=send.body | head | {"waiting_no": no}) for no, head in heads.items())]

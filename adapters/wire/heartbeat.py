"""Heartbeats of one connection (spec 01.1.5): after a time of silence ask, and after some unanswered ones the peer is dead."""

from __future__ import annotations

from dataclasses import replace

from adapters.wire.packet import Kind, Packet
from adapters.wire.settings import SessionSettings
from adapters.wire.times import wire_time

ASKED_KEPT = 64
"""Heartbeats of ours whose echo may still come."""


class Heartbeats:
    """Counts this side's unanswered heartbeats; any packet of the peer's answers them all.

    ``serial_width`` is the layout's, ``header`` the free fields they bear. ``due`` is when the next one is to
    be sent if the peer stays silent, in ms.
    """

    def __init__(self, settings: SessionSettings, serial_width: int, now: int, header: dict[str, str]) -> None:
        self._settings = settings
        self._header = header
        self._asked: dict[str, None] = {}
        self._serial_width = serial_width
        self._count = 0
        self.unanswered = 0
        self.due = now + settings.heartbeat_ms

    def heard(self, now: int) -> None:
        """A packet came: the peer lives."""
        self.unanswered = 0
        self.due = now + self._settings.heartbeat_ms

    def is_echo(self, packet: Packet) -> bool:
        """Whether a heartbeat of a layout without replies to them is the reply to one of ours (each is answered once)."""
        return self._asked.pop(packet.serial, self) is None

    def ask(self, now: int) -> Packet:
        """The next heartbeat. Its serial is unique on this connection: heartbeats never enter the duplicate table."""
        settings, time = self._settings, wire_time(now)
        self._count += 1
        self.unanswered += 1
        self.due = now + settings.heartbeat_ms
        serial = f"{settings.sender:6.6}{time}{self._count:010d}"[-self._serial_width :]
        self._asked[serial if self._serial_width else ""] = None
        if len(self._asked) > ASKED_KEPT:
            del self._asked[next(iter(self._asked))]
        return Packet(
            body=b"",
            kind=Kind.HEARTBEAT,
            sender=settings.sender,
            receiver=settings.receiver,
            area=settings.area,
            serial=serial,
            send_time=time,
            extra=dict(self._header),
        )


def heartbeat_reply(packet: Packet, now: int) -> Packet:
    """The answer to the peer's heartbeat: its serial back to where it came from."""
    return replace(
        packet,
        kind=Kind.HEARTBEAT_REPLY,
        sender=packet.receiver,
        receiver=packet.sender,
        send_time=wire_time(now),
        body=b"",
        password="",
        more=False,
        segment=1,
    )

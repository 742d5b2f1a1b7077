"""What a session says happened (spec 01.1): values for the shell to act on, in the order they are to be acted on."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.wire.packet import Packet


@dataclass(frozen=True, slots=True)
class Arrived:
    """A whole request or notification; the session now owes the peer an answer (``Session.reply``)."""

    packet: Packet


@dataclass(frozen=True, slots=True)
class Refused:
    """A document that came wrong on an intact stream: ``symbol`` (BAD_CHECKSUM, SEGMENT_SEQUENCE, TOO_LARGE) and texts.

    ``packet`` has the header to answer; its body is the flawed one, or empty for a document of several segments.  Unless it
    ``is_answer`` the peer is owed a receipt with this refusal; a flawed answer is only logged, its serial stays outstanding.
    """

    packet: Packet
    symbol: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Answered:
    """The reply or receipt to an outstanding serial, ``elapsed_ms`` after it was sent."""

    serial: str
    packet: Packet
    elapsed_ms: int


@dataclass(frozen=True, slots=True)
class Unmatched:
    """An answer whose serial nobody waits for on this connection: late, or never asked (spec 01.1.6)."""

    packet: Packet


@dataclass(frozen=True, slots=True)
class TimedOut:
    """No answer within its limit; the connection goes on, and a late answer will be Unmatched."""

    serial: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection ended, or the peer will say no more, while this serial was outstanding: its outcome is unknown."""

    serial: str


@dataclass(frozen=True, slots=True)
class HeartbeatMissed:
    """The ``n``-th heartbeat in a row that nothing answered."""

    n: int


@dataclass(frozen=True, slots=True)
class Ready:
    """The peer took our registration: documents may go, or our login where one is asked for."""


@dataclass(frozen=True, slots=True)
class Close:
    """The connection is over, for the reason given; always the last event of a session.

    The shell sends what ``to_send`` still gives and closes, or resets the connection if ``abort``.
    """

    reason_symbol: str
    zh: str
    en: str
    abort: bool


Event = Arrived | Refused | Answered | Unmatched | TimedOut | Lost | HeartbeatMissed | Ready | Close

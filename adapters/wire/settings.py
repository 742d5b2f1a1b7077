"""What a peer row says of its connections, as plain numbers (spec 01.1.5)."""

from __future__ import annotations

from dataclasses import dataclass, field

from adapters.wire.segments import REASSEMBLY_MS


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """Limits of a session; times in ms, sizes in bytes, defaults of spec 01.1.5 (and 01.1.3).

    ``receipt_ms`` is the limit of an answer where ``send`` names none.  ``segment`` caps the body of one packet of ours (0:
    as large as ``max_packet`` allows).  ``owed_ms`` is how long an unanswered document of the peer's keeps the connection
    from being idle.  ``sender``, ``receiver``, ``area`` and the free fields in ``header`` stand in packets of ours about the
    connection itself: heartbeats, registration, the next packet of a document.  ``dialled``: this side opened the
    connection, so it registers where the layout has that; ``login``: a login comes before everything else, ours where we
    dialled, else the peer's; both have ``login_ms``.
    """

    window: int = 32
    heartbeat_ms: int = 60_000
    misses: int = 3
    idle_ms: int = 300_000
    partial_ms: int = 30_000
    receipt_ms: int = 15_000
    reassembly_ms: int = REASSEMBLY_MS
    owed_ms: int = 600_000
    max_packet: int = 1 << 20
    max_document: int = 16 << 20
    segment: int = 0
    high_water: int = 1 << 20
    write_limit_ms: int = 30_000
    long: bool = True
    allow_unchecked: bool = False
    dialled: bool = False
    login: bool = False
    login_ms: int = 10_000
    sender: str = ""
    receiver: str = ""
    area: str = ""
    header: dict[str, str] = field(default_factory=dict)

"""What somebody called at night looks for first: open records by class, messages that do not get on.

Reads only, along indexes: it costs what is open, not what is stored.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from adapters.store import tables as t
from adapters.store.message_machine import DEAD, OPEN, PARKED

Row = dict[str, Any]


def open_fallouts(connection: Connection) -> dict[str, int]:
    """How many records are not closed, by error class."""
    f = t.fallout.c
    found = select(f.error_class, func.count()).where(f.closed_at.is_(None)).group_by(f.error_class).order_by(f.error_class)
    return {str(error_class): int(number) for error_class, number in connection.execute(found)}


def oldest_waiting(connection: Connection) -> dict[str, int]:
    """Peer -> when the oldest message that is still to be delivered to it was made (ms)."""
    m = t.message.c
    waits = (m.direction == "out", m.closed_at.is_(None), m.state.in_(OPEN))
    found = select(m.peer, func.min(m.first_seen)).where(*waits).group_by(m.peer).order_by(m.peer)
    return {str(peer): int(since) for peer, since in connection.execute(found)}


def stranded(connection: Connection) -> dict[str, int]:
    """How many messages stand until a person decides, by state: those with an open record."""
    f, m = t.fallout.c, t.message.c
    recorded = select(f.message_id).where(f.closed_at.is_(None), f.message_id.is_not(None))
    stands = (m.id.in_(recorded), m.state.in_((PARKED, DEAD)))
    found = select(m.state, func.count()).where(*stands).group_by(m.state).order_by(m.state)
    return {str(state): int(number) for state, number in connection.execute(found)}

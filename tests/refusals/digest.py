"""A digest over every table of the store, without what says that a message was refused.

A refused message must be found again, so it leaves: its row of the message log and its bytes (``message``,
``message_body``), the mark of its serial (``inbox``), the line of history that says it was refused, and, for a report that
contradicts what the CRM knows, the fallout record that calls a person.  All of these name the message, and only rows that
name it are left out.  ``counter`` is left out as a whole: it only says which numbers are taken.
"""

from __future__ import annotations

import hashlib

from sqlalchemy import Table, select
from sqlalchemy.engine import Connection

from adapters.store import plan_tables  # noqa: F401  its tables belong to the same metadata
from adapters.store.tables import metadata

NUMBERS = "counter"


def digest(connection: Connection, refused: str = "") -> dict[str, str]:
    """Table -> digest of its rows, in any order; ``refused``: the serial of the message whose own rows are left out."""
    message = metadata.tables["message"]
    own = select(message.c.id).where(message.c.serial == refused, message.c.direction == "in")
    ids = set(connection.execute(own).scalars())
    return {table.name: _of(connection, table, refused, ids) for table in metadata.sorted_tables if table.name != NUMBERS}


def _of(connection: Connection, table: Table, refused: str, ids: set[int]) -> str:
    rows = [row for row in connection.execute(select(table)).mappings() if not _names(table.name, row, refused, ids)]
    lines = sorted(repr(tuple(row.values())) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _names(table: str, row: object, refused: str, ids: set[int]) -> bool:
    values = dict(row)  # type: ignore[call-overload]
    if table == "message":
        return values["id"] in ids
    if table in ("message_body", "message_document", "fallout"):
        return values["message_id"] in ids
    if table == "inbox":
        return bool(values["serial"] == refused)
    return bool(table == "history" and values["subject"] == "message" and values["subject_id"] in {str(one) for one in ids})

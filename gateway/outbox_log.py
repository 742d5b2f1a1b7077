"""Reading open outbound messages back from the table: at start, and when a lane has room again (message-store.md)."""

from __future__ import annotations

from sqlalchemy.engine import Engine

from adapters.store.rows import MESSAGE_COLUMNS, MessageRecord
from adapters.store.sql import Dialect


class OutboxLog:
    """A reader beside the writer, on a connection of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        mark = Dialect(engine.dialect.name).mark
        self._open = (
            f"SELECT {', '.join(MESSAGE_COLUMNS)} FROM message WHERE peer = {mark} AND id > {mark} AND direction = 'out' "
            f"AND state IN ('READY', 'SENDING', 'RETRY', 'UNKNOWN') ORDER BY id LIMIT {mark}"
        )

    def open_after(self, peer: str, message_id: int, limit: int) -> list[MessageRecord]:
        """The next open outbound messages of a peer behind ``message_id``, oldest first."""
        with self._engine.connect() as connection:
            rows = connection.exec_driver_sql(self._open, (peer, message_id, limit)).fetchall()
        return [MessageRecord(**dict(zip(MESSAGE_COLUMNS, row, strict=True))) for row in rows]

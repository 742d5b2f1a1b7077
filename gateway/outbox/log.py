"""Reading open outbound messages back from the table: at start, and when a lane has room again (message-store.md)."""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Engine

from adapters.store.engine import reading
from adapters.store.mapping import loads
from adapters.store.rows import MESSAGE_COLUMNS, MessageRecord
from adapters.store.sql import Dialect
from adapters.store.tables import OPEN_OUT


class OutboxLog:
    """A reader beside the writer, on a connection of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = reading(engine)
        self._dialect = dialect = Dialect(engine.dialect.name)
        mark = dialect.mark
        self._open = (
            f"SELECT {', '.join(MESSAGE_COLUMNS)} FROM message WHERE peer = {mark} AND id > {mark} AND {OPEN_OUT} "
            f"ORDER BY id LIMIT {mark}"
        )

    def open_after(self, peer: str, message_id: int, limit: int) -> list[MessageRecord]:
        """The next open outbound messages of a peer behind ``message_id``, oldest first."""
        with self._engine.connect() as connection:
            rows = connection.exec_driver_sql(self._open, (peer, message_id, limit)).fetchall()
        return [MessageRecord(**dict(zip(MESSAGE_COLUMNS, row, strict=True))) for row in rows]

    def past(self, ids: list[int]) -> dict[int, tuple[dict[str, int], int]]:
        """Of messages tried before: failures by error class, and since when (ms) the outcome has been unknown (0: it is not).

        An attempt that was never closed has an unknown outcome.
        """
        found: dict[int, tuple[dict[str, int], int]] = {}
        if not ids:
            return found
        sql = (
            "SELECT message_id, COALESCE(result_class, 'unknown') AS class, COUNT(*), MIN(sent_at) FROM attempt "
            f"WHERE {self._dialect.in_set('message_id')} GROUP BY message_id, COALESCE(result_class, 'unknown') "
            "ORDER BY message_id, class"
        )
        with self._engine.connect() as connection:
            rows = connection.exec_driver_sql(sql, (self._dialect.ids(ids),)).fetchall()
        for message_id, name, count, first in rows:
            spent, since = found.get(message_id, ({}, 0))
            spent[name] = count
            found[message_id] = (spent, first if name == "unknown" else since)
        return found

    def serial_between(self, peer: str, low: str, high: str, last: str) -> str | None:
        """The serial of a message to ``peer`` between two serials (of one day) that ends in ``last``."""
        mark = self._dialect.mark
        sql = (
            f"SELECT serial FROM message WHERE serial BETWEEN {mark} AND {mark} AND substr(serial, 21) = {mark} "
            f"AND peer = {mark} AND direction = 'out'"
        )
        with self._engine.connect() as connection:
            row = connection.exec_driver_sql(sql, (low, high, last, peer)).first()
        return None if row is None else str(row[0])

    def of_fallout(self, fallout_id: str) -> MessageRecord | None:
        """The message a fallout record is about, inbound or outbound; None if it is about none."""
        sql = (
            f"SELECT {', '.join(f'm.{name}' for name in MESSAGE_COLUMNS)} FROM message m "
            f"JOIN fallout f ON f.message_id = m.id WHERE f.id = {self._dialect.mark}"
        )
        with self._engine.connect() as connection:
            row = connection.exec_driver_sql(sql, (fallout_id,)).first()
        return None if row is None else MessageRecord(**dict(zip(MESSAGE_COLUMNS, row, strict=True)))

    def _records(self, condition: str, values: tuple[Any, ...]) -> list[MessageRecord]:
        sql = f"SELECT {', '.join(MESSAGE_COLUMNS)} FROM message WHERE direction = 'out' AND {condition}"
        with self._engine.connect() as connection:
            rows = connection.exec_driver_sql(sql, values).fetchall()
        return [MessageRecord(**dict(zip(MESSAGE_COLUMNS, row, strict=True))) for row in rows]

    def undeliverable_after(self, message_id: int, limit: int) -> list[MessageRecord]:
        """The next messages behind ``message_id`` parked because no configured peer could be sent them, as long as somebody
        is to look at them: what a person closed stays as it is."""
        mark = self._dialect.mark
        wanted = (
            "state = 'PARKED' AND error_class = 'not_sent' AND id IN (SELECT message_id FROM fallout WHERE closed_at IS NULL) "
            f"AND id > {mark} ORDER BY id LIMIT {mark}"
        )
        return self._records(wanted, (message_id, limit))

    def named(self, name: str) -> MessageRecord | None:
        """Our message with this id, or this serial."""
        mark = self._dialect.mark
        by_id = name.isdecimal() and len(name) < 20
        found = self._records(f"{'id' if by_id else 'serial'} = {mark}", (int(name) if by_id else name,))
        return found[0] if found else None

    def last_act(self, subject: str, subject_id: str) -> tuple[str, str, str] | None:
        """The newest entry of the history about a subject: its input, who, why. Newest in the chain: a clock may be set."""
        mark = self._dialect.mark
        sql = (
            f"SELECT input, actor, detail FROM history WHERE subject_id = {mark} AND subject = {mark} "
            "ORDER BY chain DESC, seq DESC LIMIT 1"
        )
        with self._engine.connect() as connection:
            row = connection.exec_driver_sql(sql, (subject_id, subject)).first()
        return None if row is None else (row[0], row[1], row[2] or "")

    def acts(self, subject: str, subject_id: str) -> list[tuple[str, str]]:
        """Every entry of the history about a subject, oldest first: its input and what it says."""
        mark = self._dialect.mark
        sql = f"SELECT input, detail FROM history WHERE subject_id = {mark} AND subject = {mark} ORDER BY chain, seq"
        with self._engine.connect() as connection:
            return [(row[0], row[1] or "") for row in connection.exec_driver_sql(sql, (subject_id, subject)).fetchall()]

    def of_serial(self, peer: str, serial: str) -> MessageRecord | None:
        """Our message to ``peer`` under this serial."""
        mark = self._dialect.mark
        found = self._records(f"peer = {mark} AND serial = {mark}", (peer, serial))
        return found[0] if found else None

    def open_fallouts(self, message_id: int) -> tuple[str, ...]:
        """Records about a message that are not closed."""
        sql = f"SELECT id FROM fallout WHERE message_id = {self._dialect.mark} AND closed_at IS NULL ORDER BY id"
        with self._engine.connect() as connection:
            return tuple(row[0] for row in connection.exec_driver_sql(sql, (message_id,)).fetchall())

    def document(self, message_id: int) -> dict[str, Any] | None:
        """What an outbound message says."""
        sql = f"SELECT document_json FROM message_document WHERE message_id = {self._dialect.mark}"
        with self._engine.connect() as connection:
            row = connection.exec_driver_sql(sql, (message_id,)).first()
        return None if row is None else loads(row[0])

    def bytes_of(self, message_id: int) -> bytes | None:
        """The bytes a message left with; None if it never did."""
        sql = f"SELECT raw FROM message_body WHERE message_id = {self._dialect.mark}"
        with self._engine.connect() as connection:
            row = connection.exec_driver_sql(sql, (message_id,)).first()
        return None if row is None or row[0] is None else bytes(row[0])

"""Reading by set for the writer: one statement a table, whatever the number of ids (architecture 4, step 1)."""

from __future__ import annotations

from typing import Any

from adapters.store.driver import Driver
from adapters.store.history import GENESIS
from adapters.store.mapping import BILLING, BY_KIND, ITEM, ORDER, loads
from adapters.store.message_machine import DONE, REJECTED
from adapters.store.rows import MESSAGE_COLUMNS, MessageRecord
from adapters.store.sql import Dialect, EntitySql


class Loader:
    """Statements built once for one engine."""

    def __init__(self, dialect: Dialect, sql: dict[str, EntitySql]) -> None:
        self._dialect = dialect
        self._sql = sql
        in_set = dialect.in_set
        columns = ", ".join(ITEM.columns)
        self._items = f"SELECT order_id, {columns} FROM order_item WHERE {in_set('order_id')} ORDER BY order_id, position"
        self._billing = f"SELECT {', '.join(BILLING.columns)} FROM billing_record WHERE {in_set('serial')}{dialect.lock}"
        self._outbound = (
            "SELECT d.message_id, d.document_json, b.raw FROM message_document d "
            f"LEFT JOIN message_body b ON b.message_id = d.message_id WHERE {in_set('d.message_id')}"
        )
        self._inbox = (
            f"SELECT serial, payload_hash, message_id FROM inbox WHERE sender = {dialect.mark} AND {in_set('serial')}"
        )

    def load(self, driver: Driver, kind: str, ids: list[str]) -> dict[str, Any]:
        """Entities by id; ``billing_serial`` finds billing records by the serial of their notice."""
        if kind == "billing_serial":
            rows = driver.all(self._billing, (self._dialect.ids(ids),))
            records = [BILLING.entity(row) for row in rows]
            return {record.serial: record for record in records}
        mapping = BY_KIND[kind]
        rows = driver.all(self._sql[kind].load, (self._dialect.ids(ids),))
        entities = {entity.id: entity for entity in (mapping.entity(row) for row in rows)}
        if mapping is ORDER and entities:
            items = driver.all(self._items, (self._dialect.ids(list(entities)),))
            for row in items:
                entities[row[0]].items.append(ITEM.entity(row[1:]))
        return entities

    def inbox(
        self, driver: Driver, sender: str, serials: list[str]
    ) -> dict[tuple[str, str], tuple[bytes, int, tuple[bytes, str] | None]]:
        """What is known of a sender's serials."""
        rows = driver.all(self._inbox, (sender, self._dialect.ids(serials)))
        return {(sender, row[0]): (bytes(row[1]), row[2], None) for row in rows}

    def fate(self, driver: Driver, sender: str, serial: str) -> tuple[str, str, bytes | None] | None:
        """State, result code and answer of an inbound message. One that was handed on is no further than its other leg."""
        mark = self._dialect.mark
        other = (
            "SELECT MAX(o.state) FROM relay r JOIN message o ON o.id = r.message_id "
            f"WHERE r.origin_id = m.id AND m.state = '{DONE}' AND o.state NOT IN ('{DONE}', '{REJECTED}')"
        )
        sql = (
            f"SELECT COALESCE(({other}), m.state), m.result_code, b.answer "
            "FROM inbox i JOIN message m ON m.id = i.message_id "
            f"JOIN message_body b ON b.message_id = m.id WHERE i.sender = {mark} AND i.serial = {mark}"
        )
        for state, code, answer in driver.all(sql, (sender, serial)):
            return state, code, None if answer is None else bytes(answer)
        return None

    def message_state(self, driver: Driver, message_id: int) -> tuple[str, str | None]:
        """State and error class of a message."""
        sql = f"SELECT state, error_class FROM message WHERE id = {self._dialect.mark}"
        state, error_class = driver.all(sql, (message_id,))[0]
        return state, error_class

    def sent_to(self, driver: Driver, peer: str, serials: list[str]) -> list[MessageRecord]:
        """Our messages to a peer under these serials."""
        sql = (
            f"SELECT {', '.join(MESSAGE_COLUMNS)} FROM message WHERE direction = 'out' AND peer = {self._dialect.mark} "
            f"AND {self._dialect.in_set('serial')} ORDER BY id"
        )
        rows = driver.all(sql, (peer, self._dialect.ids(serials)))
        return [MessageRecord(**dict(zip(MESSAGE_COLUMNS, row, strict=True))) for row in rows]

    def answer(self, driver: Driver, message_id: int) -> tuple[bytes, str]:
        """The answer bytes an inbound message got, and the result code they carry."""
        sql = (
            "SELECT b.answer, m.result_code FROM message_body b JOIN message m ON m.id = b.message_id "
            f"WHERE b.message_id = {self._dialect.mark}"
        )
        answer, code = driver.all(sql, (message_id,))[0]
        return bytes(answer or b""), code or ""

    def outbound(self, driver: Driver, ids: list[int]) -> dict[int, tuple[dict[str, Any] | None, bytes | None]]:
        """Document and bytes (once framed) of outbound messages by id."""
        rows = driver.all(self._outbound, (self._dialect.ids(ids),))
        return {
            row[0]: (None if row[1] is None else loads(row[1]), None if row[2] is None else bytes(row[2])) for row in rows
        }

    def counters(self, driver: Driver) -> dict[str, int]:
        """Every counter as stored."""
        return {row[0]: row[1] for row in driver.all("SELECT name, value FROM counter ORDER BY name")}

    def chain_head(self, driver: Driver, chain: int) -> tuple[int, bytes]:
        """Sequence number and hash a writer's history ends with."""
        sql = f"SELECT seq, hash FROM history WHERE chain = {self._dialect.mark} ORDER BY seq DESC LIMIT 1"
        for seq, head in driver.all(sql, (chain,)):
            return seq, bytes(head)
        return 0, GENESIS

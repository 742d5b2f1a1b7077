"""Rows of the message log as plain values, and the statements that write them by set (message-store.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table

from adapters.store import tables as t
from adapters.store.history import COLUMNS as HISTORY_COLUMNS
from adapters.store.sql import Dialect, Insert

MESSAGE_COLUMNS = (
    "id", "direction", "peer", "binding", "code", "element", "serial", "ref_serial", "area", "order_key", "state",
    "error_class", "result_code", "tries", "due_at", "first_seen", "closed_at",
)  # fmt: skip


@dataclass(slots=True)
class MessageRecord:
    """A row of ``message``; times in ms; ``binding``: what it came in by, or goes out by. Not frozen: a frozen one takes four
    times as long to make, and every message makes one."""

    id: int
    direction: str
    peer: str
    code: str
    element: str
    serial: str
    area: str
    state: str
    first_seen: int
    binding: str
    ref_serial: str | None = None
    order_key: str | None = None
    error_class: str | None = None
    result_code: str | None = None
    tries: int = 0
    due_at: int | None = None
    closed_at: int | None = None

    def row(self) -> tuple[Any, ...]:
        """Values in the order of ``MESSAGE_COLUMNS``."""
        return (
            self.id, self.direction, self.peer, self.binding, self.code, self.element, self.serial, self.ref_serial,
            self.area, self.order_key, self.state, self.error_class, self.result_code, self.tries, self.due_at,
            self.first_seen, self.closed_at,
        )  # fmt: skip


INSERTS: dict[str, tuple[Table, tuple[str, ...]]] = {
    "message": (t.message, MESSAGE_COLUMNS),
    "document": (t.message_document, ("message_id", "document_json")),
    "body": (t.message_body, ("message_id", "alg", "key_id", "nonce", "charset", "raw", "answer")),
    "inbox": (t.inbox, ("sender", "serial", "payload_hash", "message_id")),
    "attempt": (t.attempt, ("message_id", "n", "epoch", "sent_at", "bytes_out")),
    "history": (t.history, HISTORY_COLUMNS),
    "relay": (t.relay, tuple(c.name for c in t.relay.columns)),
    "stage": (t.stage_record, tuple(c.name for c in t.stage_record.columns)),
}
"""Insert-only lists of a group, in the order they are written."""


def inserts(dialect: Dialect) -> dict[str, Insert]:
    """What writes each insert-only list."""
    return {name: Insert(table, columns, dialect) for name, (table, columns) in INSERTS.items()}


def updates(dialect: Dialect) -> dict[str, str]:
    """SQL text of each update list, written behind the inserts; each row must hit exactly one."""
    m = dialect.mark
    return {
        "message_state": (
            f"UPDATE message SET state = {m}, error_class = {m}, result_code = {m}, tries = {m}, due_at = {m}, closed_at = {m} "
            f"WHERE id = {m}"
        ),
        "message_peer": (
            f"UPDATE message SET peer = {m}, binding = {m}, state = {m}, error_class = NULL, due_at = {m}, closed_at = NULL "
            f"WHERE id = {m}"
        ),
        "answer_set": f"UPDATE message_body SET answer = {m} WHERE message_id = {m}",
        "attempt_close": (
            f"UPDATE attempt SET reply_at = {m}, result_class = {m}, result_code = {m}, reply = COALESCE({m}, reply) "
            f"WHERE message_id = {m} AND n = {m}"
        ),
    }

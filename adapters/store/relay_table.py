"""The table of messages handed on between peers (spec 06.1). See ``tables``."""

from __future__ import annotations

from sqlalchemy import Column, Index, String, Table, Text

from adapters.store.metadata import Big, metadata

relay = Table(
    "relay",
    metadata,
    Column("message_id", Big, primary_key=True, autoincrement=False),
    Column("serial", String(32), nullable=False),
    Column("origin_id", Big, nullable=False),
    Column("origin_peer", String(12), nullable=False),
    Column("origin_serial", String(32), nullable=False),
    Column("sender", String(6), nullable=False),
    Column("expires_at", Big, nullable=False),
    Column("result_code", String(4)),
    Column("result_text", Text),
    Index("ix_relay_serial", "serial"),
    Index("ix_relay_origin_id", "origin_id"),
    sqlite_with_rowid=False,
)

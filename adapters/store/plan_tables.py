"""Tables of what is planned before or beside orders: surveys, schemes, cutovers (spec 5.1, 5.2, 5.12). See ``tables``."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table, Text

from adapters.store.metadata import Big, metadata, partial

confirmation = Table(
    "confirmation",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("area", String(6), nullable=False),
    Column("owner", String(6), nullable=False),
    Column("state", String(8), nullable=False),
    Column("customer_order_id", String(30)),
    Column("need_json", Text, nullable=False),
    Column("answer_json", Text),
    Column("symbol", String(32), nullable=False),
    Column("asked_at", Big, nullable=False),
    Column("answered_at", Big),
    Column("row_version", Integer, nullable=False),
    sqlite_with_rowid=False,
)

survey = Table(
    "survey",
    metadata,
    Column("id", String(30), primary_key=True),
    Column("area", String(6), nullable=False),
    Column("state", String(16), nullable=False),
    Column("customer_order_id", String(30)),
    Column("need_json", Text, nullable=False),
    Column("answers_json", Text, nullable=False),
    Column("reason_json", Text),
    Column("serial", String(32), nullable=False),
    Column("cancel_serial", String(32)),
    Column("requested_at", Big, nullable=False),
    Column("valid_until", Big),
    Column("closed_at", Big),
    Column("row_version", Integer, nullable=False),
    sqlite_with_rowid=False,
)

scheme_request = Table(
    "scheme_request",
    metadata,
    Column("id", String(30), primary_key=True),
    Column("area", String(6), nullable=False),
    Column("state", String(2), nullable=False),
    Column("version", Integer, nullable=False),
    Column("scheme_id", String(30)),
    Column("customer_order_id", String(30)),
    Column("asked_json", Text, nullable=False),
    Column("operations_json", Text, nullable=False),
    Column("reason_json", Text),
    Column("requested_at", Big, nullable=False),
    Column("closed_at", Big),
    Column("row_version", Integer, nullable=False),
    sqlite_with_rowid=False,
)

scheme = Table(
    "scheme",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("request_id", String(30), nullable=False),
    Column("scheme_id", String(30), nullable=False),
    Column("version", Integer, nullable=False),
    Column("area", String(6), nullable=False),
    Column("state", String(2), nullable=False),
    Column("options_json", Text, nullable=False),
    Column("option_no", Integer),
    Column("designer", Text, nullable=False),
    Column("auditor", Text, nullable=False),
    Column("attachments_json", Text, nullable=False),
    Column("reason_json", Text),
    Column("reservation_id", String(30)),
    Column("used_by", String(30)),
    Column("designed_at", Big, nullable=False),
    Column("valid_until", Big),
    Column("row_version", Integer, nullable=False),
    Index("ix_scheme_request_id", "request_id"),
    sqlite_with_rowid=False,
)

OPEN_CUTOVER = "ended_at IS NULL AND alarmed_at IS NULL"

cutover = Table(
    "cutover",
    metadata,
    Column("id", String(30), primary_key=True),
    Column("area", String(6), nullable=False),
    Column("pf_system", String(6), nullable=False),
    Column("state", String(2), nullable=False),
    Column("freeze_begin", Big, nullable=False),
    Column("freeze_end", Big, nullable=False),
    Column("instances_json", Text, nullable=False),
    Column("done", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("excluded", Integer, nullable=False),
    Column("reason_json", Text),
    Column("created_at", Big, nullable=False),
    Column("alarmed_at", Big),
    Column("ended_at", Big),
    Column("row_version", Integer, nullable=False),
    partial("ix_cutover_open", "freeze_end", where=OPEN_CUTOVER),
    sqlite_with_rowid=False,
)

cutover_item = Table(
    "cutover_item",
    metadata,
    Column("id", String(61), primary_key=True),
    Column("cutover_id", String(30), nullable=False),
    Column("instance_id", String(30), nullable=False),
    Column("state", String(8), nullable=False),
    Column("reason_json", Text),
    Column("blocking_json", Text, nullable=False),
    Column("since", Big, nullable=False),
    Column("row_version", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""Its id begins with the cutover's: all items of one are a range of the primary key."""

customer_notice = Table(
    "customer_notice",
    metadata,
    Column("id", String(30), primary_key=True),
    Column("customer_id", String(30), nullable=False),
    Column("instance_id", String(30), nullable=False),
    Column("about", String(30), nullable=False),
    Column("zh", Text, nullable=False),
    Column("en", Text, nullable=False),
    Column("created_at", Big, nullable=False),
    Column("row_version", Integer, nullable=False),
    Index("ix_customer_notice_customer_id", "customer_id"),
    sqlite_with_rowid=False,
)

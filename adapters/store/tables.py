"""Every table of the gateway's database, as SQLAlchemy Core values (message-store.md, spec 06.1).

Times are milliseconds since epoch (UTC).  Structures are JSON text in columns named ``*_json``: they are read with their row
and never searched.  Ids and serials come from the writer (``counter``), so nothing on the hot path asks the database for one.
Partial indexes keep the due work small whatever the history weighs.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from adapters.store.message_machine import OPEN
from adapters.store.metadata import Big as Big
from adapters.store.metadata import metadata as metadata
from adapters.store.metadata import partial
from adapters.store.plan_tables import confirmation as confirmation
from adapters.store.plan_tables import customer_notice as customer_notice
from adapters.store.plan_tables import cutover as cutover
from adapters.store.plan_tables import cutover_item as cutover_item
from adapters.store.plan_tables import scheme as scheme
from adapters.store.plan_tables import scheme_request as scheme_request
from adapters.store.plan_tables import survey as survey
from adapters.store.relay_table import relay as relay

WAITING_PIECE = "state = 'PARKED' AND element = 'PackageGroup'"
"""Packages that wait for the others of their message."""
UNCLOSED_OUT = "direction = 'out' AND closed_at IS NULL"
"""Outbound messages that may be open: what is parked at birth is among them. An index over the states themselves would make
SQLite build a table of them for every message written."""
OPEN_STATES = "('" + "', '".join(OPEN) + "')"
OPEN_OUT = f"{UNCLOSED_OUT} AND state IN {OPEN_STATES}"
"""Outbound messages that are open, found along the index."""

message = Table(
    "message",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("direction", String(3), nullable=False),
    Column("peer", String(12), nullable=False),
    Column("binding", String(8), nullable=False),
    Column("code", String(6), nullable=False),
    Column("element", String(40), nullable=False),
    Column("serial", String(32), nullable=False),
    Column("ref_serial", String(32)),
    Column("area", String(6), nullable=False),
    Column("order_key", String(64)),
    Column("state", String(12), nullable=False),
    Column("error_class", String(24)),
    Column("result_code", String(4)),
    Column("tries", Integer, nullable=False),
    Column("due_at", Big),
    Column("first_seen", Big, nullable=False),
    Column("closed_at", Big),
    partial("ix_message_open", "peer", "id", where=UNCLOSED_OUT),
    Index("ix_message_order_key", "order_key", "id"),
    partial("ix_message_waiting_piece", "peer", "order_key", where=WAITING_PIECE),
    Index("ix_message_serial", "serial"),
)

message_document = Table(
    "message_document",
    metadata,
    Column("message_id", Big, primary_key=True, autoincrement=False),
    Column("document_json", Text, nullable=False),
)
"""What an outbound message says, kept from its birth until it is first framed (and for people afterwards)."""

message_body = Table(
    "message_body",
    metadata,
    Column("message_id", Big, primary_key=True, autoincrement=False),
    Column("alg", String(12), nullable=False),
    Column("key_id", String(32)),
    Column("nonce", LargeBinary),
    Column("charset", String(12), nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("answer", LargeBinary),
)
"""The bytes: of an inbound message with the answer it got; of an outbound one from its first
attempt on, which are what retransmission sends."""

inbox = Table(
    "inbox",
    metadata,
    Column("sender", String(6), nullable=False),
    Column("serial", String(32), nullable=False),
    Column("payload_hash", LargeBinary, nullable=False),
    Column("message_id", Big, nullable=False),
    PrimaryKeyConstraint("sender", "serial"),
    sqlite_with_rowid=False,
)

attempt = Table(
    "attempt",
    metadata,
    Column("message_id", Big, nullable=False),
    Column("n", Integer, nullable=False),
    Column("epoch", Big, nullable=False),
    Column("sent_at", Big, nullable=False),
    Column("bytes_out", Integer, nullable=False),
    Column("reply_at", Big),
    Column("result_class", String(24)),
    Column("result_code", String(4)),
    Column("reply", LargeBinary),
    PrimaryKeyConstraint("message_id", "n"),
    sqlite_with_rowid=False,
)

history = Table(
    "history",
    metadata,
    Column("chain", Integer, nullable=False),
    Column("seq", Big, nullable=False),
    Column("at", Big, nullable=False),
    Column("subject", String(8), nullable=False),
    Column("subject_id", String(64), nullable=False),
    Column("input", String(40), nullable=False),
    Column("state_from", String(24), nullable=False),
    Column("state_to", String(24), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("serial", String(32), nullable=False),
    Column("detail", Text),
    Column("hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("chain", "seq"),
    Index("ix_history_subject_id", "subject_id"),
    sqlite_with_rowid=False,
)

customer = Table(
    "customer",
    metadata,
    Column("id", String(30), primary_key=True),
    Column("name", Text, nullable=False),
    Column("type", String(4), nullable=False),
    Column("area", String(6), nullable=False),
    Column("status", String(16), nullable=False),
    Column("grade", String(16), nullable=False),
    Column("certificate_type", String(12)),
    Column("certificate_no", String(64)),
    Column("parent_id", String(30)),
    Column("contacts_json", Text, nullable=False),
    Column("attrs_json", Text, nullable=False),
    Column("created_at", Big, nullable=False),
    Column("row_version", Integer, nullable=False),
    sqlite_with_rowid=False,
)

account = Table(
    "account",
    metadata,
    Column("id", String(30), primary_key=True),
    Column("customer_id", String(30), nullable=False),
    Column("area", String(6), nullable=False),
    Column("name", Text, nullable=False),
    Column("pay_method", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("created_at", Big, nullable=False),
    Column("row_version", Integer, nullable=False),
    Index("ix_account_customer_id", "customer_id"),
    sqlite_with_rowid=False,
)

customer_order = Table(
    "customer_order",
    metadata,
    Column("id", String(30), primary_key=True),
    Column("customer_id", String(30), nullable=False),
    Column("area", String(6), nullable=False),
    Column("channel_system", String(6), nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("account_id", String(30)),
    Column("channel", String(12)),
    Column("operator", String(30)),
    Column("notify", String(8), nullable=False),
    Column("pre_accepted", Boolean, nullable=False),
    Column("service_order_ids_json", Text, nullable=False),
    Column("states_json", Text, nullable=False),
    Column("details_json", Text, nullable=False),
    Column("created_at", Big, nullable=False),
    Column("ended_at", Big),
    Column("row_version", Integer, nullable=False),
    Index("ix_customer_order_customer_id", "customer_id"),
    sqlite_with_rowid=False,
)

OPEN_ORDER = "ended_at IS NULL"
WATCHED = "watch_at IS NOT NULL"
DISPATCHED = "dispatched_at IS NOT NULL"
TOLD = "serial <> ''"
UNANSWERED = "state = 'sent'"
OPEN_FALLOUT = "closed_at IS NULL"

service_order = Table(
    "service_order",
    metadata,
    Column("id", String(30), primary_key=True),
    Column("customer_order_id", String(30), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("action", String(16), nullable=False),
    Column("customer_id", String(30), nullable=False),
    Column("area", String(6), nullable=False),
    Column("state", String(16), nullable=False),
    Column("since", Big, nullable=False),
    Column("account_id", String(30)),
    Column("channel", String(12)),
    Column("operator", String(30)),
    Column("priority", Integer, nullable=False),
    Column("reason_json", Text),
    Column("captured_at", Big, nullable=False),
    Column("effective_at", Big),
    Column("booked_at", Big),
    Column("required_finish", Big),
    Column("dispatched_at", Big),
    Column("accepted_at", Big),
    Column("accepted_by", Text),
    Column("expected_finish", Big),
    Column("stage", String(24)),
    Column("ended_at", Big),
    Column("pf_system", String(6)),
    Column("report_seq", Integer, nullable=False),
    Column("held_json", Text, nullable=False),
    Column("reservations_json", Text, nullable=False),
    Column("lock_json", Text),
    Column("operations_json", Text, nullable=False),
    Column("deferral_json", Text),
    Column("pending_json", Text),
    Column("clock_json", Text),
    Column("watch_at", Big),
    Column("details_json", Text, nullable=False),
    Column("row_version", Integer, nullable=False),
    Index("ix_service_order_customer_order_id", "customer_order_id"),
    partial("ix_service_order_open", "state", "since", where=OPEN_ORDER),
    partial("ix_service_order_shared", "captured_at", "id", where=DISPATCHED),
    partial("ix_service_order_watch", "watch_at", where=WATCHED),
    sqlite_with_rowid=False,
)

order_item = Table(
    "order_item",
    metadata,
    Column("order_id", String(30), nullable=False),
    Column("item_id", String(30), nullable=False),
    Column("version", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("action", String(16), nullable=False),
    Column("product", String(12), nullable=False),
    Column("instance_id", String(30), nullable=False),
    Column("progress", String(16), nullable=False),
    Column("amending", Boolean, nullable=False),
    Column("cancelling", Boolean, nullable=False),
    Column("fallout", Boolean, nullable=False),
    Column("access_number", String(32)),
    Column("attrs_json", Text, nullable=False),
    Column("resources_json", Text, nullable=False),
    Column("depends_on_json", Text, nullable=False),
    Column("a_end_json", Text),
    Column("z_end_json", Text),
    Column("result_attrs_json", Text, nullable=False),
    Column("reason_json", Text),
    Column("since", Big, nullable=False),
    PrimaryKeyConstraint("order_id", "item_id", "version"),
    sqlite_with_rowid=False,
)

stage_record = Table(
    "stage_record",
    metadata,
    Column("service_order_id", String(30), nullable=False),
    Column("version", Integer, nullable=False),
    Column("report_seq", Integer, nullable=False),
    Column("stage", String(24), nullable=False),
    Column("name", Text, nullable=False),
    Column("state", String(24), nullable=False),
    Column("at", Big, nullable=False),
    Column("work_order_id", String(30)),
    Column("org", Text),
    Column("staff", Text),
    Column("limit_at", Big),
    Index("ix_stage_record_service_order_id", "service_order_id"),
)

product_instance = Table(
    "product_instance",
    metadata,
    Column("id", String(30), primary_key=True),
    Column("product", String(12), nullable=False),
    Column("customer_id", String(30), nullable=False),
    Column("area", String(6), nullable=False),
    Column("account_id", String(30)),
    Column("access_number", String(32)),
    Column("previous_number", String(32)),
    Column("status", String(20), nullable=False),
    Column("stop_mask", Integer, nullable=False),
    Column("cutover_freeze", Boolean, nullable=False),
    Column("attrs_json", Text, nullable=False),
    Column("resources_json", Text, nullable=False),
    Column("a_end_json", Text),
    Column("z_end_json", Text),
    Column("open_orders_json", Text, nullable=False),
    Column("last_order", String(30)),
    Column("created_at", Big, nullable=False),
    Column("activated_at", Big),
    Column("ended_at", Big),
    Column("row_version", Integer, nullable=False),
    Index("ix_product_instance_customer_id", "customer_id"),
    Index("ix_product_instance_access_number", "access_number"),
    sqlite_with_rowid=False,
)

reservation = Table(
    "reservation",
    metadata,
    Column("id", String(30), primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("owner", String(6), nullable=False),
    Column("area", String(6), nullable=False),
    Column("order_id", String(30)),
    Column("items_json", Text, nullable=False),
    Column("created_at", Big, nullable=False),
    Column("expires_at", Big),
    Column("fence", Big, nullable=False),
    Column("closed", Boolean, nullable=False),
    Column("asked_json", Text),
    Column("row_version", Integer, nullable=False),
    sqlite_with_rowid=False,
)

billing_record = Table(
    "billing_record",
    metadata,
    Column("id", String(100), primary_key=True),
    Column("service_order_id", String(30), nullable=False),
    Column("item_id", String(30), nullable=False),
    Column("instance_id", String(30), nullable=False),
    Column("account_id", String(30)),
    Column("area", String(6), nullable=False),
    Column("kind", String(12), nullable=False),
    Column("effective_at", Big, nullable=False),
    Column("serial", String(32), nullable=False),
    Column("state", String(12), nullable=False),
    Column("reason_json", Text),
    Column("sent_at", Big, nullable=False),
    Column("answered_at", Big),
    Column("row_version", Integer, nullable=False),
    Index("ix_billing_record_serial", "serial"),
    Index("ix_billing_record_service_order_id", "service_order_id"),
    partial("ix_billing_record_told", "effective_at", "id", where=TOLD),
    partial("ix_billing_record_unanswered", "sent_at", where=UNANSWERED),
    sqlite_with_rowid=False,
)

fallout = Table(
    "fallout",
    metadata,
    Column("id", String(30), primary_key=True),
    Column("error_class", String(24), nullable=False),
    Column("opened_at", Big, nullable=False),
    Column("zh", Text, nullable=False),
    Column("en", Text, nullable=False),
    Column("symbol", String(32), nullable=False),
    Column("service_order_id", String(30)),
    Column("message_id", Big),
    Column("area", String(6), nullable=False),
    Column("state", String(12), nullable=False),
    Column("owner", String(64)),
    Column("about_json", Text, nullable=False),
    Column("actions_json", Text, nullable=False),
    Column("closed_at", Big),
    Column("row_version", Integer, nullable=False),
    Index("ix_fallout_service_order_id", "service_order_id"),
    partial("ix_fallout_open", "opened_at", where=OPEN_FALLOUT),
    sqlite_with_rowid=False,
)

counter = Table(
    "counter",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", Big, nullable=False),
)

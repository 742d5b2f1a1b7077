"""The first schema: message log, inbox, attempts, history, and the core's entities."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("customer_id", sa.String(length=30), nullable=False),
        sa.Column("area", sa.String(length=6), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("pay_method", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_account_customer_id", "account", ["customer_id"], unique=False)
    op.create_table(
        "attempt",
        sa.Column("message_id", BIG, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("epoch", BIG, nullable=False),
        sa.Column("sent_at", BIG, nullable=False),
        sa.Column("bytes_out", sa.Integer(), nullable=False),
        sa.Column("reply_at", BIG, nullable=True),
        sa.Column("result_class", sa.String(length=24), nullable=True),
        sa.Column("result_code", sa.String(length=4), nullable=True),
        sa.Column("reply", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("message_id", "n", name=op.f("pk_attempt")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "billing_record",
        sa.Column("id", sa.String(length=100), nullable=False),
        sa.Column("service_order_id", sa.String(length=30), nullable=False),
        sa.Column("item_id", sa.String(length=30), nullable=False),
        sa.Column("instance_id", sa.String(length=30), nullable=False),
        sa.Column("account_id", sa.String(length=30), nullable=True),
        sa.Column("area", sa.String(length=6), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("effective_at", BIG, nullable=False),
        sa.Column("serial", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("reason_json", sa.Text(), nullable=True),
        sa.Column("sent_at", BIG, nullable=False),
        sa.Column("answered_at", BIG, nullable=True),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_record")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_billing_record_serial", "billing_record", ["serial"], unique=False)
    op.create_index("ix_billing_record_service_order_id", "billing_record", ["service_order_id"], unique=False)
    op.create_index(
        "ix_billing_record_unanswered",
        "billing_record",
        ["sent_at"],
        unique=False,
        sqlite_where=sa.text("state = 'sent'"),
        postgresql_where=sa.text("state = 'sent'"),
    )
    op.create_table(
        "counter",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("value", BIG, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counter")),
    )
    op.create_table(
        "customer",
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.String(length=4), nullable=False),
        sa.Column("area", sa.String(length=6), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("grade", sa.String(length=16), nullable=False),
        sa.Column("certificate_type", sa.String(length=12), nullable=True),
        sa.Column("certificate_no", sa.String(length=64), nullable=True),
        sa.Column("parent_id", sa.String(length=30), nullable=True),
        sa.Column("contacts_json", sa.Text(), nullable=False),
        sa.Column("attrs_json", sa.Text(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "customer_order",
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("customer_id", sa.String(length=30), nullable=False),
        sa.Column("area", sa.String(length=6), nullable=False),
        sa.Column("channel_system", sa.String(length=6), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("account_id", sa.String(length=30), nullable=True),
        sa.Column("channel", sa.String(length=12), nullable=True),
        sa.Column("operator", sa.String(length=30), nullable=True),
        sa.Column("notify", sa.String(length=8), nullable=False),
        sa.Column("pre_accepted", sa.Boolean(), nullable=False),
        sa.Column("service_order_ids_json", sa.Text(), nullable=False),
        sa.Column("states_json", sa.Text(), nullable=False),
        sa.Column("details_json", sa.Text(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("ended_at", BIG, nullable=True),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_order")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_customer_order_customer_id", "customer_order", ["customer_id"], unique=False)
    op.create_table(
        "fallout",
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("error_class", sa.String(length=24), nullable=False),
        sa.Column("opened_at", BIG, nullable=False),
        sa.Column("zh", sa.Text(), nullable=False),
        sa.Column("en", sa.Text(), nullable=False),
        sa.Column("symbol", sa.String(length=32), nullable=False),
        sa.Column("service_order_id", sa.String(length=30), nullable=True),
        sa.Column("message_id", BIG, nullable=True),
        sa.Column("area", sa.String(length=6), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.Column("about_json", sa.Text(), nullable=False),
        sa.Column("actions_json", sa.Text(), nullable=False),
        sa.Column("closed_at", BIG, nullable=True),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fallout")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_fallout_service_order_id", "fallout", ["service_order_id"], unique=False)
    op.create_index(
        "ix_fallout_open",
        "fallout",
        ["opened_at"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "history",
        sa.Column("chain", sa.Integer(), nullable=False),
        sa.Column("seq", BIG, nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.Column("subject", sa.String(length=8), nullable=False),
        sa.Column("subject_id", sa.String(length=64), nullable=False),
        sa.Column("input", sa.String(length=40), nullable=False),
        sa.Column("state_from", sa.String(length=24), nullable=False),
        sa.Column("state_to", sa.String(length=24), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("serial", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("chain", "seq", name=op.f("pk_history")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_history_subject_id", "history", ["subject_id"], unique=False)
    op.create_table(
        "inbox",
        sa.Column("sender", sa.String(length=6), nullable=False),
        sa.Column("serial", sa.String(length=32), nullable=False),
        sa.Column("payload_hash", sa.LargeBinary(), nullable=False),
        sa.Column("message_id", BIG, nullable=False),
        sa.PrimaryKeyConstraint("sender", "serial", name=op.f("pk_inbox")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "message",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("direction", sa.String(length=3), nullable=False),
        sa.Column("peer", sa.String(length=12), nullable=False),
        sa.Column("binding", sa.String(length=8), nullable=False),
        sa.Column("code", sa.String(length=6), nullable=False),
        sa.Column("element", sa.String(length=40), nullable=False),
        sa.Column("serial", sa.String(length=32), nullable=False),
        sa.Column("ref_serial", sa.String(length=32), nullable=True),
        sa.Column("area", sa.String(length=6), nullable=False),
        sa.Column("order_key", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("error_class", sa.String(length=24), nullable=True),
        sa.Column("result_code", sa.String(length=4), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", BIG, nullable=True),
        sa.Column("first_seen", BIG, nullable=False),
        sa.Column("closed_at", BIG, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
    )
    op.create_index(
        "ix_message_open",
        "message",
        ["peer", "id"],
        unique=False,
        sqlite_where=sa.text("direction = 'out' AND state IN ('READY', 'SENDING', 'RETRY', 'UNKNOWN')"),
        postgresql_where=sa.text("direction = 'out' AND state IN ('READY', 'SENDING', 'RETRY', 'UNKNOWN')"),
    )
    op.create_index("ix_message_order_key", "message", ["order_key", "id"], unique=False)
    op.create_index("ix_message_serial", "message", ["serial"], unique=False)
    op.create_table(
        "message_body",
        sa.Column("message_id", BIG, autoincrement=False, nullable=False),
        sa.Column("alg", sa.String(length=12), nullable=False),
        sa.Column("key_id", sa.String(length=32), nullable=True),
        sa.Column("nonce", sa.LargeBinary(), nullable=True),
        sa.Column("charset", sa.String(length=12), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_message_body")),
    )
    op.create_table(
        "message_document",
        sa.Column("message_id", BIG, autoincrement=False, nullable=False),
        sa.Column("document_json", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_message_document")),
    )
    op.create_table(
        "order_item",
        sa.Column("order_id", sa.String(length=30), nullable=False),
        sa.Column("item_id", sa.String(length=30), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("product", sa.String(length=12), nullable=False),
        sa.Column("instance_id", sa.String(length=30), nullable=False),
        sa.Column("progress", sa.String(length=16), nullable=False),
        sa.Column("amending", sa.Boolean(), nullable=False),
        sa.Column("cancelling", sa.Boolean(), nullable=False),
        sa.Column("fallout", sa.Boolean(), nullable=False),
        sa.Column("access_number", sa.String(length=32), nullable=True),
        sa.Column("attrs_json", sa.Text(), nullable=False),
        sa.Column("resources_json", sa.Text(), nullable=False),
        sa.Column("depends_on_json", sa.Text(), nullable=False),
        sa.Column("a_end_json", sa.Text(), nullable=True),
        sa.Column("z_end_json", sa.Text(), nullable=True),
        sa.Column("result_attrs_json", sa.Text(), nullable=False),
        sa.Column("reason_json", sa.Text(), nullable=True),
        sa.Column("since", BIG, nullable=False),
        sa.PrimaryKeyConstraint("order_id", "item_id", "version", name=op.f("pk_order_item")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "product_instance",
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("product", sa.String(length=12), nullable=False),
        sa.Column("customer_id", sa.String(length=30), nullable=False),
        sa.Column("area", sa.String(length=6), nullable=False),
        sa.Column("account_id", sa.String(length=30), nullable=True),
        sa.Column("access_number", sa.String(length=32), nullable=True),
        sa.Column("previous_number", sa.String(length=32), nullable=True),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("stop_mask", sa.Integer(), nullable=False),
        sa.Column("cutover_freeze", sa.Boolean(), nullable=False),
        sa.Column("attrs_json", sa.Text(), nullable=False),
        sa.Column("resources_json", sa.Text(), nullable=False),
        sa.Column("a_end_json", sa.Text(), nullable=True),
        sa.Column("z_end_json", sa.Text(), nullable=True),
        sa.Column("open_orders_json", sa.Text(), nullable=False),
        sa.Column("last_order", sa.String(length=30), nullable=True),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("activated_at", BIG, nullable=True),
        sa.Column("ended_at", BIG, nullable=True),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_instance")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_product_instance_access_number", "product_instance", ["access_number"], unique=False)
    op.create_index("ix_product_instance_customer_id", "product_instance", ["customer_id"], unique=False)
    op.create_table(
        "reservation",
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("owner", sa.String(length=6), nullable=False),
        sa.Column("area", sa.String(length=6), nullable=False),
        sa.Column("order_id", sa.String(length=30), nullable=True),
        sa.Column("items_json", sa.Text(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("expires_at", BIG, nullable=True),
        sa.Column("fence", BIG, nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reservation")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "service_order",
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("customer_order_id", sa.String(length=30), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("customer_id", sa.String(length=30), nullable=False),
        sa.Column("area", sa.String(length=6), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("since", BIG, nullable=False),
        sa.Column("account_id", sa.String(length=30), nullable=True),
        sa.Column("channel", sa.String(length=12), nullable=True),
        sa.Column("operator", sa.String(length=30), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("reason_json", sa.Text(), nullable=True),
        sa.Column("captured_at", BIG, nullable=False),
        sa.Column("effective_at", BIG, nullable=True),
        sa.Column("booked_at", BIG, nullable=True),
        sa.Column("required_finish", BIG, nullable=True),
        sa.Column("dispatched_at", BIG, nullable=True),
        sa.Column("accepted_at", BIG, nullable=True),
        sa.Column("accepted_by", sa.Text(), nullable=True),
        sa.Column("expected_finish", BIG, nullable=True),
        sa.Column("stage", sa.String(length=24), nullable=True),
        sa.Column("ended_at", BIG, nullable=True),
        sa.Column("pf_system", sa.String(length=6), nullable=True),
        sa.Column("report_seq", sa.Integer(), nullable=False),
        sa.Column("held_json", sa.Text(), nullable=False),
        sa.Column("reservations_json", sa.Text(), nullable=False),
        sa.Column("lock_json", sa.Text(), nullable=True),
        sa.Column("operations_json", sa.Text(), nullable=False),
        sa.Column("deferral_json", sa.Text(), nullable=True),
        sa.Column("pending_json", sa.Text(), nullable=True),
        sa.Column("clock_json", sa.Text(), nullable=True),
        sa.Column("watch_at", BIG, nullable=True),
        sa.Column("details_json", sa.Text(), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_order")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_service_order_customer_order_id", "service_order", ["customer_order_id"], unique=False)
    op.create_index(
        "ix_service_order_open",
        "service_order",
        ["state", "since"],
        unique=False,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "ix_service_order_watch",
        "service_order",
        ["watch_at"],
        unique=False,
        sqlite_where=sa.text("watch_at IS NOT NULL"),
        postgresql_where=sa.text("watch_at IS NOT NULL"),
    )
    op.create_table(
        "stage_record",
        sa.Column("service_order_id", sa.String(length=30), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("report_seq", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(length=24), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.Column("work_order_id", sa.String(length=30), nullable=True),
        sa.Column("org", sa.Text(), nullable=True),
        sa.Column("staff", sa.Text(), nullable=True),
        sa.Column("limit_at", BIG, nullable=True),
    )
    op.create_index("ix_stage_record_service_order_id", "stage_record", ["service_order_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_stage_record_service_order_id", table_name="stage_record")
    op.drop_table("stage_record")
    op.drop_index(
        "ix_service_order_watch",
        table_name="service_order",
        sqlite_where=sa.text("watch_at IS NOT NULL"),
        postgresql_where=sa.text("watch_at IS NOT NULL"),
    )
    op.drop_index(
        "ix_service_order_open",
        table_name="service_order",
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.drop_index("ix_service_order_customer_order_id", table_name="service_order")
    op.drop_table("service_order")
    op.drop_table("reservation")
    op.drop_index("ix_product_instance_customer_id", table_name="product_instance")
    op.drop_index("ix_product_instance_access_number", table_name="product_instance")
    op.drop_table("product_instance")
    op.drop_table("order_item")
    op.drop_table("message_document")
    op.drop_table("message_body")
    op.drop_index("ix_message_serial", table_name="message")
    op.drop_index("ix_message_order_key", table_name="message")
    op.drop_index(
        "ix_message_open",
        table_name="message",
        sqlite_where=sa.text("direction = 'out' AND state IN ('READY', 'SENDING', 'RETRY', 'UNKNOWN')"),
        postgresql_where=sa.text("direction = 'out' AND state IN ('READY', 'SENDING', 'RETRY', 'UNKNOWN')"),
    )
    op.drop_table("message")
    op.drop_table("inbox")
    op.drop_index("ix_history_subject_id", table_name="history")
    op.drop_table("history")
    op.drop_index("ix_fallout_service_order_id", table_name="fallout")
    op.drop_index(
        "ix_fallout_open",
        table_name="fallout",
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.drop_table("fallout")
    op.drop_index("ix_customer_order_customer_id", table_name="customer_order")
    op.drop_table("customer_order")
    op.drop_table("customer")
    op.drop_table("counter")
    op.drop_index("ix_billing_record_service_order_id", table_name="billing_record")
    op.drop_index("ix_billing_record_serial", table_name="billing_record")
    op.drop_index(
        "ix_billing_record_unanswered",
        table_name="billing_record",
        sqlite_where=sa.text("state = 'sent'"),
        postgresql_where=sa.text("state = 'sent'"),
    )
    op.drop_table("billing_record")
    op.drop_table("attempt")
    op.drop_index("ix_account_customer_id", table_name="account")
    op.drop_table("account")

"""Confirmations, surveys, schemes, cutovers and customer notices (spec 5.1, 5.2, 5.12)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("reservation", sa.Column("asked_json", sa.Text(), nullable=True))
    op.create_table(
        "confirmation",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("area", sa.String(length=6), nullable=False),
        sa.Column("owner", sa.String(length=6), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("customer_order_id", sa.String(length=30), nullable=True),
        sa.Column("need_json", sa.Text(), nullable=False),
        sa.Column("answer_json", sa.Text(), nullable=True),
        sa.Column("symbol", sa.String(length=32), nullable=False),
        sa.Column("asked_at", BIG, nullable=False),
        sa.Column("answered_at", BIG, nullable=True),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_confirmation")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "survey",
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("area", sa.String(length=6), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("customer_order_id", sa.String(length=30), nullable=True),
        sa.Column("need_json", sa.Text(), nullable=False),
        sa.Column("answers_json", sa.Text(), nullable=False),
        sa.Column("reason_json", sa.Text(), nullable=True),
        sa.Column("serial", sa.String(length=32), nullable=False),
        sa.Column("cancel_serial", sa.String(length=32), nullable=True),
        sa.Column("requested_at", BIG, nullable=False),
        sa.Column("valid_until", BIG, nullable=True),
        sa.Column("closed_at", BIG, nullable=True),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "scheme_request",
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("area", sa.String(length=6), nullable=False),
        sa.Column("state", sa.String(length=2), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("scheme_id", sa.String(length=30), nullable=True),
        sa.Column("customer_order_id", sa.String(length=30), nullable=True),
        sa.Column("asked_json", sa.Text(), nullable=False),
        sa.Column("operations_json", sa.Text(), nullable=False),
        sa.Column("reason_json", sa.Text(), nullable=True),
        sa.Column("requested_at", BIG, nullable=False),
        sa.Column("closed_at", BIG, nullable=True),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scheme_request")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "scheme",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("request_id", sa.String(length=30), nullable=False),
        sa.Column("scheme_id", sa.String(length=30), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("area", sa.String(length=6), nullable=False),
        sa.Column("state", sa.String(length=2), nullable=False),
        sa.Column("options_json", sa.Text(), nullable=False),
        sa.Column("option_no", sa.Integer(), nullable=True),
        sa.Column("designer", sa.Text(), nullable=False),
        sa.Column("auditor", sa.Text(), nullable=False),
        sa.Column("attachments_json", sa.Text(), nullable=False),
        sa.Column("reason_json", sa.Text(), nullable=True),
        sa.Column("reservation_id", sa.String(length=30), nullable=True),
        sa.Column("used_by", sa.String(length=30), nullable=True),
        sa.Column("designed_at", BIG, nullable=False),
        sa.Column("valid_until", BIG, nullable=True),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scheme")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_scheme_request_id", "scheme", ["request_id"], unique=False)
    op.create_table(
        "cutover",
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("area", sa.String(length=6), nullable=False),
        sa.Column("pf_system", sa.String(length=6), nullable=False),
        sa.Column("state", sa.String(length=2), nullable=False),
        sa.Column("freeze_begin", BIG, nullable=False),
        sa.Column("freeze_end", BIG, nullable=False),
        sa.Column("instances_json", sa.Text(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("excluded", sa.Integer(), nullable=False),
        sa.Column("reason_json", sa.Text(), nullable=True),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("alarmed_at", BIG, nullable=True),
        sa.Column("ended_at", BIG, nullable=True),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cutover")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_cutover_open",
        "cutover",
        ["freeze_end"],
        unique=False,
        sqlite_where=sa.text("ended_at IS NULL AND alarmed_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL AND alarmed_at IS NULL"),
    )
    op.create_table(
        "cutover_item",
        sa.Column("id", sa.String(length=61), nullable=False),
        sa.Column("cutover_id", sa.String(length=30), nullable=False),
        sa.Column("instance_id", sa.String(length=30), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("reason_json", sa.Text(), nullable=True),
        sa.Column("blocking_json", sa.Text(), nullable=False),
        sa.Column("since", BIG, nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cutover_item")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "customer_notice",
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("customer_id", sa.String(length=30), nullable=False),
        sa.Column("instance_id", sa.String(length=30), nullable=False),
        sa.Column("about", sa.String(length=30), nullable=False),
        sa.Column("zh", sa.Text(), nullable=False),
        sa.Column("en", sa.Text(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_notice")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_customer_notice_customer_id", "customer_notice", ["customer_id"], unique=False)


def downgrade() -> None:
    op.drop_column("reservation", "asked_json")
    op.drop_table("confirmation")
    op.drop_table("survey")
    op.drop_table("scheme_request")
    op.drop_index("ix_scheme_request_id", table_name="scheme")
    op.drop_table("scheme")
    op.drop_index(
        "ix_cutover_open",
        table_name="cutover",
        sqlite_where=sa.text("ended_at IS NULL AND alarmed_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL AND alarmed_at IS NULL"),
    )
    op.drop_table("cutover")
    op.drop_table("cutover_item")
    op.drop_index("ix_customer_notice_customer_id", table_name="customer_notice")
    op.drop_table("customer_notice")

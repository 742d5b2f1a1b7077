"""Messages handed on between peers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "relay",
        sa.Column("message_id", BIG, autoincrement=False, nullable=False),
        sa.Column("serial", sa.String(length=32), nullable=False),
        sa.Column("origin_id", BIG, nullable=False),
        sa.Column("origin_peer", sa.String(length=12), nullable=False),
        sa.Column("origin_serial", sa.String(length=32), nullable=False),
        sa.Column("sender", sa.String(length=6), nullable=False),
        sa.Column("expires_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_relay")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_relay_origin_id", "relay", ["origin_id"], unique=False)
    op.create_index("ix_relay_serial", "relay", ["serial"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_relay_serial", table_name="relay")
    op.drop_index("ix_relay_origin_id", table_name="relay")
    op.drop_table("relay")

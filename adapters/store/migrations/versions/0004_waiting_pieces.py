"""Packages of a message that wait for the others are found at once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

WAITING = "state = 'PARKED' AND element = 'PackageGroup'"


def upgrade() -> None:
    op.create_index(
        "ix_message_waiting_piece",
        "message",
        ["peer", "order_key"],
        unique=False,
        sqlite_where=sa.text(WAITING),
        postgresql_where=sa.text(WAITING),
    )


def downgrade() -> None:
    op.drop_index("ix_message_waiting_piece", table_name="message")

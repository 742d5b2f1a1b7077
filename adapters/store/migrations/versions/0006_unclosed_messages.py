"""Open messages are indexed by a condition that costs nothing to evaluate."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BY_STATE = "direction = 'out' AND state IN ('READY', 'SENDING', 'RETRY', 'UNKNOWN')"
UNCLOSED = "direction = 'out' AND closed_at IS NULL"


def upgrade() -> None:
    op.execute(f"UPDATE message SET closed_at = NULL WHERE {BY_STATE} AND closed_at IS NOT NULL")
    _index_where(UNCLOSED)


def downgrade() -> None:
    _index_where(BY_STATE)


def _index_where(condition: str) -> None:
    op.drop_index("ix_message_open", table_name="message")
    op.create_index(
        "ix_message_open",
        "message",
        ["peer", "id"],
        unique=False,
        sqlite_where=sa.text(condition),
        postgresql_where=sa.text(condition),
    )

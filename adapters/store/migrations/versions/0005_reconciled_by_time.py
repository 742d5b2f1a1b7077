"""What is reconciled is found by its time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INDEXES = (
    ("ix_service_order_shared", "service_order", "captured_at", "dispatched_at IS NOT NULL"),
    ("ix_billing_record_told", "billing_record", "effective_at", "serial <> ''"),
)


def upgrade() -> None:
    for name, table, column, where in INDEXES:
        op.create_index(
            name, table, [column, "id"], unique=False, sqlite_where=sa.text(where), postgresql_where=sa.text(where)
        )


def downgrade() -> None:
    for name, table, _, _ in reversed(INDEXES):
        op.drop_index(name, table_name=table)

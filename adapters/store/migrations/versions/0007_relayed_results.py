"""Results handed on between peers keep the code and text of their header."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("relay", sa.Column("result_code", sa.String(length=4)))
    op.add_column("relay", sa.Column("result_text", sa.Text()))


def downgrade() -> None:
    op.drop_column("relay", "result_text")
    op.drop_column("relay", "result_code")

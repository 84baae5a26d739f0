"""The outbox: changes that are still to be told to others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

EMPTY = bytes(16)
"""The sum of no checksums."""


def upgrade() -> None:
    """Create the table, and its sum in the head."""
    op.create_table(
        "outbox",
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("tenant", sa.String(128), nullable=False),
        sa.Column("id", sa.String(256), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("deleted", sa.SmallInteger, nullable=False),
        sa.Column("digest", sa.LargeBinary(16), nullable=False),
        sa.Column("made", sa.BigInteger, nullable=False),
        sa.Column("checksum", sa.LargeBinary(16), nullable=False),
    )
    op.add_column("head", sa.Column("outbox_sum", sa.LargeBinary(16)))
    op.execute(sa.table("head", sa.column("outbox_sum", sa.LargeBinary)).update().values(outbox_sum=EMPTY))
    with op.batch_alter_table("head") as head:
        head.alter_column("outbox_sum", existing_type=sa.LargeBinary(16), nullable=False)


def downgrade() -> None:
    """Drop both. A database whose outbox is not empty is not read by what was there before."""
    op.drop_column("head", "outbox_sum")
    op.drop_table("outbox")

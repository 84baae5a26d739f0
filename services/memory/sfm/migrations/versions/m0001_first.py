"""The five tables of the first version."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

WITH_POSITION = ("tenants", "memories", "accesses", "idempotency")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "head",
        sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("lineage", sa.String(32), nullable=False),
        sa.Column("dimension", sa.BigInteger, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("tenants_sum", sa.LargeBinary(16), nullable=False),
        sa.Column("memories_sum", sa.LargeBinary(16), nullable=False),
        sa.Column("accesses_sum", sa.LargeBinary(16), nullable=False),
        sa.Column("idempotency_sum", sa.LargeBinary(16), nullable=False),
        sa.Column("checksum", sa.LargeBinary(16), nullable=False),
    )
    op.create_table(
        "tenants",
        sa.Column("tenant", sa.String(128), primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("checksum", sa.LargeBinary(16), nullable=False),
    )
    op.create_table(
        "memories",
        sa.Column("tenant", sa.String(128), primary_key=True),
        sa.Column("id", sa.String(256), primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("deleted", sa.SmallInteger, nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
        sa.Column("raw_importance", sa.Double, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("metadata", sa.Text, nullable=False),
        sa.Column("features", sa.Text, nullable=False),
        sa.Column("checksum", sa.LargeBinary(16), nullable=False),
    )
    op.create_table(
        "accesses",
        sa.Column("tenant", sa.String(128), primary_key=True),
        sa.Column("id", sa.String(256), primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("accessed", sa.BigInteger, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("checksum", sa.LargeBinary(16), nullable=False),
    )
    op.create_table(
        "idempotency",
        sa.Column("tenant", sa.String(128), primary_key=True),
        sa.Column("key", sa.String(128), primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("request", sa.LargeBinary(16), nullable=False),
        sa.Column("id", sa.String(256), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("replaced", sa.SmallInteger, nullable=False),
        sa.Column("importance", sa.Double, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("checksum", sa.LargeBinary(16), nullable=False),
    )
    for table in WITH_POSITION:
        op.create_index(f"ix_{table}_position", table, ["position"])


def downgrade() -> None:
    """Drop the tables, and all that is in them."""
    for table in ("head", *WITH_POSITION):
        op.drop_table(table)

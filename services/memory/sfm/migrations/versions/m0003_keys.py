"""Idempotency keys are looked up in the database, and the oldest go first: the table is arranged for both."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLE = "idempotency"
OLD = "idempotency_old"


def upgrade() -> None:
    """In SQLite the table becomes the tree of its primary key. An index on the time replaces the one on the position."""
    _arrange("created", with_rowid=False)


def downgrade() -> None:
    """As it was."""
    _arrange("position", with_rowid=True)


def _arrange(indexed: str, *, with_rowid: bool) -> None:
    for column in {"created", "position"} - {indexed}:
        op.drop_index(f"ix_{TABLE}_{column}", TABLE)
    if op.get_context().dialect.name == "sqlite":
        op.rename_table(TABLE, OLD)
        op.create_table(TABLE, *_columns(), sqlite_with_rowid=with_rowid)
        names = [column.name for column in _columns()]
        old, new = (sa.table(table, *map(sa.column, names)) for table in (OLD, TABLE))
        op.execute(new.insert().from_select(names, old.select()))
        op.drop_table(OLD)
    op.create_index(f"ix_{TABLE}_{indexed}", TABLE, [indexed])


def _columns() -> tuple[sa.Column[object], ...]:
    return (
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

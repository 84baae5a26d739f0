"""The tables. Every row carries the checksum of its own canonical bytes (rows.py) and the position of the commit that wrote it.

`head` is one row: how far the journal has come, and for each other table the sum of the checksums of its rows. A row that
was lost, doubled or put back to an older state therefore shows, also when each row by itself looks well.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, LargeBinary, MetaData, SmallInteger, String, Table, Text

metadata = MetaData()

head = Table(
    "head",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("lineage", String(32), nullable=False),
    Column("dimension", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("tenants_sum", LargeBinary(16), nullable=False),
    Column("memories_sum", LargeBinary(16), nullable=False),
    Column("accesses_sum", LargeBinary(16), nullable=False),
    Column("idempotency_sum", LargeBinary(16), nullable=False),
    Column("outbox_sum", LargeBinary(16), nullable=False),
    Column("checksum", LargeBinary(16), nullable=False),
)

tenants = Table(
    "tenants",
    metadata,
    Column("tenant", String(128), primary_key=True),
    Column("position", BigInteger, nullable=False, index=True),
    Column("sequence", BigInteger, nullable=False),
    Column("checksum", LargeBinary(16), nullable=False),
)

memories = Table(
    "memories",
    metadata,
    Column("tenant", String(128), primary_key=True),
    Column("id", String(256), primary_key=True),
    Column("position", BigInteger, nullable=False, index=True),
    Column("sequence", BigInteger, nullable=False),
    Column("deleted", SmallInteger, nullable=False),
    Column("vector", LargeBinary, nullable=False),
    Column("raw_importance", Double, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("features", Text, nullable=False),
    Column("checksum", LargeBinary(16), nullable=False),
)
"""Deleted memories stay as empty rows until a snapshot has taken note of them."""

accesses = Table(
    "accesses",
    metadata,
    Column("tenant", String(128), primary_key=True),
    Column("id", String(256), primary_key=True),
    Column("position", BigInteger, nullable=False, index=True),
    Column("accessed", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("checksum", LargeBinary(16), nullable=False),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("tenant", String(128), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("request", LargeBinary(16), nullable=False),
    Column("id", String(256), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("replaced", SmallInteger, nullable=False),
    Column("importance", Double, nullable=False),
    Column("created", BigInteger, nullable=False, index=True),
    Column("checksum", LargeBinary(16), nullable=False),
    sqlite_with_rowid=False,
)
"""In SQLite the table is the tree in which a key is looked up, so that reading all of it shows whether each can be found.
`created` has an index, for the oldest go first."""

outbox = Table(
    "outbox",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("tenant", String(128), nullable=False),
    Column("id", String(256), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("deleted", SmallInteger, nullable=False),
    Column("digest", LargeBinary(16), nullable=False),
    Column("made", BigInteger, nullable=False),
    Column("checksum", LargeBinary(16), nullable=False),
)
"""Changes that are still to be told to others; empty where there is nobody to tell."""

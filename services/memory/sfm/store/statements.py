"""What is said to either database by the connection that writes."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Select, Table, and_, bindparam, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from sfm.errors import Damaged
from sfm.store import tables
from sfm.store.plan import EXPIRED_AT_ONCE, KnownKeys, Name, Plan
from sfm.store.rows import KeyRow, head_values, verified

AT_ONCE = 512
"""Names that one statement asks for."""


class Statements:
    """The changes of a commit.

    Args:
        embedded: whether it is SQLite.
    """

    def __init__(self, *, embedded: bool) -> None:
        insert = sqlite.insert if embedded else postgresql.insert
        self.upserts = {table: _upsert(insert(table), table) for table in tables.metadata.tables.values()}
        self._deletes = {table: _delete(table) for table in (tables.accesses, tables.idempotency)}
        self._move = tables.head.update().where(tables.head.c.id == 1, tables.head.c.position == bindparam("known"))

    def write(self, connection: Connection, plan: Plan) -> None:
        """Everything of a plan; the caller commits it.

        Raises:
            Damaged: the database is not as it was left.
        """
        moved = connection.execute(self._move, {**head_values(plan.after), "known": plan.before.position})
        if moved.rowcount != 1:
            raise Damaged("another process has changed the database; this one knows only the older state: restart it")
        for table, rows in (
            (tables.tenants, plan.tenants.values()),
            (tables.memories, plan.memories.values()),
            (tables.accesses, plan.accesses.values()),
            (tables.idempotency, plan.keys.values()),
            (tables.outbox, plan.events),
        ):
            if rows:
                connection.execute(self.upserts[table], [row._asdict() for row in rows])
        for table, gone in ((tables.accesses, plan.accesses_gone), (tables.idempotency, plan.keys_gone)):
            if gone:
                connection.execute(self._deletes[table], [{"first": first, "second": second} for first, second in gone])
        if plan.published:
            told = tables.outbox.c.position <= plan.published.position
            removed = connection.execute(tables.outbox.delete().where(told))
            if removed.rowcount != plan.published.count:
                raise Damaged(
                    f"table outbox: {removed.rowcount} rows up to {plan.published.position} instead of {plan.published.count}"
                )


def known_keys(connection: Connection, names: Collection[Name], since: int) -> KnownKeys:
    """The rows of keys, verified, and the oldest of those that were made before `since`.

    Raises:
        Damaged: one of them is not what was written.
    """
    ordered = sorted(names)
    asked: list[KeyRow] = []
    for start in range(0, len(ordered), AT_ONCE):
        by_tenant: dict[str, list[str]] = {}
        for tenant, key in ordered[start : start + AT_ONCE]:
            by_tenant.setdefault(tenant, []).append(key)
        values: dict[str, str | list[str]] = {}
        for at, (tenant, keys) in enumerate(by_tenant.items()):
            values |= {f"tenant{at}": tenant, f"keys{at}": keys}
        asked += [verified(row, KeyRow) for row in connection.execute(_asked(len(by_tenant)), values)]
    expired = [verified(row, KeyRow) for row in connection.execute(_EXPIRED, {"since": since})]
    return KnownKeys({(row.tenant, row.key): row for row in asked}, expired)


@lru_cache(maxsize=AT_ONCE)
def _asked(tenants: int) -> Select[Any]:
    """Keys of so many tenants. With a condition for each tenant, since for a list of pairs SQLite uses no index.

    Made once: to put it together takes longer than to look a key up.
    """
    table = tables.idempotency
    return select(table).where(
        or_(
            *(
                and_(
                    table.c.tenant == bindparam(f"tenant{at}"), table.c.key.in_(bindparam(f"keys{at}", expanding=True))
                )
                for at in range(tenants)
            )
        )
    )


_EXPIRED = (
    select(tables.idempotency)
    .where(tables.idempotency.c.created < bindparam("since"))
    .order_by(tables.idempotency.c.created)
    .limit(EXPIRED_AT_ONCE)
)


def _upsert(insert: Any, table: Table) -> Any:
    key = [column.name for column in table.primary_key]
    others = {column.name: insert.excluded[column.name] for column in table.columns if column.name not in key}
    return insert.on_conflict_do_update(index_elements=key, set_=others)


def _delete(table: Table) -> Any:
    first, second = table.primary_key.columns
    return table.delete().where(first == bindparam("first"), second == bindparam("second"))

"""Memories as JSON lines, for export and import: everything that a caller gave, the vector as it is stored.

{"tenant": "acme", "id": "a", "vector": [0.6, 0.8], "importance": 1.5, "created": 1700000000000000,
 "payload": "base64…", "metadata": {}, "features": {}}
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import AsyncGenerator, Iterable, Iterator
from typing import Any

import numpy as np
from common.config.settings import SMFSettings

from sfm.domain import NewMemory
from sfm.errors import InvalidField
from sfm.store.database import Database
from sfm.store.rows import MemoryRow


async def exported(settings: SMFSettings, tenant: str | None) -> AsyncGenerator[str, None]:
    """A line for each memory of one tenant, or of all, straight from the database, each row verified by its checksum.

    A running server is not disturbed, and what it commits meanwhile may or may not be among the lines.

    Raises:
        Damaged: a row is not what was written.
        NotReady: the database is away.
    """
    database = Database(settings.database)
    try:
        async with database.scan(MemoryRow) as pages:
            async for page in pages:
                for row in page:
                    if not row.deleted and tenant in {None, row.tenant}:
                        yield _line(row)
    finally:
        await database.close()


def _line(row: MemoryRow) -> str:
    return json.dumps(
        {
            "tenant": row.tenant,
            "id": row.id,
            "vector": np.frombuffer(row.vector, "<f4").tolist(),
            "importance": row.raw_importance,
            "created": row.created,
            "payload": base64.b64encode(row.payload).decode(),
            "metadata": json.loads(row.metadata),
            "features": json.loads(row.features),
        },
        ensure_ascii=False,
    )


def imported(lines: Iterable[str], tenant: str | None) -> Iterator[NewMemory]:
    """The memories of exported lines, for one tenant whatever the lines say, or for the tenants that they name.

    Raises:
        InvalidField: names the line, from 1, and what it lacks. Ranges are the server's to judge.
    """
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _memory(line, f"line {number}", tenant)


def _memory(line: str, place: str, tenant: str | None) -> NewMemory:
    try:
        found: dict[str, Any] = json.loads(line)
        return NewMemory(
            tenant=tenant or found["tenant"],
            id=found["id"],
            vector=np.asarray(found["vector"], np.float32),
            raw_importance=float(found["importance"]),
            created=math.floor(found["created"]),
            payload=base64.b64decode(found["payload"], validate=True),
            metadata=dict(found["metadata"]),
            features={str(name): float(value) for name, value in found["features"].items()},
        )
    except KeyError as error:
        raise InvalidField(place, f"lacks {error.args[0]!r}") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise InvalidField(place, f"is no memory as `sfm export` writes them: {error}") from None

"""What Kafka is told of changes to memories. The schema is event.schema.json beside this file.

A message is one JSON object in UTF-8. Its key is tenant, NUL, id, so that all of one memory is in one partition and in order:

    {"version": 1, "kind": "stored", "tenant": "t", "id": "a", "sequence": 7, "history": "3f…", "position": 12,
     "digest": "9a…", "made": 1700000000000000}

`sequence` numbers the changes of the tenant, `position` those of the history, and (history, position) names a change for good:
a change may come more than once, and a reader drops those whose position is not above the last that it has seen of the key.

`digest` is of what was stored, without telling it: the first 128 bits, in hexadecimal, of SHA-256 over these parts, each with its
length before it in 8 bytes, big-endian: the unit vector in float32, little-endian; the raw importance in float64, little-endian; the
time of creation in microseconds, in decimal; the payload; metadata and features as JSON with sorted keys and without spaces.
It is null when a memory was deleted. No vector, payload or metadata is in an event.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from common.utils.kafka_producer import Message, Producer

from sfm.domain import Changed

VERSION = 1
MICROSECONDS = 1000
"""In a millisecond."""


class Events:
    """Publishes changes.

    Args:
        topic: where to.
    """

    def __init__(self, producer: Producer, topic: str) -> None:
        self._producer, self._topic = producer, topic

    async def publish(self, changes: Sequence[Changed]) -> None:
        """Returns when the brokers have all of them.

        Raises:
            Undelivered: it is not sure that they have.
        """
        await self._producer.send([message(self._topic, change) for change in changes])


def message(topic: str, change: Changed) -> Message:
    """One change as a message."""
    value = {
        "version": VERSION,
        "kind": "deleted" if change.deleted else "stored",
        "tenant": change.tenant,
        "id": change.id,
        "sequence": change.sequence,
        "history": change.lineage,
        "position": change.position,
        "digest": None if change.deleted else change.digest.hex(),
        "made": change.made,
    }
    key = f"{change.tenant}\0{change.id}".encode()
    return Message(topic, key, json.dumps(value, separators=(",", ":")).encode(), made=change.made // MICROSECONDS)

"""Random and malformed messages against a real server: `python services/memory/tests/server/fuzz.py --messages 100000`.

Three kinds, in turn: random bytes, good messages with flipped, cut or doubled bytes, and well-formed messages whose fields hold
extreme values. Ids come from a small set, so what happens to be stored does not pile up. Every answer must be one that a
request can deserve; the server must live, log no defect, and not grow.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from serving import DIMENSION, Server, serving
from sfm.memory.v1 import memory_pb2 as pb

DESERVED = {
    grpc.StatusCode.OK,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}
METHODS = {
    "Store": pb.StoreRequest,
    "StoreBatch": pb.StoreRequest,
    "Get": pb.GetRequest,
    "Delete": pb.DeleteRequest,
    "Recall": pb.RecallRequest,
    "Explain": pb.ExplainRequest,
    "Stats": pb.StatsRequest,
    "GateReport": pb.GateReportRequest,
}
FLOATS = (
    0.0,
    -0.0,
    0.5,
    1.0,
    -1.0,
    5e-324,
    1e-45,
    1e-6,
    3.4e38,
    1e308,
    -1e308,
    float("inf"),
    float("-inf"),
    float("nan"),
)
INTEGERS = (0, 1, -1, 3, 1000, 1001, 2**31 - 1, -(2**31))
LONG_INTEGERS = (*INTEGERS, 2**63 - 1, -(2**63), -62_135_596_800, 253_402_300_799, 1_000_000_000)
STRINGS = ("a", "b", "c", "acme", "other", "trust", "heat", "", " ", "a/b", "\0", "é", "\u2028", "x" * 300, "😀" * 200)
IN_FLIGHT = 32
WARM_UP = 0.2
"""Share of the messages after which the first size of the server is taken."""


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        undeserved: answers that no request deserves, with the method and the start of the bytes.
        defects: lines of the log that tell of defects.
        first_bytes, last_bytes: resident size of the server after the warm-up and at the end.
    """

    messages: int
    seconds: float
    codes: dict[str, int]
    undeserved: list[str]
    defects: int
    first_bytes: int
    last_bytes: int


def structured(random_: random.Random, kind: type[Message], depth: int = 0) -> Message:
    """A well-formed message with extreme values."""
    found = kind()
    for field in found.DESCRIPTOR.fields:
        if random_.random() < (0.25 if depth < 4 else 0.9):
            continue
        if field.message_type and field.message_type.GetOptions().map_entry:
            _fill_map(random_, getattr(found, field.name), field, depth)
        elif field.is_repeated:
            usual = DIMENSION if field.name == "values" and field.type != FieldDescriptor.TYPE_MESSAGE else 2
            count = usual if random_.random() < 0.8 else random_.randrange(40)
            for _ in range(count):
                if field.message_type:
                    getattr(found, field.name).add().CopyFrom(structured(random_, _class(field), depth + 1))
                else:
                    getattr(found, field.name).append(_scalar(random_, field))
        elif field.message_type:
            getattr(found, field.name).CopyFrom(structured(random_, _class(field), depth + 1))
        else:
            setattr(found, field.name, _scalar(random_, field))
    return found


def _class(field: FieldDescriptor) -> type[Message]:
    from google.protobuf import message_factory

    return message_factory.GetMessageClass(field.message_type)


def _fill_map(random_: random.Random, map_: Any, field: FieldDescriptor, depth: int) -> None:
    value = field.message_type.fields_by_name["value"]
    for _ in range(random_.randrange(3)):
        key = random_.choice(STRINGS)
        if value.message_type:
            map_[key].CopyFrom(structured(random_, _class(value), depth + 1))
        else:
            map_[key] = _scalar(random_, value)


def _scalar(random_: random.Random, field: FieldDescriptor) -> Any:
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_STRING:
            text = random_.choice(STRINGS)
            return text.encode() if field.type == FieldDescriptor.TYPE_BYTES else text
        case FieldDescriptor.CPPTYPE_DOUBLE:
            return random_.choice(FLOATS)
        case FieldDescriptor.CPPTYPE_FLOAT:
            return random_.choice([value for value in FLOATS if abs(value) <= 3.4e38 or math.isnan(value)])
        case FieldDescriptor.CPPTYPE_INT64:
            return random_.choice(LONG_INTEGERS)
        case FieldDescriptor.CPPTYPE_BOOL:
            return random_.random() < 0.5
        case FieldDescriptor.CPPTYPE_ENUM:
            return 0
        case _:
            return random_.choice(INTEGERS)


def mutated(random_: random.Random, data: bytes) -> bytes:
    """Bytes of a message after a few accidents."""
    found = bytearray(data)
    for _ in range(random_.randint(1, 4)):
        if not found:
            break
        place = random_.randrange(len(found))
        match random_.randrange(4):
            case 0:
                found[place] ^= 1 << random_.randrange(8)
            case 1:
                del found[place:]
            case 2:
                found[place:place] = random_.randbytes(random_.randint(1, 5))
            case _:
                found += found[: random_.randrange(64)]
    return bytes(found)


def messages(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Methods and bytes, the same for the same seed."""
    random_ = random.Random(seed)
    names = tuple(METHODS)
    for index in range(count):
        method = random_.choice(names)
        if index % 3 == 0:
            yield method, random_.randbytes(random_.choice((0, 1, 3, 10, 50, 300, 5000)))
            continue
        data = structured(random_, METHODS[method]).SerializeToString()
        yield method, data if index % 3 == 1 else mutated(random_, data)


async def _drive(server: Server, seed: int, count: int) -> tuple[Counter[grpc.StatusCode], list[str], int]:
    codes: Counter[grpc.StatusCode] = Counter()
    undeserved: list[str] = []
    size = 0
    left = iter(messages(seed, count))
    async with grpc.aio.insecure_channel(server.target) as channel:
        root = "/sfm.memory.v1.MemoryService/"
        calls: dict[str, Any] = {name: channel.unary_unary(root + name) for name in METHODS}
        calls["StoreBatch"] = channel.stream_unary(root + "StoreBatch")

        async def worker() -> None:
            nonlocal size
            for method, data in left:
                sent = iter([data]) if method == "StoreBatch" else data
                try:
                    await calls[method](sent, metadata=server.bearer, timeout=60)
                    code = grpc.StatusCode.OK
                except grpc.aio.AioRpcError as error:
                    code = error.code()
                    if code not in DESERVED:
                        undeserved.append(f"{method} {code.name} {error.details()} {data[:80].hex()}")
                codes[code] += 1
                if codes.total() == int(count * WARM_UP):
                    size = server.rss()

        await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
    return codes, undeserved, size


def run(count: int, seed: int, folder: Path) -> Outcome:
    """Start a server, send `count` messages, stop it."""
    with serving(folder, SOMA_LOG_LEVEL="WARNING", SOMA_RATE_PER_SECOND="1000000") as server:
        began = time.monotonic()
        codes, undeserved, first = asyncio.run(_drive(server, seed, count))
        seconds = time.monotonic() - began
        last = server.rss()
        with server.client() as client:
            client.store("acme", "alive", [1.0, 0.0, 0.0, 0.0])
        ended = server.stop()
        defects = [line for line in server.lines() if line["level"] in {"ERROR", "CRITICAL"}]
        undeserved += [f"the server ended with {ended}"] if ended else []
    names = {code.name: number for code, number in codes.most_common()}
    return Outcome(codes.total(), round(seconds, 1), names, undeserved, len(defects), first, last)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = run(given.messages, given.seed, Path(folder))
    print(json.dumps(vars(found), indent=1))
    return 1 if found.undeserved or found.defects else 0


if __name__ == "__main__":
    raise SystemExit(main())

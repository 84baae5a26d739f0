"""Feature flags: small JSON values in etcd that switch, while a service runs, what its settings allow.

A flag is declared with a type and a default. All flags lie under `flags_prefix`, are read together, and are believed for
`flags_ttl_seconds` since they were read from etcd. They are read anew when half of that time is over, when etcd's watch tells of a
change, and when somebody calls `changed`. What was read is also kept in the shared cache, if there is one: from there a service
that finds etcd away takes what others have read, for as long as it may be believed. After that a flag has its default, and says so.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import math
import sys
import time
from collections.abc import AsyncIterable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from common.config.settings import CommonSettings
from common.utils.cache import Cache
from common.utils.etcd_client import EtcdClient, EtcdCompacted, EtcdError, prefix_end
from common.utils.logger import fields

T = TypeVar("T", bool, float, str)
Source = Literal["etcd", "cache", "default"]
MAX_VALUE_BYTES = 4096
SCOPE = "flags"
"""What stands for the tenant in the shared cache."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Flag(Generic[T]):
    """A flag's value now.

    Attributes:
        source: "etcd"; "cache", filled from etcd by others or by a former process, while etcd has not answered; or "default", as declared.
        why: the reason for the default; empty otherwise.
    """

    value: T
    source: Source
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared(Generic[T]):
    """A flag that the code asks for: a truth value, a number or a text, as its default is.

    Attributes:
        name: what follows `flags_prefix` in its key.
        low, high: bounds of a number.
        choices: what a text may be; anything if empty.
    """

    name: str
    default: T
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()

    def read(self, data: bytes) -> T:
        """The value that JSON of etcd stands for.

        Raises:
            ValueError: it is not one that this flag may have; the message says what it should be.
        """
        if len(data) > MAX_VALUE_BYTES:
            raise ValueError(f"must have at most {MAX_VALUE_BYTES} bytes")
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            raise ValueError("must be JSON") from None
        if not self._fits(value):
            raise ValueError(self._wanted)
        found: Any = value if isinstance(value, bool | str) else float(value)
        typed: T = found
        return typed

    def _fits(self, value: object) -> bool:
        default: object = self.default
        if isinstance(default, bool):
            return isinstance(value, bool)
        if isinstance(default, str):
            return isinstance(value, str) and (not self.choices or value in self.choices)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return self.low <= value <= self.high and abs(value) <= sys.float_info.max

    @property
    def _wanted(self) -> str:
        default: object = self.default
        if isinstance(default, bool):
            return "must be true or false"
        if isinstance(default, str):
            return f"must be one of {', '.join(self.choices)}" if self.choices else "must be a text"
        return f"must be a finite number in [{self.low:g}, {self.high:g}]"


@dataclass(frozen=True, slots=True)
class _Known:
    """What is believed until a moment of the clock."""

    values: Mapping[str, bytes]
    source: Source
    until: float


class FeatureFlags:
    """The flags of one service.

    Args:
        settings: flags_… and etcd_….
        etcd: None if none is configured; then every flag has its default.
        shared: a cache that other processes see as well, with flags_ttl_seconds.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        settings: CommonSettings,
        etcd: EtcdClient | None,
        shared: Cache | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings, self._etcd, self._shared, self._clock = settings, etcd, shared, clock
        self._prefix = settings.flags_prefix
        self._place = f"{settings.flags_prefix} of {settings.etcd_url}"
        self._known = _Known({}, "default", -math.inf)
        self._revision = 0
        self._news = asyncio.Event()
        self._refreshing = asyncio.Lock()
        self._told: dict[str, bytes] = {}
        self._answers: bool | None = None
        self.trouble = "they have not been read yet" if etcd else "etcd_url is not set"
        """Why flags cannot be read from etcd now; empty when they can."""

    def get(self, flag: Declared[T]) -> Flag[T]:
        """A flag's value now. Asks nobody, so it may be called anywhere at any time."""
        known = self._known
        if self._clock() >= known.until:
            return Flag(flag.default, "default", self.trouble or "what was read is too old")
        data = known.values.get(flag.name)
        if data is None:
            return Flag(flag.default, "default", "it is not set")
        try:
            return Flag(flag.read(data), known.source)
        except ValueError as error:
            if self._told.get(flag.name) != data:
                self._told[flag.name] = data
                _log.error("a flag is not usable and has its default", extra=fields(flag=flag.name, problem=str(error)))
            return Flag(flag.default, "default", str(error))

    async def changed(self, key: str | None) -> None:
        """Somebody says that a key has changed, or any may have (None): flags are read anew before this returns.

        Keys that are no flags are passed by. When etcd is away, what was read from it before is believed until its time is over.
        """
        if self._etcd is None or (key is not None and not key.startswith(self._prefix)):
            return
        if self._shared:
            await self._shared.invalidate(SCOPE)
        await self.refresh()

    async def follow(self, keys: AsyncIterable[str | None]) -> None:
        """`changed` for each key that a stream tells, such as that of the topic `flags_topic`, until it ends."""
        async for key in keys:
            await self.changed(key)

    async def refresh(self) -> bool:
        """Read the flags; whether etcd answered."""
        if self._etcd is None:
            return False
        async with self._refreshing:
            asked = self._clock()
            look = await self._shared.look(SCOPE, self._place) if self._shared else None
            if look and look.value is not None and asked >= self._known.until:
                self._known = _Known(_unpacked(look.value), "cache", asked + look.seconds_left)
            try:
                values = await self._read(self._etcd)
            except EtcdError as error:
                self._tell(str(error))
                return False
            self._known = _Known(values, "etcd", asked + self._settings.flags_ttl_seconds)
            self._tell("")
            if self._shared and look:
                await self._shared.put(SCOPE, self._place, _packed(values), look.generation)
            return True

    async def run(self) -> None:
        """Keep the flags up to date until cancelled."""
        if self._etcd is None:
            return
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._read_again(self._etcd), name="flags are read")
            tasks.create_task(self._watch(self._etcd), name="flags are watched")

    async def _read(self, etcd: EtcdClient) -> dict[str, bytes]:
        prefix, most = self._prefix.encode(), self._settings.flags_most
        found = await etcd.range(prefix, prefix_end(prefix), limit=most)
        if found.more:
            raise EtcdError(f"there are more than {most} keys under {self._prefix}")
        self._revision = found.revision
        return {pair.key.removeprefix(prefix).decode("utf-8", "replace"): pair.value for pair in found.pairs}

    async def _read_again(self, etcd: EtcdClient) -> None:
        pauses = etcd.pauses()
        while True:
            self._news.clear()
            if await self.refresh():
                pauses = etcd.pauses()
                pause = self._settings.flags_ttl_seconds / 2
            else:
                pause = next(pauses)
            try:
                async with asyncio.timeout(pause):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def _watch(self, etcd: EtcdClient) -> None:
        """Read anew what changes after the last read; a watch from now on would miss what lies between the two."""
        prefix = self._prefix.encode()
        pauses = etcd.pauses()
        while True:
            try:
                if self._revision or await self.refresh():
                    async with aclosing(etcd.watch(prefix, prefix_end(prefix), revision=self._revision + 1)) as told:
                        async for changes in told:
                            pauses = etcd.pauses()
                            if any(change.revision > self._revision for change in changes):
                                await self.changed(None)
            except EtcdCompacted:
                self._news.set()
            except EtcdError as error:
                _log.debug("the watch of flags is begun anew", extra=fields(reason=str(error)))
            await asyncio.sleep(next(pauses))

    def _tell(self, trouble: str) -> None:
        """Say that etcd is away, or back, when that is news."""
        self.trouble = trouble
        if self._answers is not (not trouble):
            self._answers = not trouble
            if trouble:
                _log.warning(
                    "flags cannot be read; those that are known are believed for their time",
                    extra=fields(reason=trouble),
                )
            else:
                _log.info("flags are read from etcd", extra=fields(flags=len(self._known.values)))


def _packed(values: Mapping[str, bytes]) -> bytes:
    return json.dumps({name: base64.b64encode(value).decode() for name, value in values.items()}).encode()


def _unpacked(document: bytes) -> dict[str, bytes]:
    """What `_packed` made; the cache vouches that nothing else comes back."""
    return {name: base64.b64decode(value) for name, value in json.loads(document).items()}

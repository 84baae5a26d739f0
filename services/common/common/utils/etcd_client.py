"""A small client of etcd (3.4 or later) by its JSON gateway: read a range, put, delete, and watch.

Every request has a deadline. Reads are tried again within it when etcd is away; what changes something is tried again only if no
connection came about, since otherwise it may have been done already, and doing it again might undo what others did meanwhile.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp

from common.config.settings import CommonSettings, SettingsError
from common.utils.backoff import backoff

MAX_ANSWER_BYTES = 8 * 1024 * 1024
UNAVAILABLE = (4, 14)
"""Codes of gRPC with which etcd says that it cannot answer now: deadline exceeded, unavailable."""
MESSAGE_CHARACTERS = 300
NUMBER = re.compile("-?[0-9]{1,19}")


class EtcdError(Exception):
    """etcd did not do what it was asked."""


class EtcdAway(EtcdError):
    """etcd cannot be reached, or cannot answer now. What should have been changed may or may not be."""


class EtcdRefused(EtcdError):
    """etcd answers that it will not.

    Attributes:
        code: of gRPC.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"etcd refuses: {message} (code {code})")
        self.code = code


class EtcdCompacted(EtcdError):
    """The history from which a watch should have begun is gone; read everything anew, and watch from there."""


class EtcdAnswer(EtcdError):
    """What answers does not speak as etcd does."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A key and its value, and the revision that changed it last."""

    key: bytes
    value: bytes
    revision: int


@dataclass(frozen=True, slots=True)
class Range:
    """What lay in a range of keys.

    Attributes:
        revision: of the whole store when it was read.
        more: whether there are more pairs than were asked for.
    """

    pairs: tuple[Pair, ...]
    revision: int
    more: bool


@dataclass(frozen=True, slots=True)
class Change:
    """A key was put, or deleted if the value is None."""

    key: bytes
    value: bytes | None
    revision: int


class EtcdClient:
    """Talks to the etcd that the settings name.

    Args:
        settings: etcd_….
        session: makes the requests; stays open.

    Raises:
        SettingsError: etcd_url is not set.
    """

    def __init__(self, settings: CommonSettings, session: aiohttp.ClientSession) -> None:
        if settings.etcd_url is None:
            raise SettingsError("etcd_url: is not set")
        self._settings, self._session = settings, session
        self._url = settings.etcd_url.rstrip("/")

    async def range(self, start: bytes, end: bytes | None = None, *, limit: int = 0) -> Range:
        """The pairs of keys from `start` up to and without `end`; of `start` alone if there is no end.

        Args:
            limit: the most pairs; 0 is no bound but that of an answer's size.

        Raises:
            EtcdError
        """
        asked = {"key": _text(start), "limit": str(limit)} | ({} if end is None else {"range_end": _text(end)})
        answer = await self._ask("/v3/kv/range", asked, changes=False)
        pairs = tuple(_pair(one) for one in _list(answer, "kvs"))
        return Range(pairs, _revision(answer), bool(answer.get("more", False)))

    async def put(self, key: bytes, value: bytes) -> int:
        """Give a key a value; the revision of the change.

        Raises:
            EtcdError
        """
        return _revision(await self._ask("/v3/kv/put", {"key": _text(key), "value": _text(value)}, changes=True))

    async def delete(self, start: bytes, end: bytes | None = None) -> int:
        """Delete a key, or those of a range as in `range`; how many there were.

        Raises:
            EtcdError
        """
        asked = {"key": _text(start)} | ({} if end is None else {"range_end": _text(end)})
        return _number(await self._ask("/v3/kv/deleterange", asked, changes=True), "deleted")

    async def watch(
        self, start: bytes, end: bytes | None = None, *, revision: int = 0
    ) -> AsyncGenerator[list[Change], None]:
        """The changes of a range, in order, without end; the first is an empty list when the watch stands.

        Args:
            revision: the first that is told; 0 is from now on.

        Raises:
            EtcdCompacted: changes from `revision` on are not known any more.
            EtcdAway: the stream has ended; begin anew after the last revision that was told.
            EtcdError
        """
        asked = {"key": _text(start), "start_revision": str(revision)}
        asked |= {} if end is None else {"range_end": _text(end)}
        wait = aiohttp.ClientTimeout(
            total=None,
            sock_connect=self._settings.etcd_timeout_seconds,
            sock_read=self._settings.etcd_watch_idle_seconds,
        )
        async with self._posted("/v3/watch", {"create_request": asked}, wait) as answer:
            if answer.status != HTTPStatus.OK:
                raise _refusal(_parsed(await _read(answer)))
            async for line in _lines(answer):
                told = _parsed(line)
                if "error" in told:
                    raise _refusal(_object(told, "error"))
                result = _object(told, "result")
                if result.get("canceled"):
                    if _number(result, "compact_revision"):
                        raise EtcdCompacted("the history from which to watch has been compacted")
                    raise EtcdRefused(
                        0, str(result.get("cancel_reason", "the watch is cancelled"))[:MESSAGE_CHARACTERS]
                    )
                yield [_change(one) for one in _list(result, "events")]
        raise EtcdAway("the watch has ended")

    def pauses(self) -> Iterator[float]:
        """Growing waits between tries, in seconds."""
        return backoff(self._settings.etcd_retry_first_seconds, self._settings.etcd_retry_longest_seconds)

    async def _ask(self, path: str, asked: Mapping[str, object], *, changes: bool) -> Mapping[str, Any]:
        """One request, tried again until it is answered or its time is over."""
        seconds, pauses = self._settings.etcd_timeout_seconds, self.pauses()
        last = "it is slow"
        try:
            async with asyncio.timeout(seconds):
                while True:
                    try:
                        return await self._once(path, asked)
                    except EtcdAway as error:
                        if changes and not isinstance(error.__cause__, aiohttp.ClientConnectorError):
                            raise
                        last = str(error)
                    await asyncio.sleep(next(pauses))
        except TimeoutError as error:
            raise EtcdAway(f"etcd has not answered within {seconds:g} s: {last}") from error

    async def _once(self, path: str, asked: Mapping[str, object]) -> Mapping[str, Any]:
        async with self._posted(path, asked, aiohttp.ClientTimeout(total=None)) as answer:
            found = _parsed(await _read(answer))
            if answer.status != HTTPStatus.OK:
                raise _refusal(found)
            return found

    @asynccontextmanager
    async def _posted(
        self, path: str, asked: Mapping[str, object], wait: aiohttp.ClientTimeout
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        try:
            async with self._session.post(self._url + path, json=asked, timeout=wait, allow_redirects=False) as answer:
                yield answer
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise EtcdAway(f"etcd cannot be reached: {type(error).__name__}") from error


def prefix_end(prefix: bytes) -> bytes:
    """The end of the range of all keys that begin with a prefix; b"\\0" stands for no end."""
    kept = prefix.rstrip(b"\xff")
    return kept[:-1] + bytes([kept[-1] + 1]) if kept else b"\0"


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise EtcdAnswer(f"etcd answers with more than {MAX_ANSWER_BYTES} bytes")
    return bytes(body)


async def _lines(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        *lines, rest = body.split(b"\n")
        for line in lines:
            if line.strip():
                yield bytes(line)
        body = rest
        if len(body) > MAX_ANSWER_BYTES:
            raise EtcdAnswer(f"a watch tells more than {MAX_ANSWER_BYTES} bytes at once")


def _refusal(told: Mapping[str, Any]) -> EtcdError:
    code = _number(told, "code" if "code" in told else "grpc_code")
    message = str(told.get("message") or told.get("error"))[:MESSAGE_CHARACTERS]
    return EtcdAway(f"etcd cannot answer: {message}") if code in UNAVAILABLE else EtcdRefused(code, message)


def _parsed(line: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise EtcdAnswer("the answer is not JSON as etcd's gateway gives it") from None
    if not isinstance(found, dict):
        raise EtcdAnswer("the answer is no JSON object")
    return found


def _object(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = found.get(name)
    if not isinstance(value, dict):
        raise EtcdAnswer(f"the answer's {name} is no object")
    return value


def _list(found: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """A list of objects; the gateway leaves out what is empty."""
    value = found.get(name, [])
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise EtcdAnswer(f"the answer's {name} is no list of objects")
    return value


def _number(found: Mapping[str, Any], name: str) -> int:
    """A 64-bit number, which the gateway writes as a text, and leaves out when it is 0."""
    value = found.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int | str) or not NUMBER.fullmatch(str(value)):
        raise EtcdAnswer(f"the answer's {name} is no number")
    return int(value)


def _revision(answer: Mapping[str, Any]) -> int:
    revision = _number(_object(answer, "header"), "revision")
    if revision <= 0:
        raise EtcdAnswer("the answer has no revision")
    return revision


def _pair(found: Mapping[str, Any]) -> Pair:
    return Pair(_bytes(found, "key"), _bytes(found, "value"), _number(found, "mod_revision"))


def _change(found: Mapping[str, Any]) -> Change:
    pair = _pair(_object(found, "kv"))
    return Change(pair.key, None if found.get("type") == "DELETE" else pair.value, pair.revision)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _bytes(found: Mapping[str, Any], name: str) -> bytes:
    value = found.get(name, "")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise EtcdAnswer(f"the answer's {name} is not base64") from None

"""Log lines are JSON, carry the trace, and never the message of an exception."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from common.config.settings import SMFSettings
from common.utils import logger, trace

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    found = io.StringIO()
    logger.configure("sfm", "INFO", found)
    yield found
    root.handlers[:] = before[0]
    root.setLevel(before[1])


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object_whatever_the_message_holds(stream: io.StringIO) -> None:
    logging.getLogger("x").info('two\nlines and a "quote"', extra=logger.fields(tenant="acme", seconds=0.5))
    [line] = lines(stream)
    assert line["message"] == 'two\nlines and a "quote"'
    assert (line["service"], line["level"], line["tenant"], line["seconds"]) == ("sfm", "INFO", "acme", 0.5)


def test_a_line_inside_a_call_carries_the_callers_trace(stream: io.StringIO) -> None:
    tracing = trace.Tracing("sfm", SMFSettings())
    with tracing.serving("/Store", [("traceparent", PARENT)]) as span:
        logging.getLogger("x").info("inside")
        assert trace.headers()["traceparent"].split("-")[1] == "0af7651916cd43dd8448eb211c80319c"
    logging.getLogger("x").info("outside")
    inside, outside = lines(stream)
    assert inside["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert inside["span_id"] == f"{span.get_span_context().span_id:016x}" != "b7ad6b7169203331"
    assert "trace_id" not in outside
    tracing.close()


@pytest.mark.parametrize("header", ["", "garbage", "00-0-0-01", "00-" + "0" * 32 + "-" + "0" * 16 + "-01"])
def test_a_malformed_traceparent_starts_a_new_trace(header: str) -> None:
    tracing = trace.Tracing("sfm", SMFSettings())
    with tracing.serving("/Store", [("traceparent", header), ("traceparent-bin", b"\xff")]) as span:
        assert span.get_span_context().is_valid
    tracing.close()


def test_an_exception_is_told_by_type_and_place_but_not_by_its_message(stream: io.StringIO) -> None:
    def inner() -> None:
        raise ValueError("payload=secret-bytes")

    try:
        try:
            inner()
        except ValueError as error:
            raise RuntimeError("token=secret-token") from error
    except RuntimeError:
        logging.getLogger("x").exception("a call met a defect")
    [line] = lines(stream)
    assert line["error"]["type"] == "builtins.RuntimeError"
    assert line["error"]["cause"]["type"] == "builtins.ValueError"
    assert line["error"]["cause"]["at"][-1].endswith(" inner")
    assert "secret" not in stream.getvalue()


def test_the_reason_of_the_operating_system_is_told(stream: io.StringIO) -> None:
    try:
        open("/nowhere/at/all")  # noqa: SIM115
    except OSError:
        logging.getLogger("x").exception("cannot read")
    assert lines(stream)[0]["error"]["reason"] == "No such file or directory"


def test_a_package_that_repeats_itself_is_written_once_in_a_while() -> None:
    now = 0.0
    seldom = logger.Seldom("client", 60.0, lambda: now)

    def written(name: str, words: str, value: int) -> bool:
        return seldom.filter(logging.LogRecord(name, logging.ERROR, __file__, 1, words, (value,), None))

    first = [written("client.conn", "no connection to %d", n) for n in range(3)]
    others = [written("client.conn", "closed %d", 1), written("client.group", "no connection to %d", 1)]
    foreign = [written(name, "no connection to %d", 1) for name in ("sfm", "sfm", "clientele", "clientele")]
    now = 60.0
    assert first == [True, False, False]
    assert others == [True, True]
    assert foreign == [True] * 4
    assert written("client.conn", "no connection to %d", 4)

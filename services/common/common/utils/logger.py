"""One JSON object a line on standard error: what happened, in which trace, for whom. Never payloads, vectors or tokens.

An exception is logged by its type and the places it passed, without its message, which may quote the data that caused it.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

from opentelemetry import trace

FIELDS = "fields"
"""Key of `extra` under which a log call passes its own fields."""


class JsonFormatter(logging.Formatter):
    """Formats records as JSON.

    Args:
        service: name of the service, in every line.
    """

    def __init__(self, service: str) -> None:
        super().__init__()
        self.service = service

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds"),
            "level": record.levelname,
            "service": self.service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            line |= {"trace_id": trace.format_trace_id(span.trace_id), "span_id": trace.format_span_id(span.span_id)}
        line |= getattr(record, FIELDS, {})
        if record.exc_info and record.exc_info[1]:
            line["error"] = describe(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False, default=repr)


class Seldom(logging.Filter):
    """Lets a package say the same thing once in a while: a client that tries again ten times a second complains as often.

    Args:
        package: whose loggers are meant; others are not.
        seconds: between two lines of one logger with the same words, whatever values are in them.
    """

    def __init__(self, package: str, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(package)
        self._seconds, self._clock = seconds, clock
        self._said: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written."""
        if not super().filter(record):
            return True
        now, words = self._clock(), (record.name, str(record.msg))
        if now - self._said.get(words, -self._seconds) < self._seconds:
            return False
        self._said[words] = now
        return True


def describe(error: BaseException) -> dict[str, Any]:
    """The type of an exception and of what caused it, and the places that it passed, innermost last."""
    frames = traceback.extract_tb(error.__traceback__)
    found: dict[str, Any] = {
        "type": f"{type(error).__module__}.{type(error).__qualname__}",
        "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }
    if isinstance(error, OSError) and error.strerror:
        found["reason"] = error.strerror
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return found | {"cause": describe(cause)} if cause else found


def fields(**values: Any) -> Mapping[str, Any]:
    """What a log call passes as `extra`, so that `values` become fields of the line."""
    return {FIELDS: values}


def configure(service: str, level: str, stream: TextIO = sys.stderr) -> None:
    """Make every logger of the process write JSON lines to `stream`; what was configured before is replaced."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter(service))
    handler.addFilter(Seldom("aiokafka", seconds=60.0))
    # Lines name no thread, process or place in the code, so nothing looks for them (Logging HOWTO, "Optimization").
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001 -- the HOWTO's own way
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)

"""Values that belong in the settings, written in code: endpoints, credentials and thresholds.

Settings modules, test code, examples and documentation are passed over: a value is at home there.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from strictreal.collect.python.endpoints import endpoints
from strictreal.collect.python.module import ParsedModule
from strictreal.collect.python.thresholds import thresholds
from strictreal.facts.code import HardCoded
from strictreal.redact import redact

MAX_VALUE = 120


def facts(module: ParsedModule) -> Iterator[HardCoded]:
    """Every hard-coded value of a module that is neither test nor example; credentials carry no value."""
    if module.role != "product":
        return
    secrets = set(module.credentials)
    for secret in module.credentials:
        yield HardCoded(where=module.at(secret), kind="credential")
    for kind, node, value in chain(endpoints(module), thresholds(module)):
        if node not in secrets:
            yield HardCoded(where=module.at(node), kind=kind, value=redact(value)[:MAX_VALUE])

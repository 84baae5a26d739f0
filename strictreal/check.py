"""What a check is: one function over facts, with an id, a claim and a remedy."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from strictreal.errors import SuiteError
from strictreal.model import Fact, Facts, Finding, Findings, Severity

Judge = Callable[..., Iterable[Finding]]


@dataclass(frozen=True)
class Parameter:
    """What one parameter of a check asks for: all facts of a type, the only fact of a type, or findings of other checks."""

    name: str
    facts: type[Fact] | None = None
    only: type[Fact] | None = None
    findings_of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Check:
    """A check as declared. `id` is `area.name`; `proves` is the sentence that holds when the check is proven."""

    id: str
    proves: str
    remedy: str
    severity: Severity
    judge: Judge

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """What the function's annotations ask for, in order.

        Raises:
            SuiteError: a parameter asks for something that is neither facts nor findings.
        """
        hints = typing.get_type_hints(self.judge, include_extras=True)
        hints.pop("return", None)
        return tuple(self._parameter(name, hint) for name, hint in hints.items())

    def _parameter(self, name: str, hint: Any) -> Parameter:
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin is Facts:
            return Parameter(name, facts=arguments[0])
        if origin is typing.Annotated and arguments[0] is Findings:
            return Parameter(name, findings_of=arguments[1:])
        if isinstance(hint, type) and issubclass(hint, Fact):
            return Parameter(name, only=hint)
        raise SuiteError(
            f"{self.id}: parameter {name!r} must be Facts[…], a Fact or Annotated[Findings, …], not {hint}"
        )


def check(id: str, *, proves: str, remedy: str, severity: Severity = Severity.ERROR) -> Callable[[Judge], Judge]:
    """Declare a test function as the check `id`."""

    def declare(function: Judge) -> Judge:
        function.__check__ = Check(id, proves, remedy, severity, function)  # type: ignore[attr-defined]
        return function

    return declare

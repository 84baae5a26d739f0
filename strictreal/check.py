"""What a check is: one function over facts, with an id, a claim and a remedy."""

from __future__ import annotations

import importlib.util
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from strictreal.errors import SuiteError
from strictreal.model import Fact, Facts, Finding, Findings, Severity

Judge = Callable[..., Iterable[Finding]]


@dataclass(frozen=True)
class Parameter:
    """What a parameter of a check asks for: all facts of a type, its only fact, or findings of other checks."""

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


@cache
def load(folder: Path) -> dict[str, Check]:
    """Every check of a suite by id, in order of ids.

    Args:
        folder: the suite's own checks/, never one of a subject: its test_*.py files are imported.

    Raises:
        SuiteError: a file does not import, or two checks share an id.
    """
    found: dict[str, Check] = {}
    for path in sorted(folder.glob("test_*.py")):
        spec = importlib.util.spec_from_file_location(f"_strictreal_checks.{path.stem}", path)
        if spec is None or spec.loader is None:
            raise SuiteError(f"{path}: cannot be imported")
        module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            raise SuiteError(f"{path}: does not import: {type(error).__name__}: {error}") from error
        for value in vars(module).values():
            declared = getattr(value, "__check__", None)
            if isinstance(declared, Check) and declared.judge.__module__ == module.__name__:
                if declared.id in found:
                    raise SuiteError(f"{path}: two checks are called {declared.id}")
                found[declared.id] = declared
    return dict(sorted(found.items()))

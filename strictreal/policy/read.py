"""One Rego file, or one data document, to facts. Runs in a bounded worker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from strictreal import kubeyaml
from strictreal.engines import opa, rego
from strictreal.engines.rego import RegoError, Source
from strictreal.errors import StrictRealError
from strictreal.facts.policies import (
    Negation,
    Operand,
    PolicyData,
    PolicyModule,
    PolicyRule,
    RegoFile,
    UnconditionalAnswer,
    Unportable,
)
from strictreal.model import Fact, Gap, Location, canonical, shortened
from strictreal.policy import default_open, metadata, negation, portable
from strictreal.policy.parse import parse
from strictreal.policy.scope import Scope
from strictreal.policy.syntax import Module, Node, Rule, constant_path, is_test
from strictreal.redact import redact

MAX_KEYS = 2_000
MAX_KEY_DEPTH = 8
MAX_TEXT = 400
MAX_SHOWN = 200


def facts_of(file: tuple[str, bytes]) -> list[Fact]:
    """reading policies"""
    path, source = file
    try:
        module = parse(path, source)
    except RegoError as error:
        return _unparsed(path, source, error)
    return [RegoFile(where=Location(path), language=module.language), *_module(module)]


def _unparsed(path: str, source: bytes, error: RegoError) -> list[Fact]:
    """A file that the embedded engine does not parse is broken when no engine could, or when OPA says so."""
    lines = source.decode(errors="replace").split("\n")
    text = lines[error.line - 1] if 0 < error.line <= len(lines) else ""
    where = Location(path, error.line, error.column, text=redact(text.strip(), MAX_TEXT))
    reason = f"the embedded engine cannot parse it: {error}"
    gap = Gap(of="PolicyModule", where=where, reason=reason)
    if "bound:" in str(error):
        return [Gap(of="RegoFile", where=where, reason=str(error)), gap]
    try:
        text = rego.decode(source)
    except RegoError:
        return [RegoFile(where=where, problem=str(error)), gap]
    if wrong := rego.broken(text):
        shown = redact(lines[wrong.line - 1].strip(), MAX_TEXT)
        where = Location(path, wrong.line, wrong.column, text=shown)
        return [RegoFile(where=where, problem=str(wrong)), gap]
    if opa.version() == "absent":
        return [Gap(of="RegoFile", where=where, reason=reason), gap]
    refusals = [_refusal(source, language) for language in ("v1", "v0")]
    if "" in refusals:
        language = ("v1", "v0")[refusals.index("")]
        return [RegoFile(where=Location(path), language=language), gap]
    return [RegoFile(where=where, problem=f"OPA {opa.version()}: {refusals[0]}"), gap]


def _refusal(source: bytes, language: str) -> str:
    """Why OPA does not parse a file; "" when it does."""
    try:
        opa.check(Source("", rego.decode(source), language))
    except (RegoError, StrictRealError) as error:
        return str(error) or "it failed"
    return ""


def _module(module: Module) -> Iterator[Fact]:
    scope = Scope(module)
    places = _Places(module)
    package = metadata.annotation(module, module.package_start)
    yield PolicyModule(
        where=places.at(module.package_start, module.package_start),
        package=module.package,
        language=module.language,
        tests=module.is_test,
        refers=tuple(sorted(_refers(module))),
    )
    read: dict[str, set[str]] = {}
    for rule in module.rules:
        read.setdefault(rule.name, set()).update(_names(module, rule))
    for rule in module.rules:
        own = metadata.annotation(module, rule.start)
        yield PolicyRule(
            where=places.at(rule.start, rule.end),
            package=module.package,
            name=rule.name,
            kind=rule.kind,
            total=rule.name in scope.total,
            test=is_test(rule.name),
            entrypoint=own.get("entrypoint") is True,
            used=any(rule.name in names for other, names in read.items() if other != rule.name),
            title=metadata.text(own, "title") or metadata.text(package, "title"),
            severity=metadata.text(own, "custom", "severity") or metadata.text(package, "custom", "severity"),
            remedy=metadata.text(own, "custom", "remedy") or metadata.text(package, "custom", "remedy"),
        )
    for answer in default_open.answers(module):
        entry = metadata.annotation(module, answer.rule.start).get("entrypoint") is True
        yield UnconditionalAnswer(
            where=places.at(answer.start, answer.end),
            rule=answer.rule.name,
            form=answer.form,
            value=_json(answer.value),
            opens=default_open.opens(answer.rule.name, answer.form, answer.value, entrypoint=entry),
        )
    for trap in negation.traps(module):
        operands = tuple(
            Operand(reference=module.shown(item.node), needs=item.needs, excuse=item.excuse) for item in trap.lifted
        )
        where = places.at(trap.statement.start, trap.statement.end)
        since = "1.22" if "*" in module.keywords else ""
        yield Negation(where=where, rule=trap.rule.name, since=since, operands=operands)
    for use in portable.uses(module):
        yield Unportable(where=places.at(use.start, use.end), kind=use.kind, name=use.name, reason=use.reason)


def _json(value: Any) -> str:
    return shortened(canonical(value).decode(), MAX_SHOWN)


def _refers(module: Module) -> set[str]:
    found = {path.removeprefix("data.") for path in module.imports.values() if path.startswith("data.")}
    for rule in module.rules:
        for node in rule.nodes:
            if node.kind in ("RefDot", "RefBrack"):
                found |= _data_path(node)
    # What is mentioned inside a longer reference is not mentioned by itself.
    return {path for path in found if not any(other.startswith(f"{path}.") for other in found)}


def _names(module: Module, rule: Rule) -> Iterator[str]:
    """The rules of the module that a rule may read: by name, or by their path below `data`."""
    own = f"data.{module.package}."
    for node in rule.nodes:
        if node.kind == "Var":
            yield str(node.value)
        elif node.kind in ("RefDot", "RefBrack"):
            path = ".".join(constant_path(node))
            yield path.removeprefix(own) if path.startswith(own) else path


def _data_path(node: Node) -> set[str]:
    path = constant_path(node)
    return {".".join(path[1:])} if path[:1] == ["data"] and len(path) > 1 else set()


class _Places:
    """Locations in one module, their text redacted."""

    def __init__(self, module: Module) -> None:
        self._module = module

    def at(self, start: int, end: int) -> Location:
        line, column = self._module.place(start)
        end_line, end_column = self._module.place(end)
        text = redact(self._module.lines[line - 1].rstrip(), MAX_TEXT)
        return Location(self._module.path, line, column, end_line, end_column, text)


def data_of(file: tuple[str, bytes]) -> list[Fact]:
    """reading data documents"""
    path, source = file
    value = document(path, source)
    keys = tuple(sorted(_keys(value)))[:MAX_KEYS]
    return [PolicyData(where=Location(path), keys=keys)]


def document(path: str, source: bytes) -> dict[str, Any]:
    """The value of a data document.

    Raises:
        ValueError: it is not YAML or JSON, or not a mapping.
    """
    value = kubeyaml.parse(source.decode()).value
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise kubeyaml.YamlError("is not a mapping")
    return value


def _keys(value: dict[str, Any], at: tuple[str, ...] = ()) -> Iterator[str]:
    for key, item in value.items():
        yield ".".join((*at, key))
        if isinstance(item, dict) and len(at) + 1 < MAX_KEY_DEPTH:
            yield from _keys(item, (*at, key))

"""What a policy says when a field is missing: the inputs of its own tests, with each field removed in turn."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from strictreal.engines import rego
from strictreal.engines.rego import RegoError, Source
from strictreal.policy.expand import data_path
from strictreal.policy.loaded import Loaded
from strictreal.policy.negation import Trap, traps
from strictreal.policy.parse import parse
from strictreal.policy.syntax import Module, Statement
from strictreal.policy.test import answer

MAX_INPUTS = 200
MAX_VARIANTS = 5_000
"""Inputs with a field removed, all inputs of one suite together."""
_SEEN = "strictreal.seen"


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """One negation that was seen to fall silent."""

    path: str
    line: int
    column: int
    rule: str
    absent: str
    """The field whose removal did it."""


def inputs(suite: Loaded) -> list[Any]:
    """The input documents that the suite's tests give to policies, each once, at most MAX_INPUTS.

    Every `with input as X` of the tests is rewritten so that X is reported when it is evaluated.
    """
    engine = rego.Engine()
    seen: dict[str, None] = {}

    def record(text: str) -> str:
        if len(seen) < MAX_INPUTS:
            seen.setdefault(text)
        return text

    engine.ask(engine.native.add_extension, _SEEN, 1, record)
    for source in suite.embedded():
        text = _reporting(source) if source.path == suite.test else source.text
        engine.add(Source(source.path, text, source.language))
    if suite.data:
        engine.ask(engine.native.add_data_json, json.dumps(suite.data))
    engine.input(b"{}")
    for package, name, _ in suite.rules:
        answer(engine, f"data.{package}.{name}")
    return [json.loads(text) for text in seen]


def _reporting(source: Source) -> str:
    module = parse(source.path, source.text.encode())
    spans = set()
    for rule in module.rules:
        for query in rule.queries:
            for statement in query.statements:
                for modifier in statement.modifiers:
                    if modifier.target.kind == "Var" and modifier.target.value == "input":
                        spans.add((modifier.value.start, modifier.value.end))
    text = module.source
    for start, end in sorted(spans, reverse=True):
        wrapped = b"json.unmarshal(%s(json.marshal(%s)))" % (_SEEN.encode(), text[start:end])
        text = text[:start] + wrapped + text[end:]
    return text.decode()


def variants(documents: Sequence[Any]) -> Iterator[tuple[int, str, Any]]:
    """Each document as it is (path ""), and with each field of each object removed; at most MAX_VARIANTS.

    Yields the document's number, the dotted path that was removed, and the document.
    """
    left = MAX_VARIANTS
    for number, document in enumerate(documents):
        for path in ((), *_paths(document)):
            if not left:
                return
            left -= 1
            yield number, ".".join(map(str, path)), _without(document, path)


def _paths(document: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(document, dict):
        for key, value in document.items():
            yield (*at, key)
            yield from _paths(value, (*at, key))
    elif isinstance(document, list):
        for index, value in enumerate(document):
            yield from _paths(value, (*at, index))


def _without(document: Any, path: tuple[str | int, ...]) -> Any:
    """The document without one field; what is not on the way to it is shared."""
    if not path:
        return document
    copy: Any = dict(document) if isinstance(document, dict) else list(document)
    if len(path) == 1:
        del copy[path[0]]
    else:
        copy[path[0]] = _without(document[path[0]], path[1:])
    return copy


def silences(suite: Loaded) -> list[Silence]:
    """evaluating policies with each field removed"""
    # The embedded engine keeps references inside a negation and OPA takes them out. So each trap is written out as OPA
    # reads it, and both readings are compared over every variant: where they differ, the rule falls silent in OPA.
    modules = [parse(s.path, s.text.encode()) for s in suite.embedded() if not s.path.endswith("_test.rego")]
    found = [(module, trap) for module in modules for trap in traps(module)]
    if not found:
        return []
    documents = list(variants(inputs(suite)))
    plain = _answers(suite, None, "", documents)
    silent = []
    for module, trap in found:
        lifted = _answers(suite, module, _lift(module, trap), documents)
        for (_, absent, _), here, there in zip(documents, plain, lifted, strict=True):
            if absent and here is not None and there is not None and here != there:
                line, column = module.place(trap.statement.start)
                silent.append(Silence(path=module.path, line=line, column=column, rule=trap.rule.name, absent=absent))
                break
    return silent


def _answers(suite: Loaded, changed: Module | None, text: str, documents: Sequence[tuple[int, str, Any]]) -> list[Any]:
    """What the suite's policies say of each document; None where the engine failed."""
    sources = [
        Source(s.path, text, s.language) if changed and s.path == changed.path else s
        for s in suite.embedded()
        if not s.path.endswith("_test.rego")
    ]
    engine = rego.prepare(sources, suite.data)
    query = rules_query(suite.questions)
    found = []
    for _, _, document in documents:
        try:
            engine.input(json.dumps(document).encode())
            found.append(engine.evaluate(query))
        except RegoError:
            found.append(None)
    return found


def rules_query(rules: Sequence[str]) -> str:
    """A query for the values of rules at once; each in a list that is empty where it is undefined.

    Rules, and not packages as a whole: the embedded engine loses definitions of a rule that is defined in several
    modules when it is asked for its package.
    """
    return "{" + ", ".join(f"{json.dumps(rule)}: [x | x := {data_path(rule)}]" for rule in rules) + "}"


def _lift(module: Module, trap: Trap) -> str:
    """The module with one negation written out as OPA reads it: what is taken out is bound first."""
    statement = trap.statement
    bound = "".join(
        f"strictreal_{number} := {module.cut(item.node.start, item.node.end)}; "
        for number, item in enumerate(trap.lifted)
    )
    end = statement.end
    negation = module.cut(statement.start, end)
    new = "{ " + bound + negation + " }" if _bare(module, trap, statement) else bound + negation
    return module.cut(0, statement.start) + new + module.cut(end, len(module.source))


def _bare(module: Module, trap: Trap, statement: Statement) -> bool:
    """Whether the statement is a whole body without braces: `deny if not …`."""
    for body in trap.rule.bodies:
        if body.statements and body.statements[0] is statement:
            return "{" not in module.cut(body.start, statement.start)
    return False

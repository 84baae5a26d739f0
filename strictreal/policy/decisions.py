"""What policies answer when there is nothing to look at: on `{}`, on `null`, and on test inputs that lack a field."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import msgspec

from strictreal.engines import opa, rego
from strictreal.errors import StrictRealError
from strictreal.model import canonical, shortened
from strictreal.policy import default_open
from strictreal.policy.absent import inputs, rules_query, variants
from strictreal.policy.loaded import Loaded
from strictreal.policy.parity import ask_embedded, ask_opa
from strictreal.policy.test import embedded

MAX_DOCUMENTS = 500
"""Inputs that the rules of one module are evaluated on; tests may give more."""
MAX_SHOWN = 200
MAX_ANSWERS = 20
"""Answers of one rule that are kept, the first ones."""
NOTHING: tuple[tuple[str, Any], ...] = (("{}", {}), ("null", None))


class Decider(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that may permit. `path` is dotted, below `data`."""

    path: str
    name: str
    line: int
    column: int
    entrypoint: bool
    used: bool
    """Whether other rules read it: a rule that only helps another does not decide by itself."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of one module, what they need, and the tests whose inputs they are evaluated on."""

    policy: Loaded
    rules: tuple[Decider, ...]
    suites: tuple[Loaded, ...]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule answers; `value` is "" where it is undefined."""

    rule: Decider
    given: str
    value: str
    opens: bool
    whole: bool


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules of one module answer, and why that is not all."""

    engine: str
    documents: int
    answers: tuple[Answer, ...] = ()
    problem: str = ""


class _Given(msgspec.Struct, frozen=True):
    """One input; `of` is the number of the test input that it is part of, -1 for none."""

    name: str
    document: Any
    of: int = -1
    lacking: str = ""
    whole: bool = True


Ask = Callable[[Loaded, Sequence[str], Sequence[_Given]], Sequence[Any]]
"""Gives for each input the values of rules, each in a list that is empty where it is undefined; or a refusal."""


def decide(task: Task) -> Decided:
    """evaluating policies on empty inputs"""
    # OPA is the judge where it is there. It is asked where the embedded engine cannot run the policy, where the two may
    # differ, and about every answer that permits; starting it for the rest takes longer than all else.
    given = list(islice(_given(task.suites), MAX_DOCUMENTS))
    judge = opa.version() != "absent"
    if not task.policy.barred:
        found = _decided(task, given, embedded(), _embedded)
        if not judge and task.policy.doubt and any(answer.opens for answer in found.answers):
            problem = f"it permits in the embedded engine, which is not OPA: {task.policy.doubt}"
            return msgspec.structs.replace(found, answers=(), problem=problem)
        doubted = found.problem or task.policy.doubt or any(answer.opens for answer in found.answers)
        if not (judge and doubted):
            return found
    return _decided(task, given, f"OPA {opa.version()}", _opa)


def _decided(task: Task, given: Sequence[_Given], engine: str, ask: Ask) -> Decided:
    """What one engine answers."""
    try:
        found = ask(task.policy, [rule.path for rule in task.rules], given)
    except StrictRealError as error:
        return Decided(engine=engine, documents=len(given), problem=f"{engine}: {error}")
    refusal = next((answer for answer in found if isinstance(answer, str)), "")
    # A rule that another reads, or a policy that never reads its input, decides nothing of an input by itself.
    blind = not any("input" in text for _, text, _ in task.policy.sources)
    answers: list[Answer] = []
    for rule in task.rules:
        form = "answer" if rule.used or blind else "default"
        answers += islice(_answers(rule, form, given, found), MAX_ANSWERS)
    return Decided(engine=engine, documents=len(given), answers=tuple(answers), problem=refusal)


def _given(suites: Sequence[Loaded]) -> Iterator[_Given]:
    """Empty inputs, then every test input: as it is, and without each of its fields."""
    for name, document in NOTHING:
        yield _Given(name, document)
    known: dict[str, Any] = {}
    for suite in suites:
        known |= {json.dumps(document, sort_keys=True): document for document in inputs(suite)}
    documents = list(known.values())
    for number, lacking, document in variants(documents):
        name = f"input {number + 1}" + (f" without {lacking}" if lacking else "")
        removed = documents[number].get(lacking) if isinstance(documents[number], dict) else None
        yield _Given(name, document, number, lacking, whole=isinstance(removed, dict | list))


def _embedded(policy: Loaded, questions: Sequence[str], given: Sequence[_Given]) -> list[dict[str, Any] | str]:
    engine = rego.prepare(policy.embedded(), policy.data)
    found: list[dict[str, Any] | str] = []
    for one in given:
        answer = ask_embedded(engine, questions, one.document)
        found.append(next((value for value in answer.values() if isinstance(value, str)), answer))
    return found


def _opa(policy: Loaded, questions: Sequence[str], given: Sequence[_Given]) -> list[dict[str, Any] | str]:
    return ask_opa(policy.modules(), policy.data, rules_query(questions), [one.document for one in given])


def _answers(rule: Decider, form: str, given: Sequence[_Given], found: Sequence[Any]) -> Iterator[Answer]:
    """The answers to empty inputs, and those that permit only since a field is gone."""
    closed: set[int] = set()
    for one, values in zip(given, found, strict=True):
        if isinstance(values, str):
            continue
        listed = values[rule.path]
        opens = bool(listed) and default_open.opens(rule.name, form, listed[0], entrypoint=rule.entrypoint)
        if one.of >= 0 and not one.lacking and not opens:
            closed.add(one.of)
        if one.of < 0 or (one.lacking and opens and one.of in closed):
            value = shortened(canonical(listed[0]).decode(), MAX_SHOWN) if listed else ""
            yield Answer(rule=rule, given=one.name, value=value, opens=opens, whole=one.whole)

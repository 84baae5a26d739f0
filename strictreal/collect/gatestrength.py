"""What a gate is made of besides its configuration: rules, their tests, audits of pipelines, criteria, value schemas.

Each part has a name, a place and a value, so that two revisions can be compared part by part. What comes first in no part
is its formatting: comments, white space, the order of files and of steps.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import yaml

from strictreal import kubeyaml
from strictreal.collect import gateaudits, pipelines
from strictreal.collect.subject import excluded
from strictreal.config import Config
from strictreal.errors import StrictRealError
from strictreal.subject import Tree

MAX_BYTES = 1024 * 1024
"""Of one file; a larger one is compared by its digest."""
MAX_NODES = 200_000
MAX_DEPTH = 100
SHOWN = 60
"""Characters of a definition that its name repeats."""
_TOKEN = re.compile(r"`[^`]*`|\"(?:[^\"\\\n]|\\.)*\"|#[^\n]*|\n|[^\S\n]+|\w+|[:=!<>]=|.", re.DOTALL)
_CONTINUES = frozenset({"else", "if", "contains", "in", "with", "and", "or", "as"})
_OPENS, _CLOSES = frozenset("([{"), frozenset(")]}")
_PERMITS = re.compile(r"(?i)(?:^|_)(?:allow|permit|exempt|except|exception|skip|ignore|trust|safe|excluded?|waive)")
"""Names of rules that let something pass: more of them is less of a gate."""
_RUNNERS = re.compile(
    r"(?i)(?:^|/)(?:(?:gnu)?makefile[^/]*|[^/]*\.mk|\.?justfile|tox\.ini|noxfile\.py|taskfile\.ya?ml|jenkinsfile|\.pre-commit-config\.yaml"
    r"|lefthook\.ya?ml|[^/]*\.(?:sh|bash)|run|pre-(?:commit|push))$|(?:^|/)\.(?:husky|ci|githooks)/"
)
AUDIT = "pipelines.audit"
"""How the names of audits begin; what starts one follows, and which of those it is."""
_SAYS = frozenset(
    {
        "title",
        "description",
        "examples",
        "example",
        "default",
        "$comment",
        "$id",
        "$schema",
        "deprecated",
        "markdownDescription",
    }
)
"""Keys of a JSON schema that constrain nothing."""


class Part(NamedTuple):
    """One part of a gate.

    Attributes:
        path, line: where it stands; line 0 where it is no line.
        value: canonical JSON.
        weakens: whether having it at all lets more pass, as a rule that allows does.
    """

    path: str
    line: int
    value: str
    weakens: bool = False


def parts(tree: Tree, config: Config) -> dict[str, Part]:
    """Every part of a tree's gate, by a name that says what it is."""
    found: dict[str, Part] = {}
    running: dict[str, str] = {}
    charts = {path.removesuffix("Chart.yaml") for path in tree.paths if path.rpartition("/")[2] == "Chart.yaml"}
    for path in sorted(tree.paths):
        folder, _, name = path.rpartition("/")
        if excluded(config, path):
            continue
        rego, schema = name.endswith(".rego"), name == "values.schema.json" and f"{folder}/".lstrip("/") in charts
        roadmap = folder == config.sprints and name.endswith((".yaml", ".yml"))
        runs = pipelines.is_pipeline(path) or bool(_RUNNERS.search(path))
        if not (rego or schema or roadmap or runs):
            continue
        try:
            text = tree.read(path)[: MAX_BYTES + 1].decode(errors="replace")
        except StrictRealError:
            continue  # a gap of whoever reads it
        if len(text) > MAX_BYTES:
            found[f"file.{path}"] = Part(path, 0, json.dumps(tree.digests[path]))
        elif rego:
            found.update(_rules(path, text))
        elif schema:
            found.update(_schema(path, text))
        elif roadmap:
            found.update(_criteria(path, text))
        if runs:
            running[path] = text
    counted = defaultdict[str, int](int)
    for audit in gateaudits.audits(running):
        name = f"{AUDIT}{f' on {audit.event}' if audit.event else ''}[{hash_of(audit.value)}"
        counted[name] += 1
        found[f"{name} {counted[name]}]"] = Part(audit.path, audit.line, audit.value)
    return found


def _rules(path: str, text: str) -> Iterator[tuple[str, Part]]:
    """The rules of a Rego file by their tokens; of tests, that they are there."""
    package, counted = "", defaultdict[str, int](int)
    for line, tokens in _split(text):
        head = tokens[1] if tokens[0] == "default" and len(tokens) > 1 else tokens[0]
        if head == "package":
            package = "".join(tokens[1:])
        elif head != "import":
            written = " ".join(tokens).replace(", }", " }").replace(", ]", " ]").replace(", )", " )")
            if head.startswith("test_"):
                yield f"policy-test.{package}.{head}", Part(path, line, '"test"')
                continue
            counted[written] += 1
            name = f"policy.{package}.{head}[{written[:60]}… {counted[written]}]"
            name = f"policy.{package}.{head}[{_short(written)}]" if counted[written] == 1 else name
            default = tokens[0] == "default" and tokens[-1] == "true"
            yield name, Part(path, line, json.dumps(written), weakens=default or bool(_PERMITS.search(head)))


def _short(written: str) -> str:
    return f"{written[:SHOWN]}… {hash_of(written)}" if len(written) > SHOWN else written


def hash_of(text: str) -> str:
    """A few digits that tell one long text from another."""
    from strictreal.model import digest

    return digest(text.encode())[:8]


def _split(text: str) -> Iterator[tuple[int, list[str]]]:
    """(line, tokens) of each statement at the top of a Rego file."""
    tokens: list[str] = []
    start, line, depth, fresh = 1, 1, 0, True
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token == "\n":  # noqa: S105  (a token of Rego)
            fresh = True
        elif not token.isspace() and not token.startswith("#"):
            begins = fresh and depth == 0 and (token[0].isalpha() or token[0] == "_") and token not in _CONTINUES
            if (
                begins
                and tokens
                and tokens[-1] not in {"if", "contains", "=", ":=", "==", ".", ",", "|", "&", "default", "in"}
            ):
                yield start, tokens
                tokens = []
            if not tokens:
                start = line
            depth += (token in _OPENS) - (token in _CLOSES)
            tokens.append(token)
            fresh = False
        line += token.count("\n")
    if tokens:
        yield start, tokens


def _schema(path: str, text: str) -> Iterator[tuple[str, Part]]:
    """The constraints of a chart's schema of values, leaf by leaf."""
    try:
        kubeyaml.refuse_beyond(text.encode(), depth=MAX_DEPTH, nodes=MAX_NODES, aliases=False)
        value = msgspec.json.decode(text.encode())
    except (StrictRealError, msgspec.DecodeError, RecursionError, ValueError, yaml.YAMLError):
        yield f"schema.{path}", Part(path, 0, json.dumps(hash_of(text)))
        return
    stack: list[tuple[str, Any, bool]] = [(f"schema.{path}", value, False)]
    while stack:
        name, inner, named = stack.pop()
        if isinstance(inner, dict):
            stack += [
                (
                    f"{name}.{key}",
                    below,
                    key in {"properties", "patternProperties", "definitions", "$defs"} and not named,
                )
                for key, below in inner.items()
                if named or key not in _SAYS
            ]
        elif name.rpartition(".")[2] == "required" and isinstance(inner, list):
            yield from ((f"{name}[{key}]", Part(path, 0, '"required"')) for key in map(str, inner))
        else:
            given = (
                sorted(map(str, inner)) if isinstance(inner, list) and all(isinstance(i, str) for i in inner) else inner
            )
            yield name, Part(path, 0, msgspec.json.encode(given, order="sorted").decode())


def _criteria(path: str, text: str) -> Iterator[tuple[str, Part]]:
    """The criteria of a roadmap, and each check that a criterion is bound to."""
    try:
        kubeyaml.refuse_beyond(text.encode(), depth=MAX_DEPTH, nodes=MAX_NODES, aliases=False)
        value = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506  (a safe loader)
    except (StrictRealError, yaml.YAMLError, ValueError, RecursionError):
        yield f"roadmap.{path}", Part(path, 0, json.dumps(hash_of(text)))
        return
    lines = text.split("\n")
    stack: list[tuple[str, Any]] = [("criterion", value)]
    while stack:
        name, inner = stack.pop()
        if isinstance(inner, list):
            stack += [(name, below) for below in inner]
        elif isinstance(inner, dict):
            own = f"{name}.{inner['id']}" if "id" in inner else name
            stack += [(own, below) for below in inner.values() if isinstance(below, (list, dict))]
            if "id" in inner and not any(
                isinstance(b, list) and any(isinstance(i, dict) for i in b) for b in inner.values()
            ):
                at = next(
                    (
                        n
                        for n, line in enumerate(lines, 1)
                        if re.search(rf"\bid:\s*[\"']?{re.escape(str(inner['id']))}\b", line)
                    ),
                    0,
                )
                yield own, Part(path, at, '"criterion"')
                checks = inner.get("checks")
                for check in map(str, checks if isinstance(checks, list) else ()):
                    yield f"{own}.checks[{check}]", Part(path, at, '"bound"')

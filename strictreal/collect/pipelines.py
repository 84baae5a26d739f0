"""CI workflow files, read for one claim: that what they run, runs in strict mode."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from strictreal.config import STRICT_VARIABLE
from strictreal.facts.claims import Pipeline, StrictClaim
from strictreal.model import Fact, Location
from strictreal.redact import redact

MAX_BYTES = 1024 * 1024
"""Of one workflow file; a larger one is a gap."""
MAX_DEPTH = 100
MAX_TEXT = 400
_FILES = re.compile(
    r"(?:^|/)(?:\.(?:github|gitea|forgejo)/(?:workflows/[^/]+|actions/(?:[^/]+/)*action)|\.gitlab-ci|\.circleci/config"
    r"|azure-pipelines|bitbucket-pipelines|\.drone|\.travis|\.woodpecker(?:/[^/]+)?|\.buildkite/[^/]+)\.ya?ml$"
)
_TRUE = re.compile(r"(?i)(?:1|true|yes|on)$")
_ASSIGNED = re.compile(rf"(?<![\w-]){STRICT_VARIABLE}=([\"']?)(?:1|true|yes|on)\1(?![\w])", re.IGNORECASE)
_OPTION = re.compile(r"\bstrictreal\s+audit\b[^\n|;&]{0,300}\s--strict\b")


def is_pipeline(path: str) -> bool:
    """Whether a file is a workflow of GitHub, Gitea, GitLab, CircleCI, Azure, Bitbucket, Drone or Travis."""
    return bool(_FILES.search(path))


def place(path: str) -> str:
    """Where a workflow stands, for those that may be started by somebody else there, or by nobody: GitHub runs those of
    `.github` at the root alone, and Gitea prefers `.gitea`; "" for the usual place and for files that are no workflows."""
    if not (found := _FILES.search(path)):
        return ""
    folder, name = path[: found.start()].rstrip("/"), path[found.start() :].lstrip("/").partition("/")[0]
    return " ".join(
        [*([f"of {name}"] if name in {".gitea", ".forgejo"} else []), *([f"in {folder}"] if folder else [])]
    )


def facts_of(file: tuple[str, bytes]) -> list[Fact]:
    """reading workflows"""
    path, source = file
    if len(source) > MAX_BYTES:
        raise ValueError(f"is larger than {MAX_BYTES} bytes (bound: workflow size)")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        text = source.decode("utf-8-sig")
        refuse_depth(text, loader)
        documents = list(yaml.compose_all(text, Loader=loader))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"is not valid YAML: {' '.join(str(error).split())[:200]}") from error
    lines = text.splitlines()
    claims: dict[int, StrictClaim] = {}
    for line, variable in (found for document in documents for found in _strict(document)):
        shown = lines[line - 1].strip()[:MAX_TEXT] if line <= len(lines) else ""
        claims.setdefault(line, StrictClaim(where=Location(path, line, text=redact(shown)), variable=variable))
    jobs = sum(_jobs(document) for document in documents)
    return [Pipeline(where=Location(path), jobs=jobs), *(claims[line] for line in sorted(claims))]


def refuse_depth(text: str, loader: type) -> None:
    """Composing recurses in C, where depth ends the process; events do not."""
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise ValueError(f"is nested more than {MAX_DEPTH} levels deep (bound: nesting)")


def _strict(document: yaml.Node | None) -> Iterator[tuple[int, str]]:
    """(line, variable or option) of everything that turns strict mode on; every node once, however often aliased."""
    stack, seen = [document] if document else [], set[int]()
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if _text(key) == STRICT_VARIABLE and _TRUE.match(_text(value)):
                    yield key.start_mark.line + 1, STRICT_VARIABLE
            named = {_text(key): value for key, value in node.value}
            if _text(named.get("name")) == STRICT_VARIABLE and _TRUE.match(_text(named.get("value"))):
                yield node.start_mark.line + 1, STRICT_VARIABLE
            stack += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            stack += node.value
        else:
            yield from _in_script(node)


def _in_script(node: yaml.Node) -> Iterator[tuple[int, str]]:
    first = node.start_mark.line + 1 + (getattr(node, "style", "") in {"|", ">"})
    for offset, line in enumerate(node.value.split("\n")):
        if line.lstrip().startswith("#"):
            continue
        if _ASSIGNED.search(line):
            yield first + offset, STRICT_VARIABLE
        elif _OPTION.search(line):
            yield first + offset, "--strict"


def _text(node: yaml.Node | None) -> str:
    return node.value.strip() if isinstance(node, yaml.ScalarNode) else ""


def _jobs(document: yaml.Node | None) -> int:
    """Entries of a `jobs` mapping; 0 where jobs are written otherwise."""
    if not isinstance(document, yaml.MappingNode):
        return 0
    jobs = next((value for key, value in document.value if _text(key) == "jobs"), None)
    return len(jobs.value) if isinstance(jobs, yaml.MappingNode) else 0

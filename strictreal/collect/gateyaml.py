"""The audits of a workflow's YAML: what starts each of them, what it asks for, and what it depends on.

GitHub's format, which Gitea and Forgejo share, is read by its meaning: events with their filters, conditions of jobs and
steps, jobs that are needed. Of every other format all that stands around an audit counts, but for what only names or places it.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

import yaml

from strictreal import kubeyaml
from strictreal.collect.gatescripts import Found, Scripts, canonical, environment_of, is_open, is_strict
from strictreal.collect.gateworkflow import Workflow
from strictreal.collect.shell.reached import hash_of
from strictreal.collect.shell.runs import Carried, Run
from strictreal.errors import StrictRealError

MAX_DEPTH = 60
MAX_NODES = 100_000
MAX_AROUND = 200
"""Values around an audit that are told one by one."""
_NEUTRAL = frozenset(
    """
    name id uses with stage cache artifacts services outputs permissions timeout-minutes timeout timeoutInMinutes retry
    display_name displayName description label labels key resource_class concurrency image docker coverage script
    before_script after_script steps jobs step commands command run bash sh pwsh powershell entry args repos hooks rev repo
    version orbs env environment variables caches pipelines clone size runtime parallel interruptible tasks vars desc silent
    publish reports secrets resources annotations agents plugins
    """.split()
)
"""Keys that say nothing of whether a step runs, or that are looked at themselves."""
_OF_GITLAB = frozenset({"tags", "stages"})
"""The same in a pipeline of GitLab: a job that no runner takes, or whose stage is not there, lets no pipeline pass."""
_SCRIPTS = frozenset({"script", "commands", "before_script", "after_script", "command", "cmds", "run", "entry", "bash"})
_WORDS = frozenset({"command", "args", "entry", "cmd", "entrypoint"})


def found(path: str, text: str, carried: Carried) -> Iterator[Found]:
    """Every audit of a workflow.

    Raises, before the first:
        ValueError: it is no YAML, or nested too deeply, or too large.
    """
    try:
        kubeyaml.refuse_beyond(text.encode(), depth=MAX_DEPTH, nodes=MAX_NODES, aliases=True)
        loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
        documents = list(yaml.load_all(text, loader))
        _refuse_expanded(documents)
    except (StrictRealError, yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"is not read as YAML: {error}") from error
    return _found(path, documents, text, Scripts(text, carried))


def _found(path: str, documents: Iterable[Any], text: str, scripts: Scripts) -> Iterator[Found]:
    for document in documents:
        if isinstance(document, dict) and isinstance(document.get("jobs"), dict) and "on" in document:
            yield from Workflow(document, text, scripts).found()
        elif isinstance(document, dict) and isinstance(document.get("runs"), dict):
            steps = Workflow({"on": "", "jobs": {"action": document["runs"]}}, text, scripts)
            yield from (Found("", each.run) for each in steps.found())
        else:
            gitlab = path.rpartition("/")[2] == ".gitlab-ci.yml"
            neutral = _NEUTRAL | _OF_GITLAB if gitlab else _NEUTRAL
            yield from (Found("", run) for run in _anywhere(document, text, scripts, neutral))


def _refuse_expanded(documents: list[Any]) -> None:
    """Aliases count as what they stand for, since whoever writes a value out writes all of it."""
    known: dict[int, int] = {}

    def size(node: Any, depth: int) -> int:
        if depth > MAX_DEPTH:
            raise ValueError(f"is nested more than {MAX_DEPTH} levels deep (bound: YAML depth)")
        if not isinstance(node, dict | list):
            return 1
        if id(node) not in known:
            inner = [*node, *node.values()] if isinstance(node, dict) else node
            known[id(node)] = 1 + sum(size(each, depth + 1) for each in inner)
        if known[id(node)] > MAX_NODES:
            raise ValueError(f"holds more than {MAX_NODES} values (bound: YAML nodes)")
        return known[id(node)]

    size(documents, 0)


def _anywhere(document: Any, text: str, scripts: Scripts, neutral: Set[str]) -> Iterator[Run]:
    """The audits of a format that is not known, with all that stands around them."""
    top = document if isinstance(document, dict) else {}
    among = frozenset({f"among {hash_of(text)}"})
    used = canonical(document) if isinstance(document, dict) else ""
    stack: list[tuple[Any, frozenset[str], bool, str]] = [(document, frozenset(), False, "")]
    for _ in range(MAX_NODES):
        if not stack:
            return
        node, guards, strict, key = stack.pop()
        if isinstance(node, dict):
            around = {
                f"{k}: {canonical(v)}"
                for k, v in node.items()
                if k not in neutral and _is_condition(v, at_top=node is top)
            }
            inner = guards | around | environment_of(node)
            if len(inner) > MAX_AROUND:
                inner = among
            strict = strict or is_strict(node)
            if isinstance(entry := node.get("entry"), str) and isinstance(node.get("args"), list):
                node = node | {"entry": shlex.join([*shlex.split(entry), *map(str, node["args"])]), "args": ""}
            if isinstance(script := node.get("script"), list | str):
                node = node | {"script": [*_before(node, top), *_texts(script)]}
            for name, below in node.items():
                hidden = (
                    frozenset({f"hidden, used {used.count(str(name)) - 1} times"})
                    if str(name).startswith(".")
                    else frozenset[str]()
                )
                stack.append((below, inner | hidden, strict, str(name)))
        elif isinstance(node, list) and node and all(isinstance(item, str) for item in node):
            script = shlex.join(node) if key in _WORDS else "\n".join(node)
            stack.append((script, guards, strict, key))
        elif isinstance(node, list):
            stack += [(item, guards, strict, key) for item in node]
        elif isinstance(node, str):
            lost = "after_script" if key == "after_script" else ""
            errexit = key in _SCRIPTS
            for run in scripts.runs(node, errexit=errexit, lost=lost):
                asks = run.asks | {"--strict"} if strict else run.asks
                given = {f"given {hash_of(text)}"} if is_open(run) else set()
                yield Run(run.line, asks, run.guards | guards | given)
    yield Run(1, frozenset(), frozenset({f"unread: {hash_of(text)}"}))


def _before(job: Mapping[str, Any], top: Mapping[str, Any]) -> list[str]:
    """What GitLab runs in the same shell before the script of a job, which may end it with success."""
    default = top.get("default")
    places = (job, default if isinstance(default, dict) else {}, top)
    return next((_texts(place["before_script"]) for place in places if "before_script" in place), [])


def _texts(value: Any) -> list[str]:
    return [str(each) for each in value if isinstance(each, str)] if isinstance(value, list) else [str(value)]


def _is_condition(value: Any, *, at_top: bool) -> bool:
    """Whether a value beside an audit may decide about it: at the top of a file, jobs beside it do not."""
    return not (isinstance(value, dict) and _holds_scripts(value)) if at_top else not _holds_scripts(value)


def _holds_scripts(value: Any) -> bool:
    stack, steps = [value], 0
    while stack and steps < 10_000:
        steps += 1
        node = stack.pop()
        if isinstance(node, dict):
            if not _SCRIPTS.isdisjoint(node) or "steps" in node or "hooks" in node:
                return True
            stack += node.values()
        elif isinstance(node, list):
            stack += node
    return False

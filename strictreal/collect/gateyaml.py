"""The audits of a workflow's YAML: what starts each of them, what it asks for, and what it depends on.

GitHub's format, which Gitea and Forgejo share, is read by its meaning: events with their filters, conditions of jobs and
steps, jobs that are needed. Of every other format all that stands around an audit counts, but for what only names or places it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
import yaml

from strictreal import kubeyaml
from strictreal.collect.shell.reached import hash_of
from strictreal.collect.shell.runs import SENSITIVE, STRICT, Carried, Run, runs
from strictreal.errors import StrictRealError

MAX_DEPTH = 60
MAX_NODES = 100_000
MAX_VALUE = 300
"""Characters of a condition that are shown; a longer one is told by its digest."""
REFS = ("branches", "branches-ignore", "tags", "tags-ignore")
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
_SCRIPTS = frozenset({"script", "commands", "before_script", "after_script", "command", "cmds", "run", "entry", "bash"})
_WORDS = frozenset({"command", "args", "entry", "cmd", "entrypoint"})


class Found(NamedTuple):
    """One audit of a file: what starts it ("" where the file does not say), and the run itself."""

    event: str
    run: Run


def found(path: str, text: str, carried: Carried) -> list[Found]:
    """Every audit of a workflow.

    Raises:
        ValueError: it is no YAML, or nested too deeply, or too large.
    """
    try:
        kubeyaml.refuse_beyond(text.encode(), depth=MAX_DEPTH, nodes=MAX_NODES, aliases=True)
        loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
        documents = list(yaml.load_all(text, loader))
        _refuse_expanded(documents)
    except (StrictRealError, yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"is not read as YAML: {error}") from error
    seen: list[Found] = []
    for document in documents:
        if isinstance(document, dict) and isinstance(document.get("jobs"), dict) and "on" in document:
            seen += _GitHub(document, text, carried).found()
        elif isinstance(document, dict) and isinstance(document.get("runs"), dict):
            steps = _GitHub({"on": "", "jobs": {"action": document["runs"]}}, text, carried)
            seen += [Found("", each.run) for each in steps.found()]
        else:
            seen += [Found("", run) for run in _anywhere(document, text, carried)]
    return seen


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


class _GitHub:
    def __init__(self, document: Mapping[str, Any], text: str, carried: Carried) -> None:
        self._document = document
        self._text = text
        self._carried = carried
        self._jobs = {str(name): job for name, job in document["jobs"].items() if isinstance(job, dict)}

    def found(self) -> Iterator[Found]:
        events = dict(_events(self._document.get("on")))
        for node in (self._document, *self._jobs.values(), *_steps(self._jobs.values())):
            for name, value in _variables(node).items():
                # Whoever runs the variable stands anywhere in the file, so that all of it counts.
                for run in runs(str(value), _line(self._text, str(value))):
                    yield Found("", Run(run.line, run.asks, run.guards | {f"as ${name} in {hash_of(self._text)}"}))
        for name, job in self._jobs.items():
            around = {*self._of_job(name, set()), *_environment(self._document), *_environment(job)}
            around |= _defaults(self._document) | _defaults(job)
            strict = _strict(self._document) or _strict(job)
            for run in self._runs(job):
                asks = run.asks | {"--strict"} if strict else run.asks
                given = (
                    {f"given to all: {_canonical([_variables(self._document), _variables(job)])}"}
                    if _is_open(run)
                    else set()
                )
                for event, filters in events.items():
                    yield Found(event, Run(run.line, asks, run.guards | around | filters | given))

    def _of_job(self, name: str, seen: set[str]) -> Iterator[str]:
        """The conditions of a job and of those that it waits for."""
        job = self._jobs.get(name, {})
        if name in seen:
            return
        seen.add(name)
        for key in ("if", "continue-on-error", "environment", "container"):
            if key in job and _says(key, job[key]):
                yield f"{key}: {_canonical(job[key])}"
        if "runs-on" in job:
            yield f"runs-on: {re.sub(r'-(?:latest|[0-9][0-9.]*)', '', _canonical(job['runs-on']))}"
        matrix = job.get("strategy", {}).get("matrix") if isinstance(job.get("strategy"), dict) else None
        if isinstance(matrix, str) or (isinstance(matrix, dict) and any(not _holds(v) for v in matrix.values())):
            yield f"matrix: {_canonical(matrix)}"
        needs = job.get("needs", [])
        for needed in [needs] if isinstance(needs, str) else needs if isinstance(needs, list) else []:
            others = [g for g in self._of_job(str(needed), seen) if g.startswith(("if:", "needs"))]
            yield from (f"needs {needed}, {guard}" for guard in others)

    def _runs(self, job: Mapping[str, Any]) -> Iterator[Run]:
        if isinstance(called := job.get("uses"), str) and (carrier := self._carried([called])):
            yield Run(_line(self._text, called), frozenset({f"runs {carrier}"}), frozenset())
        before: set[str] = set()
        steps = job.get("steps", [])
        for step in steps if isinstance(steps, list) else []:
            if not isinstance(step, dict):
                continue
            guards = {
                f"{key}: {_canonical(step[key])}" for key in ("if", "continue-on-error") if _says(key, step.get(key))
            }
            guards |= _environment(step) | before
            script, uses = step.get("run"), step.get("uses")
            if isinstance(script, str):
                shell = str(step.get("shell", "bash" if "shell" in _canonical(job.get("defaults", "")) else ""))
                guards |= {f"{key}: {step[key]}" for key in ("working-directory",) if key in step}
                guards |= {f"shell: {shell}"} if shell not in {"", "bash", "sh"} else set()
                for run in runs(
                    script, _line(self._text, script), errexit=True, pipefail=shell == "bash", carried=self._carried
                ):
                    asks = run.asks | {"--strict"} if _strict(step) else run.asks
                    given = {f"given to the step: {_canonical(_variables(step))}"} if _is_open(run) else set()
                    yield Run(run.line, asks, run.guards | guards | given)
                before |= {f"after {_short(line.strip())}" for line in script.split("\n") if _changes_all(line)}
            elif isinstance(uses, str):
                yield from (Run(run.line, run.asks, run.guards | guards) for run in self._used(uses, step))
                held = step.get("with")
                if "checkout" in uses and isinstance(held, dict):
                    before |= {
                        f"of {k}: {held[k]}" for k in ("ref", "repository", "path", "sparse-checkout") if k in held
                    }

    def _used(self, uses: str, step: Mapping[str, Any]) -> Iterator[Run]:
        """The audits of an action: of the subject's own, of one that is called so, or of a command that one is given."""
        line = _line(self._text, uses)
        if carrier := self._carried([uses]):
            yield Run(line, frozenset({f"runs {carrier}"}), frozenset())
        elif re.search(r"(?<![\w-])strictreal(?![\w-])", uses):
            yield Run(
                line, frozenset({f"uses {uses.partition('@')[0]}", _canonical(step.get("with", {}))}), frozenset()
            )
        given = step.get("with")
        for value in given.values() if isinstance(given, dict) else ():
            for run in runs(value, _line(self._text, value), carried=self._carried) if isinstance(value, str) else ():
                yield Run(
                    run.line, run.asks, run.guards | {f"through {uses.partition('@')[0]} with {_canonical(given)}"}
                )


def _events(on: Any) -> Iterator[tuple[str, set[str]]]:
    """(event, its filters) of everything that starts a workflow."""
    if isinstance(on, str):
        yield on, set()
    elif isinstance(on, list):
        yield from ((str(event), set()) for event in on)
    for event, given in on.items() if isinstance(on, dict) else ():
        filters: set[str] = set()
        if isinstance(given, dict):
            refs = {key: _listed(given[key]) for key in REFS if key in given}
            if refs:
                filters.add(f"filter {msgspec.json.encode(refs, order='sorted').decode()}")
            for key in given.keys() - set(REFS) - {"inputs", "outputs", "secrets"}:
                filters.add(f"filter {msgspec.json.encode({key: _listed(given[key])}).decode()}")
        elif isinstance(given, list):
            filters.add(f"times: {_canonical(given)}")
        yield str(event), filters


def _anywhere(document: Any, text: str, carried: Carried) -> Iterator[Run]:
    """The audits of a format that is not known, with all that stands around them."""
    top = document if isinstance(document, dict) else {}
    used = _canonical(document) if isinstance(document, dict) else ""
    stack: list[tuple[Any, frozenset[str], bool, str]] = [(document, frozenset(), False, "")]
    for _ in range(MAX_NODES):
        if not stack:
            return
        node, guards, strict, key = stack.pop()
        if isinstance(node, dict):
            around = {
                f"{k}: {_canonical(v)}"
                for k, v in node.items()
                if k not in _NEUTRAL and _is_condition(v, at_top=node is top)
            }
            inner = guards | around | _environment(node)
            strict = strict or _strict(node)
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
                stack.append(
                    (below, inner | hidden if node is not top or hidden else guards | inner, strict, str(name))
                )
        elif isinstance(node, list) and node and all(isinstance(item, str) for item in node):
            script = shlex.join(node) if key in _WORDS else "\n".join(node)
            stack.append((script, guards, strict, key))
        elif isinstance(node, list):
            stack += [(item, guards, strict, key) for item in node]
        elif isinstance(node, str):
            lost = "after_script" if key == "after_script" else ""
            errexit = key in _SCRIPTS
            for run in runs(node, _line(text, node), errexit=errexit, lost=lost, carried=carried):
                asks = run.asks | {"--strict"} if strict else run.asks
                given = {f"given {hash_of(text)}"} if _is_open(run) else set()
                yield Run(run.line, asks, run.guards | guards | given)
    yield Run(1, frozenset(), frozenset({f"unread: {hash_of(text)}"}))


def _is_open(run: Run) -> bool:
    """Whether what an audit asks for is worked out of variables that its script does not set."""
    return any("…" in ask or "{{" in ask for ask in run.asks)


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


def _says(key: str, value: Any) -> bool:
    """Whether a key is there and does not say what goes without saying."""
    if value is None:
        return False
    text = str(value).strip().removeprefix("${{").removesuffix("}}").strip().lower()
    return text not in ({"true", "success()", ""} if key == "if" else {"false", ""})


def _steps(jobs: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for job in jobs:
        steps = job.get("steps")
        yield from (step for step in steps if isinstance(step, dict)) if isinstance(steps, list) else ()


def _variables(node: Mapping[str, Any]) -> dict[str, Any]:
    """What a part of a workflow sets for all that it runs."""
    given: dict[str, Any] = {}
    for key in ("env", "environment", "variables", "vars"):
        held = node.get(key)
        pairs = [str(item).partition("=")[::2] for item in held] if isinstance(held, list) else []
        given |= held if isinstance(held, dict) else dict(pairs)
    return given


def _environment(node: Mapping[str, Any]) -> set[str]:
    return {
        f"with {name}={_canonical(value)}"
        for name, value in _variables(node).items()
        if SENSITIVE.fullmatch(str(name)) and not STRICT.search(f"{name}={value}")
    }


def _strict(node: Mapping[str, Any]) -> bool:
    return any(STRICT.match(f"{name}={value}") for name, value in _variables(node).items())


def _defaults(node: Mapping[str, Any]) -> set[str]:
    run = node.get("defaults", {}).get("run", {}) if isinstance(node.get("defaults"), dict) else {}
    shell = run.get("shell", "") if isinstance(run, dict) else _canonical(run)
    place = run.get("working-directory", "") if isinstance(run, dict) else ""
    return {f"shell: {shell}" for _ in [0] if shell not in {"", "bash", "sh"}} | {
        f"working-directory: {place}" for _ in [0] if place
    }


def _changes_all(line: str) -> bool:
    """Whether a line of an earlier step changes the program that an audit is, or its environment."""
    return bool(
        re.search(r"GITHUB_PATH|GITHUB_ENV", line) and re.search(r"GITHUB_PATH|PATH=|PYTHON|BASH_ENV|STRICT|LD_", line)
    )


def _listed(value: Any) -> list[str]:
    return sorted(map(str, value)) if isinstance(value, list) else [_canonical(value)]


def _holds(value: Any) -> bool:
    return bool(value) and not (isinstance(value, str) and "${{" in value)


def _canonical(value: Any) -> str:
    return _short(value if isinstance(value, str) else msgspec.json.encode(value, order="sorted").decode())


def _short(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= MAX_VALUE else f"{plain[:MAX_VALUE]}… {hash_of(text)}"


def _line(text: str, script: str) -> int:
    """The line on which a text begins; 1 where it is folded or escaped."""
    opening = next((line.strip() for line in script.split("\n") if line.strip()), "")
    at = text.find(opening) if opening else -1
    return text.count("\n", 0, at) + 1 if at >= 0 else 1

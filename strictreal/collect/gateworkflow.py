"""The audits of a workflow in GitHub's format, which Gitea and Forgejo share: events, conditions, jobs that are needed."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Any

import msgspec

from strictreal.collect.gatescripts import (
    Found,
    Scripts,
    canonical,
    environment_of,
    is_open,
    is_strict,
    line_of,
    short,
    variables_of,
    whole,
)
from strictreal.collect.shell.reached import hash_of
from strictreal.collect.shell.runs import Run

REFS = ("branches", "branches-ignore", "tags", "tags-ignore")
MAX_GUARDS = 100
"""Conditions of a job and of those that it waits for."""
MAX_SCRIPT = 100_000
MAX_CASES = 1000
"""Cases of a matrix; GitHub refuses one with more than 256."""
_VERSION = re.compile(r"-(?:latest|2[0-9]\.04|20[0-9]{2}|1[0-9])(?![\w.])")
"""Versions of the machines that GitHub gives."""
_FETCHES = re.compile(r"checkout|\bgit\s+(?:clone|fetch|pull)\b|\bgh\s+repo\s+clone\b")
"""What a step says that puts the files of a repository in its place, in one way or another."""
_HOSTED = frozenset(f"runs-on: {name}" for name in ("ubuntu", "windows", "macos"))
_ALWAYS = frozenset({"true", "success()", "always()", "!cancelled()", ""})


class Workflow:
    """One workflow: what its file says, and the scripts in it."""

    def __init__(self, document: Mapping[str, Any], text: str, scripts: Scripts) -> None:
        self._document = document
        self._text = text
        self._scripts = scripts
        self._jobs = {str(name): job for name, job in document["jobs"].items() if isinstance(job, dict)}

    def found(self) -> Iterator[Found]:
        events = dict(_events(self._document.get("on")))
        whole_text = hash_of(self._text)
        for node in (self._document, *self._jobs.values(), *_steps(self._jobs.values())):
            for name, value in variables_of(node).items():
                # Whoever runs the variable stands anywhere in the file, so that all of it counts.
                for run in self._scripts.runs(str(value)):
                    yield Found("", Run(run.line, run.asks, run.guards | {f"as ${name} in {whole_text}"}))
        for name, job in self._jobs.items():
            around: set[str] | None = None
            strict = is_strict(self._document) or is_strict(job)
            for run in self._runs(job):
                if around is None:
                    around = {*self._of_job(name), *environment_of(self._document), *environment_of(job)}
                    around |= _defaults(self._document) | _defaults(job)
                asks = run.asks | {"--strict"} if strict else run.asks
                given = (
                    {f"given to all: {canonical([variables_of(self._document), variables_of(job)])}"}
                    if is_open(run)
                    else set()
                )
                for event, filters in events.items():
                    yield Found(event, Run(run.line, asks, run.guards | around | filters | given))

    def _of_job(self, name: str) -> set[str]:
        """The conditions of a job and of those that it waits for, near and far."""
        own = set(_of_job(self._jobs[name]))
        found, seen, waiting = set(own), {name}, _needed(self._jobs[name])
        while waiting:
            if (needed := waiting.pop()) in seen:
                continue
            seen.add(needed)
            job = self._jobs.get(needed, {})
            waiting += _needed(job)
            others = set(_of_job(job)) - own - _HOSTED
            found |= {
                f"needs {needed}, {each}"
                for each in others
                if each.startswith(("if:", "matrix:", "runs-on:", "timeout"))
            }
        return found if len(found) <= MAX_GUARDS else {f"jobs: {hash_of(whole(sorted(found)))}"}

    def _runs(self, job: Mapping[str, Any]) -> Iterator[Run]:
        if isinstance(called := job.get("uses"), str) and (carrier := self._scripts.carried([called])):
            yield Run(line_of(self._text, called), frozenset({f"runs {carrier}"}), frozenset())
        before: set[str] = set()
        fetched = self._document["on"] == ""
        steps = job.get("steps", [])
        for step in steps if isinstance(steps, list) else []:
            if not isinstance(step, dict):
                continue
            guards = {
                f"{key}: {canonical(step[key])}" for key in ("if", "continue-on-error") if _says(key, step.get(key))
            }
            guards |= {*environment_of(step), *_never(step), *before}
            if not fetched:
                guards.add("before any checkout")
            script, uses = step.get("run"), step.get("uses")
            fetched |= bool(re.search(_FETCHES, f"{script or ''} {uses or ''}"[:MAX_SCRIPT]))
            if isinstance(script, str):
                shell = str(step.get("shell", "bash" if "shell" in canonical(job.get("defaults", "")) else ""))
                guards |= {f"{key}: {step[key]}" for key in ("working-directory",) if key in step}
                guards |= {f"shell: {shell}"} if shell not in {"", "bash", "sh"} else set()
                for run in self._scripts.runs(script, errexit=True, pipefail=shell == "bash"):
                    asks = run.asks | {"--strict"} if is_strict(step) else run.asks
                    given = {f"given to the step: {canonical(variables_of(step))}"} if is_open(run) else set()
                    yield Run(run.line, asks, run.guards | guards | given)
                before |= {f"after {short(line.strip())}" for line in script.split("\n") if _changes_all(line)}
            elif isinstance(uses, str):
                yield from (Run(run.line, run.asks, run.guards | guards) for run in self._used(uses, step))
                held = step.get("with")
                if "checkout" in uses and isinstance(held, dict):
                    before |= {
                        f"of {k}: {held[k]}" for k in ("ref", "repository", "path", "sparse-checkout") if k in held
                    }

    def _used(self, uses: str, step: Mapping[str, Any]) -> Iterator[Run]:
        """The audits of an action: of the subject's own, of one that is called so, or of a command that one is given."""
        line = line_of(self._text, uses)
        if carrier := self._scripts.carried([uses]):
            yield Run(line, frozenset({f"runs {carrier}"}), frozenset())
        elif re.search(r"(?<![\w-])strictreal(?![\w-])", uses):
            yield Run(line, frozenset({f"uses {uses.partition('@')[0]}", canonical(step.get("with", {}))}), frozenset())
        given = step.get("with")
        for value in given.values() if isinstance(given, dict) else ():
            for run in self._scripts.runs(value) if isinstance(value, str) else ():
                yield Run(
                    run.line, run.asks, run.guards | {f"through {uses.partition('@')[0]} with {canonical(given)}"}
                )


def _needed(job: Mapping[str, Any]) -> list[str]:
    needs = job.get("needs", [])
    return [str(each) for each in ([needs] if isinstance(needs, str) else needs if isinstance(needs, list) else [])]


def _of_job(job: Mapping[str, Any]) -> Iterator[str]:
    """The conditions of one job."""
    for key in ("if", "continue-on-error", "environment", "container"):
        if key in job and _says(key, job[key]):
            yield f"{key}: {canonical(job[key])}"
    if "runs-on" in job:
        yield f"runs-on: {_VERSION.sub('', canonical(job['runs-on']))}"
    yield from _never(job)
    matrix = job.get("strategy", {}).get("matrix") if isinstance(job.get("strategy"), dict) else None
    if isinstance(matrix, str) or (isinstance(matrix, dict) and not _has_case(matrix)):
        yield f"matrix: {canonical(matrix)}"


def _never(node: Mapping[str, Any]) -> Iterator[str]:
    """A limit of time that ends a job or a step at once, or that is worked out elsewhere."""
    limit = str(node.get("timeout-minutes", "1"))
    if not re.fullmatch(r"\d*[1-9]\d*(?:\.\d+)?|0\.\d*[1-9]\d*", limit.strip()):
        yield f"timeout-minutes: {short(limit)}"


def _has_case(matrix: Mapping[str, Any]) -> bool:
    """Whether a matrix surely has a case: no list of it is empty, and what it excludes leaves one."""
    if any(not _holds(value) for key, value in matrix.items() if key != "exclude"):
        return False
    excluded, axes = matrix.get("exclude", []), {k: v for k, v in matrix.items() if k not in {"exclude", "include"}}
    if not excluded or matrix.get("include"):
        return True
    if not isinstance(excluded, list) or not all(isinstance(v, list) for v in [*axes.values()]):
        return False
    if math.prod(map(len, axes.values())) > MAX_CASES:
        return False
    cases = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
    return any(
        not any(
            isinstance(each, dict) and all(case.get(k) == v for k, v in each.items()) for each in excluded[:MAX_CASES]
        )
        for case in cases
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
            filters.add(f"times: {canonical(given)}")
        yield str(event), filters


def _says(key: str, value: Any) -> bool:
    """Whether a key is there and does not say what goes without saying."""
    if value is None:
        return False
    text = str(value).strip().removeprefix("${{").removesuffix("}}").strip().lower()
    return text not in (_ALWAYS if key == "if" else {"false", ""})


def _steps(jobs: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for job in jobs:
        steps = job.get("steps")
        yield from (step for step in steps if isinstance(step, dict)) if isinstance(steps, list) else ()


def _defaults(node: Mapping[str, Any]) -> set[str]:
    run = node.get("defaults", {}).get("run", {}) if isinstance(node.get("defaults"), dict) else {}
    shell = run.get("shell", "") if isinstance(run, dict) else canonical(run)
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
    return sorted(map(str, value)) if isinstance(value, list) else [canonical(value)]


def _holds(value: Any) -> bool:
    return bool(value) and not (isinstance(value, str) and "${{" in value)

"""Sprints: which checks prove a roadmap's criteria, and what a run's outcomes say of each criterion.

Reading a roadmap and joining it to outcomes are apart: `load` reads files of the subject, which are hostile input; the
rest is pure. The roadmaps are facts of the run, so a bundle alone gives the same table again.
"""

from __future__ import annotations

import difflib
import fnmatch
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple

import jsonschema_rs
import msgspec

from strictreal import suite
from strictreal.errors import ConfigurationError, StrictRealError
from strictreal.facts.sprints import LANES, Criterion, Lane, Roadmap, Sprint
from strictreal.model import Demand, Fact, Gap, Inventory, Location, Natural, Observation, Outcome, Result, digest
from strictreal.plainyaml import Place, Plain, PlainYamlError, read
from strictreal.subject import Tree

MAX_ROADMAPS = 100
MAX_FAULTS = 50
"""Errors of one roadmap that are told one by one."""
MAX_REASON = 2_000
Fault = tuple[Place, str]
"""What is wrong with a roadmap, and where."""


class State(StrEnum):
    """What a run can say of one criterion."""

    PROVEN = "proven"
    WAIVED = "waived"
    NOT_PROVEN = "not proven"
    NO_CHECK = "no check yet"
    NEEDS_LANE = "needs lane"


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One criterion and what the run says of it."""

    roadmap: str
    sprint: str
    criterion: str
    text: str
    lane: Lane
    state: State
    reason: str = ""
    outcomes: tuple[tuple[str, Outcome], ...] = ()
    """Each check that bears on it, by id, with its outcome."""


class Choice(NamedTuple):
    """The sprint that a run is for."""

    roadmap: Roadmap
    sprint: Sprint

    @property
    def path(self) -> str:
        """Below the evidence folder, and how the sprint is named in full: `compliance/sprint-1`."""
        return f"{self.roadmap.id}/{self.sprint.id}"


# -- reading -----------------------------------------------------------------------------------------------------------


def load(tree: Tree, folder: str, known: Collection[str]) -> tuple[Roadmap, ...]:
    """Every roadmap of the subject: the YAML files right inside `folder`, in order of their names.

    Args:
        tree: the subject.
        folder: path inside it, from the configuration.
        known: the ids of all checks of the suite.

    Raises:
        ConfigurationError: files are no roadmaps; the message has a line for each error of each file, with its line and
            field, and what to write instead.
    """
    paths = _files(tree, folder)
    if len(paths) > MAX_ROADMAPS:
        raise ConfigurationError(f"{folder}: more than {MAX_ROADMAPS} roadmaps (bound: roadmap count)")
    roadmaps, faults = [], list[str]()
    for path in paths:
        try:
            roadmaps.append(_load(path, tree.read(path), known))
        except ConfigurationError as error:
            faults.append(str(error))
    if faults:
        raise ConfigurationError("\n".join(faults))
    return tuple(roadmaps)


def observe(tree: Tree, folder: str, known: Collection[str]) -> list[Observation]:
    """The roadmaps as facts for the bundle; one that does not load is a gap, so that it cannot stop an audit."""
    facts: list[Fact] = [Inventory(of="Roadmap", count=len(_files(tree, folder)))]
    observations = []
    for path in _files(tree, folder)[:MAX_ROADMAPS]:
        fact: Roadmap | Gap
        try:
            fact = _load(path, tree.read(path), known)
        except StrictRealError as error:
            told = "; ".join(line.removeprefix(f"{path}:").strip() for line in str(error).split("\n"))
            fact = Gap(of="Roadmap", where=Location(path), reason=told[:MAX_REASON])
        observations.append(Observation(collector="sprints", source=path, digest=tree.digests[path], facts=(fact,)))
    return [Observation(collector="sprints", source="", digest="", facts=tuple(facts)), *observations]


def _files(tree: Tree, folder: str) -> list[str]:
    inside = [path for path in tree.paths if path.rpartition("/")[0] == folder.strip("/")]
    return sorted(path for path in inside if path.endswith((".yaml", ".yml")))


@cache
def _validator() -> jsonschema_rs.Draft202012Validator:
    schema = json.loads((suite.root() / "sprints" / "schema.json").read_text())
    return jsonschema_rs.Draft202012Validator(schema)


def _load(path: str, data: bytes, known: Collection[str]) -> Roadmap:
    try:
        plain = read(data)
    except PlainYamlError as error:
        raise ConfigurationError(f"{path}:{error.line or 1}: {error}") from error
    faults = [fault for error in _validator().iter_errors(plain.value) for fault in _explained(error)]
    faults += [*_wrong_ids(plain.value, path), *_unknown_checks(plain.value, known)]
    if faults:
        told = sorted({(plain.line(place), _dotted(place), message) for place, message in faults})
        lines = [f"{path}:{line}: {place}: {message}" for line, place, message in told[:MAX_FAULTS]]
        more = [f"{path}: {len(told) - MAX_FAULTS} more errors"] if len(told) > MAX_FAULTS else []
        raise ConfigurationError("\n".join((*lines, *more)))
    return msgspec.convert(_with_lines(plain, path, digest(data)), Roadmap)


def _with_lines(plain: Plain, path: str, sha256: str) -> dict[str, Any]:
    """The document with the line of each sprint and criterion, and the lane of the sprint where none is named."""
    sprints = []
    for s, sprint in enumerate(plain.value["sprints"]):
        criteria = [
            {"lane": sprint.get("lane", "embedded"), **criterion, "line": plain.line(("sprints", s, "criteria", c))}
            for c, criterion in enumerate(sprint["criteria"])
        ]
        own = {key: value for key, value in sprint.items() if key != "lane"}
        sprints.append({**own, "criteria": criteria, "line": plain.line(("sprints", s))})
    return {**plain.value, "type": "Roadmap", "where": {"path": path, "line": 1}, "sprints": sprints, "sha256": sha256}


def _dotted(place: Sequence[str | int]) -> str:
    """`sprints[1].criteria[0].lane`, or `the file` for the whole."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.lstrip(".") or "the file"


def _explained(error: Any) -> Iterator[Fault]:
    """The validator's message with its place, and the nearest known word where one is misspelt."""
    kind, place = error.kind.name, tuple(error.instance_path)
    if kind == "additionalProperties":
        for key in error.kind.unexpected:
            yield (*place, key), f"unknown key {key!r}{_near(key, _keys())}"
    elif kind == "enum" and isinstance(error.instance, str):
        yield place, f"{error.instance!r} is none of {', '.join(LANES)}{_near(error.instance, LANES)}"
    else:
        yield place, str(error.message)


@cache
def _keys() -> tuple[str, ...]:
    schema = json.loads((suite.root() / "sprints" / "schema.json").read_text())
    parts = (schema, schema["$defs"]["sprint"], schema["$defs"]["criterion"])
    return tuple(dict.fromkeys(key for part in parts for key in part["properties"]))


def _near(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), 1, cutoff=0.4)
    return f"; did you mean {near[0]!r}?" if near else ""


def _mappings(value: Any, key: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The mappings of the list under a key with their indices, whatever else stands there."""
    listed = value.get(key) if isinstance(value, dict) else None
    return ((i, each) for i, each in enumerate(listed if isinstance(listed, list) else ()) if isinstance(each, dict))


def _wrong_ids(value: Any, path: str) -> Iterator[Fault]:
    name = path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    id = value.get("id") if isinstance(value, dict) else None
    if isinstance(id, str) and id != name:
        yield ("id",), f"{id!r} is not the file's name; write {name!r} or rename it"
    yield from _twice("sprint", ("sprints",), _mappings(value, "sprints"))
    for s, each in _mappings(value, "sprints"):
        called = f"criterion of {each.get('id')}"
        yield from _twice(called, ("sprints", s, "criteria"), _mappings(each, "criteria"))


def _twice(what: str, above: Place, found: Iterable[tuple[int, dict[str, Any]]]) -> Iterator[Fault]:
    seen: set[str] = set()
    for index, each in found:
        id = each.get("id")
        if isinstance(id, str) and id in seen:
            yield (*above, index, "id"), f"another {what} is called {id!r}; give it an id of its own"
        elif isinstance(id, str):
            seen.add(id)


def _unknown_checks(value: Any, known: Collection[str]) -> Iterator[Fault]:
    for s, each in _mappings(value, "sprints"):
        for c, criterion in _mappings(each, "criteria"):
            globs = criterion.get("checks")
            for i, glob in enumerate(globs if isinstance(globs, list) else ()):
                if isinstance(glob, str) and not any(fnmatch.fnmatchcase(id, glob) for id in known):
                    place = ("sprints", s, "criteria", c, "checks", i)
                    yield place, f"there is no check {glob!r}{_near(glob, known)}"


# -- choosing ----------------------------------------------------------------------------------------------------------


def choose(roadmaps: Sequence[Roadmap], name: str) -> Choice:
    """The sprint called `name`: `sprint-1`, or `compliance/sprint-1` where several roadmaps have one of that id.

    Raises:
        ConfigurationError: no roadmap has it, or several do; the message names what there is.
    """
    wanted, _, id = name.rpartition("/")
    choices = [Choice(roadmap, sprint) for roadmap in roadmaps for sprint in roadmap.sprints]
    if not choices:
        raise ConfigurationError(
            f"there is no sprint {name!r}: the subject has no roadmap; write one (docs/sprints.md)"
        )
    found = [c for c in choices if c.sprint.id == id and wanted in {"", c.roadmap.id}]
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigurationError(f"several sprints are called {name!r}: say {' or '.join(c.path for c in found)}")
    names = [c.path for c in choices]
    near = _near(name, [*names, *(c.sprint.id for c in choices)])
    raise ConfigurationError(f"there is no sprint {name!r}{near or '; there are ' + ', '.join(names[:10])}")


def demands(choice: Choice, lane: str) -> list[Demand]:
    """The checks that must be proven for a sprint, even where the subject has nothing of their kind.

    Criteria that the lane cannot prove demand nothing: the run says so of each (`needs lane`).
    """
    return [
        Demand(check=glob, by=f"{choice.path}: {criterion.id}")
        for criterion in choice.sprint.criteria
        if _reaches(lane, criterion.lane)
        for glob in criterion.checks
    ]


def _reaches(lane: str, needed: Lane) -> bool:
    return lane in LANES and LANES.index(needed) <= LANES.index(lane)


# -- joining -----------------------------------------------------------------------------------------------------------


def status(
    roadmaps: Iterable[Roadmap], results: Iterable[Result], lane: str, known: Collection[str] = ()
) -> tuple[Standing, ...]:
    """What the results of one run say of every criterion, in the order of the roadmaps. Pure.

    A criterion is proven only when every one of its checks is. One waived check makes it waived; anything else makes
    it not proven: so does a check that did not run, of which `known`, the ids of the suite, tells.
    """
    by_check = {result.check: result for result in results}
    return tuple(
        _standing(roadmap, sprint, criterion, by_check, lane, known)
        for roadmap in roadmaps
        for sprint in roadmap.sprints
        for criterion in sprint.criteria
    )


def _standing(
    roadmap: Roadmap,
    sprint: Sprint,
    criterion: Criterion,
    by_check: dict[str, Result],
    lane: str,
    known: Collection[str],
) -> Standing:
    bearing = [by_check[id] for id in sorted(by_check) if any(fnmatch.fnmatchcase(id, g) for g in criterion.checks)]
    absent = [g for g in criterion.checks if not any(fnmatch.fnmatchcase(r.check, g) for r in bearing)]
    asked = (id for id in sorted(known) if any(fnmatch.fnmatchcase(id, glob) for glob in criterion.checks))
    absent += [id for id in asked if id not in by_check and id not in absent]
    state, reason = _judged(criterion, bearing, absent, lane)
    return Standing(
        roadmap=roadmap.id,
        sprint=sprint.id,
        criterion=criterion.id,
        text=criterion.text,
        lane=criterion.lane,
        state=state,
        reason=reason,
        outcomes=tuple((result.check, result.outcome) for result in bearing),
    )


def _judged(criterion: Criterion, bearing: list[Result], absent: list[str], lane: str) -> tuple[State, str]:
    if not criterion.checks:
        return State.NO_CHECK, criterion.note
    if not _reaches(lane, criterion.lane):
        return State.NEEDS_LANE, f"{criterion.lane}; this run is {lane}"
    against = [f"{glob} did not run" for glob in absent]
    against += [_said(r) for r in bearing if r.outcome not in {Outcome.PROVEN, Outcome.WAIVED}]
    if against:
        return State.NOT_PROVEN, "; ".join(against)
    waived = [_said(result) for result in bearing if result.outcome is Outcome.WAIVED]
    return (State.WAIVED, "; ".join(waived)) if waived else (State.PROVEN, "")


def _said(result: Result) -> str:
    return f"{result.check} {result.outcome}" + (f" ({result.reason})" if result.reason else "")


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How many criteria of a sprint stand how."""

    roadmap: str
    sprint: str
    criteria: Natural
    counts: dict[State, Natural]

    @property
    def proven(self) -> bool:
        """Whether every criterion is proven; a waived one is not."""
        return self.counts.get(State.PROVEN, 0) == self.criteria


def tally(standings: Iterable[Standing]) -> tuple[Tally, ...]:
    """One tally a sprint, in the order in which the sprints come."""
    grouped: dict[tuple[str, str], list[State]] = {}
    for standing in standings:
        grouped.setdefault((standing.roadmap, standing.sprint), []).append(standing.state)
    return tuple(
        Tally(
            roadmap=roadmap,
            sprint=sprint,
            criteria=len(states),
            counts={state: states.count(state) for state in State if state in states},
        )
        for (roadmap, sprint), states in grouped.items()
    )

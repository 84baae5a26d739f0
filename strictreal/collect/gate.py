"""The gate itself as facts: its waivers, and what differs from the gate of the base revision."""

from __future__ import annotations

import fnmatch
import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec
import yaml

from strictreal import kubeyaml, waiver
from strictreal.collect import exemptions, gateaudits, gatestrength
from strictreal.collect.gatestrength import Part
from strictreal.config import Config
from strictreal.errors import StrictRealError
from strictreal.facts.gate import Comparison, GateChange, WaiverFile, WaiverProblem
from strictreal.model import Fact, Gap, Inventory, Location, Observation, Waiver, canonical, digest
from strictreal.redact import redact
from strictreal.session import Session
from strictreal.subject import Tree

UNITS = ("WaiverFile", "Configuration")
COMPARED = ("Comparison",)
"""What `compare` counts."""
MIN_FILES = 10
"""In a subject with fewer files, half of them are soon covered."""
MAX_DATA_DEPTH = 100
MAX_DATA_EVENTS = 200_000
MAX_LABEL = 80
MAX_PAIRS = 100_000
"""Audits before and after that are compared; of more, none is as strong as it was."""
MAX_WITHIN = 100
"""Audits of one script or target that may be those that were moved."""
MAX_SHOWN = 1000
_PLAIN_KEY = re.compile(r"[\w-]+")
_TIGHTENS_WHEN_GONE = ("configuration.exclude", "configuration.unread", "waiver")
_TIGHTENS_WHEN_NEW = ("configuration.require",)


def collect(tree: Tree, config: Config, session: Session) -> Iterator[Observation]:
    """The waivers, each as a fact or a problem."""
    facts: list[Fact] = [Inventory(of="WaiverFile", count=int(config.waivers in tree.paths))]
    read = ""
    if config.waivers in tree.paths:
        read = tree.digests[config.waivers]
        try:
            entries = list(waiver.parse(config.waivers, tree.read(config.waivers)))
        except StrictRealError as error:
            reason = str(error).removeprefix(config.waivers + ": ")
            facts.append(Gap(of="WaiverFile", where=Location(config.waivers), reason=reason))
        else:
            facts.append(WaiverFile(where=Location(config.waivers), waivers=len(entries)))
            facts += [
                _usable(e, tree) if isinstance(e, Waiver) else WaiverProblem(where=e[0], problem=e[1]) for e in entries
            ]
    yield Observation(collector="gate", source=config.waivers, digest=read, facts=tuple(facts))
    own = config.source.split(" ")[0]
    exempt = tuple(exemptions.facts(tree, config))
    yield Observation(collector="gate", source=own, digest=tree.digests.get(own, ""), facts=exempt)


def _usable(entry: Waiver, tree: Tree) -> Waiver | WaiverProblem:
    """The waiver, unless its pattern covers so much of the subject that it names nothing."""
    matched = sum(fnmatch.fnmatchcase(path, entry.paths) for path in tree.paths) if entry.paths else 0
    if len(tree.paths) >= MIN_FILES and 2 * matched > len(tree.paths):
        problem = f"paths {entry.paths!r} cover {matched} of the {len(tree.paths)} files: name the folder or the files"
        return WaiverProblem(where=entry.where, problem=problem)
    return entry


def compare(before: Tree, before_config: Config, after: Tree, after_config: Config) -> Observation:
    """Every setting, waiver and threshold of the gate that the change touched."""
    old, new = _gate(before, before_config), _gate(after, after_config)
    facts: list[Fact] = [
        Inventory(of="Comparison", count=1),
        Comparison(where=Location(after_config.source.split(" ")[0]), base=before.commit),
    ]
    for name in sorted(old.keys() | new.keys()):
        (place, was), (here, now) = old.get(name, ("", "")), new.get(name, ("", ""))
        if was != now:
            gone = not now and name.startswith(_TIGHTENS_WHEN_GONE)
            added = not was and name.startswith(_TIGHTENS_WHEN_NEW)
            shown = redact(name), _readable(name, was), _readable(name, now)
            where = Location(here or place)
            facts.append(
                GateChange(where=where, name=shown[0], before=shown[1], after=shown[2], tightens=gone or added)
            )
    facts += _weakened(gatestrength.parts(before, before_config), gatestrength.parts(after, after_config))
    return Observation(collector="gate", source="", digest=after.digest, facts=tuple(facts))


def _weakened(old: dict[str, Part], new: dict[str, Part]) -> Iterator[GateChange]:
    """Rules, tests of rules, audits, criteria and constraints that the change takes away, alters or adds."""
    gone = {name: part for name, part in old.items() if name not in new}
    fresh = {name: part for name, part in new.items() if name not in old}
    yield from _Audits(gone, fresh, new).changes()
    bound = {name for name in gone if name.partition(".checks[")[0] in gone and ".checks[" in name}
    for name, was in sorted((name, part) for name, part in gone.items() if name not in bound):
        # A rule that only changed is told once, with what it became.
        owner = name.partition("[")[0]
        became = next(
            (n for n in sorted(fresh) if n.startswith(("policy.", "schema.")) and n.partition("[")[0] == owner), ""
        )
        now = fresh.pop(became) if became else None
        place = now or was
        yield GateChange(
            where=Location(place.path, place.line),
            name=redact(owner if became else name),
            before=_readable(name, was.value),
            after=_readable(name, now.value) if now else "",
            tightens=was.weakens and now is None,
        )
    for name, now in sorted(fresh.items()):
        yield GateChange(
            where=Location(now.path, now.line),
            name=redact(name),
            before="",
            after=_readable(name, now.value),
            tightens=not now.weakens,
        )
    for name in sorted(old.keys() & new.keys()):
        if old[name].value != new[name].value:
            yield GateChange(
                where=Location(new[name].path, new[name].line),
                name=redact(name),
                before=_readable(name, old[name].value),
                after=_readable(name, new[name].value),
                tightens=_narrower(name, old[name].value, new[name].value),
            )


class _Audits:
    """Audits of pipelines that are no more, and those that are new, by what starts them."""

    def __init__(self, gone: dict[str, Part], fresh: dict[str, Part], new: dict[str, Part]) -> None:
        self._gone, self._fresh, self._new = gone, fresh, new
        self._events = defaultdict[str, dict[str, None]](dict)
        for name in fresh:
            self._events[name.partition("[")[0]][name] = None
        self._ours = [name for name in gone if name.startswith(gatestrength.AUDIT)]
        self._pairs = MAX_PAIRS

    def changes(self) -> Iterator[GateChange]:
        """Those that another took the place of, which are taken out of both.

        One that is as much of a gate may stand anywhere; of the rest, those that are started by the same are told together.
        """
        yield from self._moved()
        for stronger in (True, False):
            for name in sorted(self._ours, key=lambda name: len(self._gone[name].value) if name in self._gone else 0):
                event = name.partition("[")[0]
                others = list(self._events[event]) if name in self._gone else []
                if stronger:
                    others = [n for n in others if self._at_least(self._gone[name].value, self._fresh[n].value)]
                if others:
                    became = min(others, key=lambda n: (-len(self._fresh[n].value), n))
                    del self._events[event][became]
                    yield self._change(event, self._gone.pop(name), self._fresh.pop(became), tightens=stronger)

    def _moved(self) -> Iterator[GateChange]:
        """Those in a script, or in a target of make, which a pipeline now runs instead."""
        held = defaultdict[str, list[str]](list)
        for name, part in self._new.items():
            event = name.partition("[")[0].removeprefix(gatestrength.AUDIT).removeprefix(" on ")
            runs = not event or (event.startswith("make ") and "/" not in part.path)
            if name.startswith(gatestrength.AUDIT) and runs:
                held[event or part.path].append(part.value)
        inside = {
            name: list(islice(gateaudits.within(self._fresh[name].value, held), MAX_WITHIN))
            for event, names in self._events.items()
            for name in list(names)[:MAX_WITHIN]
            if event.startswith(gatestrength.AUDIT)
        }
        for name in self._ours:
            event, was = name.partition("[")[0], self._gone[name]
            for other in list(self._events[event])[:MAX_WITHIN]:
                if any(self._at_least(was.value, value) for value in inside.get(other, ())):
                    del self._gone[name]
                    yield self._change(event, was, self._fresh[other], tightens=True)
                    break

    def _at_least(self, was: str, now: str) -> bool:
        """Whether one is as much of a gate; where there are too many to compare, none is."""
        self._pairs -= 1
        return self._pairs >= 0 and gateaudits.at_least(was, now)

    @staticmethod
    def _change(event: str, was: Part, now: Part, *, tightens: bool) -> GateChange:
        before, after = _readable(event, was.value), _readable(event, now.value)
        where = Location(now.path, now.line)
        return GateChange(where=where, name=redact(event), before=before, after=after, tightens=tightens)


def _narrower(name: str, was: str, now: str) -> bool:
    """Whether a constraint of a schema became tighter: a lower maximum, a higher minimum, fewer choices."""
    before, after = msgspec.json.decode(was), msgspec.json.decode(now)
    key = name.rpartition(".")[2].lower()
    numbers = isinstance(before, int | float) and isinstance(after, int | float)
    if numbers and key.startswith(("max", "exclusivemax")):
        return bool(after < before)
    if numbers and key.startswith(("min", "exclusivemin")):
        return bool(after > before)
    if key in {"enum", "type"} and isinstance(before, list):
        return set(map(str, after if isinstance(after, list) else [after])) <= set(map(str, before))
    return key == "additionalproperties" and after is False


def _readable(name: str, value: str) -> str:
    """A value as facts hold it: short, and without the secret that its name may announce."""
    whole = f"{name}: {value}"
    return redact(whole, MAX_SHOWN).removeprefix(f"{name}: ") if value else ""


def _gate(tree: Tree, config: Config) -> dict[str, tuple[str, str]]:
    """Everything that decides what passes: (file, canonical JSON) by dotted name."""
    found: dict[str, tuple[str, str]] = {}
    source = config.source.split(" ")[0]
    for name, value in _flat("configuration", msgspec.to_builtins(config)):
        if name != "configuration.source":
            found[name] = (source, value)
    if config.waivers in tree.paths:
        for entry in _waivers(tree, config.waivers):
            unlocated = msgspec.structs.replace(entry, where=Location(config.waivers))
            found[f"waiver.{unlocated.digest[:12]}"] = (config.waivers, canonical(unlocated).decode())
    policies = {folder for path in tree.paths if path.endswith(".rego") for folder in _above(path)}
    for path in sorted(tree.paths):
        folder, _, name = path.rpartition("/")
        if name in {"data.yaml", "data.yml", "data.json"} and folder in policies:
            for threshold, value in _thresholds(tree, path):
                found[threshold] = (path, value)
    return found


def _waivers(tree: Tree, path: str) -> list[Waiver]:
    try:
        return [entry for entry in waiver.parse(path, tree.read(path)) if isinstance(entry, Waiver)]
    except StrictRealError:
        return []  # one that cannot be read waives nothing, and is a gap of the subject


def _above(path: str) -> Iterator[str]:
    """The folder of a path and every folder around it; the root is ""."""
    while path:
        path = path.rpartition("/")[0]
        yield path


def _thresholds(tree: Tree, path: str) -> list[tuple[str, str]]:
    """The leaves of a policy's data file; its digest where it is too large, too deep or not plain data."""
    try:
        data = tree.read(path)
        kubeyaml.refuse_beyond(data, depth=MAX_DATA_DEPTH, nodes=MAX_DATA_EVENTS, aliases=False)
        value = yaml.load(data, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506  (a safe loader)
        return list(_flat(f"threshold.{path}", value))
    except (
        StrictRealError,
        yaml.YAMLError,
        msgspec.MsgspecError,
        ValueError,
        TypeError,
        OverflowError,
        RecursionError,
    ):
        return [(f"threshold.{path}", canonical(tree.digests[path]).decode())]


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Leaves by dotted name. Items of the configuration's lists are named by their content, since their order is free;
    the order of a policy's data may mean something, so there a list is a leaf."""
    if isinstance(value, dict):
        for key, inner in value.items():
            plain = isinstance(key, str) and _PLAIN_KEY.fullmatch(key)
            yield from _flat(f"{name}.{key if plain else _text(key)}", inner)
    elif isinstance(value, (list, tuple)) and name.startswith("configuration."):
        for item in value:
            text = _text(item)
            label = text if len(text) <= MAX_LABEL else f"{text[:MAX_LABEL]}… {digest(text.encode())[:8]}"
            yield f"{name}[{label}]", text
    else:
        yield name, _text(value)


def _text(value: Any) -> str:
    return msgspec.json.encode(value, order="sorted").decode()

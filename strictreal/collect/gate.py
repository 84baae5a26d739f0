"""The gate itself as facts: its waivers, and what differs from the gate of the base revision."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import yaml

from strictreal import waiver
from strictreal.collect.session import Session
from strictreal.config import Config
from strictreal.facts.gate import Comparison, GateChange, WaiverFile, WaiverProblem
from strictreal.model import Fact, Inventory, Location, Observation, Waiver, canonical
from strictreal.subject import Tree

_TIGHTENS_WHEN_GONE = ("configuration.exclude", "waiver")
_TIGHTENS_WHEN_NEW = ("configuration.require",)


def collect(tree: Tree, config: Config, session: Session) -> Iterator[Observation]:
    """The waivers, each as a fact or a problem."""
    facts: list[Fact] = [Inventory(of="WaiverFile", count=int(config.waivers in tree.paths))]
    if config.waivers in tree.paths:
        entries = list(waiver.parse(config.waivers, tree.read(config.waivers)))
        facts.append(WaiverFile(where=Location(config.waivers), waivers=len(entries)))
        facts += [e if isinstance(e, Waiver) else WaiverProblem(where=e[0], problem=e[1]) for e in entries]
    yield Observation(collector="gate", source=config.waivers, digest=tree.digest, facts=tuple(facts))


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
            where = Location(here or place)
            facts.append(GateChange(where=where, name=name, before=was, after=now, tightens=gone or added))
    return Observation(collector="gate", source="", digest=after.digest, facts=tuple(facts))


def _gate(tree: Tree, config: Config) -> dict[str, tuple[str, str]]:
    """Everything that decides what passes: (file, canonical JSON) by dotted name."""
    found: dict[str, tuple[str, str]] = {}
    source = config.source.split(" ")[0]
    defaults = dict(_flat("configuration", msgspec.to_builtins(Config())))
    for name, value in _flat("configuration", msgspec.to_builtins(config)):
        if name != "configuration.source" and defaults.get(name) != value:
            found[name] = (source, value)
    if config.waivers in tree.paths:
        for entry in waiver.parse(config.waivers, tree.read(config.waivers)):
            if isinstance(entry, Waiver):
                unlocated = msgspec.structs.replace(entry, where=Location(config.waivers))
                found[f"waiver.{unlocated.digest[:12]}"] = (config.waivers, canonical(unlocated).decode())
    for path in sorted(tree.paths):
        if path.rsplit("/", 1)[-1] in {"data.yaml", "data.yml", "data.json"} and _beside_rego(tree, path):
            for name, value in _flat(f"threshold.{path}", _data(tree, path)):
                found[name] = (path, value)
    return found


def _beside_rego(tree: Tree, path: str) -> bool:
    folder = path.rpartition("/")[0]
    return any(other.endswith(".rego") and other.startswith(folder) for other in tree.paths)


def _data(tree: Tree, path: str) -> Any:
    try:
        return yaml.load(tree.read(path), getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506  (a safe loader)
    except Exception:
        return {"unreadable": tree.digests[path]}


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Leaves by dotted name; items of lists are named by their content, so that their order does not matter."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}", inner)
    elif isinstance(value, list):
        for item in value:
            text = msgspec.json.encode(item, order="sorted").decode()
            yield f"{name}[{text[:80]}]", text
    else:
        yield name, msgspec.json.encode(value).decode()

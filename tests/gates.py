"""Two states of a subject compared by the gate, and what its collector sees of one."""

from __future__ import annotations

from pathlib import Path

from subjects import lay

from strictreal.cache import Cache
from strictreal.collect import gate
from strictreal.config import Config, load
from strictreal.facts.gate import GateChange
from strictreal.model import Fact
from strictreal.session import Session
from strictreal.subject import Tree, open_tree

Files = dict[str, str | bytes]
EXCLUDE = '[[exclude]]\npath = "{}"\nreason = "copied from upstream, audited there"\n'


def opened(root: Path, files: Files) -> tuple[Tree, Config]:
    tree = open_tree(lay(root, {"a.py": "", **files}))
    return tree, load(tree)


def changes(tmp_path: Path, before: Files, after: Files) -> list[tuple[str, str, str, bool]]:
    compared = gate.compare(*opened(tmp_path / "before", before), *opened(tmp_path / "after", after))
    return [(f.name, f.before, f.after, f.tightens) for f in compared.facts if isinstance(f, GateChange)]


def collected(root: Path, files: Files) -> list[Fact]:
    tree, config = opened(root, files)
    with Session(Cache(None)) as session:
        return [fact for observation in gate.collect(tree, config, session) for fact in observation.facts]


def toml(text: str) -> Files:
    return {"strictreal.toml": text}

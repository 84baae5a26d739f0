"""Parts of a subject that are not open to reading: each is a gap that names it, unless the configuration excludes it.

Archives with code, compiled files, submodules, links that lead out, names that hide behind others, and whatever lies
in the folder of evidence without being evidence, since the digest of the subject leaves that folder out.
"""

from __future__ import annotations

import bisect
import os
import re
from collections.abc import Iterator

import msgspec

from strictreal.collect import archives, embedded
from strictreal.collect.languages import NOTEBOOK, has_suffix, language_of, unread
from strictreal.collect.subject import excluded
from strictreal.config import Config
from strictreal.model import Fact, Gap, Inventory, Location, Observation
from strictreal.session import Session
from strictreal.subject import BEHIND_LINK, HIDDEN_NAME, LINK, MISSING, SUBMODULE, UNREADABLE_FOLDER, Entry, Tree

UNITS = ("UnreadPart",)
UNIT = "UnreadPart"
_EVIDENCE = re.compile(
    r"(?:README\.md|\.gitignore|\.gitattributes|\.gitkeep|\.lock|ledger\.jsonl"
    r"|(?:\.pending-[0-9a-f]+|(?:[^/]+/){1,8}\d{8}T\d{6}Z-[0-9a-f]{8}(?:-\d+)?)"
    r"/(?:(?:facts|base|specimens)\.jsonl|(?:results|environment|manifest|statement\.dsse)\.json|\.writer"
    r"|blobs/[0-9a-f]{64}))"
)
"""What audits write, as docs/evidence.md lists it, and what people put beside it. No name of code is among it."""
MAX_PATHS_BYTES = 1024 * 1024
"""Of a path configuration file; Python reads lines, and one with more than this is no such file."""
_SAY = "exclude it with a reason if that is as it should be"


def collect(tree: Tree, config: Config, session: Session) -> Iterator[Observation]:
    """Everything that may hold code and was not read."""
    found: list[Fact] = [
        Gap(of=UNIT, where=Location(path), reason=f"{reason}; {_SAY}") for path, reason in _closed(tree, config)
    ]
    gaps = len(found)
    packed = [entry for entry in tree if archives.is_archive(entry.path) and not excluded(config, entry.path)]
    for observation in session.per_file("parts", UNIT, tree, packed, archives.facts_of):
        if observation.facts:
            gaps += 1
            yield msgspec.structs.replace(observation, facts=tuple(map(_advised, observation.facts)))
    found.append(Inventory(of=UNIT, count=gaps))
    yield Observation(collector="parts", source="", digest=tree.digest, facts=tuple(found))


def _advised(fact: Fact) -> Fact:
    return msgspec.structs.replace(fact, reason=f"{fact.reason}; {_SAY}") if isinstance(fact, Gap) else fact


def _closed(tree: Tree, config: Config) -> Iterator[tuple[str, str]]:
    """(path, why it is not read) of what is neither an archive nor excluded."""
    listed = sorted(tree.paths)
    for path, reason in tree.left_out:
        plain = path.rstrip("/")
        if excluded(config, plain) or excluded(config, plain + "/"):
            continue
        if reason == SUBMODULE:
            yield plain, "a git submodule or nested repository, which is an audit of its own"
        elif reason in {LINK, BEHIND_LINK}:
            if led := _led_astray(tree, path, listed):
                yield path, led
        elif reason == MISSING and _may_be_code(plain):
            yield plain, "tracked by git, but missing here: restore it, or remove it from git too"
        elif reason == HIDDEN_NAME or reason.startswith(UNREADABLE_FOLDER):
            yield path, reason
    for entry in tree:
        if archives.is_compiled(entry.path, tree.opening(entry)) and not excluded(config, entry.path):
            yield entry.path, "compiled code, which nobody reads"
        if has_suffix(entry.path, ".pth") and not excluded(config, entry.path) and _starts_code(tree, entry):
            yield entry.path, "lines of code that Python runs when it starts, which nobody read"
    for path in tree.kept_as_evidence:
        inside = path.removeprefix(tree.evidence).removeprefix("/")
        if not _EVIDENCE.fullmatch(inside) and not excluded(config, path):
            yield path, f"no evidence of an audit, and yet in {tree.evidence}/, which the audited digest leaves out"


def _starts_code(tree: Tree, entry: Entry) -> bool:
    """Whether a path configuration file imports something; weights of a model have the same ending."""
    data = tree.read(entry.path) if entry.size <= MAX_PATHS_BYTES else b""
    return b"\0" not in data and any(line.startswith((b"import ", b"import\t")) for line in data.splitlines())


def _led_astray(tree: Tree, path: str, listed: list[str]) -> str:
    """Why what a link leads to was not read; "" when it was, when nothing is there, or when it is no code by name."""
    if tree.origin == "revision":
        return ""
    real = os.path.realpath(tree.root / path)
    if os.path.isfile(real) and not _may_be_code(path):
        return ""
    inside = os.path.relpath(real, tree.root)
    if inside == ".":
        return ""
    if inside.split("/")[0] == "..":
        return "a link that leads out of the repository" if os.path.isdir(real) or _may_be_code(path) else ""
    below = bisect.bisect_left(listed, inside + "/")
    read = inside in tree.paths or (below < len(listed) and listed[below].startswith(inside + "/"))
    return "" if read or not os.path.exists(real) else f"a link to {inside}, which is not among what is audited"


def _may_be_code(path: str) -> bool:
    """Whether a name is one of code, or says nothing of what it is."""
    known = language_of(path) or unread(path) or has_suffix(path, NOTEBOOK) or embedded.embeds(path)
    return bool(known) or archives.is_archive(path) or archives.is_compiled(path) or has_suffix(path, "")

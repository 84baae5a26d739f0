"""What a repository says of itself: documents read for status tags and assertions, workflows for strict mode."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from strictreal.collect import pipelines
from strictreal.collect.prose import documents, markdown, plain
from strictreal.collect.prose.resolve import Paths
from strictreal.collect.prose.statuses import statuses
from strictreal.collect.subject import excluded
from strictreal.config import Config
from strictreal.facts.claims import Document, DocumentClaim, Mention, StatusClaim
from strictreal.model import Fact, Inventory, Location, Observation
from strictreal.programs import package_version
from strictreal.session import Session
from strictreal.subject import Tree

UNITS = ("Document", "Pipeline")
MAX_BYTES = 1024 * 1024
"""Of one document; a larger one is a gap."""
_MARKDOWN = (".md", ".markdown", ".mdown", ".mkd")
_PLAIN = (".rst",)
_README = re.compile(r"(?i)(?:^|/)readme(?:\.txt)?$")


def facts_of(file: tuple[str, bytes]) -> list[Fact]:
    """reading documents"""
    path, source = file
    if len(source) > MAX_BYTES:
        raise ValueError(f"is larger than {MAX_BYTES} bytes (bound: document size)")
    try:
        text = source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"is not valid UTF-8: byte {error.start}") from error
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    reads = path.lower().endswith(_MARKDOWN)
    blocks = markdown.blocks("\n".join(lines)) if reads else plain.blocks(list(enumerate(lines, 1)), quotes=True)
    tagged = statuses(path, blocks)
    return [Document(where=Location(path), lines=len(lines)), *tagged, *documents.claims(path, blocks, tagged)]


def collect(tree: Tree, config: Config, session: Session) -> Iterator[Observation]:
    """Every document of the tree that is not excluded."""
    entries = [e for e in tree if is_document(e.path) and not excluded(config, e.path)]
    workflows = [e for e in tree if pipelines.is_pipeline(e.path) and not excluded(config, e.path)]
    counted = Inventory(of="Document", count=len(entries)), Inventory(of="Pipeline", count=len(workflows))
    yield Observation(collector="claims", source="", digest=tree.digest, facts=counted)
    tools = {"markdown-it-py": package_version("markdown-it-py")}
    # Which files a name denotes depends on the whole tree, so it is settled after the cache and not in it.
    paths = Paths([*tree.paths, *(path for path, _ in tree.left_out)], tree.root.name, unseen=config.evidence)
    for observation in session.per_file("claims", "Document", tree, entries, facts_of, tools):
        resolved = tuple(_resolve(fact, paths) for fact in observation.facts)
        yield msgspec.structs.replace(observation, facts=resolved)
    tools = {"pyyaml": package_version("pyyaml")}
    yield from session.per_file("claims", "Pipeline", tree, workflows, pipelines.facts_of, tools)


def is_document(path: str) -> bool:
    """Whether a file is read for claims: Markdown, reStructuredText, and a README in plain text."""
    return path.lower().endswith((*_MARKDOWN, *_PLAIN)) or bool(_README.search(path))


def _resolve(fact: Fact, paths: Paths) -> Fact:
    if isinstance(fact, StatusClaim):
        return msgspec.structs.replace(fact, mentions=tuple(paths.resolve(m, fact.path) for m in fact.mentions))
    if isinstance(fact, DocumentClaim):
        covers = [place for cover in fact.covers for place in _places(cover, fact.path, paths)]
        return msgspec.structs.replace(fact, covers=tuple(dict.fromkeys(covers)))
    return fact


def _places(cover: str, document: str, paths: Paths) -> tuple[str, ...]:
    """The paths that a claim covers; none for a name that may be several files."""
    if not cover.startswith("="):
        return (cover,)
    name = cover[1:]
    kind = "folder" if name.endswith("/") else "file"
    found = paths.resolve(Mention(text=name, kind=kind, role="aside"), document)  # type: ignore[arg-type]
    if not found.found and "/" not in name:
        found = paths.resolve(Mention(text=name, kind="symbol", role="aside"), document)
    return found.found if len(found.found) == 1 else ()

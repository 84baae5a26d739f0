"""What the subject's configuration takes out of the audit: modules that may read the environment, excluded files."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterator

from strictreal.collect.languages import language_of
from strictreal.collect.subject import excluded
from strictreal.config import Config
from strictreal.errors import StrictRealError
from strictreal.facts.gate import Configuration, Emptied, Exemption
from strictreal.model import Fact, Gap, Inventory, Location
from strictreal.subject import Tree
from strictreal.waiver import unbounded

KINDS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("Python modules", lambda path: path.endswith((".py", ".pyi", ".pyw"))),
    ("charts", lambda path: path.rpartition("/")[2] == "Chart.yaml"),
    ("Rego files", lambda path: path.endswith(".rego")),
)
"""What most checks are about, and how its files are known by their names."""


def facts(tree: Tree, config: Config) -> Iterator[Fact]:
    """How much each pattern takes out; nothing where the subject has no configuration and its defaults hide nothing."""
    hidden = [(kind, count) for kind, known in KINDS if (count := sum(map(known, tree.kept_as_evidence)))]
    yield Inventory(of="Configuration", count=int(bool(config.source or hidden)))
    if not config.source and not hidden:
        return
    file = config.source.split(" ")[0]
    try:
        lines = tree.read(file).decode().split("\n") if file else []
    except (StrictRealError, UnicodeDecodeError) as error:
        yield Gap(of="Configuration", where=Location(file), reason=str(error))
        return

    def place(text: str) -> Location:
        number = next((n for n, line in enumerate(lines, 1) if text in line), 0)
        return Location(file or config.evidence, number)

    sources = [path for path in sorted(tree.paths) if language_of(path)]
    yield Configuration(where=Location(file or config.evidence), files=len(tree.entries), sources=len(sources))
    audited = [path for path in sources if not excluded(config, path)]
    exempt = [("settings", glob, audited, sources) for glob in config.settings]
    exempt += [("exclude", each.path, sorted(tree.paths), sorted(tree.paths)) for each in config.exclude]
    exempt += [("unread", each.path, audited, sources) for each in config.unread if each.path]
    for setting, glob, there, known_of in exempt:
        matched = sum(fnmatch.fnmatchcase(path, glob) for path in there)
        yield Exemption(
            where=place(glob),
            setting=setting,
            glob=glob,
            matched=matched,
            of=len(known_of),
            unbounded=unbounded(glob),
        )
    if sources and not audited:
        yield Emptied(where=place("exclude"), setting="exclude", kind="source files", count=len(sources))
    for kind, count in hidden:
        yield Emptied(where=place("evidence"), setting="evidence", kind=kind, count=count)

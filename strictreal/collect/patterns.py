"""Source files of every language to facts, by semgrep's patterns; Python's syntax trees are read elsewhere as well.

All trees of a run are handed to one semgrep process, which starts before the other collectors and is awaited after
them. What is known of a file depends on its content, its language and the rules alone, and is cached by these.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from typing import NamedTuple

import msgspec

from strictreal import suite
from strictreal.cache import Cache
from strictreal.collect import embedded, languages, unread
from strictreal.collect.subject import excluded
from strictreal.config import Config
from strictreal.engines import semgrep
from strictreal.engines.rules import RuleSet
from strictreal.errors import BoundExceeded, StrictRealError
from strictreal.facts.patterns import PatternMatch, SourceFile, StrictMatch, TestFile, TestMatch
from strictreal.model import Fact, Gap, Inventory, LeftOut, Location, Natural, Observation, canonical
from strictreal.redact import CONTEXT, redact, redact_line
from strictreal.session import Session
from strictreal.subject import MAX_FILE_BYTES, Entry, Tree

UNITS = ("SourceFile", "TestFile", *unread.UNITS)
MAX_TEXT = 400
MAX_MESSAGE = 200
_KINDS: dict[str, type[PatternMatch]] = {"tests": TestMatch, "strict": StrictMatch}
_RUST_TEST = re.compile(rb"^[ \t]*#\[(?:\w+::)?test\b", re.MULTILINE)


class _Match(msgspec.Struct, frozen=True):
    """A match without the path, so that equal files share it."""

    check: str
    rule: str
    message: str
    where: Location


class _Scan(msgspec.Struct, frozen=True):
    """What is known of one content in one language."""

    lines: Natural = 0
    tests: bool = False
    """The content itself says that it holds tests."""
    matches: tuple[_Match, ...] = ()
    unread: str = ""
    """Which lines the parser passed over."""
    left_out: str = ""
    failed: str = ""
    final: bool = True
    """False when another try may read what failed."""
    cached: bool = False


class _Source(NamedTuple):
    """One file of a tree that rules are written for."""

    tree: Tree
    entry: Entry
    language: str
    suffix: str
    key: str
    """The cache key of its content in its language."""
    embedded: bool = False
    """Whether only what stands between tags is source."""


_DECODER = msgspec.json.Decoder(_Scan)


class Reader:
    """Scans of file contents by key, for all trees of a run."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rules = RuleSet(suite.root() / "rules")
        self._stamp = ("patterns", suite.engine_digest(), self._rules.digest, semgrep.version())
        self._sources: dict[int, tuple[Tree, list[_Source]]] = {}
        self._known: dict[str, _Scan] = {}
        self._runs: list[tuple[list[str], semgrep.Run]] = []

    def sources(self, tree: Tree, config: Config) -> list[_Source]:
        """Every file of the tree that rules are written for and that is not excluded."""
        if id(tree) not in self._sources:
            found = []
            for entry in tree:
                inner = embedded.embeds(entry.path)
                language = _embedded_language(tree, entry) if inner else _language(tree, entry)
                if language and not excluded(config, entry.path):
                    ending = languages.suffix(entry.path, language)
                    stamp = (*self._stamp, "embedded") if inner else self._stamp
                    key = Cache.key(*stamp, language, ending, tree.digests[entry.path])
                    found.append(_Source(tree, entry, language, ending, key, inner))
            self._sources[id(tree)] = (tree, found)  # the tree is kept, so that its id stays its own
        return self._sources[id(tree)][1]

    def begin(self, trees: Iterable[tuple[Tree, Config]]) -> None:
        """Start reading, in the background, every source file of the trees that is not known yet."""
        pending = {key for keys, _ in self._runs for key in keys}
        wanted: dict[str, _Source] = {}
        for tree, config in trees:
            for source in self.sources(tree, config):
                if source.key not in self._known and source.key not in pending:
                    wanted.setdefault(source.key, source)
        for key, blob in self._session.cache.get_many(wanted).items():
            with suppress(msgspec.DecodeError):
                self._known[key] = msgspec.structs.replace(_DECODER.decode(blob), cached=True)
        self._start([source for key, source in wanted.items() if key not in self._known])

    def _start(self, wanted: Sequence[_Source]) -> None:
        readable = self._readable(wanted)
        first = next(readable, None)
        if first is None:
            return
        keys: list[str] = []
        try:
            run = semgrep.Run(self._rules.as_json(), jobs=max(1, self._session.jobs // 2))
            self._runs.append((keys, run))
            for source, data in chain((first,), readable):
                run.add(source.language, source.suffix, data)
                keys.append(source.key)
            run.start()
        except (StrictRealError, OSError) as error:
            unread = [source.key for source in wanted if source.key not in self._known]
            self._known |= dict.fromkeys(unread, _Scan(final=False, failed=str(error)))

    def _readable(self, wanted: Sequence[_Source]) -> Iterator[tuple[_Source, bytes]]:
        """Each file for semgrep with its bytes; what becomes of the others is known at once."""
        for source in wanted:
            path = source.entry.path
            try:
                if source.entry.size > MAX_FILE_BYTES:
                    raise BoundExceeded(f"larger than {MAX_FILE_BYTES} bytes (bound: file size)")
                data = source.tree.read(path)
                if source.embedded and (scripts := embedded.scripts(path, data)):
                    data = scripts.source
                if reason := languages.not_source(source.language, data):
                    self._known[source.key] = _Scan(left_out=reason)
                    continue
                if len(data) > semgrep.MAX_SOURCE_BYTES:
                    raise BoundExceeded(f"larger than {semgrep.MAX_SOURCE_BYTES} bytes (bound: source size)")
            except StrictRealError as error:
                self._known[source.key] = _Scan(final=False, failed=str(error).removeprefix(f"{path}: "))
            else:
                yield source, data

    def scan(self, key: str) -> _Scan:
        """What is known of a content for which `begin` was called; waits for semgrep if need be."""
        while key not in self._known:
            keys, run = self._runs.pop()
            with run, self._session.watch("matching patterns", keys) as advance:
                readings = run.readings(advance)
                fresh = {key: self._scanned(run.copy(number), readings[number]) for number, key in enumerate(keys)}
            self._known |= fresh
            self._session.cache.put_many({key: canonical(scan) for key, scan in fresh.items() if scan.final})
        return self._known[key]

    def _scanned(self, data: bytes, reading: semgrep.Reading) -> _Scan:
        lines = data.split(b"\n")
        matches = [
            _Match(
                check=self._rules.check_of(found.rule),
                rule=found.rule,
                message=redact(" ".join(found.message.split()), MAX_MESSAGE),
                where=_place(lines, found),
            )
            for found in reading.found
        ]
        count = len(lines) - (not lines[-1])
        unread = _spans(reading.unread)
        tests = bool(_RUST_TEST.search(data))
        return _Scan(count, tests, tuple(matches), unread, failed=reading.failed, final=reading.final)

    def close(self) -> None:
        """End what still runs."""
        for _, run in self._runs:
            run.close()
        self._runs.clear()


def prepare(trees: Sequence[tuple[Tree, Config]], session: Session) -> None:
    """Start semgrep once for all trees of the run."""
    session.shared(Reader).begin(trees)


def collect(tree: Tree, config: Config, session: Session) -> Iterator[Observation]:
    """Every source file in a language that rules are written for."""
    reader = session.shared(Reader)
    reader.begin([(tree, config)])
    tools = {"semgrep": semgrep.version()}
    left_out: list[Fact] = []
    nobody_reads: dict[str, list[str]] = {}
    for entry in tree:
        language = languages.unread(entry.path, tree.opening(entry))
        if language and not excluded(config, entry.path):
            nobody_reads.setdefault(language, []).append(entry.path)
    files, tests = 0, 0
    for source in reader.sources(tree, config):
        path, scan = source.entry.path, reader.scan(source.key)
        if scan.left_out == languages.MINIFIED:
            nobody_reads.setdefault("minified JavaScript", []).append(path)
            continue
        if scan.left_out:
            left_out.append(LeftOut(where=Location(path), reason=scan.left_out))
            continue
        facts = _facts(path, source.language, scan)
        files += 1
        tests += any(isinstance(fact, TestFile) or (isinstance(fact, Gap) and fact.of == "TestFile") for fact in facts)
        yield Observation(
            collector="patterns",
            source=path,
            digest=tree.digests[path],
            tools=tools,
            cached=scan.cached,
            facts=tuple(facts),
        )
    counted = (Inventory(of="SourceFile", count=files), Inventory(of="TestFile", count=tests))
    missed = unread.facts(config, nobody_reads)
    yield Observation(collector="patterns", source="", digest=tree.digest, facts=(*counted, *left_out, *missed))


def _language(tree: Tree, entry: Entry) -> str:
    return languages.language_of(entry.path, tree.opening(entry))


def _embedded_language(tree: Tree, entry: Entry) -> str:
    """The language of a file's scripts, "" without any; that of most where it cannot be read, which becomes a gap."""
    try:
        scripts = embedded.scripts(entry.path, tree.read(entry.path))
    except StrictRealError:
        return "javascript"
    return scripts.language if scripts else ""


def _facts(path: str, language: str, scan: _Scan) -> list[Fact]:
    """What a scan says of one file: that it was read, or why not, and every match."""
    role = languages.role(path, language)
    tested = language != "python" and (role == "test" or (language == "rust" and scan.tests))
    where = Location(path)
    note = scan.failed or scan.unread
    facts: list[Fact] = []
    # Python is read by its syntax tree; what semgrep's parser does not understand of it is not missing for that.
    if note and not (language == "python" and scan.final):
        facts += [Gap(of=unit, where=where, reason=note) for unit in ("SourceFile", "TestFile")[: 1 + tested]]
    else:
        facts.append(SourceFile(where=where, language=language, lines=scan.lines, role=role, note=note))
        facts += [TestFile(where=where, language=language)] * tested
    for match in scan.matches:
        kind = _KINDS.get(match.check.partition(".")[0], PatternMatch)
        place = msgspec.structs.replace(match.where, path=path)
        facts.append(
            kind(where=place, check=match.check, rule=match.rule, language=language, message=match.message, role=role)
        )
    return facts


def _place(lines: list[bytes], found: semgrep.Found) -> Location:
    """The place of a match, with columns in characters."""

    def column(line: int, byte: int) -> int:
        text = lines[line - 1] if 0 < line <= len(lines) else b""
        return len(text[: byte - 1].decode(errors="replace")) + 1

    near = [line.decode(errors="replace").rstrip() for line in lines[max(0, found.line - 1 - CONTEXT) : found.line]]
    return Location(
        path="",
        line=found.line,
        column=column(found.line, found.column),
        end_line=found.end_line,
        end_column=column(found.end_line, found.end_column),
        text=redact_line(near, len(near), MAX_TEXT) if near else "",
    )


def _spans(spans: Sequence[tuple[int, int]]) -> str:
    """The lines that were passed over, in words; "" when none were."""
    if not spans:
        return ""
    shown = [str(first) if first == last else f"{first}-{last}" for first, last in spans[:5]]
    more = f" and {len(spans) - 5} more places" if len(spans) > 5 else ""
    return f"semgrep's parser passed over line {', '.join(shown)}{more}"

"""What the deployments of a repository give its charts: found in scripts, Makefiles, workflows and YAML, file by file.

A file is read in a bounded worker. What a deployment gives and nobody here can tell is a gap of everything that a render
would have shown; so is what cannot be matched with a chart.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import ModuleType

from strictreal.collect.chart import helmlines, helmyaml
from strictreal.collect.chart.discover import FoundChart
from strictreal.collect.chart.given import UNKNOWN, Deployment, Given, Piece
from strictreal.collect.subject import excluded
from strictreal.config import Config
from strictreal.errors import StrictRealError
from strictreal.model import Fact, Gap, LeftOut, Location
from strictreal.redact import redact
from strictreal.session import Session
from strictreal.subject import Tree

UNITS = ("Render", "RenderPair", "Manifest", "Validation", "ValuesFile")
"""What a deployment that is not rendered leaves unexamined."""
MAX_BYTES = 8 * 1024 * 1024
"""Of a YAML file that may deploy charts; shell has a bound of its own."""
MAX_BLOCK = 100_000
"""Characters of one resource of Terraform that are looked at."""
MAX_GIVEN = 60
"""Deployments of one chart that are rendered."""
_SCRIPTS = re.compile(r"(?i)(?:^|/)(?:[^/]*\.(?:sh|bash|zsh|ksh|just|groovy|ps1|cmd|bat)|justfile|jenkinsfile[^/]*)$")
_SHELL = re.compile(rb"#![^\n]{0,200}\b(?:ba|da|a|k|z)?sh\b")
"""How a script begins whose name does not tell that it is one."""
_MAKE = re.compile(r"(?i)(?:^|/)(?:gnu)?makefile[^/]*$|\.(?:mk|mak)$")
_YAML = re.compile(r"(?i)\.ya?ml(?:\.gotmpl)?$")
_TESTS = re.compile(r"(?i)(?:^|/)(?:tests?|testdata|e2e|specimens|fixtures)/")
_DEPLOYS = re.compile(
    r"(?m)^kind:[ \t]*[\"']?Helm(?:Release|Chart)\b|^releases:|argoproj\.io/"
    r"|(?i:helm)\w{0,40}[)}\"']{0,2}[ \t]+(?:upgrade|install)\b"
)
_RELEASE = re.compile(r'resource[ \t]{1,20}"helm_release"')
_NAME = re.compile(rb"(?m)^name:[ \t]*[\"']?([\w.-]{1,200})")
_PACKED = re.compile(r"-\d[\w.+-]{0,100}\.tgz$")


@dataclass
class Deployed:
    """What is given to the charts of one tree.

    Attributes:
        given: by the folder of each chart.
        files: paths of the values files that are rendered with it.
    """

    given: dict[str, list[Given]] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    gaps: list[Fact] = field(default_factory=list)


def gaps(where: Location, reason: str) -> Iterator[Gap]:
    """That something which a deployment renders was not rendered here."""
    return (Gap(of=unit, where=where, reason=redact(reason, 300)) for unit in UNITS)


def read(file: tuple[str, str]) -> list[Deployment]:
    """reading deployments"""
    path, text = file
    if len(text) > MAX_BYTES:
        raise ValueError(f"has more than {MAX_BYTES} characters (bound: size of a deployment)")
    if path.endswith(".tf"):
        return list(_terraform(path, text))
    if _YAML.search(path):
        return list(helmyaml.deployments(path, text))
    return list(helmlines.deployments(path, text, make=bool(_MAKE.search(path))))


def _terraform(path: str, text: str) -> Iterator[Deployment]:
    """The releases of a Terraform file; what they give is not read, so that only whether they do is told."""
    starts = [found.start() for found in _RELEASE.finditer(text)]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        block = text[start : min(end, start + MAX_BLOCK)]
        chart = re.search(r'(?m)^[ \t]{0,100}chart[ \t]{0,100}=[ \t]{0,100}"([^"\n]{1,300})"', block)
        if re.search(r"(?m)^[ \t]{0,100}(?:set\w{0,20}|values)\b", block):
            meant = re.sub(r"\$\{[^}\n]{0,200}\}", UNKNOWN, chart[1]) if chart else UNKNOWN
            line = text.count("\n", 0, start) + 1
            yield Deployment(path=path, line=line, chart=meant, unknown=("values in Terraform, which is not read",))


def find(subjects: Sequence[tuple[Tree, Config, Sequence[FoundChart]]], session: Session) -> list[Deployed]:
    """What deployments give the charts of each of several trees.

    Nothing of it is kept in the cache: a script may give a password.
    """
    texts = [list(_candidates(*subject)) for subject in subjects]
    waiting = [file for each in texts for file in each]
    results = iter(session.bounded(read, waiting) if waiting else ())
    made = []
    for subject, each in zip(subjects, texts, strict=True):
        matching = _Matching(*subject)
        for path, text in each:
            found = next(results)
            if isinstance(found, str):
                matching.unread(path, found, text)
            else:
                for deployment in found:
                    matching.take(deployment)
        made.append(matching.made)
    return made


def _candidates(tree: Tree, config: Config, charts: Sequence[FoundChart]) -> Iterator[tuple[str, str]]:
    """The files that may deploy a chart, with their texts."""
    within = tuple(f"{chart.folder}{part}/" for chart in charts for part in ("templates", "crds", "charts"))
    if not any(not chart.packaged for chart in charts):
        return
    for path in sorted(tree.paths):
        kind = path.endswith(".tf") or _YAML.search(path) or _MAKE.search(path) or _SCRIPTS.search(path)
        nameless = not kind and "." not in posixpath.basename(path)
        if not (kind or nameless) or path.startswith(within) or excluded(config, path):
            continue
        try:
            data = tree.read(path)
        except StrictRealError:
            continue  # the subject's collector says why
        if nameless and not _SHELL.match(data):
            continue
        text = data.decode("utf-8-sig", errors="replace")
        if _RELEASE.search(text) if path.endswith(".tf") else _reader(path).mentions(text):
            yield path, text


def _reader(path: str) -> ModuleType:
    return helmyaml if _YAML.search(path) else helmlines


class _Matching:
    def __init__(self, tree: Tree, config: Config, charts: Sequence[FoundChart]) -> None:
        self.tree, self.config = tree, config
        self.charts = {chart.folder: chart for chart in charts if not chart.packaged}
        self.names = {folder: self._name(folder) for folder in self.charts}
        self.made = Deployed()
        self._known: set[object] = set()

    def unread(self, path: str, reason: str, text: str) -> None:
        """A file of which a worker could not tell what it deploys; one that merely speaks of Helm is none."""
        if _DEPLOYS.search(text) and not _TESTS.search(path):
            self.made.gaps += gaps(Location(path), f"may deploy a chart, and was not read: {reason}")

    def take(self, found: Deployment) -> None:
        """Match a deployment with the charts that it may be of, and keep what it gives them."""
        gives = bool(found.pieces or found.unknown)
        roots = self._roots(found)
        where = Location(found.path, found.line)
        if _TESTS.search(found.path):
            if gives and roots != [] and found.path not in self._known:
                self._known.add(found.path)
                self.made.gaps.append(LeftOut(where=where, reason="deploys charts for tests: not rendered"))
            return
        if roots is None:
            if gives:
                reason = f"gives values to a chart of which {found.path}:{found.line} does not tell which it is"
                self.made.gaps += gaps(where, ": ".join([reason, *found.unknown[:1]]))
            return
        for root in roots:
            given = self.made.given.setdefault(root, [])
            told = f"{found.path}:{found.line} gives chart {self.names[root] or root}"
            for unknown in found.unknown:
                self.made.gaps += gaps(where, f"{told} what only its run tells, so it is not rendered: {unknown}")
            pieces = self._pieces(found, root, where, told)
            if pieces is None or self._is_known(root, pieces, found):
                continue
            if len(given) == MAX_GIVEN:
                self.made.gaps += gaps(where, f"{told} values, as more than {MAX_GIVEN} do (bound: deployments)")
            elif len(given) < MAX_GIVEN:
                read = tuple(self._read(piece) for piece in pieces)
                line = found.line
                while any((each.path, each.line) == (found.path, line) for each in given):
                    line += 1  # two on one line: the label must tell them apart
                given.append(
                    Given(path=found.path, line=line, pieces=read, release=found.release, namespace=found.namespace)
                )

    def _is_known(self, root: str, pieces: list[Piece], found: Deployment) -> bool:
        """Whether the same is rendered anyway: given before, or a values file of the chart alone."""
        named = (found.release, found.namespace)
        key = (root, tuple(pieces), named)
        if key in self._known:
            return True
        self._known.add(key)
        if any(named):
            return False
        overlays = {f"{root}{name}" for name in (*self.charts[root].overlays, "values.yaml")}
        return not pieces or (len(pieces) == 1 and pieces[0].kind == "file" and pieces[0].text in overlays)

    def _pieces(self, found: Deployment, root: str, where: Location, told: str) -> list[Piece] | None:
        """The pieces with their files found in the tree; None when there are none, or a file is not there."""
        pieces, whole = list[Piece](), True
        for piece in found.pieces:
            key, _, name = piece.text.rpartition("=") if piece.kind == "set-file" else ("", "", piece.text)
            if piece.kind not in {"file", "set-file"}:
                pieces.append(piece)
                continue
            path = self._file(name, found, root)
            if path is None:
                whole = False
                self.made.gaps += gaps(where, f"{told} {name[:100]}, which is not in the repository")
            elif not excluded(self.config, path):
                self.made.files |= {path} if piece.kind == "file" else set()
                pieces.append(Piece(piece.kind, f"{key}={path}" if key else path))
        return pieces if pieces or whole else None

    def _file(self, name: str, found: Deployment, root: str) -> str | None:
        own = posixpath.dirname(found.path)
        folders = [own, "", *(posixpath.join(base, f) for f in found.folders for base in (own, "")), root, *_above(own)]
        for folder in (root, *folders) if _YAML.search(found.path) else folders:
            path = posixpath.normpath(posixpath.join(folder, name.lstrip("/")))
            if path in self.tree.paths:
                return path
        return None

    def _read(self, piece: Piece) -> Piece:
        """A piece with the text of its file in the place of its path."""
        if piece.kind not in {"file", "set-file"}:
            return piece
        key, _, path = piece.text.rpartition("=") if piece.kind == "set-file" else ("", "", piece.text)
        text = self.tree.read(path).decode(errors="replace")
        return Piece("set-literal", f"{key}={text}") if key else Piece("yaml", text)

    def _roots(self, found: Deployment) -> list[str] | None:
        """The folders of the charts that are meant: none of a chart from elsewhere; None when nothing tells."""
        meant = found.chart.strip("'\"").removeprefix("file://")
        meant = re.sub(rf"^(?:[^/]*{UNKNOWN}[^/]*/+)+", "", meant)
        if UNKNOWN in meant or not meant:
            return [*self.charts] if len(self.charts) == 1 else None
        own = posixpath.dirname(found.path)
        folders = [own, "", *(posixpath.join(base, f) for f in found.folders for base in (own, "")), *_above(own)]
        if meant.startswith("/"):
            folders = [""]
        for folder in folders:
            place = posixpath.normpath(posixpath.join(folder, meant.lstrip("/")))
            root = "" if place == "." else f"{place}/"
            if root in self.charts:
                return [root]
        plain = re.sub(r":[\w.+-]{1,100}$", "", posixpath.normpath(meant).lstrip("./"))
        if not plain:
            return [*self.charts] if len(self.charts) == 1 else None
        ending = [root for root in self.charts if f"/{root}".endswith(f"/{plain}/")]
        last = _PACKED.sub("", plain.rpartition("/")[2])
        return ending or [root for root, name in self.names.items() if name == last]

    def _name(self, folder: str) -> str:
        try:
            found = _NAME.search(self.tree.read(f"{folder}Chart.yaml")[:MAX_BYTES])
        except StrictRealError:
            return ""
        return found[1].decode() if found else ""


def _above(folder: str) -> Iterator[str]:
    """The folders above one, from near to far."""
    while folder := posixpath.dirname(folder):
        yield folder

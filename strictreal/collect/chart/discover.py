"""Where the charts of a subject are, and which of its files each of them is made of."""

from __future__ import annotations

import bisect
import fnmatch
from dataclasses import dataclass

from strictreal.collect.chart import overlays
from strictreal.collect.subject import excluded
from strictreal.config import Config
from strictreal.errors import StrictRealError
from strictreal.subject import Tree

MAX_CHART_FILES = 10_000
UNKNOWN_BYTES = 16 * 1024
"""For a file whose size git does not tell beforehand."""
_STRUCTURE = ("Chart.yaml", "Chart.lock", "values.yaml", "values.schema.json", ".helmignore")
_LEGACY = ("requirements.yaml", "requirements.lock")
_FOLDERS = ("templates", "charts", "crds")
_FEW = 200
"""Up to so many further files of a chart are taken along without asking whether a template reads them."""


@dataclass(frozen=True)
class FoundChart:
    """One chart as it lies in the tree.

    Attributes:
        folder: its folder with a final slash, "" for the root; of a packaged chart, the path of the .tgz.
        files: paths of its files in the tree.
        overlays: values files relative to the folder, in order.
        missing: files that belong to it and were left out of the tree, with the reason.
        size: bytes of its files, about.
    """

    folder: str
    packaged: bool
    files: tuple[str, ...]
    overlays: tuple[str, ...] = ()
    missing: tuple[tuple[str, str], ...] = ()
    size: int = 0

    @property
    def source(self) -> str:
        """The path that stands for the chart: its Chart.yaml, or the package."""
        return self.folder if self.packaged else f"{self.folder}Chart.yaml"


def find(tree: Tree, config: Config) -> list[FoundChart]:
    """Every chart that is no subchart of another, in path order; packages are looked into later."""
    folders = sorted(p.removesuffix("Chart.yaml") for p in tree.paths if p == "Chart.yaml" or p.endswith("/Chart.yaml"))
    roots: list[str] = []
    for folder in folders:
        if not any(_belongs(folder, root) for root in roots):
            roots.append(folder)
    paths = sorted(tree.paths)
    sizes = {entry.path: entry.size or UNKNOWN_BYTES for entry in tree}
    found = [
        _chart(tree, paths, sizes, root, folders, config) for root in roots if not excluded(config, f"{root}Chart.yaml")
    ]
    found += [
        FoundChart(path, packaged=True, files=(path,))
        for path in paths
        if path.endswith(".tgz") and not any(_belongs(path, root) for root in roots) and not excluded(config, path)
    ]
    return found


def _belongs(path: str, root: str) -> bool:
    """Whether a path is a subchart, or a template, of the chart at `root`."""
    return path.startswith((f"{root}charts/", f"{root}templates/", f"{root}crds/"))


def _chart(
    tree: Tree, paths: list[str], sizes: dict[str, int], root: str, folders: list[str], config: Config
) -> FoundChart:
    below = paths[bisect.bisect_left(paths, root) : bisect.bisect_left(paths, root + "\U0010ffff")]
    others = tuple(folder for folder in folders if folder.startswith(root) and folder != root)
    inside = [path for path in below if not path.startswith(tuple(o for o in others if not _belongs(o, root)))]
    needed = [path for path in inside if is_structural(path.removeprefix(root))]
    further = [path for path in inside if not is_structural(path.removeprefix(root))]
    if len(further) > _FEW and not _reads_files(tree, needed):
        further = []
    beside = [path for path in inside if not is_structural(path.removeprefix(root)) and not excluded(config, path)]
    meant = {path.removeprefix(root) for path in inside if is_overlay(path.removeprefix(root), config)}
    named = sorted({*meant, *overlays.inside(tree, root, beside)})
    missing = tuple(
        (path, reason)
        for path, reason in tree.left_out
        if path.startswith(root) and is_structural(path.removeprefix(root))
    )
    files = tuple(sorted({*needed, *further, *(root + name for name in named)}))
    size = sum(sizes[path] for path in files)
    return FoundChart(root, packaged=False, files=files, overlays=tuple(named), missing=missing, size=size)


def is_structural(relative: str) -> bool:
    """Whether Helm itself reads a file of a chart, by its path below the chart's folder."""
    head, _, rest = relative.partition("/")
    return head in _FOLDERS if rest else relative in _STRUCTURE or relative in _LEGACY


def _reads_files(tree: Tree, needed: list[str]) -> bool:
    """Whether a template may read files of the chart: only then can they change what it renders to."""
    for path in needed:
        try:
            reads = path.endswith(".tgz") or ("templates/" in path and b"Files" in tree.read(path))
        except StrictRealError:
            reads = True  # it may
        if reads:
            return True
    return False


def is_overlay(relative: str, config: Config) -> bool:
    """Whether a path matches one of the overlay globs, folder by folder, so that `*` stays within a folder."""
    parts = relative.split("/")
    if relative == "values.yaml":
        return False
    for glob in config.charts.overlays:
        wanted = glob.split("/")
        if len(wanted) == len(parts) and all(map(fnmatch.fnmatchcase, parts, wanted)):
            return True
    return False

"""Precision and recall of each detector over the labelled corpora in tests/corpus/.

A case says on which lines of a file a finding must be (`findings`) and on which it may be (`optional`); all others must
be silent. Precision = hits / (hits + false alarms), recall = hits / (hits + misses), both counted over lines. Each case
is a repository of its own, read by the same collectors and judged by the same checks as any.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from strictreal import collect, config, suite
from strictreal.cache import Cache
from strictreal.check import load
from strictreal.gather import clock, collect_specimens
from strictreal.judge import Case, FactSet, judge
from strictreal.session import Session
from strictreal.subject import open_tree

CORPUS = Path(__file__).resolve().parent.parent / "tests" / "corpus"
TARGETS = {
    "code.env-access": (0.95, 0.98),
    "code.fake": (0.95, 0.98),
    "code.stub": (0.90, 0.90),
    "code.fallback": (0.90, 0.90),
}
"""Least precision and recall by check, where the project has set itself one."""


def cases(path: Path) -> list[dict[str, Any]]:
    """The labelled cases of one file."""
    return yaml.safe_load(path.read_text())["cases"]


def lay_out(case: dict[str, Any], folder: Path) -> None:
    """Write a case's files into a folder of its own."""
    for path, text in {**case.get("extra", {}), case["path"]: case["code"]}.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


def score(corpus: Path, *, verbose: bool = False) -> dict[str, Counter[str]]:
    """Hits, misses and false alarms of every check that has a file in the folder `corpus`."""
    checks = load(suite.root() / "checks")
    labelled = {path.stem: cases(path) for path in sorted(corpus.glob("*.yaml")) if path.stem in checks}
    scores: dict[str, Counter[str]] = {check: Counter() for check in labelled}
    with tempfile.TemporaryDirectory() as name, Session(Cache(None)) as session:
        specimens = {key: FactSet(facts) for key, facts in collect_specimens(suite.root() / "checks", session).items()}
        laid = []
        for check, found in labelled.items():
            for number, case in enumerate(found):
                folder = Path(name) / check / str(number)
                lay_out(case, folder)
                laid.append((check, case, open_tree(folder)))
        for (check, case, _), facts in zip(
            laid, collect.collect_all([(t, config.load(t)) for *_, t in laid], session), strict=True
        ):
            result = judge(checks[check], Case(FactSet([clock("2026-01-01T00:00:00Z"), *facts]), specimens), checks)
            found = {finding.where.line for finding in result.findings if finding.where.path == case["path"]}
            wanted, tolerated = set(case["findings"]), set(case.get("optional", []))
            tally = {"hit": found & wanted, "miss": wanted - found, "false": found - wanted - tolerated}
            scores[check].update({kind: len(lines) for kind, lines in tally.items()})
            scores[check]["cases"] += 1
            if verbose and (tally["miss"] or tally["false"]):
                print(f"{check}: {case['name']}: missed {sorted(tally['miss'])}, false {sorted(tally['false'])}")
    return scores


def main() -> int:
    """Print a table for each corpus; 1 when a target is missed on the newest."""
    status = 0
    head = f"{'check':<18}{'cases':>7}{'hits':>7}{'missed':>8}{'false':>7}{'precision':>11}{'recall':>8}  target"
    for corpus in (CORPUS, *sorted(CORPUS.glob("blind-*"))):
        print(f"\n{corpus.name}\n{head}")
        scores = score(corpus, verbose="-v" in sys.argv)
        reached = [_row(check, tally) for check, tally in scores.items()]
        status = int(not all(reached))
    return status


def _row(check: str, tally: Counter[str]) -> bool:
    """Print one line; whether its target is reached."""
    hit, miss, false = tally["hit"], tally["miss"], tally["false"]
    precision, recall = hit / max(hit + false, 1), hit / max(hit + miss, 1)
    least = TARGETS.get(check, (0.0, 0.0))
    reached = precision >= least[0] and recall >= least[1]
    target = f"{least[0]:.2f}/{least[1]:.2f} {'reached' if reached else 'MISSED'}" if any(least) else "none set"
    print(f"{check:<18}{tally['cases']:>7}{hit:>7}{miss:>8}{false:>7}{precision:>11.3f}{recall:>8.3f}  {target}")
    return reached


if __name__ == "__main__":
    sys.exit(main())

"""Small charts for tests, and what the collector of charts says of a subject."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from subjects import lay

from strictreal.cache import Cache
from strictreal.collect import charts
from strictreal.config import Config
from strictreal.model import Gap, Observation
from strictreal.session import Session
from strictreal.subject import open_tree

CHARTS = Path(__file__).parent / "charts"
CHART = "apiVersion: v2\nname: app\nversion: 0.1.0\n"
POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: app
spec:
  containers:
    - name: app
      image: {{ .Values.image }}
"""


class Seen:
    """What the collector says of a subject."""

    def __init__(self, observations: list[Observation]) -> None:
        self.observations = observations

    def all(self, kind: type[Any]) -> list[Any]:
        return [fact for seen in self.observations for fact in seen.facts if isinstance(fact, kind)]

    def one(self, kind: type[Any]) -> Any:
        [fact] = self.all(kind) or self.all(Gap)
        return fact

    def gaps(self, unit: str) -> list[str]:
        return [gap.reason for gap in self.all(Gap) if gap.of == unit]


def collected(root: Path, config: Config | None = None, cache: Path | None = None) -> Seen:
    with Session(Cache(cache)) as session:
        return Seen(list(charts.collect(open_tree(root), config or Config(), session)))


def app(root: Path, template: str = POD, values: str = "image: app:1\n", **more: str) -> Path:
    """A subject with one small chart in app/."""
    files = {"Chart.yaml": CHART, "values.yaml": values, "templates/a.yaml": template, **more}
    return lay(root, {f"app/{path}": text for path, text in files.items()})

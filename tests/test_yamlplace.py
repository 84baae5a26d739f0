"""A key or item of a YAML text is found where it stands."""

from __future__ import annotations

import pytest

from strictreal import kubeyaml
from strictreal.collect import yamlplace

TEXT = """\
kind: Deployment
base: &base
  image: web
spec:
  1: one
  containers:
    - name: a
      <<: *base
    - name: b
      ports: [{port: 80}, {port: 81}]
  twice: 1
  twice: 2
"""


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ((), (1, 1)),
        (("kind",), (1, 1)),
        (("spec", "1"), (5, 3)),
        (("spec", "containers", 1, "name"), (9, 7)),
        (("spec", "containers", 1, "ports", 1, "port"), (10, 28)),
        (("spec", "containers", 0, "image"), (3, 3)),
        (("spec", "twice"), (12, 3)),
        (("spec", "containers", 0, "missing", "deeper"), (7, 7)),
        (("nothing",), (1, 1)),
    ],
)
def test_a_path_leads_to_its_key_or_to_the_nearest_thing_above(
    path: tuple[str | int, ...], place: tuple[int, int]
) -> None:
    kubeyaml.parse(TEXT)
    assert yamlplace.place(TEXT, path) == place


def test_every_key_and_item_has_a_line() -> None:
    places = yamlplace.places(TEXT, ("spec", "containers"))
    assert places["spec", "containers", 0] == 7
    assert places["spec", "containers", 1, "ports", 0, "port"] == 10
    assert places["spec", "containers", 1] == places["spec", "containers", 1, "name"] == 9
    assert ("spec", "twice") not in places


def test_an_empty_text_has_no_places() -> None:
    assert yamlplace.place("# nothing\n", ("a",)) == (0, 0)
    assert yamlplace.places("# nothing\n") == {}


def test_aliases_are_not_expanded_for_ever() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert len(yamlplace.places("\n".join(lines))) <= kubeyaml.MAX_NODES

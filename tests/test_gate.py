"""What decides whether a change passes is compared with the base revision: nothing of it changes unseen."""

from __future__ import annotations

from pathlib import Path

import pytest
from subjects import lay

from strictreal.cache import Cache
from strictreal.collect import gate
from strictreal.collect.session import Session
from strictreal.config import Config, load
from strictreal.facts.gate import Comparison, GateChange, WaiverFile, WaiverProblem
from strictreal.model import Fact, Gap, Inventory, Waiver
from strictreal.subject import MAX_FILE_BYTES, Tree, open_tree

WAIVER = """[[waiver]]
check = "code.env-access"
fingerprint = "5c1f"
reason = "The launcher must read PATH before the settings exist."
approver = "ada@example.org"
expires = 2027-01-31
"""
Files = dict[str, str | bytes]


def opened(root: Path, files: Files) -> tuple[Tree, Config]:
    tree = open_tree(lay(root, {"a.py": "", **files}))
    return tree, load(tree)


def changes(tmp_path: Path, before: Files, after: Files) -> list[tuple[str, str, str, bool]]:
    compared = gate.compare(*opened(tmp_path / "before", before), *opened(tmp_path / "after", after))
    return [(f.name, f.before, f.after, f.tightens) for f in compared.facts if isinstance(f, GateChange)]


def collected(root: Path, files: Files) -> list[Fact]:
    tree, config = opened(root, files)
    with Session(Cache(None)) as session:
        [observation] = gate.collect(tree, config, session)
    return list(observation.facts)


def toml(text: str) -> Files:
    return {"strictreal.toml": text}


EXCLUDE = '[[exclude]]\npath = "{}"\nreason = "not ours"\n'


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {}, []),
        ({}, toml("[charts]\n"), []),
        ({}, toml('evidence = "evidence"\n'), []),
        (
            {},
            toml(EXCLUDE.format("legacy/*")),
            [
                (
                    'configuration.exclude[{"path":"legacy/*","reason":"not ours"}]',
                    "",
                    '{"path":"legacy/*","reason":"not ours"}',
                    False,
                )
            ],
        ),
        (
            toml(EXCLUDE.format("legacy/*")),
            {},
            [
                (
                    'configuration.exclude[{"path":"legacy/*","reason":"not ours"}]',
                    '{"path":"legacy/*","reason":"not ours"}',
                    "",
                    True,
                )
            ],
        ),
        (
            {},
            toml('require = ["code.*"]'),
            [('configuration.require["code.*"]', "", '"code.*"', True)],
        ),
        (
            toml('require = ["code.*"]'),
            {},
            [('configuration.require["code.*"]', '"code.*"', "", False)],
        ),
        (
            {},
            toml('settings = ["app.py"]'),
            [('configuration.settings["app.py"]', "", '"app.py"', False)],
        ),
        (
            {},
            toml('[charts]\nkubernetes = "1.20"'),
            [("configuration.charts.kubernetes", '""', '"1.20"', False)],
        ),
        (
            {},
            toml('[charts]\noverlays = ["values-*.yaml", "values/*.yaml"]'),
            [('configuration.charts.overlays["ci/*-values.yaml"]', '"ci/*-values.yaml"', "", False)],
        ),
    ],
)
def test_each_change_of_the_configuration_is_told(
    tmp_path: Path, before: Files, after: Files, expected: list[tuple[str, str, str, bool]]
):
    assert changes(tmp_path, before, after) == expected


def test_the_order_of_lists_in_the_configuration_does_not_matter(tmp_path: Path):
    assert changes(tmp_path, toml('settings = ["a.py", "b.py"]'), toml('settings = ["b.py", "a.py"]')) == []


def test_two_long_exclusions_that_begin_alike_are_two(tmp_path: Path):
    long = "vendor/" + "x" * 200
    one, other = EXCLUDE.format(long + "/a"), EXCLUDE.format(long + "/b")
    for after in (one + other, other + one):
        [(_, was, now, tightens)] = changes(tmp_path, toml(one), toml(after))
        assert (was, "/b" in now, tightens) == ("", True, False)


def test_a_new_waiver_is_told_and_a_removed_one_tightens(tmp_path: Path):
    with_waiver: Files = {"waivers.toml": WAIVER}
    [(name, was, now, tightens)] = changes(tmp_path / "added", {}, with_waiver)
    assert (name[:7], was, "launcher" in now, tightens) == ("waiver.", "", True, False)
    [(name, was, now, tightens)] = changes(tmp_path / "removed", with_waiver, {})
    assert (name[:7], "launcher" in was, now, tightens) == ("waiver.", True, "", True)


def test_a_waiver_that_moves_in_its_file_is_no_change(tmp_path: Path):
    assert changes(tmp_path, {"waivers.toml": WAIVER}, {"waivers.toml": "# moved\n\n" + WAIVER}) == []


def test_a_waiver_that_lives_longer_is_another_waiver(tmp_path: Path):
    found = changes(tmp_path, {"waivers.toml": WAIVER}, {"waivers.toml": WAIVER.replace("2027", "2037")})
    assert sorted(tightens for *_, tightens in found) == [False, True]


RULE = "package policy.limits\n\nimport rego.v1\n"


@pytest.mark.parametrize(
    ("path", "before", "after", "name"),
    [
        ("policies/data.yaml", "limits: {cpu: 2}", "limits: {cpu: 9}", "threshold.policies/data.yaml.limits.cpu"),
        ("policies/data.json", '{"cpu": 2}', '{"cpu": 9}', "threshold.policies/data.json.cpu"),
        ("policies/limits/data.yml", "cpu: 2", "cpu: 9", "threshold.policies/limits/data.yml.cpu"),
        ("data.yaml", "cpu: 2", "cpu: 9", "threshold.data.yaml.cpu"),
        ("policies/data.yaml", "soft_hard: [1, 2]", "soft_hard: [2, 1]", "threshold.policies/data.yaml.soft_hard"),
        ("policies/data.yaml", "'a.b': 1\na: {b: 2}", "'a.b': 1\na: {b: 3}", "threshold.policies/data.yaml.a.b"),
        ("policies/data.yaml", "a: {b: 2}\n'a.b': 1", "a: {b: 3}\n'a.b': 1", "threshold.policies/data.yaml.a.b"),
        ("policies/data.yaml", "x: 1", "x: [", "threshold.policies/data.yaml"),
        ("policies/data.yaml", "x: 1", "x: 1\ny: 2", "threshold.policies/data.yaml.y"),
        ("policies/data.yaml", "when: 2026-01-01", "when: 2027-01-01", "threshold.policies/data.yaml.when"),
    ],
)
def test_a_changed_threshold_is_told(tmp_path: Path, path: str, before: str, after: str, name: str):
    rule: Files = {"policies/limits/limits.rego": RULE}
    found = changes(tmp_path, {path: before, **rule}, {path: after, **rule})
    assert name in [each[0] for each in found]
    assert not any(tightens for *_, tightens in found)


def test_data_that_no_policy_reads_is_no_threshold(tmp_path: Path):
    rule: Files = {"policies/limits.rego": RULE}
    one: Files = {"app/data.yaml": "a: 1", "policies2/data.yaml": "a: 1", **rule}
    assert changes(tmp_path, one, {**one, "app/data.yaml": "a: 2", "policies2/data.yaml": "a: 2"}) == []


@pytest.mark.parametrize(
    "bomb",
    [
        "a0: &a0 [x, x]\n" + "".join(f"a{n + 1}: &a{n + 1} [*a{n}, *a{n}]\n" for n in range(40)),
        "[" * 200_000,
        "{a: " * 200_000,
        "a:\n" + "".join(" " * n + "a:\n" for n in range(1, 2000)),
        "- 1\n" * 300_000,
        "a: " + "9" * 5000,
        "? {a: 1}\n: 2",
        "!!python/object/apply:os.system ['touch /tmp/executed']",
        "a: .nan",
        "\x00",
    ],
)
def test_a_bomb_in_a_policys_data_is_compared_by_its_digest(tmp_path: Path, bomb: str):
    rule: Files = {"limits.rego": RULE}
    found = changes(tmp_path, {"data.yaml": "a: 1", **rule}, {"data.yaml": bomb, **rule})
    assert found
    assert changes(tmp_path / "same", {"data.yaml": bomb, **rule}, {"data.yaml": bomb, **rule}) == []


def test_a_secret_in_a_threshold_does_not_reach_a_fact(tmp_path: Path):
    rule: Files = {"limits.rego": RULE}
    found = changes(tmp_path, {"data.yaml": "api_key: hunter2hunter2", **rule}, {"data.yaml": "a: 1", **rule})
    assert "hunter2" not in repr(found)


def test_the_comparison_itself_is_counted(tmp_path: Path):
    compared = gate.compare(*opened(tmp_path / "before", {}), *opened(tmp_path / "after", {}))
    assert Inventory(of="Comparison", count=1) in compared.facts
    assert [type(fact) for fact in compared.facts] == [Inventory, Comparison]


def test_waivers_become_facts_and_what_is_none_a_problem(tmp_path: Path):
    facts = collected(tmp_path, {"waivers.toml": WAIVER + "\n[[waiver]]\n"})
    assert [type(fact) for fact in facts] == [Inventory, WaiverFile, Waiver, WaiverProblem]


def test_without_a_file_of_waivers_there_is_nothing_to_judge(tmp_path: Path):
    assert collected(tmp_path, {}) == [Inventory(of="WaiverFile", count=0)]


def test_a_file_of_waivers_that_cannot_be_read_is_a_gap(tmp_path: Path):
    inventory, missing = collected(tmp_path, {"waivers.toml": b"#" * (MAX_FILE_BYTES + 1)})
    assert inventory == Inventory(of="WaiverFile", count=1)
    assert isinstance(missing, Gap)
    assert missing.reason == f"larger than {MAX_FILE_BYTES} bytes (bound: file size)"

"""Thresholds in the data of policies: a change of what a policy reads is told, whatever the data holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from gates import Files, changes

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

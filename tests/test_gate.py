"""What decides whether a change passes is compared with the base revision: nothing of it changes unseen."""

from __future__ import annotations

from pathlib import Path

import pytest
from gates import EXCLUDE, Files, changes, opened, toml

from strictreal.collect import gate
from strictreal.facts.gate import Comparison
from strictreal.model import Inventory


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
                    'configuration.exclude[{"path":"legacy/*","reason":"copied from upstream, audited there"}]',
                    "",
                    '{"path":"legacy/*","reason":"copied from upstream, audited there"}',
                    False,
                )
            ],
        ),
        (
            toml(EXCLUDE.format("legacy/*")),
            {},
            [
                (
                    'configuration.exclude[{"path":"legacy/*","reason":"copied from upstream, audited there"}]',
                    '{"path":"legacy/*","reason":"copied from upstream, audited there"}',
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


DENY = 'package p\nimport rego.v1\n\ndeny contains "root" if {{\n  input.spec.{}\n}}\n'
WORKFLOW = "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: {}\n"
ROADMAP = "id: r\nsprints:\n  - id: s\n    criteria:\n      - id: c\n        text: It is.\n        checks: [code.stub, code.fake]\n"
SCHEMA = '{{"type": "object", "required": ["a"], "properties": {{"a": {{"type": "integer", "maximum": {}}}}}}}'
STRICT = "strictreal audit . --strict"
LOOSER: dict[str, tuple[Files, Files, str]] = {
    "a rule is taken away": (
        {"p/x.rego": DENY.format("a") + "deny contains 1 if input.b\n"},
        {"p/x.rego": DENY.format("a")},
        "policy.p.deny",
    ),
    "a rule is weakened": ({"p/x.rego": DENY.format("a")}, {"p/x.rego": DENY.format('a == "never"')}, "policy.p.deny"),
    "policies are taken away": ({"p/x.rego": DENY.format("a")}, {}, "policy.p.deny"),
    "a rule that allows is added": (
        {"p/x.rego": "package p\n\nallow if input.a\n"},
        {"p/x.rego": "package p\n\nallow if input.a\n\nallow if input.b\n"},
        "policy.p.allow",
    ),
    "a test is taken away": (
        {"p/x_test.rego": "package p_test\n\ntest_a if data.p.deny\n"},
        {"p/x_test.rego": "package p_test\n"},
        "policy-test.p_test.test_a",
    ),
    "--strict is dropped": (
        {".github/workflows/c.yml": WORKFLOW.format(STRICT)},
        {".github/workflows/c.yml": WORKFLOW.format("strictreal audit .")},
        "pipelines.audit",
    ),
    "the variable is dropped": (
        {"Makefile": "audit:\n\tSOMABRAIN_STRICT_REAL=1 strictreal audit .\n"},
        {"Makefile": "audit:\n\tstrictreal audit .\n"},
        "pipelines.audit",
    ),
    "the step is dropped": (
        {".gitlab-ci.yml": "a:\n  script: [strictreal audit .]\n"},
        {".gitlab-ci.yml": "a:\n  script: [make test]\n"},
        "pipelines.audit",
    ),
    "a hook is dropped": (
        {".pre-commit-config.yaml": "repos:\n- hooks:\n  - entry: strictreal audit\n"},
        {},
        "pipelines.audit",
    ),
    "part of the suite is left": (
        {".github/workflows/c.yml": WORKFLOW.format(STRICT)},
        {".github/workflows/c.yml": WORKFLOW.format(STRICT + " --check code.stub")},
        "pipelines.audit",
    ),
    "a criterion is taken away": (
        {"sprints/r.yaml": ROADMAP},
        {"sprints/r.yaml": ROADMAP.partition("      - id: c")[0] + "      []\n"},
        "criterion.r.s.c",
    ),
    "a criterion loses a check": (
        {"sprints/r.yaml": ROADMAP},
        {"sprints/r.yaml": ROADMAP.replace(", code.fake", "")},
        "criterion.r.s.c.checks[code.fake]",
    ),
    "a constraint is taken away": (
        {"c/Chart.yaml": "", "c/values.schema.json": SCHEMA.format(9)},
        {"c/Chart.yaml": "", "c/values.schema.json": SCHEMA.format(9).replace('"required": ["a"], ', "")},
        "schema.c/values.schema.json.required[a]",
    ),
    "a constraint is weakened": (
        {"c/Chart.yaml": "", "c/values.schema.json": SCHEMA.format(9)},
        {"c/Chart.yaml": "", "c/values.schema.json": SCHEMA.format(99)},
        "schema.c/values.schema.json.properties.a.maximum",
    ),
}
TIGHTER: dict[str, tuple[Files, Files]] = {
    "a rule is added": (
        {"p/x.rego": DENY.format("a")},
        {"p/x.rego": DENY.format("a") + "\ndeny contains 2 if input.c\n"},
    ),
    "a file is formatted": (
        {"p/x.rego": DENY.format("a")},
        {
            "p/x.rego": '# Who may.\npackage p\n\nimport rego.v1\n\ndeny contains "root" if { input.spec.a }  # not root\n'
        },
    ),
    "a rule moves to another file": ({"p/x.rego": DENY.format("a")}, {"p/y.rego": DENY.format("a")}),
    "the step moves to another file": (
        {".github/workflows/c.yml": WORKFLOW.format(STRICT)},
        {".github/workflows/d.yml": "# The audit.\n" + WORKFLOW.format(STRICT)},
    ),
    "--strict is added": (
        {".github/workflows/c.yml": WORKFLOW.format("strictreal audit .")},
        {".github/workflows/c.yml": WORKFLOW.format(STRICT)},
    ),
    "a criterion is added": ({}, {"sprints/r.yaml": ROADMAP}),
    "a constraint is tightened": (
        {"c/Chart.yaml": "", "c/values.schema.json": SCHEMA.format(9)},
        {"c/Chart.yaml": "", "c/values.schema.json": SCHEMA.format(8)},
    ),
    "a schema is described": (
        {"c/Chart.yaml": "", "c/values.schema.json": SCHEMA.format(9)},
        {
            "c/Chart.yaml": "",
            "c/values.schema.json": SCHEMA.format(9).replace('"type": "object"', '"title": "V", "type": "object"'),
        },
    ),
}


@pytest.mark.parametrize("case", LOOSER)
def test_whatever_weakens_the_gate_is_told(tmp_path: Path, case: str):
    before, after, name = LOOSER[case]
    told = [change for change in changes(tmp_path, before, after) if not change[3]]
    assert told
    assert any(change[0].startswith(name) for change in told)
    assert all(change[1] != change[2] for change in told)


@pytest.mark.parametrize("case", TIGHTER)
def test_whatever_leaves_the_gate_as_strong_is_not(tmp_path: Path, case: str):
    assert [change for change in changes(tmp_path, *TIGHTER[case]) if not change[3]] == []


def test_the_comparison_itself_is_counted(tmp_path: Path):
    compared = gate.compare(*opened(tmp_path / "before", {}), *opened(tmp_path / "after", {}))
    assert Inventory(of="Comparison", count=1) in compared.facts
    assert [type(fact) for fact in compared.facts] == [Inventory, Comparison]

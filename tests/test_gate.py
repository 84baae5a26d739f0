"""What decides whether a change passes is compared with the base revision: nothing of it changes unseen."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from judging import checks
from subjects import audit, lay

from strictreal.cache import Cache
from strictreal.collect import gate
from strictreal.collect.exemptions import facts as facts_of
from strictreal.config import Config, load
from strictreal.facts.gate import Comparison, Exemption, GateChange, WaiverFile, WaiverProblem
from strictreal.judge import FactSet
from strictreal.model import Fact, Gap, Inventory, Observation, Waiver
from strictreal.session import Session
from strictreal.subject import MAX_FILE_BYTES, Tree, open_tree

WAIVER = """[[waiver]]
check = "code.env-access"
fingerprint = "5c1f"
reason = "The launcher must read PATH before the settings exist."
approver = "ada@example.org"
expires = 2027-01-31
"""
READING = 'import os\n\nBROKER = os.getenv("BROKER")\n'
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
        return [fact for observation in gate.collect(tree, config, session) for fact in observation.facts]


UNCONFIGURED = Inventory(of="Configuration", count=0)


def toml(text: str) -> Files:
    return {"strictreal.toml": text}


EXCLUDE = '[[exclude]]\npath = "{}"\nreason = "copied from upstream, audited there"\n'


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


def test_waivers_become_facts_and_what_is_none_a_problem(tmp_path: Path):
    facts = collected(tmp_path, {"waivers.toml": WAIVER + "\n[[waiver]]\n"})
    assert [type(fact) for fact in facts] == [Inventory, WaiverFile, Waiver, WaiverProblem, Inventory]


def test_without_a_file_of_waivers_there_is_nothing_to_judge(tmp_path: Path):
    assert collected(tmp_path, {}) == [Inventory(of="WaiverFile", count=0), UNCONFIGURED]


def test_a_file_of_waivers_that_cannot_be_read_is_a_gap(tmp_path: Path):
    inventory, missing, _ = collected(tmp_path, {"waivers.toml": b"#" * (MAX_FILE_BYTES + 1)})
    assert inventory == Inventory(of="WaiverFile", count=1)
    assert isinstance(missing, Gap)
    assert missing.reason == f"larger than {MAX_FILE_BYTES} bytes (bound: file size)"


def test_a_waiver_for_more_than_half_of_the_subject_is_a_problem(tmp_path: Path):
    source = {f"src/m{number}.py": "" for number in range(9)}
    text = WAIVER.replace('fingerprint = "5c1f"', 'paths = "src/*"\ncount = 9')
    facts = collected(tmp_path / "many", {**source, "waivers.toml": text})  # and a.py
    [problem] = [fact.problem for fact in facts if isinstance(fact, WaiverProblem)]
    assert problem == "paths 'src/*' cover 9 of the 11 files: name the folder or the files"
    few = dict(list(source.items())[:5])
    facts = collected(tmp_path / "few", {**few, "waivers.toml": text})
    assert [type(fact) for fact in facts if isinstance(fact, (Waiver, WaiverProblem))] == [Waiver]


# What the configuration takes out of the audit.

SOURCES = {f"app/m{number}.py": "" for number in range(7)}
VENDORED = {"vendor/x.py": "", "vendor/y.rego": "package y\n", "vendor/chart/Chart.yaml": "name: chart\n"}


def exemptions(root: Path, configuration: str, files: Files) -> list[str]:
    """What gate.exemptions finds."""
    facts = collected(root, {**toml(configuration), **files})
    laid = FactSet([Observation(collector="gate", source="", digest="", facts=tuple(facts))])
    check = checks("test_gate")["gate.exemptions"]
    given = {p.name: laid.facts(p.facts) for p in check.parameters if p.facts}
    return [finding.message for finding in check.judge(**given)]


@pytest.mark.parametrize("glob", ["*", "**", "**/*", "?*", "*.py", "*/*.py", "[!_]*", "*.p?", "*a*", "./*"])
def test_a_pattern_that_names_nothing_is_found(tmp_path: Path, glob: str):
    told = f"{glob!r} names no folder or file: it covers everything"
    assert f"settings: {told}" in exemptions(tmp_path / "settings", f'settings = ["{glob}"]', SOURCES)
    unread = f'unread = [{{ path = "{glob}", reason = "a shell" }}]'
    assert f"unread: {told}" in exemptions(tmp_path / "unread", unread, SOURCES)
    assert f"exclude: {told}" in exemptions(tmp_path / "exclude", EXCLUDE.format(glob), SOURCES)


@pytest.mark.parametrize(
    ("configuration", "files", "found"),
    [
        ("", SOURCES, []),
        ('settings = ["app/m1.py", "app/m2.py"]', SOURCES, []),
        (EXCLUDE.format("vendor/*"), {**SOURCES, "b.rego": "", "chart/Chart.yaml": "", **VENDORED}, []),
        ('settings = ["a*.py"]', {"app.py": ""}, ["settings: 'a*.py' names no folder or file: it covers everything"]),
        (
            'settings = ["app/*"]',
            SOURCES,
            [
                "settings: 'app/*' covers 7 of the 8 source files",
                "settings: 7 modules may read the environment, more than 5",
            ],
        ),
        (
            'settings = ["app/m*"]',
            {"app/m1.py": READING, "app/m2.py": READING},
            ["settings: 'app/m*' covers 2 of the 3 source files"],
        ),
        (
            'settings = ["app/pay.py"]',
            {"app/pay.py": READING + "\n\ndef pay(card):\n    charge(card)\n    return card\n", **SOURCES},
            ["settings: 'app/pay.py' covers app/pay.py, which does something else for the most part"],
        ),
        (
            'settings = ["app/names.py"]',
            {"app/names.py": READING + "\n\ndef name():\n    return os.getenv('N')\n", **SOURCES},
            [],
        ),
        (
            EXCLUDE.format("vendor/*").replace("copied from upstream, audited there", "x"),
            {**SOURCES, **VENDORED},
            ["exclude: the reason for 'vendor/*' is none: say in a sentence why it may be left out"],
        ),
        (
            'unread = [{ language = "shell", reason = "not yet" }]',
            SOURCES,
            ["unread: the reason for 'shell' is none: say in a sentence why it may be left out"],
        ),
        (
            EXCLUDE.format("app/*"),
            {"app/m.py": "x = 1\n" * 60, "a.py": "x = 1\n" * 40},
            ["exclude: 60 of the 100 lines of source code are left out: 60 %, more than 50 %"],
        ),
        ("exclude_percent = 60\n" + EXCLUDE.format("app/*"), {"app/m.py": "x = 1\n" * 60, "a.py": "x = 1\n" * 40}, []),
        (EXCLUDE.format("app/*"), {"app/m.py": "x = 1\n" * 40, "a.py": "x = 1\n" * 60}, []),
        ('settings = ["app/*"]', {**SOURCES, **{f"lib/{n}.py": "" for n in range(70)}}, []),
        ('settings = ["a.py", "app/*"]', {"app/b.py": ""}, []),
        ('settings = ["app*"]', {"a.py": b"#!", "app.py": "", "apple.py": "", "b.py": "", "c.py": ""}, []),
        (EXCLUDE.format("vendor/*"), {**SOURCES, **VENDORED}, []),  # all charts are foreign here
        (
            EXCLUDE.format("app/*") + EXCLUDE.format("a.py"),
            SOURCES,
            ["exclude: none of the 8 source files is left to audit"],
        ),
    ],
)
def test_what_is_taken_out_is_little(tmp_path: Path, configuration: str, files: Files, found: list[str]):
    assert exemptions(tmp_path, configuration, files) == found


def test_settings_that_cover_every_module_are_found_however_they_are_written(tmp_path: Path):
    (tmp_path / "a").mkdir()
    tree = open_tree(lay(tmp_path / "a", {"strictreal.toml": 'settings = ["app/*"]', "app/x.py": "", "app/y.py": ""}))
    given = [fact for fact in facts_of(tree, load(tree)) if isinstance(fact, Exemption)]
    assert [(fact.matched, fact.of, fact.unbounded) for fact in given] == [(2, 2, False)]
    assert (given[0].where.path, given[0].where.line) == ("strictreal.toml", 1)


def test_excluding_everything_is_no_way_to_be_proven(tmp_path: Path):
    files = {"worker.py": READING, "strictreal.toml": EXCLUDE.format("*")}
    run = audit(lay(tmp_path / "subject", files), output=tmp_path / "evidence")
    assert (run.code, run.outcomes["gate.exemptions"]) == (1, "failed")
    assert run.outcomes["code.env-access"] == "not applicable"


def test_letting_every_module_read_the_environment_is_no_way_either(tmp_path: Path):
    files = {"worker.py": READING, "strictreal.toml": 'settings = ["*"]'}
    run = audit(lay(tmp_path / "subject", files), output=tmp_path / "evidence")
    assert (run.code, run.outcomes["gate.exemptions"]) == (1, "failed")


@pytest.mark.parametrize(("configuration", "folder"), [('evidence = "app"', "app"), ("", "evidence")])
def test_source_code_is_not_hidden_in_the_folder_of_evidence(tmp_path: Path, configuration: str, folder: str):
    files = {"worker.py": "", f"{folder}/hidden.py": READING, "strictreal.toml": configuration}
    if not configuration:
        del files["strictreal.toml"]
    run = audit(lay(tmp_path / "subject", files), "--check", "gate.exemptions", output=tmp_path / "evidence")
    [found] = run.document["findings"]
    assert found["message"] == "evidence: the folder holds 1 Python modules, which are not audited"
    assert found["path"] == ("strictreal.toml" if configuration else folder)


# How long a waiver lasts.


def lasting(days: int) -> str:
    last = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=days)
    return WAIVER.replace("2027-01-31", last.isoformat()).replace(
        'fingerprint = "5c1f"', 'paths = "worker.py"\ncount = 1'
    )


@pytest.mark.parametrize(
    ("days", "configuration", "outcomes"),
    [
        (80, "", ("waived", "proven")),
        (100, "", ("failed", "failed")),
        (100, "waiver_days = 120", ("waived", "proven")),
        (20, "waiver_days = 10", ("failed", "failed")),
        (-1, "", ("failed", "failed")),
    ],
)
def test_a_waiver_lasts_no_longer_than_the_configuration_allows(
    tmp_path: Path, days: int, configuration: str, outcomes: tuple[str, str]
):
    files = {"worker.py": READING, "waivers.toml": lasting(days), "strictreal.toml": configuration}
    only = ("--check", "code.env-access", "--check", "gate.waivers")
    run = audit(lay(tmp_path / "subject", files), *only, output=tmp_path / "evidence")
    assert (run.outcomes["code.env-access"], run.outcomes["gate.waivers"]) == outcomes
    if days > 90 and not configuration:
        [told] = [each["message"] for each in run.document["findings"] if each["check"] == "gate.waivers"]
        assert "which is too long" in told

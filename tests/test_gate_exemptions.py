"""What the configuration takes out of the audit is named, bounded and little, however it is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from gates import EXCLUDE, Files, collected, toml
from judging import checks
from subjects import READING, audit, lay

from strictreal.collect.exemptions import facts as facts_of
from strictreal.config import load
from strictreal.facts.gate import Exemption
from strictreal.judge import FactSet
from strictreal.model import Observation
from strictreal.subject import open_tree

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

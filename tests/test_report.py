"""The same record, told to people, to machines and to code-scanning services."""

from __future__ import annotations

import io
import json
import sqlite3
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from strictreal import suite
from strictreal.check import load
from strictreal.model import CriterionStatus, Finding, Location, Outcome, Record, Result, Severity
from strictreal.report import document, github, sarif, terminal, visible

SCHEMA = Path(__file__).resolve().parent.parent / "docs" / "schemas" / "audit-1.schema.json"
CHECKS = load(suite.root() / "checks")
HOSTILE = "\x1b[2J\x1b]0;owned\x07\r::error::fake\n\x00\u202etxt.exe\u200b\x9b31m\U000e0041"


def finding(**changes: Any) -> Finding:
    usual = Finding(
        where=Location("worker/main.py", 12, 1, 12, 22, 'os.environ.setdefault("BROKER", "localhost:9092")'),
        message="os.environ.setdefault outside common/config/settings.py",
        check="code.env-access",
        remedy="Add a field to the settings class and read it from there.",
        fingerprint="5c1f0d6e9ab34c7788d2f1e0a9b8c7d6",
    )
    return msgspec.structs.replace(usual, **changes)


def failed(*findings: Finding) -> Result:
    reason = f"{len(findings)} findings"
    return Result(check="code.env-access", outcome=Outcome.FAILED, examined=41, reason=reason, findings=findings)


def record(*results: Result, **changes: Any) -> Record:
    usual = Record(
        subject="brain",
        tree="0" * 64,
        commit="a" * 40,
        dirty=2,
        lane="embedded",
        strict=False,
        since="",
        suite="f" * 64,
        results=results,
        left_out=3,
        seconds=7,
        bundle="evidence/runs/20261121T091500Z-3fa9c2e1",
        signed="development key",
        exit_code=1,
    )
    return msgspec.structs.replace(usual, **changes)


EVERY_OUTCOME = record(
    failed(finding(), finding(where=Location("chart/values.yaml"), waived="until the move"), finding(known=True)),
    Result(check="code.hard-coded", outcome=Outcome.PROVEN, examined=1234),
    Result(check="code.stub", outcome=Outcome.NOT_PROVEN, examined=3, reason="odd.py: is not valid Python here"),
    Result(check="gate.loosened", outcome=Outcome.NOT_APPLICABLE, examined=0, reason="the subject has no comparison"),
    Result(check="gate.waivers", outcome=Outcome.WAIVED, examined=1, reason="1 waived"),
    Result(check="tests.vacuous", outcome=Outcome.ERROR, examined=0, reason="KeyError: 'x'"),
    notes=("the bundle is unsigned, because there is no key",),
    sprint="compliance/sprint-1",
    criteria=(
        CriterionStatus(id="AC-1", text="Settings in one place", status="not proven", reason="failed"),
        CriterionStatus(id="AC-2", text="It scales", status="needs lane kind"),
    ),
)


def printed(shown: Record, *, colour: bool = False) -> str:
    system = "standard" if colour else None
    console = Console(file=io.StringIO(), width=200, highlight=False, force_terminal=colour, color_system=system)
    terminal.render(shown, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_an_area_of_which_no_check_applies_is_one_row():
    def absent(check: str, reason: str) -> Result:
        return Result(check=check, outcome=Outcome.NOT_APPLICABLE, examined=0, reason=reason)

    shown = printed(
        record(
            *(absent(f"cluster.{name}", "the lane embedded has no cluster") for name in "abc"),
            *(absent(f"memory.{name}", f"the subject has no {name} call") for name in "abc"),
            absent("policies.a", "the subject has no rego file"),
            absent("policies.b", "the subject has no rego file"),
            *(absent(f"supply.{name}", "nothing was looked up") for name in "ab"),
            Result(check="supply.c", outcome=Outcome.PROVEN, examined=1),
        )
    )
    rows = [" ".join(line.split()) for line in shown.splitlines()]
    assert "cluster.* not applicable 0 3 checks: the lane embedded has no cluster" in rows
    assert "memory.* not applicable 0 3 checks: the subject has nothing that they examine" in rows
    assert sum(row.startswith(("policies.", "supply.")) for row in rows) == 5
    assert "1 proven · 10 not applicable (7 s)" in rows


SCREEN = """\
FAILED  code.env-access  worker/main.py:12:1
    12 │ os.environ.setdefault("BROKER", "localhost:9092")
       │ ^^^^^^^^^^^^^^^^^^^^^ os.environ.setdefault outside common/config/settings.py
       = fix: Add a field to the settings class and read it from there.

ERROR   tests.vacuous  KeyError: 'x'
check            outcome         examined
code.env-access  failed                41  3 findings
code.hard-coded  proven             1,234
code.stub        not-proven             3  odd.py: is not valid Python here
gate.loosened    not applicable         0  the subject has no comparison
gate.waivers     waived                 1  1 waived
tests.vacuous    error                  0  KeyError: 'x'
compliance/sprint-1
criterion  status
AC-1       not proven       Settings in one place (failed)
AC-2       needs lane kind  It scales

1 proven · 1 failed · 1 not-proven · 1 waived · 1 error · 1 not applicable  (7 s)
findings not shown: 1 that the base revision has too, 1 waived: --format json lists them
brain at aaaaaaaaaaaa, 2 files differ from the commit, 3 files left out (the bundle names each) \
· lane embedded · not strict
note: the bundle is unsigned, because there is no key
evidence/runs/20261121T091500Z-3fa9c2e1  signed: development key \
· verify: strictreal evidence verify evidence/runs/20261121T091500Z-3fa9c2e1"""


# For people.


def test_the_terminal_shows_findings_outcomes_and_one_line_that_sums_up():
    assert "\n".join(line.rstrip() for line in printed(EVERY_OUTCOME).splitlines()) == SCREEN


def test_colours_are_for_terminals_only():
    assert "\x1b[" not in printed(EVERY_OUTCOME)
    assert "\x1b[" in printed(EVERY_OUTCOME, colour=True)


def test_findings_that_the_base_has_too_are_counted_with_the_revision_and_the_way_to_see_them():
    known = record(failed(finding(known=True), finding(known=True), finding(known=True, waived="x")), since="main")
    told = "findings not shown: 2 that the base revision main has too, 1 waived: --format json lists them"
    assert told in printed(known)
    assert "not shown" not in printed(record(failed(finding())))


def test_many_findings_of_one_check_are_counted_and_not_all_printed():
    text = printed(record(failed(*(finding(where=Location("a.py", line, text="x")) for line in range(1, 31)))))
    assert text.count("FAILED  ") == terminal.SHOWN_PER_CHECK
    assert "… 20 more findings of code.env-access: --format json lists them all" in text


@pytest.mark.parametrize(
    ("text", "start", "end", "caret"),
    [
        ("x = 1", 1, 6, "^^^^^"),
        ("x = 1", 5, 6, "    ^"),
        ("\tx = 1", 2, 3, "    ^"),
        ("\x1b = 1", 5, 6, "       ^"),
        ("x", 400, 500, " ^"),
        ("x = 1", 3, 0, "  ^"),
    ],
)
def test_the_caret_stands_below_what_is_meant(text: str, start: int, end: int, caret: str):
    where = Location("a.py", 1, start, 1, end, text)
    [line] = [
        line for line in printed(record(failed(finding(where=where)))).splitlines() if "│ " in line and "^" in line
    ]
    assert line.split("│ ")[1].startswith(caret + " ")


def hostile_record() -> Record:
    """A record in which everything that a subject can say is hostile."""
    return record(
        failed(
            finding(
                where=Location(f"a{HOSTILE}.py", 1, 1, 1, 2, HOSTILE, HOSTILE),
                message=HOSTILE,
                remedy=HOSTILE,
                waived="",
            )
        ),
        Result(check="code.stub", outcome=Outcome.NOT_PROVEN, examined=0, reason=HOSTILE),
        Result(check="tests.vacuous", outcome=Outcome.ERROR, examined=0, reason=HOSTILE),
        subject=HOSTILE,
        bundle=HOSTILE,
        since=HOSTILE,
        sprint=HOSTILE,
        notes=(HOSTILE,),
        criteria=(CriterionStatus(id=HOSTILE, text=HOSTILE, status="not proven", reason=HOSTILE),),
    )


def test_a_subject_cannot_move_the_cursor_or_hide_text():
    text = printed(hostile_record())
    assert visible(text.replace("\n", "")) == text.replace("\n", "")
    assert r"\x1b[2J\x1b]0;owned\x07\x0d::error::fake\x0a\x00\u202etxt.exe\u200b\x9b31m\U000e0041" in text


def test_a_subject_cannot_style_the_terminal_with_markup():
    text = printed(record(failed(finding(message="[bold]loud[/bold] [link=x]y[/link]")), sprint="[red]x[/red]"))
    assert "[bold]loud[/bold] [link=x]y[/link]" in text


@given(st.text())
def test_visible_text_has_nothing_invisible_and_keeps_what_can_be_seen(text: str):
    shown = visible(text)
    assert shown.isprintable() or not text.isprintable()
    assert not any(character < " " or "\x7f" <= character < "\xa0" for character in shown)
    assert visible(shown) == shown
    assert not text.isascii() or not text.isprintable() or shown == text


# For machines.


def valid(shown: Record) -> bool:
    schema = jsonschema_rs.Draft202012Validator(json.loads(SCHEMA.read_text()))
    plain = msgspec.json.decode(msgspec.json.encode(document.document(shown)))
    return schema.is_valid(plain)


def test_the_published_schema_is_a_schema():
    assert jsonschema_rs.meta.is_valid(json.loads(SCHEMA.read_text()))
    assert SCHEMA.name == f"audit-{document.SCHEMA_VERSION}.schema.json"


@pytest.mark.parametrize(
    "shown", [EVERY_OUTCOME, hostile_record(), record(exit_code=5), record(bundle="", signed="no bundle: disk")]
)
def test_the_document_is_valid_by_the_published_schema(shown: Record):
    assert valid(shown)


@pytest.mark.parametrize(
    "shown",
    [
        record(exit_code=2),
        record(tree="x"),
        record(lane="moon"),
        record(signed="somebody"),
        record(failed(finding(fingerprint="x"))),
        record(failed(finding(where=Location("/etc/passwd", 1)))),
        record(Result(check="code.stub", outcome=Outcome.PROVEN, examined=0)),
        record(Result(check="code.stub", outcome=Outcome.NOT_PROVEN, examined=0)),
        record(Result(check="Code", outcome=Outcome.PROVEN, examined=1)),
    ],
)
def test_the_schema_refuses_what_no_audit_says(shown: Record):
    assert not valid(shown)


def test_the_document_tells_everything_of_a_finding():
    [told] = document.document(record(failed(finding(waived="why", known=True))))["findings"]
    assert told == {
        "check": "code.env-access",
        "path": "worker/main.py",
        "line": 12,
        "column": 1,
        "resource": "",
        "message": "os.environ.setdefault outside common/config/settings.py",
        "remedy": "Add a field to the settings class and read it from there.",
        "severity": "error",
        "fingerprint": "5c1f0d6e9ab34c7788d2f1e0a9b8c7d6",
        "waived": "why",
        "known": True,
    }


# For code-scanning services.


@pytest.fixture(scope="module")
def sarif_schema() -> jsonschema_rs.Draft7Validator:
    """SARIF's schema as OASIS publishes it.

    The package keeps schemas in a cache of HTTP responses, pickled; the text of the schema is cut out of its response.
    Its pattern for languages has a stray bracket, which the dialect of JSON Schema does not allow.
    """
    path = distribution("schemastore").locate_file("schemastore/cache.sqlite")
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        responses = [value for (value,) in database.execute("SELECT value FROM responses")]
    database.close()
    mark = b'"$id": "https://raw.githubusercontent.com/oasis-tcs/sarif-spec/master/Schemata/sarif-schema-2.1.0.json"'
    [response] = [value for value in responses if mark in value[:1000]]
    text = response[response.index(b"{\r\n") :].decode(errors="replace")
    schema, _ = json.JSONDecoder().raw_decode(text.replace("{2}]?$", "{2}$"))
    return jsonschema_rs.Draft7Validator(schema, validate_formats=True)


def log(shown: Record) -> Any:
    return msgspec.json.decode(msgspec.json.encode(sarif.sarif(shown, CHECKS)))


@pytest.mark.parametrize(
    "shown", [EVERY_OUTCOME, hostile_record(), record(), msgspec.structs.replace(EVERY_OUTCOME, since="main")]
)
def test_sarif_is_valid_by_the_official_schema(sarif_schema: jsonschema_rs.Draft7Validator, shown: Record):
    assert [error.message for error in sarif_schema.iter_errors(log(shown))] == []


def test_the_official_schema_is_strict_enough_to_fail(sarif_schema: jsonschema_rs.Draft7Validator):
    wrong = log(EVERY_OUTCOME)
    wrong["runs"][0]["results"][0]["level"] = "terrible"
    assert not sarif_schema.is_valid(wrong)


def test_sarif_points_at_the_place_and_at_the_rule():
    [run] = log(EVERY_OUTCOME)["runs"]
    first = run["results"][0]
    assert run["tool"]["driver"]["rules"][first["ruleIndex"]]["id"] == first["ruleId"] == "code.env-access"
    assert first["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "worker/main.py"},
                "region": {"startLine": 12, "startColumn": 1, "endLine": 12, "endColumn": 22},
            }
        }
    ]
    assert first["partialFingerprints"] == {"strictreal/v1": "5c1f0d6e9ab34c7788d2f1e0a9b8c7d6"}


def test_sarif_suppresses_waived_findings_and_notifies_of_what_is_not_proven():
    [run] = log(EVERY_OUTCOME)["runs"]
    suppressed = [result["suppressions"] for result in run["results"] if "suppressions" in result]
    assert suppressed == [[{"kind": "external", "justification": "until the move"}]]
    [invocation] = run["invocations"]
    told = [notification["message"]["text"] for notification in invocation["toolExecutionNotifications"]]
    assert told == [
        "code.stub is not-proven: odd.py: is not valid Python here",
        "tests.vacuous is error: KeyError: 'x'",
    ]
    assert invocation["executionSuccessful"] is False


def test_sarif_marks_what_was_known_before_the_change():
    [run] = log(record(failed(finding(), finding(known=True)), since="main"))["runs"]
    assert [result["baselineState"] for result in run["results"]] == ["new", "unchanged"]


def test_sarif_has_no_more_results_than_a_service_takes_and_says_how_many_are_left():
    many = (
        *(finding(severity=Severity.NOTE, where=Location("a.py", line)) for line in range(1, sarif.MAX_RESULTS + 1)),
        *(finding(where=Location("z.py", line)) for line in range(1, 11)),
    )
    [run] = log(record(failed(*many)))["runs"]
    assert len(run["results"]) == sarif.MAX_RESULTS
    assert [result["level"] for result in run["results"][:11]] == ["error"] * 10 + ["note"]
    [notification] = run["invocations"][0]["toolExecutionNotifications"]
    assert notification["message"]["text"] == "10 of 25010 findings are not in this file, which holds 25000"


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("a b.py", "a%20b.py"),
        ("a:b.py", "a%3Ab.py"),
        ("#a?.py", "%23a%3F.py"),
        ("é.py", "%C3%A9.py"),
        ("new\nline.py", "new%0Aline.py"),
        ("100%.py", "100%25.py"),
    ],
)
def test_sarif_paths_are_uris(path: str, uri: str):
    [run] = log(record(failed(finding(where=Location(path, 1)))))["runs"]
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": uri}


# For GitHub.


MENDING = (
    "os.environ.setdefault outside common/config/settings.py"
    "%0AAdd a field to the settings class and read it from there."
)


def test_github_gets_one_annotation_a_standing_finding_and_one_for_what_is_not_proven():
    assert list(github.commands(EVERY_OUTCOME)) == [
        "::notice title=strictreal::findings not shown: 1 that the base revision has too: --format json lists them",
        "::error file=worker/main.py,line=12,col=1,title=code.env-access::" + MENDING,
        "::warning title=code.stub::not-proven: odd.py: is not valid Python here",
        "::error title=tests.vacuous::error: KeyError: 'x'",
    ]


def test_what_is_not_proven_is_an_error_in_strict_mode():
    shown = msgspec.structs.replace(EVERY_OUTCOME, strict=True)
    assert "::error title=code.stub::not-proven: odd.py: is not valid Python here" in list(github.commands(shown))


@given(st.text(), st.text(), st.text())
def test_a_subject_cannot_smuggle_an_annotation_of_its_own(path: str, message: str, remedy: str):
    shown = record(failed(finding(where=Location(path, 1), message=message, remedy=remedy)))
    [line] = github.commands(shown)
    assert line.splitlines() == [line]
    properties, text = line.removeprefix("::error ").split("::", 1)
    assert line.startswith("::error ")
    assert [each.split("=")[0] for each in properties.split(",")] in (["file", "line", "title"], ["line", "title"])
    assert "%0D" not in text
    assert "\r" not in text


@pytest.mark.parametrize(
    "hostile", ["a.py,title=x", "a.py::error::y", "a.py\n::stop-commands::z", "%0A::error::y", "a%2Cb"]
)
def test_a_hostile_path_stays_one_property(hostile: str):
    [line] = github.commands(record(failed(finding(where=Location(hostile, 1)))))
    properties = line.removeprefix("::error ").split("::", 1)[0].split(",")
    assert len(properties) == 3
    assert "%0A" not in properties[0]

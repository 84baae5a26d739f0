"""The file of waivers: each entry is a waiver or a problem with a place; nothing is dropped in silence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictreal.facts import decode
from strictreal.model import Location, Observation, Waiver, canonical
from strictreal.waiver import MAX_WAIVERS, parse, reasoned, unbounded

ENTRY = """[[waiver]]
check = "code.env-access"
fingerprint = "5c1f"
reason = "The launcher must read PATH before the settings exist."
approver = "ada@example.org"
expires = 2027-01-31
"""


def problems(text: str | bytes) -> list[tuple[int, str]]:
    found = parse("waivers.toml", text.encode() if isinstance(text, str) else text)
    return [(each[0].line, each[1]) for each in found if isinstance(each, tuple)]


def waivers(text: str) -> list[Waiver]:
    return [each for each in parse("waivers.toml", text.encode()) if isinstance(each, Waiver)]


def test_an_entry_becomes_a_waiver_at_its_line():
    assert waivers("# Exceptions\n\n" + ENTRY) == [
        Waiver(
            where=Location("waivers.toml", 3),
            check="code.env-access",
            reason="The launcher must read PATH before the settings exist.",
            approver="ada@example.org",
            expires="2027-01-31",
            fingerprint="5c1f",
        )
    ]


def test_a_glob_says_how_many_findings_it_covers():
    [found] = waivers(ENTRY.replace('fingerprint = "5c1f"', 'paths = "legacy/*"\ncount = 3'))
    assert (found.paths, found.count, found.fingerprint) == ("legacy/*", 3, "")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('check = "code.env-access"\n', "", "check is missing"),
        ('approver = "ada@example.org"', 'approver = " "', "approver is empty"),
        ('reason = "The launcher must read PATH before the settings exist."', 'reason = ""', "reason is empty"),
        ('approver = "ada@example.org"', 'approver = ["ada"]', "approver must be a string"),
        ("expires = 2027-01-31\n", "", "expires is missing"),
        ("2027-01-31", '"2027-01-31"', "expires must be a date without quotes, such as 2027-01-31"),
        ("2027-01-31", "2027-01-31T09:00:00Z", "expires must be a date without quotes, such as 2027-01-31"),
        ("2027-01-31", "20270131", "expires must be a date without quotes, such as 2027-01-31"),
        ('fingerprint = "5c1f"\n', "", "exactly one of fingerprint and paths is needed"),
        ('fingerprint = "5c1f"', 'fingerprint = "5c1f"\npaths = "*"', "exactly one of fingerprint and paths is needed"),
        ('fingerprint = "5c1f"', 'fingerprint = ""', "fingerprint is empty"),
        ('fingerprint = "5c1f"', "fingerprint = 5", "fingerprint must be a string"),
        (
            'fingerprint = "5c1f"',
            'fingerprint = "5c1f"\ncount = "many"',
            "count belongs to paths; a fingerprint covers one finding",
        ),
        (
            'fingerprint = "5c1f"',
            'paths = "*"',
            "paths needs count, the number of findings that it covers (1 to 100000)",
        ),
        *(
            (
                'fingerprint = "5c1f"',
                f'paths = "*"\ncount = {count}',
                "paths needs count, the number of findings that it covers (1 to 100000)",
            )
            for count in ("0", "-1", "true", "1.0", '"3"', "100001", "9" * 40)
        ),
        (
            "check =",
            "chek =",
            "unknown key 'chek'; known are check, reason, approver, expires, fingerprint, paths, count",
        ),
        ('"code.env-access"', '"gate.waivers"', "the gate's own checks cannot be waived"),
        (
            'fingerprint = "5c1f"',
            'paths = "**/*"\ncount = 3',
            "paths '**/*' cover everything: name the folder or the files",
        ),
        (
            '"The launcher must read PATH before the settings exist."',
            '"todo"',
            "reason 'todo' is none: say in a sentence why the finding may stand",
        ),
    ],
)
def test_a_wrong_entry_is_a_problem_that_names_the_field(old: str, new: str, problem: str):
    assert old in ENTRY
    assert problems(ENTRY.replace(old, new)) == [(1, problem)]
    assert waivers(ENTRY.replace(old, new)) == []


@pytest.mark.parametrize(
    "reason",
    [
        "TODO",
        "wip, will be fixed soon",
        "temporary - fix later",
        "todo todo todo todo",
        "x x x x x x",
        "this is a temporary waiver for testing",
        "legacy",
        "because it is needed",
        ". . . . . . . .",
        "launcher",
    ],
)
def test_a_word_or_an_excuse_is_no_reason(reason: str):
    assert not reasoned(reason)


@pytest.mark.parametrize(
    "reason",
    [
        "The launcher must read PATH before the settings exist.",
        "Third party code, audited upstream.",
        "Le lanceur lit PATH avant les réglages.",
        "設定が読み込まれる前に起動する",
        "Until BRAIN-12 lands, the port is temporary.",
    ],
)
def test_a_sentence_about_the_matter_is_a_reason(reason: str):
    assert reasoned(reason)


@pytest.mark.parametrize(
    ("glob", "everything"),
    [
        *(
            (glob, True)
            for glob in ("*", "**", "**/*", "*/*", "?*", "*?", "[!x]*", "*.py", "*.*", "./*", "*/*.p?", "*a*")
        ),
        *(
            (glob, False)
            for glob in ("worker.py", "a/*", "legacy/*", "*/migrations/*", "*_pb2.py", ".github/*", "a.py")
        ),
        *((glob, False) for glob in ("*/__init__.py", "src/**/*.py", "Dockerfile", "[ab]/x.py")),
    ],
)
def test_a_pattern_must_name_something(glob: str, everything: bool):
    assert unbounded(glob) is everything


def test_a_wrong_entry_does_not_take_its_neighbours_along():
    text = ENTRY + "\n" + ENTRY.replace("2027-01-31", "soon = 1") + "\n" + ENTRY
    assert problems(text)[0][0] == 0  # not even TOML: the whole file is one problem
    text = ENTRY + "\n" + ENTRY.replace("approver", "aprover") + "\n" + ENTRY
    assert [line for line, _ in problems(text)] == [8]
    assert len(waivers(text)) == 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"[[waiver]\n", "is not valid TOML"),
        (b"\xff\xfe", "is not valid TOML"),
        (b"a = 1\na = 2\n", "is not valid TOML"),
        (ENTRY.encode() + b'check = "code.stub"\n', "is not valid TOML"),
        (b"x = " + b"[" * 100_000, "is not valid TOML"),
        (b'waiver = "all"\n', "waiver must be an array of tables, [[waiver]]"),
        (b"waiver = [1]\n", "is not a table"),
        (b"[waivers]\n", "unknown key 'waivers'; a waiver is a [[waiver]] table"),
        (ENTRY.encode() * (MAX_WAIVERS + 1), f"more than {MAX_WAIVERS} (bound: waivers); none holds"),
    ],
)
def test_a_file_that_is_no_list_of_waivers_is_a_problem(text: bytes, problem: str):
    [found] = problems(text)
    assert problem in found[1]


def test_a_text_that_looks_like_a_heading_does_not_move_the_places():
    text = 'x = """\n[[waiver]]\n"""\n' + ENTRY
    assert [found.where.line for found in waivers(text)] == [0]


@given(
    st.dictionaries(
        st.sampled_from(["check", "reason", "approver", "expires", "fingerprint", "paths", "count", "other"]),
        st.sampled_from(['"x"', '""', "1", "-1", "1.5", "true", "2027-01-31", "[]", "{}", "1" * 30, r'"\u0000"']),
    )
)
def test_whatever_becomes_a_waiver_survives_being_written_and_read(entry: dict[str, str]):
    text = "[[waiver]]\n" + "".join(f"{key} = {value}\n" for key, value in entry.items())
    found = list(parse("waivers.toml", text.encode()))
    assert len(found) == 1
    kept = tuple(each for each in found if isinstance(each, Waiver))
    observation = Observation(collector="gate", source="waivers.toml", digest="", facts=kept)
    [read] = decode([canonical(observation)], "test")
    assert read.facts == kept

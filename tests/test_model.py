"""Canonical JSON and the identity of findings."""

from __future__ import annotations

import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from strictreal import judge
from strictreal.check import Check
from strictreal.model import Finding, Located, Location, Severity, canonical, digest

# What facts hold: no floats, integers that JSON carries exactly, keys of the Basic Multilingual Plane, no surrogates.
characters = st.characters(exclude_categories=["Cs"])
keys = st.text(st.characters(exclude_categories=["Cs"], max_codepoint=0xFFFF))
scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(characters)
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(keys, inner), max_leaves=40)


@given(values)
def test_canonical_json_is_rfc_8785_for_all_that_facts_hold(value):
    assert canonical(value) == rfc8785.dumps(value)


def test_canonical_json_escapes_as_rfc_8785_does_for_every_character_of_the_basic_plane():
    for code in [*range(0xD800), *range(0xE000, 0x10000)]:
        assert canonical(chr(code)) == rfc8785.dumps(chr(code))


@given(st.builds(Location, path=st.text(characters), line=st.integers(0, 10**6), text=st.text(characters)))
def test_a_record_has_the_canonical_json_of_its_fields(where):
    fields = {name: getattr(where, name) for name in where.__struct_fields__}
    assert canonical(where) == rfc8785.dumps(fields)


class _Seen(Located, frozen=True, kw_only=True):
    """A fact of the tests."""

    words: str


@given(st.text(characters), st.text(characters))
def test_facts_have_equal_digests_exactly_when_they_are_equal(a, b):
    one, other = (_Seen(where=Location("a.py", 1), words=words) for words in (a, b))
    assert (one.digest == other.digest) == (a == b)
    assert one.digest == digest(canonical(one))


# Fingerprints


CHECK = Check("code.test", "It holds.", "Mend it.", Severity.ERROR, lambda: ())

findings = st.lists(
    st.builds(
        Finding,
        where=st.builds(
            Location,
            path=st.sampled_from(["a.py", "b.py"]),
            line=st.integers(1, 50),
            column=st.integers(1, 9),
            text=st.sampled_from(["", "x = 1", "  x = 1", "y  =  2"]),
        ),
        message=st.sampled_from(["a stub", "another stub"]),
    ),
    max_size=12,
    unique_by=lambda finding: (finding.where.path, finding.where.line, finding.where.column),
)


def fingerprints(raw: list[Finding]) -> list[str]:
    return [finding.fingerprint for finding in judge._fingerprinted(CHECK, raw)]


def moved(finding: Finding, lines: int) -> Finding:
    where = finding.where
    return Finding(
        where=Location(where.path, where.line + lines, where.column, text=where.text), message=finding.message
    )


@given(findings)
def test_every_finding_of_a_check_has_a_fingerprint_of_its_own(raw):
    found = fingerprints(raw)
    assert len(set(found)) == len(found)
    assert all(len(fingerprint) == 32 for fingerprint in found)


@given(findings, st.integers(0, 100))
def test_findings_that_move_down_the_file_together_keep_their_fingerprints(raw, lines):
    assert fingerprints([moved(finding, lines) for finding in raw]) == fingerprints(raw)


@given(findings, st.randoms(use_true_random=False))
def test_the_order_in_which_a_check_yields_does_not_matter(raw, chance):
    shuffled = list(raw)
    chance.shuffle(shuffled)
    assert fingerprints(shuffled) == fingerprints(raw)


def test_a_copy_beside_a_finding_has_a_fingerprint_of_its_own_and_leaves_the_first_alone():
    one = Finding(where=Location("a.py", 3, 1, text="x = 1"), message="a stub")
    [alone] = fingerprints([one])
    first, second = fingerprints([one, moved(one, 1)])
    assert first == alone
    assert second != alone


def test_indentation_does_not_change_a_fingerprint_but_another_file_or_text_or_check_does():
    one = Finding(where=Location("a.py", 3, 1, text="x = 1"), message="a stub")
    [alone] = fingerprints([one])
    assert fingerprints([Finding(where=Location("a.py", 3, 5, text="    x = 1"), message="a stub")]) == [alone]
    others = [
        Finding(where=Location("b.py", 3, 1, text="x = 1"), message="a stub"),
        Finding(where=Location("a.py", 3, 1, text="x = 2"), message="a stub"),
        Finding(where=Location("a.py", 3, 1, text="x = 1", resource="Deployment/web"), message="a stub"),
    ]
    assert all(fingerprints([other]) != [alone] for other in others)
    other_check = Check("code.other", "It holds.", "Mend it.", Severity.ERROR, lambda: ())
    assert [f.fingerprint for f in judge._fingerprinted(other_check, [one])] != [alone]

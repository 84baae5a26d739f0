"""What changed between two runs, and the lists that people see."""

from __future__ import annotations

import json
import shutil

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from subjects import audit, lay, strictreal

from strictreal import config, run
from strictreal.errors import EvidenceError
from strictreal.evidence import ledger, listing
from strictreal.evidence.diff import Change, Difference, OutcomeChange, compare, diff
from strictreal.evidence.statement import ENVELOPE, RESULTS
from strictreal.model import Finding, Location, Outcome, Result, Severity

findings = st.builds(
    Finding,
    where=st.builds(Location, path=st.sampled_from(["a.py", "b.py"]), line=st.integers(1, 9)),
    message=st.just("a stub"),
    check=st.just("code.stub"),
    fingerprint=st.sampled_from("abcdef"),
    waived=st.sampled_from(["", "approved"]),
    severity=st.just(Severity.ERROR),
)
results = st.lists(
    st.builds(
        Result,
        check=st.sampled_from(["code.stub", "code.fake", "gate.waivers"]),
        outcome=st.sampled_from(list(Outcome)),
        examined=st.integers(0, 5),
        reason=st.sampled_from(["", "1 finding"]),
        findings=st.lists(findings, max_size=4, unique_by=lambda f: f.fingerprint).map(tuple),
    ),
    max_size=3,
    unique_by=lambda result: result.check,
).map(tuple)


@given(results)
def test_a_run_does_not_differ_from_itself(run_of):
    assert compare(run_of, run_of) == Difference(
        outcomes=(), appeared=(), disappeared=(), waived=(), unwaived=(), about=()
    )


@given(results, results)
def test_the_way_back_is_the_mirror_of_the_way_there(a, b):
    there, back = compare(a, b), compare(b, a)
    assert there.same == back.same
    assert (there.appeared, there.disappeared) == (back.disappeared, back.appeared)
    fingerprints = [[f.fingerprint for f in found] for found in (there.waived, there.unwaived)]
    assert fingerprints == [[f.fingerprint for f in found] for found in (back.unwaived, back.waived)] or (
        sorted(map(sorted, fingerprints))
        == sorted(map(sorted, [[f.fingerprint for f in found] for found in (back.unwaived, back.waived)]))
    )
    assert [(c.check, c.before, c.after) for c in there.outcomes] == [
        (c.check, c.after, c.before) for c in back.outcomes
    ]


def test_a_moved_finding_has_not_changed_and_another_has_appeared():
    def result(*lines: tuple[str, int, str]) -> tuple[Result, ...]:
        found = tuple(
            Finding(
                where=Location("a.py", line), message="m", check="code.stub", fingerprint=fingerprint, waived=waived
            )
            for fingerprint, line, waived in lines
        )
        reason = f"{len(found)} findings"
        return (Result(check="code.stub", outcome=Outcome.FAILED, examined=1, reason=reason, findings=found),)

    found = compare(
        result(("moved", 1, ""), ("gone", 2, ""), ("excused", 3, "")),
        result(("moved", 9, ""), ("new", 4, ""), ("excused", 3, "approved"), ("newer", 1, "")),
    )
    assert [f.fingerprint for f in found.appeared] == ["newer", "new"]
    assert [f.fingerprint for f in found.disappeared] == ["gone"]
    assert [f.fingerprint for f in found.waived] == ["excused"]
    assert found.unwaived == ()
    assert found.outcomes == (
        OutcomeChange(
            check="code.stub",
            before=Outcome.FAILED,
            after=Outcome.FAILED,
            examined_before=1,
            examined_after=1,
            reason_before="3 findings",
            reason_after="4 findings",
        ),
    )


def test_a_check_that_examined_less_is_shown_though_its_outcome_is_the_same():
    def ran(check: str, examined: int, outcome: Outcome = Outcome.PROVEN) -> Result:
        return Result(check=check, outcome=outcome, examined=examined)

    before = (ran("code.fake", 3), ran("code.stub", 7), ran("gate.waivers", 5), ran("tests.vacuous", 2))
    after = (ran("code.fake", 4), ran("code.stub", 6), ran("gate.waivers", 0, Outcome.NOT_PROVEN))
    found = compare(before, after)
    assert [(c.check, c.examined_before, c.examined_after) for c in found.fewer] == [
        ("code.stub", 7, 6),
        ("gate.waivers", 5, 0),
    ]
    assert [(c.check, c.after) for c in found.outcomes] == [
        ("gate.waivers", Outcome.NOT_PROVEN),
        ("tests.vacuous", None),
    ]


def test_the_command_line_tells_what_was_examined_less_and_what_is_gone(tmp_path):
    subject, output = tmp_path / "subject", tmp_path / "evidence"
    lay(subject, {"a.py": "A = 1\n", "b.py": "B = 2\n"})
    first = audit(subject, "--check", "code.stub,code.fake", output=output)
    (subject / "b.py").unlink()
    second = audit(subject, "--check", "code.stub", output=output)
    told = strictreal("evidence", "diff", first.document["bundle"], second.document["bundle"])
    assert "code.stub: examined less: 2 → 1" in told.output
    assert "code.fake: proven → gone: it did not run" in told.output
    assert told.code == 0


def test_two_real_runs_differ_by_what_was_mended_between_them(tmp_path):
    subject = tmp_path / "subject"
    subject.mkdir()
    settings = config.settings({"HOME": str(tmp_path / "home")})
    request = run.Request(path=subject, output=tmp_path / "evidence", only=("code.env-access",))
    (subject / "worker.py").write_text('import os\nA = os.getenv("A")\nB = os.getenv("B")\n')
    run.audit(request, settings=settings)
    (subject / "worker.py").write_text('import os\n\n\nB = os.getenv("B")\n')
    run.audit(msgspec.structs.replace(request, strict=True), settings=settings)
    a, b = (listing.load(tmp_path / "evidence" / listed.bundle) for listed in listing.runs(tmp_path / "evidence"))
    found = diff(a, b)
    assert [(f.where.line, f.where.text) for f in found.disappeared] == [(2, 'A = os.getenv("A")')]
    assert found.appeared == ()
    assert [change.what for change in found.about] == ["tree", "strict"]
    assert found.about[1] == Change(what="strict", before="false", after="true")
    assert not found.same


# Lists


def test_a_list_has_each_bundle_in_the_order_of_the_ledger(place):
    receipts = [place.record() for _ in range(3)]
    listed = listing.runs(place.output)
    assert [(found.index, place.output / found.bundle) for found in listed] == [
        (receipt.index, receipt.bundle) for receipt in receipts
    ]
    assert listed[0].key == "development"
    assert sum(listed[0].totals.values()) == len(place.account.results)
    assert listed[0].totals["failed"] >= 1


def test_an_empty_folder_lists_nothing(tmp_path):
    assert listing.runs(tmp_path) == []


def test_a_damaged_bundle_stays_in_the_list_and_says_so(place):
    first, second = place.record(), place.record()
    (first.bundle / ENVELOPE).write_bytes(b"{}")
    shutil.rmtree(second.bundle)
    (place.root / "aside").mkdir()
    second.bundle.symlink_to(place.root / "aside")
    problems = [found.problem for found in listing.runs(place.output)]
    assert problems[0].startswith(f"{ENVELOPE}: not a valid envelope")
    assert problems[1] == f"{second.bundle.relative_to(place.output)}: missing"


def test_a_broken_ledger_lists_nothing_and_is_an_error(place):
    place.record()
    (place.output / ledger.LEDGER).write_bytes(b"x\n")
    with pytest.raises(EvidenceError, match=r"ledger\.jsonl:1"):
        listing.runs(place.output)


@pytest.mark.parametrize("data", [b"{}", b"", b'{"only":[],"results":[{"check":1}]}', b"[" * 9999])
def test_a_bundle_that_does_not_decode_is_a_clear_error(place, data):
    bundle = place.record().bundle
    (bundle / RESULTS).write_bytes(data)
    with pytest.raises(EvidenceError, match=r"results\.json: not a valid results"):
        listing.load(bundle)


def test_results_are_kept_as_they_were(place):
    bundle = place.record().bundle
    assert listing.load(bundle).results.results == place.account.results
    json.loads((bundle / RESULTS).read_bytes())

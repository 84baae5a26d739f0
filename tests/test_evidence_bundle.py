"""Writing bundles: where they go, what they hold, and what never gets into one."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from strictreal import __version__, config, run, suite
from strictreal.errors import EvidenceError, EvidenceNotWritten
from strictreal.evidence import factfiles, ledger, listing, sign
from strictreal.evidence.bundle import Writer, output_folder
from strictreal.evidence.statement import (
    ENVELOPE,
    MANIFEST,
    PREDICATE_TYPE,
    STATEMENT_TYPE,
    Base,
    KeyClaim,
    Position,
    Sprint,
    base64_decode,
)
from strictreal.model import digest
from strictreal.programs import search_path


def statement_of(bundle: Path) -> dict:
    envelope = json.loads((bundle / ENVELOPE).read_bytes())
    return json.loads(base64_decode(envelope["payload"], ENVELOPE))


def files_of(bundle: Path) -> list[str]:
    return sorted(path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file())


def test_a_bundle_holds_facts_results_environment_manifest_and_statement(place):
    receipt = place.record()
    assert files_of(receipt.bundle) == [
        "environment.json",
        "facts.jsonl",
        "manifest.json",
        "results.json",
        "specimens.jsonl",
        "statement.dsse.json",
    ]
    manifest = json.loads((receipt.bundle / MANIFEST).read_bytes())
    assert manifest["files"] == [
        {
            "path": name,
            "size": (receipt.bundle / name).stat().st_size,
            "sha256": digest((receipt.bundle / name).read_bytes()),
        }
        for name in ["environment.json", "facts.jsonl", "results.json", "specimens.jsonl"]
    ]


def test_the_statement_is_an_in_toto_statement_about_the_tree(place):
    account = msgspec.structs.replace(
        place.account, strict=True, lane="local", base=Base(revision="main", commit="c" * 40)
    )
    receipt = place.record(account=account)
    said = statement_of(receipt.bundle)
    assert said["_type"] == STATEMENT_TYPE
    assert said["predicateType"] == PREDICATE_TYPE
    assert said["subject"] == [{"name": "tree", "digest": {"sha256": account.subject.tree}}]
    predicate = listing.load(receipt.bundle).predicate
    assert predicate.outcomes == {result.check: result.outcome for result in account.results}
    assert (predicate.suite, predicate.engine) == (suite.suite_digest(), suite.engine_digest())
    assert (predicate.version, predicate.strict, predicate.lane) == (__version__, True, "local")
    assert predicate.base == account.base
    assert predicate.manifest == digest((receipt.bundle / MANIFEST).read_bytes())
    assert predicate.key == KeyClaim(kind="development", id=receipt.key_id)
    assert predicate.ledger == Position(index=0, previous="0" * 64)
    assert predicate.bundle == receipt.bundle.relative_to(place.output).as_posix()


@pytest.mark.parametrize(("dirty", "named"), [(0, True), (1, False)])
def test_the_commit_is_a_subject_only_when_the_tree_is_exactly_that_commit(place, dirty, named):
    subject = msgspec.structs.replace(place.account.subject, commit="a" * 40, dirty=dirty)
    receipt = place.record(account=msgspec.structs.replace(place.account, subject=subject))
    commits = [found["digest"] for found in statement_of(receipt.bundle)["subject"] if found["name"] == "commit"]
    assert commits == ([{"gitCommit": "a" * 40}] if named else [])


def test_a_run_is_named_by_its_time_and_tree_and_never_takes_anothers_name(place):
    receipts = [place.record() for _ in range(3)]
    stem = re.sub("[-:]", "", place.account.time) + "-" + place.account.subject.tree[:8]
    assert [receipt.run for receipt in receipts] == [stem, f"{stem}-2", f"{stem}-3"]
    assert [receipt.index for receipt in receipts] == [0, 1, 2]
    assert all(receipt.bundle.parent == place.output / "runs" for receipt in receipts)


def test_a_sprints_bundles_stand_under_roadmap_and_sprint(place):
    account = msgspec.structs.replace(place.account, sprint=Sprint(roadmap="compliance", sprint="sprint-1"))
    receipt = place.record(account=account)
    assert receipt.bundle.parent == place.output / "compliance" / "sprint-1"
    place.record()
    assert place.verify().problems == ()


@pytest.mark.parametrize("name", ["../x", "a/b", ".hidden", "", "runs", "a b", "x" * 129, "é"])
def test_a_roadmap_or_sprint_that_cannot_be_a_folder_is_refused_and_nothing_is_left(place, name):
    for sprint in (Sprint(roadmap=name, sprint="s"), Sprint(roadmap="r", sprint=name)):
        with pytest.raises(EvidenceError, match="cannot name a folder of bundles"):
            place.record(account=msgspec.structs.replace(place.account, sprint=sprint))
    assert [path.name for path in place.output.iterdir()] == [ledger.LOCK]


def test_a_time_that_is_not_utc_is_refused(place):
    with pytest.raises(EvidenceError, match="is not a UTC time"):
        place.record(account=msgspec.structs.replace(place.account, time="2026-01-31 09:15"))


def test_blobs_are_kept_under_their_digest_once(place):
    with Writer(place.output) as writer:
        names = {writer.blob(b"kind: Service\n"), writer.blob(b"kind: Service\n"), writer.blob(b"")}
        factfiles.write(writer.folder, [], {})
        receipt = writer.commit(place.account, sign.signer(place.settings))
    assert names == {digest(b"kind: Service\n"), digest(b"")}
    assert {path.name for path in (receipt.bundle / "blobs").iterdir()} == names
    assert place.verify().problems == ()


def test_a_run_without_a_key_makes_a_bundle_that_says_so(place):
    receipt = place.record(signer=sign.unsigned("no development key: the home is read-only"))
    assert (receipt.key, receipt.key_id) == ("none", "")
    assert receipt.notes == ("no development key: the home is read-only",)
    assert json.loads((receipt.bundle / ENVELOPE).read_bytes())["signatures"] == []
    assert listing.runs(place.output)[0].key == "none"
    assert not listing.load(receipt.bundle).signed
    assert place.verify().problems == (
        f"{receipt.bundle.relative_to(place.output)}/{ENVELOPE}: unsigned: nobody vouches for this bundle",
    )


def test_a_broken_ledger_is_not_written_to(place):
    place.record()
    path = place.output / ledger.LEDGER
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(EvidenceError, match=r"ledger\.jsonl:1: the last line was cut"):
        place.record()
    assert len(list(place.output.rglob(ENVELOPE))) == 1


def test_times_are_whole_numbers_and_variables_are_names(place):
    account = msgspec.structs.replace(
        place.account,
        tools={"opa": "1.22"},
        phases={"collect": 0.0123},
        checks={"code.stub": 0.0000014},
        variables=("STRICTREAL_SIGNING_KEY", "CI"),
    )
    found = listing.load(place.record(account=account).bundle).environment
    assert (found.phases, found.checks, found.tools) == ({"collect": 12}, {"code.stub": 1}, {"opa": "1.22"})
    assert found.variables == ("CI", "STRICTREAL_SIGNING_KEY")


def test_files_of_a_bundle_may_be_read_by_whom_the_umask_allows(place):
    before = os.umask(0o022)
    try:
        bundle = place.record().bundle
    finally:
        os.umask(before)
    assert stat.S_IMODE(bundle.stat().st_mode) == 0o755
    assert {stat.S_IMODE(path.stat().st_mode) for path in bundle.rglob("*")} == {0o644}


# Where bundles go


def test_the_subjects_own_folder_takes_the_bundles_unless_another_is_asked_for(tmp_path):
    assert output_folder(tmp_path, "evidence", None) == tmp_path / "evidence"
    assert output_folder(tmp_path, "a/b", None) == tmp_path / "a" / "b"
    assert output_folder(tmp_path, "evidence", tmp_path / "elsewhere") == tmp_path / "elsewhere"


def test_a_subjects_evidence_folder_that_leads_out_of_it_is_refused(tmp_path):
    (tmp_path / "subject").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "subject" / "evidence").symlink_to(tmp_path / "outside")
    (tmp_path / "subject" / "file").write_text("")
    for configured in ("evidence", "evidence/inner", "file", "file/inner"):
        with pytest.raises(EvidenceError, match="name another place with --output"):
            output_folder(tmp_path / "subject", configured, None)
    asked = tmp_path / "subject" / "evidence"
    assert output_folder(tmp_path / "subject", "evidence", asked) == tmp_path / "outside", "the user may use a link"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_subject_gives_a_clear_error_for_a_user(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(EvidenceNotWritten, match="name a folder that can be written with --output"):
        Writer(tmp_path / "evidence")


def test_an_output_that_is_a_file_gives_a_clear_error(tmp_path):
    (tmp_path / "evidence").write_text("")
    with pytest.raises(EvidenceNotWritten, match="the evidence folder cannot be written"):
        Writer(tmp_path / "evidence")


# Secrets


SECRETS = {
    "GITHUB_TOKEN": "ghp_0123456789abcdefghijABCDEFGHIJ012345",
    "DATABASE_PASSWORD": "correct horse battery staple 7",
    "MY_API_KEY": 'quoted "and" back\\slashed 99',
}


def audited_with_secrets(root: Path, source: list[str]) -> dict[str, bytes]:
    """The files of the bundle of a real run in a process whose environment holds secrets; the envelope also decoded."""
    subject = root / "subject"
    subject.mkdir()
    (subject / "worker.py").write_text("\n".join(source) + "\n")
    environment = {**SECRETS, "HOME": str(root / "home"), "PATH": search_path(), "LANG": "C.UTF-8"}
    environment["PYTHONPATH"] = str(Path(suite.__file__).parents[1])
    script = (
        "from pathlib import Path; from strictreal import config, run;"
        f"run.audit(run.Request(path=Path({str(subject)!r}), output=Path({str(root / 'evidence')!r})),"
        " settings=config.settings())"
    )
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [listed] = listing.runs(root / "evidence")
    bundle = root / "evidence" / listed.bundle
    results = listing.load(bundle).results.results
    assert any(finding.where.path == "worker.py" for result in results for finding in result.findings)
    files = {path.name: path.read_bytes() for path in bundle.rglob("*") if path.is_file()}
    payload = base64_decode(json.loads(files[ENVELOPE])["payload"], ENVELOPE)
    return {**files, "payload": payload, "ledger": (root / "evidence" / ledger.LEDGER).read_bytes()}


def test_no_secret_of_the_environment_or_the_subject_reaches_a_bundle(tmp_path):
    """The subject quotes secrets on the very lines that have findings; every byte is searched."""
    source = [
        "import os",
        f'API_TOKEN = os.getenv("TOKEN", "{SECRETS["GITHUB_TOKEN"]}")',
        'DSN = os.getenv("DSN", "postgres://user:hunter2hunter2@db/prod")',
        'client = connect(os.environ["HOST"], password="s3cr3t-in-source")',
    ]
    files = audited_with_secrets(tmp_path, source)
    assert len(files) >= 8
    for secret in [*SECRETS.values(), "hunter2hunter2", "s3cr3t-in-source", os.uname().nodename]:
        for spelled in (secret, json.dumps(secret)[1:-1]):
            assert [name for name, data in files.items() if spelled.encode() in data] == [], secret


def test_a_secret_that_is_only_a_fallback_value_does_not_reach_a_bundle_either(tmp_path):
    files = audited_with_secrets(tmp_path, ["import os", 'password = os.environ.get("P") or "s3cr3t-in-source"'])
    assert [name for name, data in files.items() if b"s3cr3t-in-source" in data] == []


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_that_slipped_through_a_collector_stops_the_bundle(place, name):
    def leak(folder: Path) -> None:
        (folder / "blobs").mkdir()
        (folder / "blobs" / "log").write_bytes(msgspec.json.encode({"transcript": "x" * 3000 + SECRETS[name]}))

    with pytest.raises(EvidenceNotWritten, match=f"blobs/log: holds the value of the variable {name}") as caught:
        place.record(edit=leak, secrets=SECRETS)
    assert SECRETS[name] not in str(caught.value)
    assert [path.name for path in place.output.iterdir()] == [ledger.LOCK]


def test_a_value_as_short_as_a_word_is_not_taken_for_a_secret(place):
    place.record(secrets={"A_TOKEN": "", "B_TOKEN": "worker"})
    assert place.verify().problems == ()


def test_a_real_audit_of_a_commit_names_commit_and_stays_clean(tmp_path):
    subject = tmp_path / "subject"
    subject.mkdir()
    (subject / "worker.py").write_text("X = 1\n")
    identity = {
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b",
    }
    environment = {"PATH": search_path(), "HOME": str(tmp_path), **identity}
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run(["git", *command], cwd=subject, env=environment, check=True)
    settings = config.settings({"HOME": str(tmp_path / "home")})
    first = run.audit(run.Request(path=subject), settings=settings)
    second = run.audit(run.Request(path=subject), settings=settings)
    bundles = [listing.load(subject / "evidence" / listed.bundle) for listed in listing.runs(subject / "evidence")]
    assert len(bundles) == 2
    assert first.tree == second.tree, "the evidence folder is no part of what it is about"
    for bundle in bundles:
        assert bundle.predicate.subject.dirty == 0
        assert {found["name"] for found in statement_of(bundle.folder)["subject"]} == {"tree", "commit"}

"""Recheck: the verdict follows from the facts in the bundle, and a bundle in which it does not is found out."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

import strictreal
from strictreal import suite
from strictreal.errors import EvidenceError
from strictreal.evidence import bundle as bundles
from strictreal.evidence import factfiles, sign
from strictreal.evidence.recheck import recheck
from strictreal.model import Outcome
from strictreal.plugin import results_of

CHECK = "code.env-access"
NOWHERE = {"HOME": "/nowhere", "PYTHONPATH": str(Path(strictreal.__file__).parents[1])}


def outcome_of(place, check: str) -> Outcome:
    return next(result.outcome for result in place.account.results if result.check == check)


def test_a_real_bundle_is_recomputed_bit_for_bit(real_bundle):
    found = recheck(real_bundle, results_of)
    assert (found.problems, found.notes) == ((), ())
    assert found.identical
    assert found.differing == ()
    assert found.difference.same
    assert found.suite_recorded == found.suite_installed


def test_recheck_needs_neither_network_nor_home_nor_subject(real_bundle, tmp_path):
    alone = tmp_path / "alone"
    shutil.copytree(real_bundle, alone)
    before = {path: path.read_bytes() for path in alone.rglob("*") if path.is_file()}
    script = """
import sys
def refuse(event, arguments):
    if event.startswith(("socket.connect", "socket.getaddrinfo", "subprocess.", "os.fork", "os.exec", "os.posix")):
        raise SystemExit(f"reached out: {event} {arguments}")
sys.addaudithook(refuse)
from pathlib import Path
from strictreal.evidence.recheck import recheck
from strictreal.plugin import results_of
found = recheck(Path(sys.argv[1]), results_of)
print(found.identical, found.problems)
"""
    command = [sys.executable, "-c", script, str(alone)]
    done = subprocess.run(command, env=NOWHERE, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.stdout == "True ()\n", done.stderr
    assert {path: path.read_bytes() for path in alone.rglob("*") if path.is_file()} == before


def test_results_that_the_facts_do_not_give_are_found_out(place):
    assert outcome_of(place, CHECK) is Outcome.FAILED
    results = tuple(
        msgspec.structs.replace(result, outcome=Outcome.PROVEN, findings=(), reason="")
        if result.check == CHECK
        else result
        for result in place.account.results
    )
    receipt = place.record(account=msgspec.structs.replace(place.account, results=results))
    assert place.verify(receipt.bundle).verified, "its signer vouches for it"
    found = recheck(receipt.bundle, results_of)
    assert found.problems == ("the recomputed results are not the recorded ones",)
    assert found.differing == (CHECK,)
    [change] = found.difference.outcomes
    assert (change.check, change.before, change.after) == (CHECK, Outcome.PROVEN, Outcome.FAILED)
    assert [finding.where.path for finding in found.difference.appeared] == ["worker.py"]


def without_findings(folder: Path) -> None:
    path = folder / factfiles.FACTS
    lines = path.read_bytes().splitlines(keepends=True)
    kept = []
    for line in lines:
        observation = json.loads(line)
        observation["facts"] = [fact for fact in observation["facts"] if fact["type"] != "EnvAccess"]
        kept.append(msgspec.json.encode(observation, order="sorted") + b"\n")
    assert kept != lines
    path.write_bytes(b"".join(kept))


def test_facts_that_were_taken_out_are_found_out(place):
    found = recheck(place.record(edit=without_findings).bundle, results_of)
    assert CHECK in found.differing
    assert not found.agrees


def test_a_check_left_out_of_the_results_is_found_out(place):
    results = tuple(result for result in place.account.results if result.check != CHECK)
    found = recheck(place.record(account=msgspec.structs.replace(place.account, results=results)).bundle, results_of)
    assert found.differing == (CHECK,)


def test_an_audit_of_some_checks_is_recomputed_for_those(place):
    results = tuple(result for result in place.account.results if result.check == CHECK)
    account = msgspec.structs.replace(place.account, results=results, only=(CHECK,))
    assert recheck(place.record(account=account).bundle, results_of).identical


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("tree", "f" * 64, "the statement names " + "f" * 64),
        ("time", "2031-01-31T09:15:00Z", "the statement says 2031-01-31T09:15:00Z"),
    ],
)
def test_a_statement_about_other_facts_is_found_out(place, field, value, message):
    account = place.account
    if field == "tree":
        account = msgspec.structs.replace(account, subject=msgspec.structs.replace(account.subject, tree=value))
    else:
        account = msgspec.structs.replace(account, time=value)
    found = recheck(place.record(account=account).bundle, results_of)
    assert len(found.problems) == 1
    assert found.problems[0].endswith(message)


def test_a_base_that_the_statement_does_not_name_is_found_out(place):
    receipt = place.record(edit=lambda folder: shutil.copyfile(folder / "facts.jsonl", folder / "base.jsonl"))
    found = recheck(receipt.bundle, results_of)
    assert "the statement and the facts disagree on whether there is a base revision" in found.problems


def test_a_bundle_that_is_not_intact_is_not_rechecked(place):
    receipt = place.record()
    with open(receipt.bundle / "facts.jsonl", "ab") as file:
        file.write(b"\n")
    with pytest.raises(EvidenceError, match=r"not intact, so there is nothing to recheck: facts\.jsonl: changed"):
        recheck(receipt.bundle, results_of)


@pytest.fixture(scope="session")
def other_installation(tmp_path_factory) -> Path:
    """A second installation of strictreal, whose suite has one more file and one check that sees nothing."""
    root = tmp_path_factory.mktemp("installation")
    package = Path(strictreal.__file__).parent
    shutil.copytree(package, root / "strictreal", ignore=shutil.ignore_patterns("__pycache__", "_suite"))
    for part in ("checks", "rules", "policies"):
        if (suite.root() / part).is_dir():
            shutil.copytree(suite.root() / part, root / part, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "checks" / "NOTES").write_text("one more file")
    return root


def recheck_elsewhere(installation: Path, bundle: Path) -> list[dict]:
    """What the other installation says: first as asked by default, then with another suite allowed."""
    script = (
        "import sys, msgspec; from pathlib import Path; from strictreal.evidence.recheck import recheck\n"
        "from strictreal.plugin import results_of\n"
        "found = [recheck(Path(sys.argv[1]), results_of, allow_other_suite=allowed) for allowed in (False, True)]\n"
        "print(msgspec.json.encode(found, enc_hook=str).decode())"
    )
    environment = {**NOWHERE, "PYTHONPATH": str(installation), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", script, str(bundle)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_suite_that_differs_fails_unless_it_is_allowed(place, other_installation):
    refused, allowed = recheck_elsewhere(other_installation, place.record().bundle)
    assert refused["suite_installed"] != refused["suite_recorded"] == suite.suite_digest()
    text = f"the bundle was judged by suite {refused['suite_recorded']}, and {refused['suite_installed']} is installed"
    assert (refused["problems"], refused["notes"], refused["identical"]) == ([text], [], True)
    assert (allowed["problems"], allowed["notes"], allowed["identical"]) == ([], [text], True)


def test_an_allowed_suite_that_judges_otherwise_says_which_outcomes_differ(place, other_installation, tmp_path):
    blind = tmp_path / "blind"
    shutil.copytree(other_installation, blind)
    module = blind / "checks" / "test_code.py"
    tree = ast.parse(module.read_text())
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and CHECK in ast.unparse(node.decorator_list[0]):
            node.body = ast.parse("yield from ()").body
    module.write_text(ast.unparse(tree))
    refused, allowed = recheck_elsewhere(blind, place.record().bundle)
    assert refused["problems"][1:] == ["the recomputed results are not the recorded ones"]
    assert (allowed["problems"], allowed["identical"]) == ([], False)
    assert CHECK in allowed["differing"]
    [change] = [found for found in allowed["difference"]["outcomes"] if found["check"] == CHECK]
    assert (change["check"], change["before"], change["after"]) == (CHECK, "failed", "not-proven")


def with_other_specimens(folder: Path) -> None:
    """Facts of specimens that are drawn from other trees than the suite's: here of the first one."""
    path = folder / factfiles.SPECIMENS
    lines = path.read_bytes().splitlines(keepends=True)
    index = next(i for i, line in enumerate(lines) if json.loads(line).get("collector") == "subject")
    changed = {**json.loads(lines[index]), "digest": "0" * 64}
    path.write_bytes(
        b"".join([*lines[:index], msgspec.json.encode(changed, order="sorted") + b"\n", *lines[index + 1 :]])
    )


def without_the_last_specimen(folder: Path) -> None:
    path = folder / factfiles.SPECIMENS
    lines = path.read_bytes().splitlines(keepends=True)
    last = max(i for i, line in enumerate(lines) if line.startswith(b'{"check":'))
    path.write_bytes(b"".join(lines[:last]))


@pytest.mark.parametrize(
    ("edit", "which"), [(with_other_specimens, 0), (without_the_last_specimen, -1)], ids=["another", "one fewer"]
)
def test_specimens_that_are_not_the_suites_are_found_out(place, edit, which):
    key = "/".join(sorted(suite.specimens(suite.root() / "checks"))[which])
    found = recheck(place.record(edit=edit).bundle, results_of)
    assert found.specimens == (key,)
    assert found.problems[0] == f"the bundle's specimens are not those of the installed suite: {key}"


def test_recorded_specimens_are_those_of_the_suite(place):
    found = recheck(place.record().bundle, results_of)
    assert (found.specimens, found.same_suite, found.problems) == ((), True, ())


def test_another_suite_with_another_specimen_claims_no_equality(place, other_installation, tmp_path):
    changed = tmp_path / "changed"
    shutil.copytree(other_installation, changed)
    specimen = changed / "checks" / "specimens" / CHECK / "good"
    (specimen / "another.py").write_text("ANSWER = 42\n")
    bundle = place.record().bundle
    refused, allowed = recheck_elsewhere(changed, bundle)
    told = f"the bundle's specimens are not those of the installed suite: {CHECK}/good"
    assert told in refused["notes"]
    assert told in allowed["notes"]
    environment = {**NOWHERE, "PYTHONPATH": str(changed), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "strictreal", "evidence", "recheck", bundle]
    for options, code, words in (
        ((), 1, "FAILED  the bundle was judged by suite"),
        (("--other-suite",), 0, "another suite judged: over the recorded facts it gives the recorded outcomes"),
    ):
        done = subprocess.run(
            [*command, *options], env=environment, capture_output=True, text=True, check=False, cwd="/"
        )
        assert (done.returncode, words in done.stdout, "bit for bit" in done.stdout) == (code, True, False), done.stdout


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("facts.jsonl", b"{}\n", "facts.jsonl:1: not an observation"),
        ("facts.jsonl", b"[" * 100_000 + b"\n", "facts.jsonl:1: not an observation"),
        ("facts.jsonl", b"\xff\xfe\n", "facts.jsonl:1: not an observation"),
        ("facts.jsonl", b"{", "facts.jsonl: the last line was cut"),
        ("specimens.jsonl", b'{"check":\n', "specimens.jsonl:1: not the heading of a specimen"),
        ("specimens.jsonl", b'{"check":1,"kind":"bad"}\n', "specimens.jsonl:1: not the heading of a specimen"),
        ("specimens.jsonl", b"{}\n", "specimens.jsonl:1: an observation without a heading"),
        (
            "specimens.jsonl",
            b'{"check":"a.b","kind":"bad"}\n' * 2,
            "specimens.jsonl:2: a.b/bad a second time",
        ),
        (
            "specimens.jsonl",
            b'{"check":"a.b","kind":"bad"}\n{}\n',
            r"specimens.jsonl \(a.b/bad\):1: not an observation",
        ),
        ("base.jsonl", b"null\n", "base.jsonl:1: not an observation"),
    ],
)
def test_facts_that_do_not_decode_are_a_clear_error(place, name, data, message):
    receipt = place.record(edit=lambda folder: (folder / name).write_bytes(data))
    with pytest.raises(EvidenceError, match=f"^{message}"):
        recheck(receipt.bundle, results_of)


def test_nothing_of_a_bundle_is_executed(place, tmp_path):
    """Even when its signer put test files into it, and the manifest names them."""
    mark = tmp_path / "executed"

    def plant(folder: Path) -> None:
        for name in ("conftest.py", "test_code.py", "pytest.ini", "sitecustomize.py"):
            text = "[pytest]\naddopts = -p conftest\n" if name.endswith("ini") else f"open({str(mark)!r}, 'w')\n"
            (folder / name).write_text(text)

    receipt = place.record(edit=plant)
    assert recheck(receipt.bundle, results_of).identical
    assert not mark.exists()


def test_a_writer_that_is_given_no_facts_cannot_make_a_bundle_that_verifies(place):
    with bundles.Writer(place.output) as writer:
        writer.commit(place.account, sign.signer(place.settings))
    told = "\n".join(place.verify().problems)
    assert "manifest.json: facts.jsonl is not named" in told
    assert "manifest.json: specimens.jsonl is not named" in told

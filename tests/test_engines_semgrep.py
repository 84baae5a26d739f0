"""semgrep's engine: everything that is handed over is accounted for, whatever it is."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

import strictreal
from strictreal.engines import semgrep
from strictreal.engines.semgrep import Found, Reading, Run

RULE = {"id": "env", "languages": ["javascript", "typescript"], "severity": "ERROR", "message": "env"}
RULES = json.dumps({"rules": [RULE | {"pattern": "process.env"}]}).encode()
HIT = b"x = process.env;\n"
FOUND = Found("env", "env", 1, 5, 1, 16)


def read(*sources: bytes, rules: bytes = RULES, **keywords: Any) -> list[Reading]:
    with Run(rules, **keywords) as run:
        for source in sources:
            run.add("javascript", ".js", source)
        run.start()
        return run.readings()


def test_matches_have_their_places():
    assert read(HIT) == [Reading(found=(FOUND,))]


def test_every_file_gets_its_own_answer_in_order():
    assert [len(reading.found) for reading in read(HIT, b"", b"y = 1;\n", HIT + HIT)] == [1, 0, 0, 2]


def test_a_comment_of_the_subject_silences_nothing():
    [reading] = read(b"x = process.env; // nosemgrep\n")
    assert len(reading.found) == 1


def test_no_folder_is_left_behind():
    with Run(RULES) as run:
        run.add("javascript", ".js", HIT)
        run.start()
        run.readings()
        folder = run._folder
        assert folder.is_dir()
    assert not folder.exists()


def test_a_run_that_is_closed_early_leaves_no_process():
    run = Run(RULES)
    for _ in range(200):
        run.add("javascript", ".js", HIT * 500)
    run.start()
    run.close()
    assert run._process is not None
    assert run._process.returncode is not None


def test_what_the_parser_passes_over_is_named():
    [reading] = read(b"a = process.env;\nfunction (((\n")
    assert reading.unread == ((2, 2),)
    assert reading.failed == ""


@pytest.mark.parametrize(
    "source",
    [
        b"\0\0process.env\0" + HIT,
        b"\xff\xfe\x00" + HIT,
        b"x = '" + b"\xe9" * 100 + b"';\n" + HIT,
        b"(" * 100_000 + b"process.env" + b")" * 100_000,
        b"[" * 50_000 + b"process.env",
        b"process.env<" * 20_000,
        b"{" * 30_000 + b"process.env" + b"}" * 30_000,
        b"`${" * 20_000 + b"process.env",
    ],
    ids=["nul bytes", "utf-16 mark", "latin-1", "nested", "unclosed", "ambiguous", "blocks", "templates"],
)
def test_a_hostile_file_is_read_or_named_and_hides_no_other(source: bytes):
    hostile, innocent = read(source, HIT)
    assert hostile.found or hostile.unread or hostile.failed
    assert innocent == Reading(found=(FOUND,))


def test_a_file_with_too_many_matches_is_named_with_the_bound():
    many, one = read(HIT * (semgrep.MAX_MATCHES + 1), HIT)
    assert many == Reading(failed="more than 1000 matches of one rule (bound: matches)")
    assert one == Reading(found=(FOUND,))


def test_a_process_that_dies_takes_only_its_file_with_it(tmp_path: Path):
    """This is the engine itself, behind a script that dies when it is given one certain file."""
    script = tmp_path / "engine"
    script.write_text(
        f"#!{sys.executable}\n"
        "import json, os, sys\n"
        "targets = json.load(open('targets.json'))[1]\n"
        "if any(b'DEADLY' in open(t[1]['path']['fpath'], 'rb').read() for t in targets):\n"
        "    os.abort()\n"
        f"os.execv({str(semgrep.engine())!r}, [{str(semgrep.engine())!r}, *sys.argv[1:]])\n"
    )
    script.chmod(0o755)
    readings = read(*[HIT] * 40, b"DEADLY", *[HIT] * 40, program=script)
    assert readings[:40] == readings[41:] == [Reading(found=(FOUND,))] * 40
    assert readings[40].failed.startswith("semgrep ended with code -6 and no answer")
    assert not readings[40].final


def test_a_process_that_hangs_is_ended(tmp_path: Path):
    script = tmp_path / "engine"
    script.write_text("#!/bin/sh\nexec sleep 1000\n")
    script.chmod(0o755)
    assert read(HIT, program=script, patience=(0, 0)) == [
        Reading(failed="semgrep took too long (bound: scan time)", final=False)
    ]


def test_rules_that_semgrep_refuses_are_no_answer_for_any_file():
    bad = json.dumps({"rules": [RULE | {"pattern": "process.("}]}).encode()
    readings = read(HIT, HIT, rules=bad)
    assert [reading.found for reading in readings] == [(), ()]
    assert all(reading.failed.startswith("semgrep refuses: ") for reading in readings)


def test_without_semgrep_there_is_an_error_and_no_silence(tmp_path: Path):
    for package in (strictreal, msgspec):
        (tmp_path / package.__name__).symlink_to(Path(package.__file__).parent)
    code = "from strictreal.engines import semgrep\nprint(semgrep.version())\nsemgrep.Run(b'{}')"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.append({str(tmp_path)!r})\n{code}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "absent\n"
    assert done.stderr.endswith("ToolMissing: semgrep is not installed: `pip install semgrep`\n")


def test_the_engine_answers_as_the_command_does(tmp_path: Path):
    """The `semgrep` command is the published interface; on files that it does not skip both must agree."""
    sources = [HIT, b"y = 1;\n", b"function f() { return process.env.A + process.env['B']; }\n", b"a(process.env)\n"]
    (tmp_path / "rules.json").write_bytes(RULES)
    (tmp_path / "src").mkdir()
    for number, source in enumerate(sources):
        (tmp_path / "src" / f"{number}.js").write_bytes(source)
    command = [Path(sys.executable).with_name("semgrep"), "scan", "--metrics=off", "--disable-version-check", "--json"]
    done = subprocess.run(
        [*command, "--oss-only", "--no-git-ignore", "--disable-nosem", "--config", "rules.json", "src"],
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "PATH": str(Path(sys.executable).parent) + ":/usr/bin:/bin"},
        capture_output=True,
        check=True,
    )
    told = {
        (int(Path(r["path"]).stem), r["start"]["line"], r["start"]["col"], r["end"]["col"])
        for r in json.loads(done.stdout)["results"]
    }
    readings = read(*sources)
    ours = {(n, f.line, f.column, f.end_column) for n, reading in enumerate(readings) for f in reading.found}
    assert ours == told
    assert len(ours) == 4


def test_progress_is_told_of_every_file():
    told: list[int] = []
    with Run(RULES) as run:
        for _ in range(50):
            run.add("javascript", ".js", HIT)
        run.start()
        time.sleep(0.01)
        run.readings(told.append)
    assert sum(told) == 50

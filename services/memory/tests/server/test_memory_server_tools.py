"""`sfm`, the command: every tool against a real server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from serving import TOKEN, Server, environment, serving


def sfm(server: Server, folder: Path, *arguments: str, code: int = 0, given: str = "") -> str:
    """Run it against the server; what it printed, on both channels when it was to fail."""
    command = [sys.executable, "-m", "sfm", "--target", server.target, *arguments]
    settings = environment(folder, {})
    ended = subprocess.run(command, env=settings, input=given, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == code, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stdout + ended.stderr if code else ended.stdout


def test_one_memory_is_stored_recalled_and_explained(server: Server, tmp_path: Path) -> None:
    more = ("--importance", "2", "--payload", "hey", "--metadata", '{"kind": "x"}', "--features", '{"trust": 0.5}')
    stored = json.loads(sfm(server, tmp_path, "store", "cli", "a", "--vector", "[1, 2, 3, 4]", *more))
    assert (stored["id"], stored["sequence"]) == ("a", 1)
    out = sfm(server, tmp_path, "recall", "cli", "--vector", "[1, 2, 3, 4]", "-k", "1", "--payloads", "--alpha", "0")
    hit = json.loads(out)
    assert (hit["id"], hit["payload"], hit["metadata"]) == ("a", "aGV5", {"kind": "x"})
    assert hit["score"] == pytest.approx(1.0, abs=1e-6)
    told = json.loads(sfm(server, tmp_path, "explain", "cli", "a", "--vector", "[4, 3, 2, 1]", "--beta", "2"))
    assert told["parameters"]["beta"] == 2
    assert told["score"] == pytest.approx(told["similarity_factor"] * told["importance_factor"])


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("store", "cli", "a"), 2, "either --vector or --text"),
        (("store", "cli", "a", "--vector", "[1"), 2, "--vector is no JSON"),
        (("store", "cli", "a", "--vector", "{}"), 2, "--vector must be a JSON list"),
        (("store", "cli", "a", "--vector", "[1]"), 1, "vector.values: must have 4 components, not 1"),
        (("store", "a b", "a", "--vector", "[1, 0, 0, 0]"), 1, "tenant: must be"),
        (("recall", "nobody", "--vector", "[1, 0, 0, 0]"), 1, "tenant: "),
        (("import", "/nowhere"), 1, "/nowhere: No such file or directory"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(
    server: Server, tmp_path: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    assert message in sfm(server, tmp_path, *arguments, code=code)


def test_a_wrong_token_is_refused_and_a_missing_token_file_named(server: Server, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("wrong")
    ask = ("recall", "cli", "--vector", "[1, 0, 0, 0]")
    assert "UNAUTHENTICATED" in sfm(server, tmp_path, "--token-file", str(tmp_path / "token"), *ask, code=1)
    assert "--token-file" in sfm(server, tmp_path, "--token-file", str(tmp_path / "none"), *ask, code=3)


def test_health_needs_no_token_and_tells_by_its_exit_code(server: Server, tmp_path: Path) -> None:
    assert sfm(server, tmp_path, "--token-file", str(tmp_path / "none"), "health") == "SERVING\n"
    away = subprocess.run(
        [sys.executable, "-m", "sfm", "--target", "127.0.0.1:1", "--timeout", "1", "health"],
        env=environment(tmp_path, {}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (away.returncode, away.stdout) == (1, "UNAVAILABLE\n")


def test_bench_ends_by_itself_with_a_histogram(server: Server, tmp_path: Path) -> None:
    found = json.loads(sfm(server, tmp_path, "bench", "--count", "200", "--concurrency", "8"))
    for part in ("store", "recall"):
        assert found[part]["done"] == 200
        assert found[part]["failed"] == {}
        assert 0 < found[part]["p50_seconds"] <= found[part]["p95_seconds"] <= found[part]["p99_seconds"]
        assert sum(calls for _, calls in found[part]["histogram"]) == 200


def test_what_is_exported_is_imported_the_same(tmp_path: Path) -> None:
    file, again = tmp_path / "memories.jsonl", tmp_path / "again.jsonl"
    with serving(tmp_path / "one") as server, server.client() as client:
        for index in range(50):
            client.store(
                f"t{index % 2}",
                f"m{index}",
                [1.0, index, 0.5, -3.0],
                importance=index / 7,
                created=index,
                payload=bytes([index, 255]),
                metadata={"n": index, "list": [None, "é"]},
                features={"trust": 0.25},
            )
        client.delete("t0", "m0")
        sfm(server, tmp_path / "one", "export", str(file))
        assert len(sfm(server, tmp_path / "one", "export", "-", "--tenant", "t1").splitlines()) == 25
    lines = file.read_text().splitlines()
    assert len(lines) == 49
    with serving(tmp_path / "two") as server:
        assert json.loads(sfm(server, tmp_path / "two", "import", str(file))) == {"stored": 49, "refused": 0}
        sfm(server, tmp_path / "two", "export", str(again))
        by_id = {json.loads(line)["id"]: json.loads(line) for line in again.read_text().splitlines()}
        for line in lines:
            before = json.loads(line)
            after = by_id[before["id"]]
            assert after.pop("vector") == pytest.approx(before.pop("vector"), abs=1e-7)
            assert after == before
        bad = lines[0].replace('"importance": ', '"importance": 1e999, "was": ')
        out = sfm(server, tmp_path / "two", "import", "-", code=1, given=f"{bad}\n\n{lines[1]}\n")
        assert "memory 0" in out
        assert "importance: must be finite" in out
        assert '{"stored": 1, "refused": 1}' in out
        assert "line 2: lacks 'tenant'" in sfm(
            server, tmp_path / "two", "import", "-", code=1, given=f'{lines[0]}\n{{"id": "a"}}\n'
        )


def test_migrate_makes_the_database_and_may_run_again_but_not_beside_a_server(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sfm", "migrate"]
    settings = environment(tmp_path, {})

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env=settings, capture_output=True, text=True, timeout=60, check=False)

    assert [run().returncode, run().returncode] == [0, 0]
    assert (tmp_path / "data" / "memories.db").exists()
    with serving(tmp_path) as server, server.client() as client:
        client.store("acme", "a", [1, 0, 0, 0])
        beside = run()
        assert beside.returncode == 1
        assert "locked" in beside.stderr
        assert "Traceback" not in beside.stderr
        assert TOKEN not in beside.stderr

"""Source files of every language: each is read, or named with the reason why not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from subjects import lay

from strictreal.cache import Cache
from strictreal.collect import patterns
from strictreal.config import Config, Exclude, Unread
from strictreal.engines import semgrep
from strictreal.facts.patterns import PatternMatch, SourceFile, TestFile, TestMatch, of_check
from strictreal.model import Fact, Gap, Inventory, LeftOut, Location, Observation
from strictreal.session import Session
from strictreal.subject import open_tree

ENV = "const url = process.env.DATABASE_URL;\n"


def observe(root: Path, *, cache: Path | None = None, config: Config | None = None) -> list[Observation]:
    with Session(Cache(cache)) as session:
        return list(patterns.collect(open_tree(root), config or Config(), session))


def collect(root: Path, files: dict[str, str | bytes], config: Config | None = None) -> list[Fact]:
    return [fact for o in observe(lay(root, files), config=config) for fact in o.facts]


def of(kind: type[Fact], facts: list[Fact]) -> list[tuple[str, ...]]:
    found = (fact for fact in facts if type(fact) is kind)
    return [tuple(filter(None, (f.where.path, getattr(f, "reason", "")))) for f in found]  # type: ignore[attr-defined]


def test_every_source_file_is_counted_and_examined(tmp_path: Path):
    facts = collect(tmp_path, {"a.js": ENV, "tests/b.py": "import os\n", "c.go": "package c\n", "README.md": "# c\n"})
    assert of(SourceFile, facts) == [("a.js",), ("c.go",), ("tests/b.py",)]
    assert Inventory(of="SourceFile", count=3) in facts
    assert of(Gap, facts) == of(LeftOut, facts) == []


def test_a_match_has_its_place_its_check_and_its_line(tmp_path: Path):
    [match] = [f for f in collect(tmp_path, {"a.js": "// é\n" + "/* é */ " + ENV}) if isinstance(f, PatternMatch)]
    assert match == PatternMatch(
        where=Location("a.js", 2, 21, 2, 32, "/* é */ " + ENV.strip()),
        check="code.env-access",
        rule="javascript-process-env",
        language="javascript",
        message="process.env",
    )


def test_secrets_do_not_reach_a_fact(tmp_path: Path):
    facts = collect(tmp_path, {"a.js": 'x = f(process.env, {password: "hunter2hunter2"});\n'})
    assert any(isinstance(fact, PatternMatch) for fact in facts)
    assert not any("hunter2" in repr(fact) for fact in facts)


def test_tests_of_other_languages_are_counted_as_tests(tmp_path: Path):
    files = {
        "src/a.test.js": 'it.skip("a", () => { expect(f()).toBe(1); });\n',
        "src/a.js": "f();\n",
        "t/test_b.py": "",
    }
    facts = collect(tmp_path, files | {"src/lib.rs": "#[test]\n#[ignore]\nfn f() {\n    assert!(g());\n}\n"})
    assert of(TestFile, facts) == [("src/a.test.js",), ("src/lib.rs",)]
    assert of(TestMatch, facts) == [("src/a.test.js",), ("src/lib.rs",)]
    assert Inventory(of="TestFile", count=2) in facts


def test_minified_files_and_languages_without_rules_are_gaps_that_say_how_to_accept_them(tmp_path: Path):
    files = {"static/jquery.min.js": "!function(){process.env}();" * 500, "core.cpp": "int x;\n", "b/other.cc": ""}
    facts = collect(tmp_path, files)
    say = "to accept that, configure unread"
    assert of(Gap, facts) == [
        (
            "b/other.cc",
            f'2 files in C++, which no rule reads, this one the first; {say} = [{{ language = "C++", reason = "…" }}]',
        ),
        (
            "static/jquery.min.js",
            f'in minified JavaScript, which no rule reads; {say} = [{{ language = "minified JavaScript", reason = "…" }}]',
        ),
    ]
    assert {fact.of for fact in facts if isinstance(fact, Gap)} == {"UnreadLanguage"}
    assert Inventory(of="UnreadLanguage", count=2) in facts
    assert Inventory(of="SourceFile", count=0) in facts


def test_what_is_no_source_in_spite_of_its_name_is_left_out_with_a_reason(tmp_path: Path):
    facts = collect(tmp_path, {"de.ts": '<?xml version="1.0"?><!DOCTYPE TS><TS></TS>'})
    assert of(LeftOut, facts) == [("de.ts", "a translation file of Qt, not TypeScript")]


def test_shell_is_a_gap_of_its_own_kind_and_its_tests_are_another(tmp_path: Path):
    facts = collect(tmp_path, {"run.sh": "echo\n", "tests/all.bats": "", "src/FooTest.scala": "", "a.scala": ""})
    gaps = [(fact.of, fact.where.path) for fact in facts if isinstance(fact, Gap)]
    assert sorted(gaps) == [
        ("UnreadCommands", "run.sh"),
        ("UnreadLanguage", "a.scala"),
        ("UnreadTests", "src/FooTest.scala"),
        ("UnreadTests", "tests/all.bats"),
    ]
    for unit, count in {"UnreadCommands": 1, "UnreadLanguage": 1, "UnreadTests": 2}.items():
        assert Inventory(of=unit, count=count) in facts


def test_a_language_that_the_configuration_accepts_is_left_out_file_by_file(tmp_path: Path):
    config = Config(unread=(Unread(language="Shell", reason="glue"),), source="strictreal.toml")
    facts = collect(tmp_path, {"run.sh": "", "tests/all.bats": "", "a.lua": ""}, config)
    reason = "no rule reads shell; accepted by strictreal.toml: glue"
    assert of(LeftOut, facts) == [("run.sh", reason), ("tests/all.bats", reason)]
    assert [fact.where.path for fact in facts if isinstance(fact, Gap)] == ["a.lua"]


def test_scripts_between_tags_are_read_in_their_places(tmp_path: Path):
    page = "<template>\n  {{ process.env.A }}\n</template>\n<script setup>\n" + ENV + "</script>\n"
    facts = collect(tmp_path, {"App.vue": page, "plain.html": "<p>process.env.A</p>\n"})
    assert [(f.where.path, f.where.line) for f in facts if isinstance(f, PatternMatch)] == [("App.vue", 5)]
    assert of(SourceFile, facts) == [("App.vue",)]
    assert of(Gap, facts) == []


def test_what_the_configuration_excludes_is_not_counted(tmp_path: Path):
    config = Config(exclude=(Exclude(path="vendor/*", reason="not ours"),), source="strictreal.toml")
    facts = collect(tmp_path, {"vendor/a.js": ENV, "vendor/b.cpp": "", "a.js": ENV}, config)
    assert of(SourceFile, facts) == [("a.js",)]
    assert of(LeftOut, facts) == []  # the collector of the subject names them


def test_a_file_that_the_parser_passes_over_in_part_is_a_gap_and_keeps_its_matches(tmp_path: Path):
    facts = collect(tmp_path, {"a.test.js": ENV + "function (((\n"})
    reason = "semgrep's parser passed over line 2"
    assert [(f.of, f.reason) for f in facts if isinstance(f, Gap)] == [("SourceFile", reason), ("TestFile", reason)]
    assert of(PatternMatch, facts) == [("a.test.js",)]
    assert Inventory(of="SourceFile", count=1) in facts


def test_python_that_only_semgrep_does_not_understand_is_no_gap(tmp_path: Path):
    facts = collect(tmp_path, {"a.py": "import os\nos.getenv('A')\nx = = 1\n"})
    assert of(Gap, facts) == []
    assert [fact.note for fact in facts if isinstance(fact, SourceFile)] == ["semgrep's parser passed over line 3"]


@pytest.mark.parametrize("name", ["-rf.js", "a\nb.js", "ü é.js", "$(touch x).js", "a'b\".js", "semgrep.yaml.js"])
def test_a_hostile_name_is_a_name(tmp_path: Path, name: str):
    facts = collect(tmp_path, {name: ENV})
    assert of(PatternMatch, facts) == [(name,)]


def test_ignore_files_of_the_subject_are_not_asked(tmp_path: Path):
    ignoring = {".semgrepignore": "*\n", ".semgrep/settings.yml": "x", ".git/info/exclude": ""}
    facts = collect(tmp_path, ignoring | {"tests/a.js": ENV, "test/b.js": ENV, "vendor/c.js": ENV})
    assert of(PatternMatch, facts) == [("test/b.js",), ("tests/a.js",), ("vendor/c.js",)]


def test_a_huge_file_is_a_gap_and_is_not_read(tmp_path: Path):
    lay(tmp_path, {"a.js": ENV})
    with open(tmp_path / "huge.js", "wb") as file:
        os.ftruncate(file.fileno(), 1 << 30)
    facts = [fact for o in observe(tmp_path) for fact in o.facts]
    assert of(Gap, facts) == [("huge.js", "larger than 8388608 bytes (bound: file size)")]
    assert of(PatternMatch, facts) == [("a.js",)]


def test_a_large_file_that_is_not_minified_is_a_gap(tmp_path: Path):
    facts = collect(tmp_path, {"large.js": ENV * 30_000})
    assert of(Gap, facts) == [("large.js", f"larger than {semgrep.MAX_SOURCE_BYTES} bytes (bound: source size)")]


@pytest.fixture
def files() -> dict[str, str | bytes]:
    return {
        "a.js": ENV,
        "b.js": "function (((process.env\n",
        "c.py": "import os\nos.getenv('A')\n",
        "d.min.js": "a=b;" * 999,
    }


def processes(root: Path, cache: Path) -> int:
    """How many readings are under way after `prepare`."""
    with Session(Cache(cache)) as session:
        patterns.prepare([(open_tree(root), Config())], session)
        return len(session.shared(patterns.Reader)._runs)


def test_an_unchanged_subject_starts_no_process_and_gives_the_same_facts(tmp_path: Path, files: dict[str, str | bytes]):
    root, cache = lay(tmp_path / "subject", files), tmp_path / "cache"
    fresh = observe(root, cache=cache)
    assert processes(root, cache) == 0
    again = observe(root, cache=cache)
    assert [o.facts for o in again] == [o.facts for o in fresh]
    assert {o.source: o.cached for o in again if o.source} == {"a.js": True, "b.js": True, "c.py": True}
    lay(root, {"a.js": ENV + ENV})
    assert processes(root, cache) == 1


def test_equal_content_under_another_name_is_known(tmp_path: Path):
    root, cache = lay(tmp_path / "subject", {"a.js": ENV}), tmp_path / "cache"
    observe(root, cache=cache)
    (root / "a.js").rename(root / "b.js")
    assert processes(root, cache) == 0
    assert of(PatternMatch, [fact for o in observe(root, cache=cache) for fact in o.facts]) == [("b.js",)]


def test_one_process_reads_all_trees_of_a_run(tmp_path: Path):
    trees = [(open_tree(lay(tmp_path / name, {f"{name}.js": ENV})), Config()) for name in ("one", "two")]
    with Session(Cache(None)) as session:
        patterns.prepare(trees, session)
        assert len(session.shared(patterns.Reader)._runs) == 1
        found = [list(patterns.collect(tree, config, session)) for tree, config in trees]
    assert [[o.source for o in observations] for observations in found] == [["one.js", ""], ["two.js", ""]]


def test_a_session_that_is_left_early_leaves_no_process_and_no_folder(tmp_path: Path):
    lay(tmp_path, {"a.js": ENV})
    with Session(Cache(None)) as session:
        patterns.prepare([(open_tree(tmp_path), Config())], session)
        [(_, run)] = session.shared(patterns.Reader)._runs
    assert not run._folder.exists()
    assert run._process is not None
    assert run._process.returncode is not None


def match(line: int, end_line: int = 0, check: str = "code.x") -> PatternMatch:
    where = Location("a.py", line, 1, end_line or line)
    return PatternMatch(where=where, check=check, rule="r", language="python", message="m")


def lines(matches: Iterator[PatternMatch]) -> list[int]:
    return [found.where.line for found in matches]


def test_what_the_syntax_tree_saw_is_not_told_twice():
    matches = [match(1), match(1), match(3), match(5, 8), match(9, check="code.y")]
    assert lines(of_check(matches, "code.x")) == [1, 3, 5]
    assert lines(of_check(matches, "code.x", beside=[match(3), match(7)])) == [1]


def test_a_script_is_known_by_its_first_line_where_its_name_does_not_tell(tmp_path: Path):
    script = "#!/usr/bin/env node\n" + ENV
    lay(tmp_path, {"tool": script, "tool.v2": script, "notes.v2": script, "plain": ENV})
    (tmp_path / "tool.v2").chmod(0o755)
    assert of(PatternMatch, [fact for o in observe(tmp_path) for fact in o.facts]) == [("tool",), ("tool.v2",)]


ABSENT = """
import sys
sys.path[:0] = sys.argv[1:3]
from pathlib import Path
from strictreal.cache import Cache
from strictreal.collect import patterns
from strictreal.session import Session
from strictreal.config import Config
from strictreal.subject import open_tree
with Session(Cache(None)) as session:
    for observation in patterns.collect(open_tree(Path(sys.argv[3])), Config(), session):
        for fact in observation.facts:
            print(type(fact).__name__, getattr(fact, "of", ""), getattr(fact, "reason", getattr(fact, "count", "")))
"""


def test_without_semgrep_every_file_is_a_gap(tmp_path: Path):
    """All that is installed is there, except for semgrep."""
    packages = tmp_path / "packages"
    packages.mkdir()
    for path in Path(semgrep.engine()).parents[2].iterdir():
        if not path.name.startswith(("semgrep", "strictreal")):
            (packages / path.name).symlink_to(path)
    root = lay(tmp_path / "subject", {"a.js": ENV, "b.py": "import os\n"})
    here = Path(patterns.__file__).parents[2]
    command = [sys.executable, "-I", "-S", "-c", ABSENT, str(packages), str(here), str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    none = [f"Inventory {unit} 0" for unit in ("UnreadLanguage", "UnreadCommands", "UnreadTests")]
    gap = "Gap SourceFile semgrep is not installed: `pip install semgrep`"
    assert done.stdout.splitlines() == [gap, gap, "Inventory SourceFile 2", "Inventory TestFile 0", *none], done.stderr

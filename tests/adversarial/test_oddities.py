"""A tree of everything that is odd, or too much: each is examined, or a gap that names its reason; the rest is audited."""

from __future__ import annotations

import os
import socket
import stat
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from subjects import READING, Run, audit, commit, examined, gaps, git, lay, strictreal

from strictreal.errors import BoundExceeded
from strictreal.facts.code import EnvAccess
from strictreal.model import Inventory, LeftOut
from strictreal.session import MAX_FACT_BYTES
from strictreal.subject import MAX_FILE_BYTES, MAX_FILES, open_tree


def eventually(moments: int = 600) -> Iterator[None]:
    """Moments, a tenth of a second apart, in which something may come true."""
    for _ in range(moments):
        yield
        time.sleep(0.1)


def nested(opening: str, closing: str, depth: int) -> str:
    return "x = " + opening * depth + "1" + closing * depth + "\n"


DEEP = {
    "deep/parentheses.py": nested("(", ")", 100_000),
    "deep/lists.py": nested("[", "]", 100_000),
    "deep/calls.py": nested("f(", ")", 1000),
    "deep/attributes.py": "x = a" + ".b" * 100_000 + "\n",
    "deep/sum.py": "x = 1" + " + 1" * 100_000 + "\n",
    "deep/not.py": "x = " + "not " * 10_000 + "1\n",
    "deep/minus.py": "x = " + "-" * 10_000 + "1\n",
    "deep/subscripts.py": "x = a" + "[0]" * 2000 + "\n",
    "deep/comparison.py": "x = 1" + " < 1" * 100_000 + "\n",
    "deep/strings.py": "x = " + '"a" ' * 100_000 + "\n",
    "deep/elif.py": "if a:\n    pass\n" + "elif a:\n    pass\n" * 3000,
    "deep/blocks.py": "".join("  " * level + "if a:\n" for level in range(95)) + "  " * 95 + "pass\n",
    "deep/lambdas.py": "x = " + "lambda: " * 500 + "1\n",
    "deep/conditional.py": "x = " + "1 if a else " * 2000 + "1\n",
    "deep/await.py": "async def f():\n    return " + "await " * 2000 + "x\n",
    "deep/fstring.py": "x = " + "f'{" * 1000 + "1" + "}'" * 1000 + "\n",
    "deep/integer.py": "x = " + "9" * 100_000 + "\n",
    "deep/float.py": "x = " + "9" * 100_000 + ".0\n",
    "deep/assignments.py": "a = " * 50_000 + "1\n",
    "deep/decorators.py": "@a\n" * 50_000 + "def f(): pass\n",
}
LONG = {
    "long/line.py": "x = '" + "a" * 5_000_000 + "'\n",
    "long/accesses.py": "import os\n" + 'os.getenv("A");' * 20_000 + "\n",
    "long/facts.py": "import os\n" + ('os.getenv("A");' * 800 + "\n") * 50,
    "long/names.py": "import os as " + "o" * 1_000_000 + "\n" + "o" * 1_000_000 + ".getenv('A')\n",
    "long/aliases.py": "import os as a0\n" + "".join(f"a{n + 1} = a{n}\n" for n in range(5000)) + "a5000.getenv('A')\n",
    "long/backtracking.py": 'import os\nos.getenv("A")  # ' + "password" * 100_000 + "\n",
    "long/urls.py": 'import os\nos.getenv("A")  # ' + "a://" * 200_000 + "\n",
    "long/comment.py": "# " + "TODO: stub " * 300_000 + "\n",
    "long/docstring.py": '"""' + "no stubs, no mocks. " * 30_000 + '"""\n',
}
VERSIONS = {
    "versions/print.py": "print 'hello'\n",
    "versions/exec.py": "exec 'x' in {}\n",
    "versions/backticks.py": "x = `1`\n",
    "versions/except.py": "try:\n    pass\nexcept ValueError, error:\n    pass\n",
    "versions/octal.py": "x = 0777\n",
    "versions/tabs.py": "if a:\n\tx = 1\n        y = 2\n",
    "versions/walrus.py": "if (x := 1):\n    pass\n",
    "versions/match.py": "match x:\n    case {'a': [1, *_]}:\n        pass\n",
    "versions/groups.py": "try:\n    pass\nexcept* ValueError:\n    pass\n",
    "versions/generics.py": "def first[T](items: list[T]) -> T:\n    return items[0]\n",
    "versions/alias.py": "type Pair[T] = tuple[T, T]\n",
    "versions/quotes.py": 'x = f"{a["b"]}"\n',
    "versions/template.py": 'x = t"{a}"\n',
    "versions/unfinished.py": "def f(\n",
    "versions/cookie.py": "{% if cookiecutter.x %}\nimport os\n{% endif %}\n",
}
PARSED_BY_EVERY_VERSION = {"versions/walrus.py", "versions/match.py", "versions/groups.py"}
BYTES = {
    "bytes/latin.py": b"x = '\xe9'\n",
    "bytes/nul.py": b"x = 1\0\n",
    "bytes/zeros.py": bytes(4096),
    "bytes/random.py": bytes(range(256)) * 40,
    "bytes/utf16.py": "x = 1\n".encode("utf-16"),
    "bytes/bom.py": b"\xef\xbb\xbfx = 1\n",
    "bytes/cr.py": b"x = 1\ry = 2\r",
    "bytes/formfeed.py": b"\x0cx = 1\n",
    "bytes/declared.py": "# coding: latin-1\nx = 'é'\n".encode("latin-1"),
    "bytes/rot13.py": b"# coding: rot13\nk = 1\n",
    "bytes/unknown.py": b"# coding: nonsense\nx = 1\n",
    "bytes/utf7.py": b"# coding: utf-7\nx = 1 +AAo-import os\n",
    "bytes/surrogate.py": b'import os\nx = "\\ud800"\nos.getenv("\\ud800")\nTOKEN = "\\udcff"\n',
    "bytes/empty.py": b"",
    "bytes/bidi.py": 'access = "user\u202e \u2066# admin\u2069 \u2066"\n'.encode(),
    "bytes/pyc.py": b"a7\r\n\0\0\0\0",
}
DOCUMENTS = {
    "docs/bomb.yaml": "a: &a [x, x]\n"
    + "".join(f"{c}: &{c} [*{p}, *{p}]\n" for p, c in zip("abcdefghij", "bcdefghijk", strict=True)),
    ".github/workflows/deep.yml": "[" * 100_000,
    ".github/workflows/bomb.yml": "on: push\nx: &a [1, 1]\n"
    + "".join(f"x{n}: &a [*a, *a, *a, *a]\n" for n in range(40)),
    ".github/workflows/twice.yml": "on: push\non: pull_request\njobs: {}\njobs: {}\n",
    "compose.yaml": "{a: " * 50_000,
    "docker-compose.yml": "services: &s {a: *s}\n",
    "ROADMAP.md": "".join("  " * level + "- [x] done\n" for level in range(1000)),
    "brackets.md": "[" * 20_000 + "](" * 20_000,
    "quotes.md": ">" * 50_000 + " done\n",
    "emphasis.md": "*a_" * 10_000,
    "table.md": "|a" * 2000 + "|\n" + "|-" * 2000 + "|\n" + ("|x" * 2000 + "|\n") * 5,
    "backticks.md": "`" * 100_000 + "a\n",
    "latin.md": b"caf\xe9 [DONE]\n",
    "Dockerfile": "ENV A=" + "\\\n" * 100_000,
    "odd.proto": "message " * 100_000,
    "odd.ts": "{" * 1000,
    "odd.go": "(" * 1000,
}
ODD_NAMES = [
    "new\nline.py",
    "\x1b[31mred\x1b[0m.py",
    "\x1b]0;title\x07.py",
    "a\r::error::smuggled.py",
    "\u202etxt.py",
    "-rf.py",
    "$(touch executed).py",
    "; touch executed;.py",
    "%0A::error::x.py",
    "x" * 250 + ".py",
    "[bold].py",
    "*.py",
    "a'b\"c.py",
]


def set_oddities(subject: Path, outside: Path) -> None:
    lay(subject, {**DEEP, **LONG, **VERSIONS, **BYTES, **DOCUMENTS, "worker.py": READING})
    lay(subject, {f"names/{name}": READING for name in ODD_NAMES})
    with open(os.fsencode(subject) + b"/names/caf\xe9.py", "w") as file:
        file.write(READING)
    lay(outside, {"secret.py": READING, "folder/secret.py": READING})
    (subject / "loop").symlink_to("loop")
    (subject / "up").symlink_to("..")
    (subject / "self").symlink_to(".")
    (subject / "dangling.py").symlink_to("nowhere.py")
    (subject / "outside.py").symlink_to(outside / "secret.py")
    (subject / "outside").symlink_to(outside / "folder")
    (subject / "device.py").symlink_to("/dev/zero")
    os.mkfifo(subject / "pipe.py")
    os.mkfifo(subject / "Dockerfile.pipe")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(subject)
        server.bind("socket.py")
        os.chdir(here)
    with suppress(PermissionError):
        os.mknod(subject / "zero.py", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    with open(subject / "sparse.py", "wb") as file:
        file.truncate(1024**3)
    lay(subject, {"large.py": b"#" * (MAX_FILE_BYTES + 1)})


@pytest.fixture(scope="module")
def zoo_run(tmp_path_factory: pytest.TempPathFactory, testrun_uid: str) -> Run:
    """One audit of everything odd, for all workers of a test run."""
    root = tmp_path_factory.getbasetemp().parent / f"zoo-{testrun_uid}"
    try:
        root.mkdir()
    except FileExistsError:
        for _ in eventually(3000):
            if (root / "done").exists():
                break
    else:
        set_oddities(root / "subject", root / "outside")
        run = audit(root / "subject", output=root / "evidence")
        (root / "run").write_bytes(msgspec.json.encode(run))
        (root / "done").touch()
    return msgspec.json.decode((root / "run").read_bytes(), type=Run)


def test_a_subject_full_of_oddities_is_audited_to_the_end(zoo_run: Run):
    assert zoo_run.errors == ""
    assert zoo_run.code == 1
    assert "error" not in zoo_run.outcomes.values(), zoo_run.document["outcomes"]
    assert zoo_run.outcomes["code.env-access"] == "failed"
    assert "worker.py" in {finding["path"] for finding in zoo_run.document["findings"]}


def test_every_file_is_examined_or_a_gap_with_a_reason(zoo_run: Run):
    counted = Counter({fact.of: 0 for fact in zoo_run.all(Inventory)})
    for fact in zoo_run.all(Inventory):
        counted[fact.of] += fact.count
    assert counted["Module"] == len(examined(zoo_run)) + len(gaps(zoo_run))
    assert examined(zoo_run).isdisjoint(gaps(zoo_run))
    assert all(gaps(zoo_run).values())


@pytest.mark.parametrize("path", [*DEEP, *LONG])
def test_what_is_deep_or_long_is_examined_or_a_gap_that_names_the_bound(zoo_run: Run, path: str):
    assert path in examined(zoo_run) or "bound: " in gaps(zoo_run)[path] or "not valid Python" in gaps(zoo_run)[path]


def test_a_file_with_more_facts_than_the_bound_is_a_gap(zoo_run: Run):
    # on a busy machine the bound of time may come first
    facts, seconds = f"has more than {MAX_FACT_BYTES} bytes of facts (bound: unit facts)", "(bound: unit time)"
    assert gaps(zoo_run)["long/facts.py"] == facts or seconds in gaps(zoo_run)["long/facts.py"]


@pytest.mark.parametrize("path", VERSIONS)
def test_syntax_of_other_versions_is_a_gap_that_names_the_line(zoo_run: Run, path: str):
    if path in PARSED_BY_EVERY_VERSION:
        assert path in examined(zoo_run)
    elif path in gaps(zoo_run):
        assert gaps(zoo_run)[path].startswith("is not valid Python here: line ")
    else:
        assert sys.version_info >= (3, 12)


@pytest.mark.parametrize("path", BYTES)
def test_odd_bytes_are_examined_or_a_gap(zoo_run: Run, path: str):
    readable = {"bom", "cr", "formfeed", "declared", "empty", "bidi", "surrogate", "utf7"}
    assert (path in examined(zoo_run)) == (Path(path).stem in readable)
    assert (path in gaps(zoo_run)) == (Path(path).stem not in readable)


def test_odd_names_are_examined_and_found_in(zoo_run: Run):
    expected = {f"names/{name}" for name in ODD_NAMES} | {r"names/caf\xe9.py"}
    assert {access.where.path for access in zoo_run.all(EnvAccess)} >= expected


def test_links_pipes_sockets_and_devices_are_left_out_by_name(zoo_run: Run):
    left = {fact.where.path: fact.reason for fact in zoo_run.all(LeftOut)}
    links = ("loop", "up", "self", "dangling.py", "outside.py", "outside", "device.py")
    assert {left[path] for path in links} == {"a symbolic link"}
    assert {left[path] for path in ("pipe.py", "Dockerfile.pipe", "socket.py")} == {"not a regular file"}
    assert left.get("zero.py", "not a regular file") == "not a regular file"


def test_what_stands_outside_is_not_read(zoo_run: Run):
    assert not [path for path in examined(zoo_run) | set(gaps(zoo_run)) if "secret" in path or path.startswith("..")]


@pytest.mark.parametrize("path", ["sparse.py", "large.py"])
def test_files_above_the_bound_are_gaps_that_name_it(zoo_run: Run, path: str):
    assert gaps(zoo_run)[path] == f"larger than {MAX_FILE_BYTES} bytes (bound: file size)"


@pytest.mark.parametrize("form", ["text", "github", "sarif"])
def test_nothing_of_the_subject_reaches_the_terminal_unescaped(tmp_path: Path, form: str):
    subject = lay(tmp_path / "\x1b[2Jsubject", {f"names/{name}": READING for name in ODD_NAMES})
    lay(subject, {"bidi.py": BYTES["bytes/bidi.py"], "odd.py": 'os.getenv("\x1b[31m\u202e") \x1b'})
    run = strictreal("audit", subject, "--output", tmp_path, "--format", form)
    assert "red" in run.output
    assert not set(run.output) & ({chr(code) for code in (*range(32), 127, 0x9B, 0x202E)} - {"\n"})
    assert not [line for line in run.output.splitlines() if line.startswith("::error::")]


def test_a_hundred_thousand_files_are_audited(tmp_path: Path):
    subject = lay(tmp_path / "subject", {"worker.py": READING})
    for folder in range(100):
        (subject / str(folder)).mkdir()
        for number in range(1000):
            os.close(os.open(subject / str(folder) / f"{number}.txt", os.O_CREAT | os.O_WRONLY))
    run = audit(subject, output=tmp_path / "evidence", seconds=120)
    assert run.outcomes["code.env-access"] == "failed"


def test_more_files_than_the_bound_are_refused(tmp_path: Path):
    commit(tmp_path / "subject", {"worker.py": READING})
    blob = git(tmp_path / "subject", "rev-parse", "HEAD:worker.py")
    index = "".join(f"100644 {blob}\t{number}.py\n" for number in range(MAX_FILES))
    git(tmp_path / "subject", "update-index", "--index-info", input=index.encode())
    run = audit(tmp_path / "subject", output=tmp_path / "evidence")
    assert run.code == 3
    assert run.errors == f"strictreal: the subject has more than {MAX_FILES} files (bound: file count)\n"


def test_a_commit_that_unfolds_to_billions_of_files_is_refused(tmp_path: Path):
    commit(tmp_path, {"worker.py": READING})
    name = git(tmp_path, "rev-parse", "HEAD:worker.py")
    kind = "100644 blob"
    for _ in range(10):
        name = git(tmp_path, "mktree", input="".join(f"{kind} {name}\t{n}\n" for n in range(10)).encode())
        kind = "040000 tree"
    head = git(tmp_path, "commit-tree", "-m", "A bomb", name)
    git(tmp_path, "update-ref", "HEAD", head)
    with pytest.raises(BoundExceeded, match=r"git ls-tree printed more than \d+ bytes \(bound: git output\)"):
        open_tree(tmp_path)

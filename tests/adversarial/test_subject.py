"""A hostile subject: each trap ends in a clear error or a bounded refusal, the rest is audited, nothing is executed."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from subjects import STRICTREAL, Run, audit, commit, git, lay, strictreal

from strictreal.errors import BoundExceeded
from strictreal.facts.code import EnvAccess, Module
from strictreal.model import Gap, Inventory, LeftOut
from strictreal.session import MAX_FACT_BYTES
from strictreal.subject import MAX_FILE_BYTES, MAX_FILES, open_tree

READING = 'import os\n\nBROKER = os.getenv("BROKER")\n'


def examined(run: Run) -> set[str]:
    return {module.where.path for module in run.all(Module)}


def gaps(run: Run) -> dict[str, str]:
    """Why each Python file was not examined, by path."""
    return {gap.where.path: gap.reason for gap in run.all(Gap) if gap.of == "Module"}


def eventually(moments: int = 600) -> Iterator[None]:
    """Moments, a tenth of a second apart, in which something may come true."""
    for _ in range(moments):
        yield
        time.sleep(0.1)


# Nothing of the subject is executed.


PYTHON_TRAPS = [
    *("conftest.py", "setup.py", "sitecustomize.py", "usercustomize.py", "trap.py", "noxfile.py", "__init__.py"),
    *("checks/test_code.py", "checks/conftest.py", "tests/conftest.py", "tests/test_trap.py"),
    *("strictreal/__init__.py", "strictreal/cli/__init__.py", "strictreal/__main__.py", "strictreal/plugin.py"),
    *("msgspec.py", "pytest.py", "typer.py", "rich/__init__.py", "yaml/__init__.py", "pebble/__init__.py"),
    *("semgrep/__init__.py", "semgrep/__main__.py", "regorus.py", "helm.py", "jsonschema_rs.py", "cryptography.py"),
    *("multiprocessing/__init__.py", "json.py", "ast.py", "typing.py", "random.py", "queue.py", "secrets.py"),
]
OTHER_TRAPS = {
    "pytest.ini": "[pytest]\naddopts = -p trap\npython_files = *.py\n",
    "tox.ini": "[pytest]\naddopts = -p trap\n",
    "setup.cfg": "[tool:pytest]\naddopts = -p trap\n",
    "pyproject.toml": '[tool.pytest.ini_options]\naddopts = "-p trap"\n[build-system]\nbuild-backend = "trap"\n',
    ".semgrepignore": "*\n",
    ".semgrep.yml": "rules: []\n",
    "Makefile": "all:\n\ttouch {marker}\n$(shell touch {marker})\n",
    ".envrc": "touch {marker}\n",
    "Dockerfile": "FROM scratch\nRUN touch {marker}\n",
}
EXECUTABLE_TRAPS = ["git", "sh", "helm", "opa", "python", "python3", "conftest", "kubeconform", "node"]


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """A file that every trap makes when it is executed."""
    return tmp_path / "executed"


def set_traps(subject: Path, marker: Path) -> None:
    trap = f"open({str(marker)!r}, 'a').write(__file__ + '\\n')\n"
    lay(subject, dict.fromkeys(PYTHON_TRAPS, trap))
    lay(subject, {path: text.replace("{marker}", str(marker)) for path, text in OTHER_TRAPS.items()})
    for name in EXECUTABLE_TRAPS:
        lay(subject, {name: f"#!/bin/sh\necho {name} >> {marker}\n", f"node_modules/.bin/{name}": "#!/bin/sh\n"})
        (subject / name).chmod(0o755)


def test_no_file_of_the_subject_is_imported_or_run(tmp_path: Path, marker: Path, monkeypatch: pytest.MonkeyPatch):
    subject = tmp_path / "subject"
    set_traps(subject, marker)
    commit(subject)
    lay(subject, {"worker.py": READING})
    monkeypatch.setenv("PATH", ":".join(["", ".", *os.get_exec_path()]))
    run = audit(Path(), "--no-cache", output=tmp_path / "evidence", cwd=subject)
    assert not marker.exists(), marker.read_text()
    assert examined(run) >= {"worker.py", *PYTHON_TRAPS}
    assert run.outcomes["code.env-access"] == "failed"


def test_the_traps_are_real(tmp_path: Path, marker: Path):
    subject = tmp_path / "subject"
    set_traps(subject, marker)
    subprocess.run([sys.executable, "-c", "import trap"], cwd=subject, capture_output=True, check=False)
    assert marker.exists()


GIT_TRAPS = """
[core]
    fsmonitor = {run}
    hooksPath = {hooks}
    sshCommand = {run}
    pager = {run}
    editor = {run}
    askPass = {run}
    gitProxy = {run}
    alternateRefsCommand = {run}
    attributesFile = {attributes}
    excludesFile = {everything}
[filter "trap"]
    clean = {run}
    smudge = {run}
    process = {run}
    required = true
[diff]
    external = {run}
[diff "trap"]
    textconv = {run}
    command = {run}
[merge "trap"]
    driver = {run}
[alias]
    ls-files = "!{run}"
    ls-tree = "!{run}"
    rev-parse = "!{run}"
    cat-file = "!{run}"
[pager]
    ls-files = {run}
    ls-tree = {run}
[credential]
    helper = "!{run}"
[gpg]
    program = {run}
[trace2]
    eventTarget = {marker}
[include]
    path = {included}
[includeIf "gitdir:**"]
    path = {included}
[protocol]
    allow = always
"""


def test_nothing_that_the_configuration_of_its_repository_names_is_run(tmp_path: Path, marker: Path):
    subject = tmp_path / "subject"
    first = commit(subject, {"worker.py": "x = 1\n", "b.py": "x = 1\n"})
    commit(subject, {"worker.py": READING, ".gitattributes": "*.py filter=trap diff=trap merge=trap\n"})
    run = lay(tmp_path, {"run": f"#!/bin/sh\necho $0 $@ >> {marker}\n"}) / "run"
    run.chmod(0o755)
    hooks = [subject / ".git" / "hooks", tmp_path / "hooks"]
    for folder in hooks:
        folder.mkdir(exist_ok=True)
        for hook in ("post-index-change", "post-checkout", "pre-commit", "reference-transaction", "fsmonitor-watchman"):
            (folder / hook).symlink_to(run)
    lay(tmp_path, {"attributes": "* filter=trap\n", "everything": "*\n", "included": f"[core]\n\tfsmonitor = {run}\n"})
    values = {name: str(tmp_path / name) for name in ("run", "hooks", "attributes", "everything", "included")}
    with open(subject / ".git" / "config", "a") as file:
        file.write(GIT_TRAPS.format(marker=marker, **values))
    (subject / "b.py").write_text("x = 2\n")
    lay(subject, {"new.py": READING})
    audited = audit(subject, "--since", first, "--no-cache", output=tmp_path / "evidence")
    assert not marker.exists(), marker.read_text()
    assert examined(audited) == {"worker.py", "b.py", "new.py"}
    assert audited.document["subject"]["dirty"] == 2
    subprocess.run(["git", "status"], cwd=subject, capture_output=True, check=False)
    assert marker.exists(), "the traps must be real"


def test_a_partial_clone_fetches_nothing(tmp_path: Path, marker: Path):
    subject = tmp_path / "subject"
    first = commit(subject, {"worker.py": READING, "old.py": READING + "# old\n"})
    commit(subject, {"worker.py": READING + READING})
    blob = git(subject, "rev-parse", f"{first}:worker.py")
    (subject / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    run = lay(tmp_path, {"run": f"#!/bin/sh\necho $0 $@ >> {marker}\n"}) / "run"
    run.chmod(0o755)
    with open(subject / ".git" / "config", "a") as file:
        file.write(
            f'[remote "origin"]\n\turl = "ext::{run}"\n\tpromisor = true\n'
            "\tpartialclonefilter = blob:none\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n"
            '[protocol "ext"]\n\tallow = always\n[extensions]\n\tpartialClone = origin\n'
            "[core]\n\trepositoryFormatVersion = 1\n"
        )
    audited = audit(subject, "--since", first, output=tmp_path / "evidence")
    assert not marker.exists()
    assert audited.outcomes["code.env-access"] == "failed"
    findings = audited.document["findings"]
    known = {finding["path"]: finding["known"] for finding in findings if finding["path"] == "old.py"}
    assert known == {"old.py": True}
    subprocess.run(["git", "cat-file", "-p", blob], cwd=subject, capture_output=True, check=False)
    assert marker.exists(), "the trap must be real"


# A tree of everything that is odd.


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


# Numbers.


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


# Configuration and waivers.


@pytest.mark.parametrize("name", ["strictreal.toml", "pyproject.toml"])
@pytest.mark.parametrize(
    "text", ["a = " + "[" * 200_000, "a = 1\na = 2", "a = " + "{b=" * 50_000, "\0", "x" * (MAX_FILE_BYTES + 1)]
)
def test_a_configuration_that_cannot_be_read_is_refused_in_one_line(tmp_path: Path, name: str, text: str):
    run = audit(lay(tmp_path / "subject", {name: text, "worker.py": READING}), output=tmp_path / "evidence")
    assert run.code in {3, 4}
    [line] = run.errors.splitlines()
    assert line.startswith(f"strictreal: {name}: ")


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 200_000, "[[waiver]]\n[[waiver]]\na = 1\na = 2", "\0", "[[waiver]]\n" * 5000]
)
def test_a_file_of_waivers_that_cannot_be_read_fails_the_gate_and_the_rest_is_audited(tmp_path: Path, text: str):
    run = audit(lay(tmp_path / "subject", {"waivers.toml": text, "worker.py": READING}), output=tmp_path / "evidence")
    assert (run.outcomes["gate.waivers"], run.outcomes["code.env-access"]) == ("failed", "failed")


def test_a_file_of_waivers_that_is_too_large_is_not_proven(tmp_path: Path):
    text = "#" * (MAX_FILE_BYTES + 1)
    run = audit(lay(tmp_path / "subject", {"waivers.toml": text, "worker.py": READING}), output=tmp_path / "evidence")
    assert (run.outcomes["gate.waivers"], run.outcomes["code.env-access"]) == ("not-proven", "failed")


SECRETS = {
    "ghp_" + "Zq7" * 12: 'token = "{}"',
    "AKIA" + "Z7QW" * 4: 'key = os.getenv("KEY", "{}")',
    "hunter2-hunter2": 'os.getenv("DB_PASSWORD", "{}")',
    "pa55-word-in-url": 'BROKER = os.getenv("BROKER", "amqp://guest:{}@localhost:5672/")',
    "sk_live_" + "Zq7" * 10: 'mock = MagicMock(api_key="{}")',
    "correct-horse-battery": 'raise NotImplementedError("password={}")',
}


def test_no_secret_of_the_subject_reaches_the_bundle_or_the_output(tmp_path: Path):
    lines = [form.replace("{}", secret) for secret, form in SECRETS.items()]
    text = "import os\nfrom unittest.mock import MagicMock\n\n" + "\n".join(lines) + "\n"
    run = audit(lay(tmp_path / "subject", {"worker.py": text}), output=tmp_path / "evidence")
    kept = b"".join(path.read_bytes() for path in (tmp_path / "evidence").rglob("*") if path.is_file())
    assert b"worker.py" in kept
    for secret in SECRETS:
        assert secret.encode() not in kept
        assert secret not in run.output


# The machine around it.


def test_a_shallow_clone_says_that_the_base_is_beyond_its_depth(tmp_path: Path):
    first = commit(tmp_path / "whole", {"worker.py": READING})
    commit(tmp_path / "whole", {"worker.py": READING + "\n"})
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{tmp_path}/whole", "shallow")
    run = audit(tmp_path / "shallow", "--since", first, output=tmp_path / "evidence")
    assert run.code == 4
    assert run.errors.startswith(f"strictreal: there is no revision '{first}' here; fetch more of its history")
    assert audit(tmp_path / "shallow", output=tmp_path / "evidence").code == 1


@pytest.mark.parametrize("pipe", [".gitignore", "sub/.gitignore", ".git/info/exclude"])
def test_an_ignore_file_on_which_git_would_wait_for_ever_is_named(tmp_path: Path, pipe: str):
    commit(tmp_path / "subject", {"worker.py": READING, "sub/b.py": "x = 1\n"})
    (tmp_path / "subject" / pipe).unlink(missing_ok=True)
    os.mkfifo(tmp_path / "subject" / pipe)
    run = audit(tmp_path / "subject", output=tmp_path / "evidence", seconds=60)
    assert examined(run) == {"worker.py", "sub/b.py"}
    left = {fact.where.path: fact.reason for fact in run.all(LeftOut)}
    assert left[".git"] == f"every file was listed, because git cannot: {pipe} is not a regular file"


def test_a_bare_repository_is_refused_in_one_line(tmp_path: Path):
    git(tmp_path, "init", "--quiet", "--bare", "bare")
    run = audit(tmp_path / "bare", output=tmp_path / "evidence")
    assert run.code == 4
    assert run.errors.endswith("bare: a bare repository has no files; name a working tree of it\n")


def test_an_empty_repository_has_nothing_to_check(tmp_path: Path):
    git(tmp_path, "init", "--quiet", "empty")
    run = audit(tmp_path / "empty", output=tmp_path / "evidence")
    assert (run.code, run.document["subject"]["commit"]) == (5, "")


def test_worktrees_and_submodules_are_audited(tmp_path: Path):
    head = commit(tmp_path / "main", {"worker.py": READING})
    git(tmp_path / "main", "worktree", "add", "--quiet", str(tmp_path / "worktree"))
    commit(tmp_path / "outer", {"a.py": "x = 1\n"})
    git(tmp_path / "outer", "-c", "protocol.file.allow=always", "submodule", "add", str(tmp_path / "main"), "inner")
    for place in (tmp_path / "worktree", tmp_path / "outer" / "inner"):
        run = audit(place, "--since", head, output=tmp_path / "evidence")
        assert (run.document["subject"]["commit"], examined(run)) == (head, {"worker.py"})
        assert [finding["known"] for finding in run.document["findings"]] == [True]


def test_without_git_on_the_path_every_file_is_audited_and_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    commit(tmp_path / "subject", {"worker.py": READING})
    monkeypatch.setenv("PATH", str(tmp_path))
    run = audit(tmp_path / "subject", output=tmp_path / "evidence")
    assert (run.document["subject"]["commit"], examined(run)) == ("", {"worker.py"})
    left = {fact.where.path: fact.reason for fact in run.all(LeftOut)}
    assert left[".git"].startswith("every file was listed, because git cannot: git cannot be started")


@pytest.mark.parametrize("home", [None, "/proc/nowhere", "a file"])
def test_without_a_usable_home_the_audit_is_done_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str | None
):
    if home is None:
        monkeypatch.delenv("HOME")
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))  # so that no key is left in the home of whoever tests
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    else:
        monkeypatch.setenv("HOME", str(lay(tmp_path, {"file": ""}) / "file") if home == "a file" else home)
    run = audit(lay(tmp_path / "subject", {"worker.py": READING}), output=tmp_path / "evidence")
    assert (run.code, run.outcomes["code.env-access"]) == (1, "failed")
    assert "Traceback" not in run.errors


def read_only(subject: Path) -> list[str]:
    """The words before a command that finds `subject` mounted read-only; root is stopped by no mode bits."""
    mount = f'mount --bind "{subject}" "{subject}" && mount -o remount,ro,bind "{subject}" && exec "$@"'
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", mount, "sh"]


def test_a_read_only_tree_is_audited_and_the_missing_bundle_is_said(tmp_path: Path):
    subject = tmp_path / "subject"
    commit(subject, {"worker.py": READING})
    if subprocess.run([*read_only(subject), "true"], capture_output=True, check=False).returncode:
        subject.chmod(0o555)
        front: list[str] = []
    else:
        front = read_only(subject)
    done = subprocess.run([*front, STRICTREAL, "audit", subject], capture_output=True, text=True, check=False)
    assert "FAILED  code.env-access  worker.py:3:10" in done.stdout
    assert "no bundle: " in done.stdout
    assert (done.returncode, done.stderr) == (1, "")
    assert not (subject / "evidence").exists()


def test_two_audits_at_once_share_subject_cache_and_ledger(tmp_path: Path):
    files = {f"package/module{number}.py": READING + f"x = {number}\n" for number in range(150)}
    subject = tmp_path / "subject"
    commit(subject, dict(files))
    command = [STRICTREAL, "audit", subject, "--output", tmp_path / "evidence", "--format", "json"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    ends = [process.communicate(timeout=300) for process in both]
    runs = [Run(process.returncode, *(part.decode() for part in end)) for process, end in zip(both, ends, strict=True)]
    assert [(run.code, run.errors) for run in runs] == [(1, ""), (1, "")]
    assert runs[0].document["findings"] == runs[1].document["findings"]
    assert len(runs[0].document["findings"]) >= 150
    assert len({run.document["bundle"] for run in runs}) == 2
    verified = strictreal("evidence", "verify", tmp_path / "evidence")
    assert verified.code == 0, verified


def in_session(leader: int) -> list[int]:
    """The processes that belong to a session and are not yet dead."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                state, *_, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
                if int(session) == leader and state != "Z":
                    found.append(int(entry.name))
    return found


@pytest.mark.parametrize("signals", [1, 2])
def test_ctrl_c_while_collecting_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signals: int):
    body = "".join(f"def f{number}(a, b):\n    return a + b * {number}\n" for number in range(12_000))
    subject = lay(tmp_path / "subject", {f"m{number}.py": f"x = {number}\n" + body for number in range(60)})
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    command = [STRICTREAL, "audit", subject, "--output", tmp_path / "evidence", "--no-cache"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        for _ in eventually():
            if len(in_session(process.pid)) > 1:
                break
        time.sleep(0.5)
        for _ in range(signals):
            os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=120)
    assert (process.returncode, output) == (2, "")
    assert errors == "strictreal: interrupted; nothing was recorded\n"
    for _ in eventually(100):
        if not in_session(process.pid):
            break
    assert in_session(process.pid) == []
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not list((tmp_path / "evidence").rglob("*.jsonl"))

"""Code that runs is read, or it is a gap at the place that runs it."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from subjects import commit, lay

from strictreal.cache import Cache
from strictreal.collect import code, parts
from strictreal.collect.python import files
from strictreal.collect.python.module import parse
from strictreal.config import Config, Exclude, Unread
from strictreal.facts.behaviour import Function
from strictreal.facts.code import Module
from strictreal.model import Fact, Gap, Inventory, LeftOut
from strictreal.session import Session
from strictreal.subject import open_tree

HOLLOW = "def verify(payload, signature):\n    return True\n"
ENCODED = base64.b64encode(HOLLOW.encode()).decode()


def facts(root: Path, config: Config | None = None) -> list[Fact]:
    with Session(Cache(None), jobs=1) as session:
        return [f for o in code.collect(open_tree(root), config or Config(), session) for f in o.facts]


def gaps(root: Path, config: Config | None = None) -> list[str]:
    """The gaps of a subject as `path:line reason`, without the advice; that they are counted is seen to."""
    found = facts(root, config)
    those = [fact for fact in found if isinstance(fact, Gap) and fact.of == "UnreadPart"]
    assert Inventory(of="UnreadPart", count=len(those)) in found
    return [f"{gap.where.path}:{gap.where.line} {gap.reason.partition(';')[0]}" for gap in those]


READ = {
    "run_path": "import runpy\nrunpy.run_path('app/engine.txt')",
    "run_path beside the module": "import runpy\nrunpy.run_path(__file__.replace('x', 'y'))\nimport os.path\n"
    "runpy.run_path(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'engine.txt'))",
    "SourceFileLoader": "from importlib.machinery import SourceFileLoader\nSourceFileLoader('engine', 'app/engine.txt').load_module()",
    "spec_from_file_location": "from importlib.util import spec_from_file_location as spec\nfrom pathlib import Path\n"
    "spec('engine', Path(__file__).with_name('engine.txt'))",
    "location=": "import importlib.util\nimportlib.util.spec_from_file_location('engine', location='engine.txt')",
    "exec of an open file": "exec(open('app/engine.txt').read())",
    "exec of a file in a with": "with open('app/engine.txt') as file:\n    exec(compile(file.read(), 'engine', 'exec'))",
    "exec of a path": "from pathlib import Path\nHERE = Path(__file__).parent\nexec((HERE / 'engine.txt').read_text())",
    "exec of a text kept": "from pathlib import Path\ntext = Path('app/engine.txt').read_bytes().decode('utf-8')\nexec(text.strip())",
    "a resource": "import pkgutil\nexec(pkgutil.get_data('app', 'engine.txt'))",
    "a path worked out": "import runpy\ndef load(name):\n    return runpy.run_path(f'app/{name}.txt')",
    "a text": f"exec({HOLLOW!r})",
    "a text by name": f"CODE = '''\n{HOLLOW}'''\nexec(compile(CODE, 'x', 'exec'))",
    "a text put together": "exec('def verify(payload, signature):\\n' + '    return True')",
    "a template": "def make(name):\n    exec(f'def {name}(payload, signature):\\n    return True')",
    "an indented text": "import textwrap\nexec(textwrap.dedent('''\n    def verify(payload, signature):\n        return True\n'''))",
    "builtins": f"import builtins\nbuiltins.exec({HOLLOW!r})",
    "a function of compiled text": "import types\ncode = compile(open('app/engine.txt').read(), 'x', 'exec')\n"
    "types.FunctionType(code, globals())()",
    "a function of a part of compiled text": "from types import FunctionType\nfrom pathlib import Path\n"
    "FunctionType(compile(Path('app/engine.txt').read_text(), 'x', 'exec').co_consts[0], {})",
    "an interpreter": "import code\ncode.InteractiveInterpreter().runsource(open('app/engine.txt').read(), symbol='exec')",
    "a profile": "import cProfile\ncProfile.run(open('app/engine.txt').read())",
    "a measured text": f"import timeit\ntimeit.timeit({HOLLOW!r})",
    "eval": "verify = eval('lambda payload, signature: True')",
}


@pytest.mark.parametrize("text", READ.values(), ids=READ)
def test_what_is_run_is_read_as_code_whatever_it_is_called(tmp_path: Path, text: str):
    lay(tmp_path, {"app/__init__.py": "", "app/main.py": text + "\n", "app/engine.txt": HOLLOW, "app/notes.txt": "Hi"})
    found = facts(tmp_path)
    files = {fact.path for fact in found if isinstance(fact, Module)} - {"app/main.py", "app/__init__.py"}
    if "engine.txt" in text or "{name}.txt" in text:
        assert files == {"app/engine.txt"}
    if "lambda" not in text:
        assert [f.name for f in found if isinstance(f, Function)] in (["verify"], ["_hole_"])
    assert gaps(tmp_path) == []


def test_a_text_that_is_run_has_the_lines_of_its_file(tmp_path: Path):
    lay(tmp_path, {"main.py": f"CODE = '''\n{HOLLOW}'''\nexec(CODE)\n"})
    [found] = [fact for fact in facts(tmp_path) if isinstance(fact, Function)]
    assert (found.where.path, found.where.line) == ("main.py", 2)


UNREAD = {
    f"import base64\nexec(base64.b64decode({ENCODED!r}))": "exec runs text that is unpacked, which nobody read",
    f"import base64\nCODE = base64.b64decode({ENCODED!r}).decode()\nexec(compile(CODE, '', 'exec'))": (
        "exec runs text that is unpacked, which nobody read"
    ),
    "import zlib\nexec(zlib.decompress(open('app/engine.bin', 'rb').read()))": (
        "exec runs text that is unpacked, which nobody read"
    ),
    "import codecs\nexec(codecs.decode('qrs s(): cnff', 'rot13'))": "exec runs text that is unpacked, which nobody read",
    "exec(''.join(chr(n) for n in [112, 97, 115, 115]))": "exec runs text that is unpacked, which nobody read",
    "exec(open('app/engine.txt').read()[::-1])": "exec runs text that is turned around, which nobody read",
    "import requests\nexec(requests.get('https://example.org/x').text)": "exec runs text that is fetched, which nobody read",
    "def run(text):\n    exec(text)": "exec runs text that is given to it, which nobody read",
    "def f(a):\n    return eval(a.text)": "eval runs text that is computed, which nobody read",
    "import types\ndef f(text):\n    return types.FunctionType(compile(text, 'x', 'exec'), {})": (
        "FunctionType runs text that is given to it, which nobody read"
    ),
    f"import base64, code\ncode.InteractiveInterpreter().runsource(base64.b64decode({ENCODED!r}).decode())": (
        "runsource runs text that is unpacked, which nobody read"
    ),
    "import marshal\ncode = marshal.loads(b'')": "marshal.loads runs compiled code, which nobody read",
    "import runpy\nrunpy.run_path('app/absent.py')": "runpy.run_path runs app/absent.py, which is not there",
    "import runpy\nrunpy.run_path('/srv/engine.py')": "runpy.run_path runs /srv/engine.py, which is no part of the repository",
}


@pytest.mark.parametrize(("text", "reason"), UNREAD.items(), ids=range(len(UNREAD)))
def test_what_is_run_and_cannot_be_read_is_a_gap(tmp_path: Path, text: str, reason: str):
    lay(tmp_path, {"app/main.py": text + "\n", "app/engine.txt": HOLLOW})
    lines = [
        n
        for n, line in enumerate(text.split("\n"), 1)
        if any(w in line for w in ("exec(", "eval(", "loads(", "_path(", "FunctionType(", "runsource("))
    ]
    assert gaps(tmp_path) == [f"app/main.py:{lines[0]} {reason}"]


@pytest.mark.parametrize(
    "text",
    [
        "import importlib\ndef load(name):\n    return importlib.import_module(name)",
        "import importlib.util\ndef plugin(path):\n    return importlib.util.spec_from_file_location('plugin', path)",
        "import runpy, sys\nrunpy.run_path(sys.argv[1])",
        "import pkgutil, app\nfor found in pkgutil.iter_modules(app.__path__):\n    __import__('app.' + found.name)",
        "exec(input('>>> '))",
        "import re\nre.compile('x')",
        "import types\ndef copy(f):\n    return types.FunctionType(f.__code__, f.__globals__)",
        "import timeit\ndef f(work):\n    return timeit.timeit(work)",
        "import subprocess, sys\ndef f(script):\n    subprocess.run([sys.executable, script])",
        "import sys\nsys.path.insert(0, '/usr/lib/python3')",
        "class A:\n    def exec(self, text):\n        self.exec(text)",
    ],
)
def test_what_runs_the_users_own_code_is_no_gap(tmp_path: Path, text: str):
    lay(tmp_path, {"app/__init__.py": "", "app/main.py": text + "\n", "notes.txt": "def of a word\n"})
    assert gaps(tmp_path) == []


def test_a_test_may_run_whatever_it_makes(tmp_path: Path):
    lay(tmp_path, {"tests/test_a.py": "def test(text):\n    assert eval(text) == 1\n"})
    assert gaps(tmp_path) == []


@pytest.mark.parametrize(
    "text",
    [
        "import importlib\nimportlib.import_module('.' + 'hid' + 'den', 'app')",
        "import importlib\nimportlib.import_module('app.hidden')",
        "import importlib\ndef f(name):\n    importlib.import_module(name)",
        "import importlib\ndef f(name):\n    importlib.import_module(f'app.{name}')",
        "import importlib\ndef f(name):\n    importlib.import_module(f'{__package__}.hid{name}')",
        "def f(name):\n    __import__('app.%s' % name)",
    ],
)
def test_a_name_that_may_be_one_of_an_ignored_module_is_a_gap(tmp_path: Path, text: str):
    commit(tmp_path, {".gitignore": "hidden/\n", "app/__init__.py": "", "app/main.py": text + "\n"})
    lay(tmp_path, {"app/hidden/__init__.py": HOLLOW})
    [gap] = gaps(tmp_path)
    assert gap.startswith("app/main.py:")
    assert "app/hidden/__init__.py, which git ignores, so that nobody read it" in gap


def test_a_name_that_begins_otherwise_is_none_of_an_ignored_module(tmp_path: Path):
    text = "import importlib\ndef f(name):\n    importlib.import_module(f'app.plugins.{name}')\n"
    commit(tmp_path, {".gitignore": "hidden/\n", "app/__init__.py": "", "app/main.py": text})
    lay(tmp_path, {"app/hidden/__init__.py": HOLLOW})
    assert gaps(tmp_path) == []


def test_a_folder_on_the_path_that_nobody_read_is_a_gap(tmp_path: Path):
    commit(tmp_path, {".gitignore": "hidden/\n", "app/main.py": "import sys\nsys.path.append('hidden')\n"})
    lay(tmp_path, {"hidden/engine.py": HOLLOW})
    [gap] = gaps(tmp_path)
    assert gap == "app/main.py:2 sys.path.append has modules looked for in hidden, which is not among what is audited"


def test_the_configuration_accepts_what_a_module_runs(tmp_path: Path):
    lay(
        tmp_path,
        {"app/shell.py": "def run(text):\n    exec(text)\n", "app/main.py": "def run(text):\n    exec(text)\n"},
    )
    config = Config(unread=(Unread(path="app/shell.py", reason="runs what people type"),), source="strictreal.toml")
    assert [gap.partition(" ")[0] for gap in gaps(tmp_path, config)] == ["app/main.py:2"]
    [told] = [fact for fact in facts(tmp_path, config) if isinstance(fact, LeftOut)]
    assert (told.where.path, told.where.line) == ("app/shell.py", 2)
    assert told.reason.endswith("accepted by strictreal.toml: runs what people type")


def test_an_excluded_file_may_be_run(tmp_path: Path):
    lay(tmp_path, {"app/main.py": "exec(open('app/engine.txt').read())\n", "app/engine.txt": HOLLOW})
    config = Config(exclude=(Exclude(path="app/engine.txt", reason="generated"),), source="strictreal.toml")
    assert gaps(tmp_path, config) == []
    assert [fact for fact in facts(tmp_path, config) if isinstance(fact, Function)] == []


def test_a_stub_that_is_run_is_no_stub(tmp_path: Path):
    lay(tmp_path, {"app/main.py": "import runpy\nrunpy.run_path('app/engine.pyi')\n", "app/engine.pyi": HOLLOW})
    assert [f.name for f in facts(tmp_path) if isinstance(f, Function)] == ["verify"]
    lay(tmp_path, {"app/main.py": "import app.engine\n"})
    assert [f.name for f in facts(tmp_path) if isinstance(f, Function)] == []


def test_files_that_load_one_another_are_each_read_once(tmp_path: Path):
    lay(
        tmp_path,
        {
            "main.py": "exec(open('a.txt').read())\n",
            "a.txt": "exec(open('b.txt').read())\n",
            "b.txt": "exec(open('a.txt').read())\nimport tests.engine\n",
            "tests/engine.py": HOLLOW,
        },
    )
    found = {fact.path: fact.role for fact in facts(tmp_path) if isinstance(fact, Module)}
    assert found == dict.fromkeys(("main.py", "a.txt", "b.txt", "tests/engine.py"), "product")


def test_what_is_run_and_is_no_python_is_a_gap_of_its_own(tmp_path: Path):
    lay(tmp_path, {"main.py": "exec(open('a.txt').read())\n", "a.txt": "This is no Python.\n"})
    [gap] = [fact for fact in facts(tmp_path) if isinstance(fact, Gap)]
    assert (gap.of, gap.where.path) == ("Module", "a.txt")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"import app.hidden\n", 1),
        (b"./lib\nimport os; os.system('x')\n", 1),
        (b"./lib\n", 0),
        (b"PK\0import x\nimport y", 0),
    ],
)
def test_a_path_file_that_imports_is_a_gap(tmp_path: Path, data: bytes, expected: int):
    lay(tmp_path, {"app.pth": data})
    with Session(Cache(None), jobs=1) as session:
        found = [
            f for o in parts.collect(open_tree(tmp_path), Config(), session) for f in o.facts if isinstance(f, Gap)
        ]
    assert len(found) == expected


@pytest.mark.parametrize(
    ("expression", "path"),
    [
        ("'a/b.txt'", "a/b.txt"),
        ("os.path.join(os.path.dirname(__file__), '..', 'x.txt')", "//x.txt"),
        ("Path(__file__).resolve().parent / 'x' / 'y.txt'", "//app/x/y.txt"),
        ("Path(__file__).parents[1] / 'y.txt'", "//y.txt"),
        ("Path(__file__).with_suffix('.txt')", "//app/main.txt"),
        ("str(Path('a').joinpath('b', 'c'))", "a/b/c"),
        ("f'{os.path.dirname(__file__)}/x.txt'", "//app/x.txt"),
        ("HERE + '/x.txt'", "//app/x.txt"),
        ("os.path.join(os.path.dirname(__file__), '..', '..', 'x.txt')", None),
        ("os.path.join(name, 'x.txt')", None),
        ("sys.argv[1]", None),
    ],
)
def test_a_path_is_worked_out_from_constants_and_the_modules_own(expression: str, path: str | None):
    source = f"import os, sys\nfrom pathlib import Path\nHERE = os.path.dirname(__file__)\ndef f(name):\n    run({expression})\n"
    module = parse("app/main.py", source.encode())
    [call] = list(module.tree.body[-1].body[0].value.args)  # type: ignore[attr-defined]
    assert files.path_of(module, call) == path

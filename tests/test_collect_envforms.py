"""Roundabout ways to the environment; what only looks like one is left alone."""

from __future__ import annotations

import pytest

from strictreal.collect.python import env
from strictreal.collect.python.module import parse

ACCESSES = {
    "proc": "data = open('/proc/self/environ').read()",
    "proc path": ("from pathlib import Path\ndata = Path('/proc/self/environ').read_bytes()"),
    "proc pid": ("import os\ndata = open(f'/proc/{os.getpid()}/environ', 'rb').read()"),
    "printenv": ("import subprocess\nsubprocess.run(['printenv', 'HOME'], capture_output=True)"),
    "env": ("import subprocess\nsubprocess.check_output('env', shell=True)"),
    "env list": ("import subprocess\nsubprocess.check_output(['/usr/bin/env'])"),
    "echo": ("import os\nx = os.popen('echo $HOME').read()"),
    "sh -c": ("import subprocess\nsubprocess.run(['sh', '-c', 'echo ${TOKEN}'])"),
    "path.os": ("import os\nx = os.path.os.environ['A']"),
    "modules": ("import sys\nx = sys.modules['os'].environ['A']"),
    "import_module": ("import importlib\nx = importlib.import_module('os').environ"),
    "getattr": ("import os\nx = getattr(os, 'env' + 'iron')"),
    "posix": ("import posix\nx = posix.environ[b'A']"),
    "ctypes": ("import ctypes\nx = ctypes.CDLL(None).getenv(b'A')"),
    "exec": "exec(\"import os; print(os.environ['A'])\")",
    "eval": ("import os\nx = eval(\"os.environ['A']\")"),
    "eval import": "x = eval(\"__import__('os').environ['A']\")",
    "expandvars": ("import os\nx = os.path.expandvars('$HOME')"),
    "attrgetter": ("import os\nfrom operator import attrgetter\nx = attrgetter('environ')(os)"),
    "getattribute": ("import os\nx = os.__getattribute__('environ')"),
    "globals": ("import os\nx = globals()['os'].environ"),
    "psutil": ("import psutil\nx = psutil.Process().environ()"),
    "vars": ("import os\nx = vars(os)['environ']"),
}
OTHERS = {
    "another process": "x = open('/proc/1/environ').read()",
    "doc": "'''Reads /proc/self/environ.'''",
    "status": "x = open('/proc/self/status').read()",
    "ls": ("import subprocess\nsubprocess.run(['ls', '-l'])"),
    "env cmd": ("import subprocess\nsubprocess.run(['env', 'A=1', 'make'])"),
    "echo": ("import os\nos.system('echo hello')"),
    "exec": "exec('x = 1')",
    "getter": ("from operator import attrgetter\nx = attrgetter('environ')(request)"),
    "globals": ("import os\nx = globals()['os'].getcwd()"),
    "home": ("from pathlib import Path\nx = Path.home()"),
    "expanduser": ("import os\nx = os.path.expanduser('~')"),
    "own env": ("import subprocess\nsubprocess.run(['env'], env={'A': '1'})"),
    "environment.txt": "x = open('/tmp/environ').read()",
}


def forms(source: str) -> list[str]:
    return [fact.form for fact in env.facts(parse("app/a.py", source.encode()))]


@pytest.mark.parametrize("name", ACCESSES)
def test_every_way_to_the_environment_is_one_access(name: str) -> None:
    assert len(forms(ACCESSES[name])) == 1


@pytest.mark.parametrize("name", OTHERS)
def test_what_reads_something_else_is_none(name: str) -> None:
    assert forms(OTHERS[name]) == []


def test_code_in_code_is_bounded() -> None:
    inner = "import os; os.environ"
    for _ in range(6):
        inner = f"exec({inner!r})"
    assert len(forms(inner)) <= 1
    assert forms("exec('" + "x = 1;" * 10_000 + "import os; os.environ')") == []


def test_a_test_may_look_at_what_a_child_inherits() -> None:
    source = "import subprocess\nassert 'A=1' in subprocess.check_output(['env'], text=True)"
    assert list(env.facts(parse("tests/test_a.py", source.encode()))) == []
    assert forms(source) == ["the command env"]

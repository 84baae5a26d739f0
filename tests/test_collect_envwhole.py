"""Ways to the environment through other modules, names that are worked out, commands, and os taken whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictreal.collect.python import env
from strictreal.collect.python.module import parse

ACCESSES = {
    "a private alias of another module": "import tempfile\nx = tempfile._os.environ['A']",
    "an alias that is imported": "from random import _os as o\nx = o.getenv('A')",
    "another module's os": "import pathlib\nx = pathlib.os.environ",
    "os out of logging": "from logging import os as system\nx = system.environ['A']",
    "posix": "from posix import environ\nx = environ[b'A']",
    "a joined name": "import os\nx = getattr(os, ''.join(['env', 'iron']))['A']",
    "a reversed name": "import os\nx = getattr(os, 'norivne'[::-1])['A']",
    "a replaced name": "import os\nx = getattr(os, 'enXiron'.replace('X', 'v'))",
    "a formatted name": "import os\nx = getattr(os, '%siron' % 'env')",
    "a name in braces": "import os\nx = getattr(os, '{}iron'.format('env'))",
    "a name of letters": "import os\nx = getattr(os, 'get' + chr(101) + 'nv')('A')",
    "a lowered name": "import os\nx = getattr(os, 'ENVIRON'.lower())",
    "a decoded name": "import os\nx = getattr(os, b'environ'.decode())",
    "a module by a joined name": "import importlib\nx = importlib.import_module(''.join(('o', 's'))).environ",
    "a module by its spec": (
        "import importlib.util\nm = importlib.util.module_from_spec(importlib.util.find_spec('os'))\nx = m.environ"
    ),
    "sys.modules by get": "import sys\nx = sys.modules.get('os').environ",
    "a namespace by get": "import os\nx = os.__dict__.get('environ')",
    "vars by get": "import os\nx = vars(os).get('environ')",
    "a resolved name": "import pkgutil\nx = pkgutil.resolve_name('os:environ')",
    "an imported string": "from django.utils.module_loading import import_string\nx = import_string('os.environ')",
    "vars as a whole": "import os\nx = next(v for k, v in vars(os).items() if k == name)",
    "a namespace as a whole": "import os\nx = {**os.__dict__}",
    "members": "import inspect, os\nx = dict(inspect.getmembers(os))[name]",
    "a name that is not known": "import os\ndef f(name):\n    return getattr(os, name)",
    "a function that looks up": "import os\ndef read(m, n):\n    return getattr(m, n)\nx = read(os, 'environ')",
    "a partial getter": "from functools import partial\nimport os\nx = partial(getattr, os)('environ')",
    "a method caller": "import os, operator\nx = operator.methodcaller('getenv', 'A')(os)",
    "a pattern": "import os\nmatch os:\n    case object(environ=e):\n        x = e",
    "an attribute that holds it": "import os\nclass A:\n    def __init__(self):\n        self.system = os",
    "a dictionary that holds it": "import os\ncontext = {'os': os}",
    "a function that answers it": "import os\ndef system():\n    return os",
    "a path that is put together": "import os, pathlib\nx = (pathlib.Path('/proc') / str(os.getpid()) / 'environ').read_text()",
    "a path by join": "import os\nx = open(os.path.join('/proc', 'self', 'environ')).read()",
    "a path by format": "import os\nx = open('/proc/{}/environ'.format(os.getpid())).read()",
    "a path by percent": "import os\nx = open('/proc/%d/environ' % os.getpid()).read()",
    "a path by a keyword": "x = open(file='/proc/self/environ').read()",
    "python -c": "import subprocess, sys\nsubprocess.run([sys.executable, '-c', \"import os; print(os.environ['A'])\"])",
    "python by name": "import subprocess\nsubprocess.check_output(['/usr/bin/python3', '-c', \"import os; os.getenv('A')\"])",
    "python in a line": "import os\nos.popen('python3 -c \"import os; print(os.environ)\"')",
    "node": "import subprocess\nsubprocess.run(['node', '-e', 'console.log(process.env.A)'])",
    "perl": "import subprocess\nsubprocess.run(['perl', '-e', 'print $ENV{A}'])",
    "awk": "import subprocess\nsubprocess.run(['awk', 'BEGIN { print ENVIRON[\"A\"] }'])",
    "bash in a line": "import subprocess\nsubprocess.run(\"bash -c 'echo $A'\", shell=True)",
    "a test of the shell": "import os\nx = os.system('test -n \"$A\"')",
    "env with a path": "import subprocess\nsubprocess.getoutput('/usr/bin/env | sort')",
    "env before printenv": "import subprocess\nsubprocess.run(['env', 'printenv', 'A'])",
    "the C library's variable": "import ctypes\nx = ctypes.c_char_p.in_dll(ctypes.CDLL(None), 'environ')",
    "the C library's secure way": "import ctypes\nx = ctypes.CDLL(None).secure_getenv(b'A')",
    "a prefix for all options": "import click\n@click.command(context_settings={'auto_envvar_prefix': 'A'})\ndef f(): ...",
    "typer": "import typer\nx = typer.Option('a', envvar='A')",
    "configargparse": "import configargparse\np = configargparse.ArgParser()\np.add_argument('--a', env_var='A')",
    "wsgiref": "import wsgiref.handlers\nx = wsgiref.handlers.read_environ()",
}
OTHERS = {
    "a named part": "import os\nx = getattr(os, 'O_BINARY', 0)",
    "a part with a known beginning": "import os\ndef f(flag):\n    return getattr(os, f'O_{flag}')",
    "a part out of a known few": "import os\nfor n in ('fork', 'spawnv'):\n    x = getattr(os, n, None)",
    "a question": "import os\ndef f(name):\n    return hasattr(os, name)",
    "a replaced function": "import os\ndef test(monkeypatch):\n    monkeypatch.setattr(os, 'getcwd', lambda: '/')",
    "a double with its shape": "import os\nfrom unittest.mock import create_autospec, Mock\nx = Mock(spec=os)",
    "a named part of a namespace": "import os\nx = vars(os)['getpid'], os.__dict__.get('sep')",
    "a joined name of something else": "import os\nx = getattr(os, ''.join(['get', 'cwd']))()",
    "another module's alias": "import tempfile\nx = tempfile._os.getcwd()",
    "an alias": "import os, sys\no, s = os, sys\nx = o.getcwd()",
    "python -c of something else": "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'print(1)'])",
    "python -c with its own environment": (
        "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import os; os.environ'], env={})"
    ),
    "node of something else": "import subprocess\nsubprocess.run(['node', '-e', 'console.log(1)'])",
    "a path of another process": "x = open('/proc/{}/environ'.format(pid)).read()",
    "a path beside it": "import os\nx = open(os.path.join('/proc', 'self', 'status')).read()",
    "a shell without variables": "import os\nos.system('test -d /tmp && echo yes')",
    "an own class called os": "class os:\n    pass\nx = vars(os)",
    "a pattern for a name": "import os\nmatch x:\n    case os.sep:\n        pass",
    "another library's env_var": "def f(env_var=None): ...\nf(env_var='A')",
}


def forms(source: str, path: str = "app/a.py") -> list[str]:
    return [fact.form for fact in env.facts(parse(path, source.encode()))]


@pytest.mark.parametrize("name", ACCESSES)
def test_every_roundabout_way_is_seen(name: str) -> None:
    assert len(forms(ACCESSES[name])) == 1


@pytest.mark.parametrize("name", OTHERS)
def test_what_takes_nothing_of_the_environment_is_left_alone(name: str) -> None:
    assert forms(OTHERS[name]) == []


@given(st.integers(1, 6), st.booleans())
def test_a_name_is_worked_out_wherever_it_is_cut(at: int, turned: bool) -> None:
    parts = ["environ"[:at], "environ"[at:]]
    named = repr("".join(parts)[::-1]) + "[::-1]" if turned else f"''.join({parts!r})"
    assert forms(f"import os\nx = getattr(os, {named})") == ["os.environ"]


def test_long_texts_are_not_worked_out() -> None:
    assert forms("import os\nx = getattr(os, 'a'.replace('a', 'environ' * 1))") == ["os by a name that is not known"]
    huge = "import os\nx = ''.join(['a' , 'b']).replace('a', '" + "x" * 20_000 + "')\ny = 'environ'"
    assert forms(huge) == []


def test_a_test_may_look_at_what_an_interpreter_inherits() -> None:
    source = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', \"import os; print(os.environ['A'])\"])"
    assert forms(source, "tests/test_a.py") == []
    assert len(forms(source)) == 1

"""The environment detector: every form of access is seen, once, and what only looks like one is not."""

from __future__ import annotations

import pytest

from strictreal.collect.python import env
from strictreal.collect.python.module import parse


def forms(source: str) -> list[tuple[int, str, str]]:
    module = parse("worker.py", source.encode())
    return sorted((fact.where.line, fact.form, fact.variable) for fact in env.facts(module))


ACCESSES = {
    "getenv": ("import os\nos.getenv('A')", "os.getenv", "A"),
    "getenvb": ("import os\nos.getenvb(b'A')", "os.getenvb", "A"),
    "putenv": ("import os\nos.putenv('A', '1')", "os.putenv", "A"),
    "unsetenv": ("import os\nos.unsetenv('A')", "os.unsetenv", "A"),
    "subscript": ("import os\nos.environ['A']", "os.environ", "A"),
    "assignment": ("import os\nos.environ['A'] = '1'", "os.environ", "A"),
    "deletion": ("import os\ndel os.environ['A']", "os.environ", "A"),
    "bytes": ("import os\nos.environb[b'A']", "os.environb", "A"),
    "get": ("import os\nos.environ.get('A')", "os.environ.get", "A"),
    "setdefault": ("import os\nos.environ.setdefault('A', '1')", "os.environ.setdefault", "A"),
    "pop": ("import os\nos.environ.pop('A')", "os.environ.pop", "A"),
    "update": ("import os\nos.environ.update({'A': '1'})", "os.environ.update", ""),
    "membership": ("import os\n'A' in os.environ", "os.environ", "A"),
    "iteration": ("import os\n[k for k in os.environ]", "os.environ", ""),
    "copy": ("import os\nos.environ.copy()['A']", "os.environ.copy", ""),
    "passing it on": ("import os\nrun(env=os.environ)", "os.environ", ""),
    "unpacking": ("import os\n{**os.environ}", "os.environ", ""),
    "adding to it": ("from os import environ\nenviron |= {'A': '1'}", "os.environ", ""),
    "replacing it": ("import os\nos.environ = {}", "os.environ", ""),
    "module alias": ("import os as o\no.environ", "os.environ", ""),
    "name alias": ("from os import environ as e\ne['A']", "os.environ", "A"),
    "function alias": ("from os import getenv as g\ng('A')", "os.getenv", "A"),
    "star import": ("from os import *\ngetenv('A')", "os.getenv", "A"),
    "import in a function": ("def f():\n    import os; return os.getenv('A')", "os.getenv", "A"),
    "variable name by constant": ("import os; K = 'A'\nos.environ[K]", "os.environ", "A"),
    "__import__": ("\n__import__('os').environ", "os.environ", ""),
    "import_module": ("import importlib\nimportlib.import_module('os').environ", "os.environ", ""),
    "getattr": ("import os\ngetattr(os, 'environ')['A']", "os.environ", "A"),
    "getattr of a joined name": ("import os\ngetattr(os, 'env' + 'iron')", "os.environ", ""),
    "sys.modules": ("import sys\nsys.modules['os'].environ", "os.environ", ""),
    "vars": ("import os\nvars(os)['getenv']('A')", "os.getenv", "A"),
    "__dict__": ("import os\nos.__dict__['getenv']('A')", "os.getenv", "A"),
    "posix": ("import posix\nposix.environ", "posix.environ", ""),
    "through another module": ("import shutil\nshutil.os.environ", "os.environ", ""),
    "expandvars": ("import os.path\nos.path.expandvars('$A')", "os.path.expandvars", ""),
    "libc": ("import ctypes; libc = ctypes.CDLL(None)\nlibc.getenv(b'A')", "ctypes.CDLL().getenv", "A"),
    "re-export": ("\nfrom os import environ", "os.environ imported for others", ""),
    "dotenv": ("from dotenv import load_dotenv\nload_dotenv()", "dotenv.load_dotenv", ""),
    "decouple": ("from decouple import config\nconfig('A')", "decouple.config", "A"),
    "environs singleton": ("from environs import env\nenv.str('A')", "environs.env.str", "A"),
    "environs instance": ("def f(env): ...\nimport environs; env = environs.Env()", "environs.Env", ""),
    "django-environ": ("import environ\nenviron.Env.read_env()", "environ.Env.read_env", ""),
    "starlette": ("from starlette.config import Config\nConfig('.env')", "starlette.config.Config", ""),
    "dynaconf": ("from dynaconf import Dynaconf\nDynaconf()", "dynaconf.Dynaconf", ""),
    "flask": ("def f(app):\n    app.config.from_prefixed_env()", "config.from_prefixed_env", ""),
    "click": ("import click\nclick.option('--a', envvar='A')", "envvar of a command line", ""),
    "pydantic": ("from pydantic import BaseSettings\nclass S(BaseSettings): ...", "BaseSettings subclass S", ""),
    "pydantic.v1": ("import pydantic.v1 as p\nclass S(p.BaseSettings): ...", "BaseSettings subclass S", ""),
    "pydantic_settings": ("import pydantic_settings as p\nclass S(p.BaseSettings): ...", "BaseSettings subclass S", ""),
    "patched by name": (
        "from unittest import mock\n@mock.patch.dict('os.environ', {'A': '1'})\ndef test(): ...",
        "os.environ patched by name",
        "",
    ),
}


@pytest.mark.parametrize("case", ACCESSES)
def test_every_form_of_access_is_seen_once(case):
    source, form, variable = ACCESSES[case]
    assert forms(source) == [(2, form, variable)]


def test_every_use_of_an_alias_is_an_access():
    assert forms("import os\nenv = os.environ\ndef f():\n    return env['A']") == [
        (2, "os.environ", ""),
        (4, "os.environ", "A"),
    ]


def test_instances_of_library_readers_are_followed():
    source = "from environs import Env\nenv = Env()\nA = env('A')\nB = env.int('B')\nstore(env)"
    assert forms(source) == [
        (2, "environs.Env", ""),
        (3, "environs.Env()", "A"),
        (4, "environs.Env().int", "B"),
    ]


def test_settings_classes_are_followed_through_the_module():
    source = (
        "from pydantic_settings import BaseSettings\nclass A(BaseSettings): ...\nclass B(A): ...\nclass C(Other): ..."
    )
    assert [form for _, form, _ in forms(source)] == ["BaseSettings subclass A", "BaseSettings subclass B"]


NEAR_MISSES = {
    "a WSGI environ": "def app(environ, start_response):\n    return environ['PATH_INFO']",
    "an attribute called environ": "def f(request):\n    return request.environ['A']",
    "the type": "import os\ndef f(env: 'os._Environ[str]') -> os._Environ: ...",
    "a shadowed module": "def f(os):\n    return os.environ['A']",
    "a rebound name": "import os\nos = object()\nos.environ",
    "a local dictionary": "environ = {}\nenviron['A'] = 1",
    "a method of that name": "class A:\n    def getenv(self): ...\nA().getenv()",
    "text": "# os.environ['A']\n'''os.getenv('A')'''\nprint('os.environ')",
    "a restored variable": "def test(monkeypatch):\n    monkeypatch.setenv('A', '1')\n    monkeypatch.delenv('B')",
    "another BaseSettings": "from scrapy.settings import BaseSettings\nclass S(BaseSettings): ...",
    "a pydantic model": "from pydantic import BaseModel\nclass S(BaseModel): ...",
    "an own config": "from app import config\nconfig('A')",
    "another envvar": "def f(envvar=None): ...\nf(envvar='A')",
    "paths": "import os\nos.path.join('env', 'iron')\nos.path.expanduser('~')",
    "a copy, once taken": "def f(env):\n    env['A'] = '1'\n    return env.get('A')",
    "a relative module os": "from .os import environ\nenviron['A']",
}


@pytest.mark.parametrize("case", NEAR_MISSES)
def test_what_only_looks_like_an_access_is_none(case):
    assert forms(NEAR_MISSES[case]) == []


def test_a_fact_marks_the_whole_expression():
    module = parse("worker.py", b"import os\nx = f(os.environ.get('A'))")
    [fact] = env.facts(module)
    where = fact.where
    assert (where.line, where.column, where.end_line, where.end_column) == (2, 7, 2, 21)

"""What a name denotes: through imports, aliases, scopes and the order in which things are bound."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictreal.collect.python.module import parse


def denoted(source: str) -> tuple[str, ...]:
    """What the argument of the last `use(…)` may denote."""
    module = parse("worker.py", source.encode())
    uses = [c for c in module.of(ast.Call) if isinstance(c.func, ast.Name) and c.func.id == "use"]
    return module.resolve_all(max(uses, key=lambda c: c.lineno).args[0])


KNOWN = {
    "import": ("import os\nuse(os.environ)", ("os.environ",)),
    "import as": ("import os as o\nuse(o.environ.get)", ("os.environ.get",)),
    "import of a submodule": ("import os.path\nuse(os.environ)", ("os.environ",)),
    "import of a submodule as": ("import os.path as p\nuse(p.join)", ("os.path.join",)),
    "from import": ("from os import environ\nuse(environ)", ("os.environ",)),
    "from import as": ("from os import getenv as g\nuse(g)", ("os.getenv",)),
    "relative import": ("from ..core import settings\nuse(settings.X)", ("..core.settings.X",)),
    "import from here": ("from . import settings\nuse(settings.X)", (".settings.X",)),
    "star import": ("from os import *\nuse(getenv)", ("os.getenv",)),
    "alias": ("import os\ne = os.environ\nuse(e.get)", ("os.environ.get",)),
    "annotated alias": ("import os\ne: object = os.environ\nuse(e)", ("os.environ",)),
    "alias of an alias": ("import os\na = os\nb = a.environ\nuse(b)", ("os.environ",)),
    "pairwise": ("import os\na, b = os, 1\nuse(a)", ("os",)),
    "walrus": ("import os\nif (e := os.environ):\n    use(e)", ("os.environ",)),
    "walrus in place": ("import os\nuse((e := os.environ))", ("os.environ",)),
    "builtin": ("use(len)", ("len",)),
    "outer scope": ("import os\ndef f():\n    def g():\n        use(os)", ("os",)),
    "global": ("def f():\n    global o\n    import os as o\ndef g():\n    use(o)", ("os",)),
    "nonlocal": ("def f():\n    import os as o\n    def g():\n        nonlocal o\n        use(o)", ("os",)),
    "class body": ("class A:\n    import os as o\n    use(o)", ("os",)),
    "lambda default": ("import os\nf = lambda os=use(os): 1", ("os",)),
    "first iterable": ("import os\n[os for os in use(os)]", ("os",)),
    "decorator": ("import os\n@use(os)\ndef f(os): ...", ("os",)),
    "base class": ("import os\nclass A(use(os)):\n    os = 1", ("os",)),
    "two imports": ("try:\n    import a as x\nexcept ImportError:\n    import b as x\nuse(x)", ("a", "b")),
    "one branch each": ("if c:\n    import a as x\nelse:\n    x = 1\n    use(x)", ()),
    "the latest": ("import a as x\nimport b as x\nuse(x)", ("b",)),
    "perhaps rebound": ("import a as x\nif c:\n    import b as x\nuse(x)", ("a", "b")),
    "as at the end of the module": ("import a as x\ndef f():\n    use(x)\nimport b as x", ("b",)),
    "from its former self": ("import a as x\nx = x.y\nuse(x)", ("a.y",)),
    "__import__": ("use(__import__('os').environ)", ("os.environ",)),
    "__import__ of a submodule": ("use(__import__('os.path').environ)", ("os.environ",)),
    "import_module": ("from importlib import import_module as i\nuse(i('os.path').join)", ("os.path.join",)),
    "getattr": ("import os\nuse(getattr(os, 'en' + 'viron'))", ("os.environ",)),
    "getattr by constant": ("import os\nN = 'environ'\nuse(getattr(os, N, None))", ("os.environ",)),
    "sys.modules": ("import sys\nuse(sys.modules['os'].environ)", ("os.environ",)),
    "__dict__": ("import os\nuse(os.__dict__['environ'])", ("os.environ",)),
    "vars": ("import os\nuse(vars(os)['environ'])", ("os.environ",)),
    "result": ("import environs\nenv = environs.Env()\nuse(env.str)", ("environs.Env().str",)),
    "rebound": ("import os\nos = object\nuse(os.environ)", ("object.environ",)),
}


@pytest.mark.parametrize("case", KNOWN)
def test_a_name_is_followed_to_what_it_denotes(case):
    source, expected = KNOWN[case]
    assert denoted(source) == expected


UNKNOWN = {
    "parameter": "import os\ndef f(os):\n    use(os.environ)",
    "keyword parameter": "import os\ndef f(*, os=1):\n    use(os)",
    "variadic parameter": "import os\ndef f(**os):\n    use(os)",
    "lambda parameter": "import os\nlambda os: use(os)",
    "loop": "import os\nfor os in x:\n    use(os)",
    "comprehension": "import os\n[use(os) for os in x]",
    "with": "import os\nwith x as os:\n    use(os)",
    "except": "import os\ntry: ...\nexcept E as os:\n    use(os)",
    "match": "import os\nmatch x:\n    case [os]:\n        use(os)",
    "local assignment": "import os\ndef f():\n    os = g()\n    use(os.environ)",
    "a later local assignment": "import os\ndef f():\n    use(os)\n    os = 1",
    "class attribute from a method": "class A:\n    import os as o\n    def f(self):\n        use(o)",
    "definition": "import os\ndef os(): ...\nuse(os)",
    "unbound": "use(nowhere)",
    "itself": "x = x\nuse(x)",
    "a circle": "a = b\nb = a\nuse(a)",
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_cannot_be_known_denotes_nothing(case):
    assert denoted(UNKNOWN[case]) == ()


def test_definitions_are_found_through_aliases():
    module = parse("a.py", b"def check(): ...\nverify = check\nverify()")
    [call] = module.of(ast.Call)
    assert [d.name for d in module.definitions(call.func)] == ["check"]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("'a' + 'b'", "ab"),
        ("f'{A}-{A}'", "x-x"),
        ("b'ab'", "ab"),
        ("A", "x"),
        ("f'{A!r}'", None),
        ("f'{A:>3}'", None),
        ("B", None),
        ("1", None),
        ("A + f()", None),
    ],
)
def test_constant_text_is_worked_out(expression, expected):
    module = parse("a.py", f"A = 'x'\nB = 'y'\nif c:\n    B = 'z'\nuse({expression})".encode())
    call = next(c for c in module.of(ast.Call) if isinstance(c.func, ast.Name) and c.func.id == "use")
    assert module.string(call.args[0]) == expected


def test_names_that_double_at_every_step_are_bounded():
    doubled = "".join(f"s{n + 1} = s{n} + s{n}\n" for n in range(60))
    assert denoted("s0 = 'x'\n" + doubled + "use(s60)") == ()
    turned = "".join(f"if c{n}: x = x.a{n}\n" for n in range(300))
    assert denoted("import os as x\n" + turned + "use(x)") != ()


def test_a_module_is_walked_like_ast_walks_it():
    for module in ("ast", "typing", "dataclasses", parse.__module__):
        source = Path(str(sys.modules[module].__file__)).read_bytes()
        ours = parse("m.py", source)
        theirs = [n for n in ast.walk(ours.tree) if not isinstance(n, _PLACELESS)]
        assert set(ours.nodes) == set(theirs)
        assert len(ours.nodes) == len(theirs)
        assert ours.parents == {c: n for n in theirs for c in ast.iter_child_nodes(n) if not isinstance(c, _PLACELESS)}


_PLACELESS = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)


@given(st.lists(st.sampled_from(["a", "b", "os"]), min_size=1, max_size=8), st.data())
def test_a_name_bound_in_sequence_has_the_last_meaning(names, data):
    """Straight-line code, against Python itself."""
    lines = ["import os", "import sys as a", "import json as b"]
    lines += [f"{data.draw(st.sampled_from(['a', 'b', 'os']))} = {name}" for name in names]
    wanted = data.draw(st.sampled_from(["a", "b", "os"]))
    scope: dict[str, object] = {}
    exec("\n".join(lines), scope)  # noqa: S102  (three imports and assignments, written above)
    assert denoted("\n".join([*lines, f"use({wanted})"])) == (scope[wanted].__name__,)

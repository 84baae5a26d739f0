"""Test code is what nothing but tests imports: what the product uses is judged as the product's, wherever it stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from subjects import lay

from strictreal.cache import Cache
from strictreal.collect import code
from strictreal.collect.imported import Modules
from strictreal.config import Config
from strictreal.facts.behaviour import Function
from strictreal.facts.code import Module
from strictreal.model import Fact, Gap, Inventory
from strictreal.session import Session
from strictreal.subject import open_tree

HOLLOW = "def verify(payload, signature):\n    return True\n"


def facts(root: Path) -> list[Fact]:
    with Session(Cache(None), jobs=1) as session:
        return [f for o in code.collect(open_tree(root), Config(), session) for f in o.facts]


def roles(root: Path) -> dict[str, str]:
    found = facts(root)
    known = {fact.path: fact.role for fact in found if isinstance(fact, Module)}
    gaps = sum(isinstance(fact, Gap) and fact.of == "Module" for fact in found)
    assert Inventory(of="Module", count=len(known) + gaps) in found
    return known


@pytest.mark.parametrize(
    "statement",
    {
        "absolute": "from app.tests.engine import verify",
        "the module": "import app.tests.engine",
        "from its package": "from app.tests import engine",
        "relative": "from .tests.engine import verify",
        "relative package": "from .tests import engine as e",
        "inside a function": "def load():\n    from app.tests.engine import verify\n    return verify",
        "by name": "import importlib\nimportlib.import_module('app.tests.engine')",
        "by a name put together": "import importlib as i\nTAIL = 'engine'\ni.import_module('.tests.' + TAIL, 'app')",
        "by __import__": "__import__('app.tests.engine')",
        "by a library's function": "from django.utils.module_loading import import_string\nimport_string('app.tests.engine.verify')",
        "as a program": "import runpy\nrunpy.run_module('app.tests.engine')",
        "by its path": "import runpy\nrunpy.run_path('app/tests/engine.py')",
        "beside itself": "import runpy, os\nrunpy.run_path(os.path.join(os.path.dirname(__file__), 'tests', 'engine.py'))",
        "from a folder on the path": "import sys\nsys.path.insert(0, 'app/tests')\nimport engine",
        "in a folder of the package": "from pathlib import Path\n__path__.append(str(Path(__file__).parent / 'tests'))\nimport engine",
        "written down and imported later": "import importlib\nENGINE = 'app.tests.engine.verify'\ndef f(name): return importlib.import_module(name)",
        "through another test module": "from app.tests.between import verify",
    }.items(),
    ids=lambda case: case[0],
)
def test_a_module_that_the_product_uses_is_the_products(tmp_path: Path, statement: tuple[str, str]):
    lay(
        tmp_path,
        {
            "app/__init__.py": "",
            "app/main.py": statement[1] + "\n",
            "app/tests/__init__.py": "",
            "app/tests/between.py": "from .engine import verify\n",
            "app/tests/engine.py": HOLLOW,
            "app/tests/test_main.py": "from app.tests.engine import verify\ndef test(): assert verify(1, 2)\n",
        },
    )
    found = roles(tmp_path)
    assert found["app/tests/engine.py"] == "product"
    assert found["app/tests/test_main.py"] == "test"


@pytest.mark.parametrize("folder", ["tests", "test", "testing", "examples", "benchmarks", "docs", "fixtures"])
def test_no_folder_hides_what_the_product_imports(tmp_path: Path, folder: str):
    lay(tmp_path, {"app/main.py": f"from app.{folder} import engine\n", f"app/{folder}/engine.py": HOLLOW})
    assert roles(tmp_path)[f"app/{folder}/engine.py"] == "product"
    assert [f.name for f in facts(tmp_path) if isinstance(f, Function)] == ["verify"]


@pytest.mark.parametrize(
    "importer",
    {
        "a test": ("app/tests/test_main.py", "from app.testing import engine"),
        "an example": ("examples/show.py", "from app.testing import engine"),
        "a type checker": (
            "app/main.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from app.testing import engine",
        ),
        "nobody": ("app/main.py", "from app import other"),
    }.items(),
    ids=lambda case: case[0],
)
def test_a_module_for_tests_that_no_product_imports_stays_one(tmp_path: Path, importer: tuple[str, tuple[str, str]]):
    path, text = importer[1]
    lay(tmp_path, {"app/__init__.py": "", "app/testing/__init__.py": "", "app/testing/engine.py": HOLLOW, path: text})
    assert roles(tmp_path)["app/testing/engine.py"] == "test"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", "[project.scripts]\nserve = 'app.tests.engine:main'\n"),
        ("pyproject.toml", "[project.entry-points.'app.engines']\nfast = 'app.tests.engine'\n"),
        ("pyproject.toml", "[tool.poetry.scripts]\nserve = {callable = 'app.tests.engine:main'}\n"),
        ("setup.cfg", "[options.entry_points]\nconsole_scripts =\n    serve = app.tests.engine:main\n"),
    ],
)
def test_what_a_distribution_starts_is_the_products(tmp_path: Path, name: str, text: str):
    lay(tmp_path, {"app/__init__.py": "", "app/tests/engine.py": HOLLOW, name: text})
    assert roles(tmp_path)["app/tests/engine.py"] == "product"


def test_a_plugin_for_pytest_is_a_tests(tmp_path: Path):
    points = "[project.entry-points.pytest11]\napp = 'app.testing.plugin'\n"
    lay(tmp_path, {"app/__init__.py": "", "app/testing/plugin.py": HOLLOW, "pyproject.toml": points})
    assert roles(tmp_path)["app/testing/plugin.py"] == "test"


def test_an_entry_point_without_its_module_is_a_gap(tmp_path: Path):
    points = "[project.scripts]\nserve = 'app.engine:main'\nother = 'elsewhere.cli:main'\nhere = 'app:main'\n"
    lay(tmp_path, {"app/__init__.py": "", "pyproject.toml": points})
    [gap] = [fact for fact in facts(tmp_path) if isinstance(fact, Gap)]
    assert (gap.where.path, gap.where.line) == ("pyproject.toml", 2)
    assert gap.reason == "starts app.engine, which is not there, so that nobody read it"


def test_the_tests_of_a_module_that_the_product_uses_are_still_counted(tmp_path: Path):
    lay(tmp_path, {"app/main.py": "from tests.test_a import verify\n", "tests/test_a.py": HOLLOW + "def test(): ...\n"})
    assert Inventory(of="TestFunction", count=1) in facts(tmp_path)


MODULES = ("src/app/__init__.py", "src/app/core/engine.py", "tools/engine.py", "other/lib/app2/deep/x.py", "tool.py")


@pytest.mark.parametrize(
    ("name", "importer", "found"),
    [
        ("app.core.engine", "src/app/main.py", ("src/app/__init__.py", "src/app/core/engine.py")),
        ("app.core.engine.run", "main.py", ("src/app/__init__.py", "src/app/core/engine.py")),
        (".core.engine", "src/app/main.py", ("src/app/__init__.py", "src/app/core/engine.py")),
        ("..core", "src/app/inner/main.py", ("src/app/__init__.py",)),
        ("engine", "tools/run.py", ("tools/engine.py",)),
        ("engine", "main.py", ()),
        ("app2.deep.x", "main.py", ("other/lib/app2/deep/x.py",)),
        ("tool", "src/app/main.py", ("tool.py",)),
        ("json", "src/app/main.py", ()),
        ("....", "tool.py", ()),
    ],
)
def test_modules_are_found_where_python_would(name: str, importer: str, found: tuple[str, ...]):
    assert Modules(MODULES).found(name, importer) == found

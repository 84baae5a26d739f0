"""What collectors see in source code."""

from __future__ import annotations

from typing import ClassVar, Literal

from strictreal.model import Fact, Located, Natural


class Module(Located, frozen=True, kw_only=True):
    """One Python source file that was parsed: the unit in which code is examined."""

    lines: Natural
    role: str = "product"
    """`test`, `example` (documentation, demonstrations and benchmarks count as such) or `product`."""


LoadKind = Literal["name", "computed", "path", "folder", "hidden", "unknown", "text", "mention", "start"]


class Imports(Located, frozen=True, kw_only=True):
    """What one module imports. It serves to find what git ignores and what the product uses; no bundle has it."""

    unit = "Module"
    names: tuple[str, ...]
    """Dotted, relative ones with their leading dots; for `from a import b` both may be modules: `a.b`."""
    lines: tuple[Natural, ...]
    """Where each stands."""
    typing: tuple[str, ...] = ()
    """Those of the names that are imported for type checkers alone."""


class Load(Located, frozen=True, kw_only=True):
    """One place where a module loads or runs something by other means than an import statement.

    It serves to find code that nobody read, and is left out of the bundle.
    """

    unit = "Module"
    how: str
    """What does it: `exec`, `runpy.run_path`, `sys.path.insert`, …"""
    kind: LoadKind
    target: str = ""
    """`name`: the module, dotted. `computed`: how its name begins. `path`, `folder`: `//` and the path in the subject, or
    a path as written, or nothing when it is computed. `hidden`, `unknown`: what is run, in words. `mention`: a text that reads as the name
    of a module in a folder of tests or examples. `start`: a path that an interpreter of its own is started with, or
    nothing when that is computed."""


class SettingsModule(Fact, frozen=True, kw_only=True):
    """The files of the subject that may read settings from the environment."""

    paths: tuple[str, ...]
    declared: bool
    """True when the configuration names them, False when they were recognised by their names."""

    def __contains__(self, path: str) -> bool:
        return path in self.paths

    @property
    def name(self) -> str:
        """How a message calls them."""
        if not self.paths:
            return "a settings module (there is none yet)"
        product = [path for path in self.paths if not path.startswith(("doc", "tests/"))]
        return product[0] if len(product) == 1 else "the settings modules"


class EnvAccess(Located, frozen=True, kw_only=True):
    """One use of the process environment."""

    unit = "Module"
    form: str
    """How it was reached, written in full: `os.getenv`, `os.environ.setdefault`, `dotenv.load_dotenv`."""
    variable: str = ""
    """The variable's name where the access says it."""


HardCodedKind = Literal["host", "port", "url", "dsn", "credential", "threshold"]


class HardCoded(Located, frozen=True, kw_only=True):
    """One value written into product code that belongs in the settings. Test code and examples are not looked at."""

    unit = "Module"
    kind: HardCodedKind
    value: str = ""
    """The value or comparison as written, redacted, at most 120 characters; empty for credentials."""


class TestFunction(Located, frozen=True, kw_only=True):
    """One test of the subject's own suite: the unit in which tests are examined."""

    __test__: ClassVar[bool] = False
    name: str
    weakness: str = ""
    """Why it cannot fail, as the rest of a sentence about it; empty when it can."""


class TestExclusion(Located, frozen=True, kw_only=True):
    """One place in the configuration of a test runner that keeps tests from running, or their failure from counting."""

    __test__: ClassVar[bool] = False
    unit = "TestFunction"
    how: str
    """What does it: an option, a variable of conftest.py."""
    what: str = ""
    """What is left out, as written, at most 120 characters."""


StrictAction = Literal["set", "default", "delete", "swallow"]


class StrictSource(Located, frozen=True, kw_only=True):
    """One file that names the variable of strict mode or runs an audit: the unit in which evasions are looked for."""

    mentions: Natural
    """How many times it is named."""


class StrictEvasion(Located, frozen=True, kw_only=True):
    """One place that turns strict mode off: a false value, a false default, a deletion, a verdict that is thrown away."""

    unit = "StrictSource"
    action: StrictAction
    value: str = ""
    """The false value as written; empty for deletions and for the empty string; how a verdict is thrown away."""

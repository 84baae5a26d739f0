"""What collectors see in source code."""

from __future__ import annotations

from strictreal.model import Fact, Located, Natural


class Module(Located, frozen=True, kw_only=True):
    """One Python source file that was parsed: the unit in which code is examined."""

    lines: Natural
    role: str = "product"
    """`test`, `example` (documentation, demonstrations and benchmarks count as such) or `product`."""


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

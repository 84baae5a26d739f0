"""A file of policy tests with everything that it needs to run: what workers are given."""

from __future__ import annotations

from typing import Any

import msgspec

from strictreal.engines.rego import Source
from strictreal.policy.expand import expand


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A linked suite with everything it needs: what a worker is given."""

    test: str
    """Path of the file of tests."""
    root: str
    sources: tuple[tuple[str, str, str], ...]
    """Path, text and language of each module, the tests among them."""
    data: dict[str, Any]
    rules: tuple[tuple[str, str, int], ...]
    """Package, name and line of each test rule of the file."""
    questions: tuple[str, ...] = ()
    """Dotted paths of the rules, not functions, of the modules that are not tests."""
    doubt: str = ""
    """Where it uses what the embedded engine answers differently from OPA; "" when it does not."""
    barred: str = ""
    """Why the embedded engine cannot run it; the real OPA runs it then."""
    missing: tuple[str, ...] = ()
    """References below `data` that lead nowhere in the tree."""

    def modules(self, *, without: str = "") -> list[Source]:
        return [Source(path, text, language) for path, text, language in self.sources if path != without]

    def embedded(self, *, without: str = "") -> list[Source]:
        """The modules as the embedded engine is to read them."""
        return [expand(source) for source in self.modules(without=without)]

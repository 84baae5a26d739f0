"""The suite's own pattern rules: rules/<check id>/<rule id>.yaml, one rule a file, in semgrep's format."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from strictreal.errors import SuiteError
from strictreal.model import canonical, digest


@dataclass(frozen=True)
class RuleSet:
    """Every rule below one folder."""

    folder: Path

    @cached_property
    def files(self) -> list[Path]:
        """The rule files, in order of their paths; annotated fixtures are none."""
        return sorted(self.folder.glob("*/*.yaml"))

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the rule files; known without parsing them."""
        files = [[path.relative_to(self.folder).as_posix(), digest(path.read_bytes())] for path in self.files]
        return digest(canonical(files))

    @cached_property
    def rules(self) -> dict[str, dict[str, Any]]:
        """Every rule by id.

        Raises:
            SuiteError: a file does not hold exactly one rule, or the rule's id is not the file's name, or its check not
                the folder's.
        """
        import yaml  # an unchanged subject needs no rule

        found: dict[str, dict[str, Any]] = {}
        for path in self.files:
            try:
                [rule] = yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)["rules"]
                named = (rule["id"], rule["metadata"]["check"])
            except (yaml.YAMLError, ValueError, TypeError, KeyError) as error:
                raise SuiteError(f"{path}: is not one rule with id and metadata.check: {error}") from error
            if named != (path.stem, path.parent.name) or path.stem in found:
                raise SuiteError(f"{path}: must hold the rule {path.stem} of the check {path.parent.name}, once")
            found[path.stem] = rule
        return found

    def check_of(self, rule: str) -> str:
        """The id of the check that a rule belongs to."""
        return str(self.rules[rule]["metadata"]["check"])

    def as_json(self) -> bytes:
        """All rules in one document, as the engine reads them."""
        return json.dumps({"rules": list(self.rules.values())}).encode()

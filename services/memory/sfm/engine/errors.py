"""What the engine refuses. Nothing has changed when one of these is raised."""

from __future__ import annotations


class EngineError(ValueError):
    """Base of all refusals.

    Attributes:
        field: name of the offending argument, such as "vector" or "tau".
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field


class InvalidVector(EngineError):
    """A vector of the wrong shape, with a component that is not finite, or without a direction."""


class InvalidValue(EngineError):
    """A number outside its range: importance, time, feature, parameter or k."""


class RecallBelowGuard(EngineError):
    """An approximate index was asked to serve although its measured recall is below the guard."""

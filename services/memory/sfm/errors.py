"""What can go wrong, said so that the caller can do something about it. Each maps to one gRPC status, in server/status.py."""

from __future__ import annotations


class MemoryServiceError(Exception):
    """Base of every error that a caller is told of."""


class InvalidField(MemoryServiceError):
    """A field of the request is not usable; nothing was changed.

    Args:
        field: path in the request, such as `vector.values[3]`.
        problem: what is wrong and what would be right.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class MemoryNotFound(MemoryServiceError):
    """There is no memory of this id in this tenant."""


class IdempotencyConflict(MemoryServiceError):
    """The idempotency key was used before, with another request."""


class NotReady(MemoryServiceError):
    """The service cannot answer for now: storage is away, or it is starting or draining; nothing was changed."""


class Unconfigured(MemoryServiceError):
    """The request needs a part that the settings leave out; the message names the setting."""


class Damaged(MemoryServiceError):
    """Stored data is not what was written; it is never answered from. The message names the place."""

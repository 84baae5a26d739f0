"""What the server refuses before, or instead of, asking the memory system."""

from __future__ import annotations


class Denied(Exception):
    """The policy does not permit the call. It does not say why; the log does."""


class RateExceeded(Exception):
    """The tenant calls too often.

    Args:
        retry_after_seconds: when the next call would be let in.
    """

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__("the tenant's rate is exceeded")
        self.retry_after_seconds = retry_after_seconds


class Overloaded(Exception):
    """The server serves as many calls at once as it may."""


class TooLarge(Exception):
    """The answer would not fit into a message; the message says what to ask less of."""


class DeadlinePassed(Exception):
    """The call has taken all the time that its caller, or else the settings, gave it."""


class UnknownService(Exception):
    """The health of a service was asked for that is not served here."""

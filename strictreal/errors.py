"""One base class: an exception means "could not decide" and says what to do about it.

A violation found in a subject is never an exception; it is a `Finding`.
"""


class StrictRealError(Exception):
    """Base of every error that strictreal raises on purpose."""

    exit_code = 3


class ConfigurationError(StrictRealError):
    """A setting, option or file of the user cannot be used as it stands; the message names the field and the fix."""

    exit_code = 4


class SubjectError(StrictRealError):
    """The subject cannot be read at all (it is not a directory, its revision does not exist, …)."""

    exit_code = 4


class NothingToJudge(StrictRealError):
    """The folder that was given has nothing of what the command judges; the message says what it looked for."""

    exit_code = 5


class SuiteError(StrictRealError):
    """The audit suite itself is broken: a check without specimens, a duplicate id, an impure check."""


class BoundExceeded(StrictRealError):
    """A size, depth, time or count bound was hit; the message names the bound and its value."""


class ToolMissing(StrictRealError):
    """A tool that a collector leans on is absent; what depends on it is not-proven."""


class EvidenceError(StrictRealError):
    """A bundle, signature or ledger does not verify, or cannot be written; the message names the file."""

    exit_code = 1


class EvidenceNotWritten(EvidenceError):
    """A bundle could not be recorded (a full disk, a read-only folder, …); what was recorded earlier is untouched."""

    exit_code = 3


class NotEvidence(EvidenceError):
    """The path that was given is no bundle, or no evidence folder; there is nothing to verify or to write to."""

    exit_code = 4

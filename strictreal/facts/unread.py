"""What nobody read of a subject's code. Such units are only ever met as a `Gap`: there is nothing else to say of them.

A check that promises something "nowhere in the code" asks for those of them that could hide what it looks for, and is
not proven while one is there. docs/adr/0011-what-is-not-read.md says which, and why.
"""

from __future__ import annotations

from strictreal.model import Located


class UnreadLanguage(Located, frozen=True, kw_only=True):
    """Source files in one programming language that no rule is written for, or that no person wrote."""

    widens = True


class UnreadCommands(Located, frozen=True, kw_only=True):
    """Scripts in one language of commands, such as shell, whose variables are the environment."""

    widens = True


class UnreadTests(Located, frozen=True, kw_only=True):
    """Tests in one language that no rule is written for."""

    widens = True


class UnreadPart(Located, frozen=True, kw_only=True):
    """Something that holds files, or may, and is not open to reading: an archive with code, compiled code, a submodule,
    a link that leads out, a module that git ignores, a stray file among the evidence."""

    widens = True


class UnreadPlace(UnreadPart, frozen=True, kw_only=True):
    """The same parts, for a check that does not apply for their sake alone."""

    unit = "UnreadPart"
    widens = False

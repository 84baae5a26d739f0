"""Whether the name of a rule says that it permits or that it denies, by the words that policies use for decisions."""

from __future__ import annotations

import re
from functools import lru_cache

_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_PERMITS = frozenset(
    """
    accept acceptable accepted accepts admit admits admitted allow allowable allowed allows approve approved
    approves authorise authorised authorises authorize authorized authorizes authz can clean compliant complies
    conformant eligible entitled exempt exempted grant granted grants legal legitimate may ok okay pass passed
    passes permissible permission permit permits permitted safe satisfied satisfies secure trusted valid
    whitelisted
    """.split()
)
_DENIES = frozenset(
    """
    bad banned block blocked blocks critical denied denies deny disallow disallowed disallows error errors
    exceeded exceeds excessive fail failed fails failure failures forbid forbidden forbids illegal insecure
    invalid malformed missing noncompliant nonconformant prohibit prohibited prohibits refuse refused refuses
    reject rejected rejects risky unacceptable unapproved unauthorised unauthorized undefined unsafe unsatisfied
    untrusted violate violated violates violating violation violations vulnerable warn warning warnings wrong
    """.split()
)
_INVERTS = frozenset({"cannot", "isnt", "lacks", "never", "no", "non", "not", "un", "without"})
_DECIDES = frozenset(
    """
    accept accepted accepts admit admits admitted allow allowed allows approve approved approves authorise authorised
    authorises authorize authorized authorizes authz grant granted grants permit permits permitted
    """.split()
)
DECISIONS = frozenset(
    """action authorization authorisation authz decision effect enforcement main outcome policy response result ruling
    status verdict""".split()
)
"""Words that name an answer without saying which."""


@lru_cache(maxsize=4096)
def words(name: str) -> tuple[str, ...]:
    """The words of an identifier in lower case: `isNotAllowed` and `is_not_allowed` alike."""
    return tuple(word.lower() for word in _WORD.findall(name[:400]))


def authorises(name: str) -> bool:
    """Whether a name that permits is one of authorisation, and not only of validity: `allow`, not `is_valid`."""
    return effect(name) == "permits" and any(word in _DECIDES for word in words(name))


@lru_cache(maxsize=4096)
def effect(name: str) -> str:
    """`permits`, `denies`, or "" when the name says neither. `not_allowed` denies, `no_violations` permits."""
    found = words(name)
    inverted = sum(word in _INVERTS for word in found) % 2 == 1
    denies = any(word in _DENIES for word in found)
    if not denies and not any(word in _PERMITS for word in found):
        return ""
    return "denies" if denies != inverted else "permits"

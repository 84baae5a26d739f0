"""Whether a token was drawn at random, as keys are, or put together from words, as names are.

Two models of a token are compared by the logarithm of their likelihoods. In the first every character is drawn evenly
from the alphabet that the token uses; that is how keys are made. In the second a token is words: letters have the
frequencies of English, vowels and consonants alternate, and the kind of character (capital, small, digit) changes at
the beginnings of words only; that is how people name things. The sum over a token's characters says which model
explains it better, and by how much. It grows with the length, so that short tokens are never called random.

Hexadecimal digits are left to those who know names: a digest, a commit and a fingerprint are as random as a key.
"""

from __future__ import annotations

import math
import re

SHORTEST = 16
"""Letters and digits that a token must have at least."""
LONGEST = 512
"""Characters of a token that are looked at; a longer one is judged by its beginning."""
EVIDENCE = 14
"""Bits by which a random source must explain the token better: one name in 2**14 is mistaken where names follow the
model."""
TOKEN = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{16,}={0,3}")
"""What a random token is written with: base64, base64url and everything narrower."""
_HEX = re.compile(r"(?:0[xX])?[0-9a-f]+|(?:0[xX])?[0-9A-F]+")
_SEPARATED = re.compile(r"[^A-Za-z0-9]+")
# Letters of English text per thousand (Lewand, Cryptological Mathematics, 2000).
_ENGLISH = dict(
    zip(
        "abcdefghijklmnopqrstuvwxyz",
        (82, 15, 28, 43, 127, 22, 20, 61, 70, 2, 8, 40, 24, 67, 75, 19, 1, 60, 63, 91, 28, 10, 24, 2, 20, 1),
        strict=True,
    )
)
_VOWELS = frozenset("aeiouy")
_CHANGE = {
    ("small", "small"): 0.84,
    ("small", "capital"): 0.12,
    ("small", "digit"): 0.04,
    ("capital", "small"): 0.55,
    ("capital", "capital"): 0.40,
    ("capital", "digit"): 0.05,
    ("digit", "digit"): 0.60,
    ("digit", "small"): 0.20,
    ("digit", "capital"): 0.20,
}
"""How likely one kind of character follows another in a name."""
_VOWEL_AFTER = {True: 0.20, False: 0.55}
"""How likely a letter is a vowel in English, after a vowel and after a consonant."""


def is_random(token: str) -> bool:
    """Whether a token of letters, digits and `+/=_-` is better explained as drawn at random than as a name.

    False for whatever is hexadecimal throughout, with or without separators: digests, ids of commits, UUIDs.
    """
    token = token[:LONGEST].rstrip("=")
    parts = [part for part in _SEPARATED.split(token) if part]
    if any(_is_random(part) for part in parts):
        return True
    # A separator among 64 characters is no more frequent than any other; between words it is.
    plain = "".join(parts)
    mixed = not (plain.islower() or plain.isupper())
    digest = any(len(part) >= SHORTEST and _HEX.fullmatch(part) for part in parts)
    return mixed and not digest and len(token) - len(plain) <= 1 + len(token) // 10 and _is_random(plain)


def _is_random(plain: str) -> bool:
    if len(plain) < SHORTEST or _HEX.fullmatch(plain) or not any(c.isdigit() for c in plain):
        return False
    return evidence(plain) >= EVIDENCE


def evidence(plain: str) -> float:
    """Bits by which a random source explains letters and digits better than names do; negative for names."""
    kinds = [_kind(character) for character in plain]
    alphabet = sum(size for kind, size in (("small", 26), ("capital", 26), ("digit", 10)) if kind in kinds)
    even = -math.log2(alphabet)
    bits = 0.0
    before, vowel = "", False
    for character, kind in zip(plain, kinds, strict=True):
        named = math.log2(_CHANGE[before, kind]) if before else -1.0
        if kind == "digit":
            named -= math.log2(10)
        else:
            letter = character.lower()
            is_vowel = letter in _VOWELS
            group = _VOWEL_SHARE if is_vowel else 1 - _VOWEL_SHARE
            share = _VOWEL_AFTER[vowel] if before and before != "digit" else _VOWEL_SHARE
            named += math.log2(_ENGLISH[letter] / _TOTAL / group * (share if is_vowel else 1 - share))
            vowel = is_vowel
        bits += even - named
        before = kind
    return bits


def _kind(character: str) -> str:
    if character.isdigit():
        return "digit"
    return "small" if character.islower() else "capital"


_TOTAL = sum(_ENGLISH.values())
_VOWEL_SHARE = sum(_ENGLISH[letter] for letter in _VOWELS) / _TOTAL

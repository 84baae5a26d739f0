"""Secrets that show in their own shape: tokens of well-known issuers, private keys, and keys drawn at random."""

from __future__ import annotations

import re
from collections.abc import Iterator

from strictreal.redact.randomness import TOKEN, is_random

Span = tuple[int, int]

_ISSUED = re.compile(
    r"""
    (?P<pem>-----BEGIN\ [A-Z0-9 ]{0,30}PRIVATE\ KEY(?:\ BLOCK)?-----.*)
  | (?<![A-Za-z0-9])(?P<token>gh[pousr]_[A-Za-z0-9]{16,255} | github_pat_\w{20,255}
      | gl(?:pat|oas|dt|rtr?|cbt|ptt|ft|imt|agent|wt|soat|ffct)-[\w-]{16,255}
      | xox[a-z]-[\w-]{10,255} | xapp-[\w-]{10,255} | hooks\.slack\.com/services/[\w/]{20,120}
      | (?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{16} | AIza[\w-]{30,45} | ya29\.[\w-]{20,255}
      | sk-[A-Za-z0-9_-]{16,255} | [sr]k_(?:live|test)_\w{16,255} | whsec_[\w+/=]{16,255}
      | SG\.[\w-]{16,64}\.[\w-]{16,64} | GOCSPX-[\w-]{20,64}
      | eyJ[\w-]{8,4096}\.eyJ[\w-]{8,4096}(?:\.[\w-]{0,4096})? | hv[sbr]\.[\w-]{20,255} | npm_\w{30,64}
      | pypi-[\w-]{40,400} | hf_[A-Za-z0-9]{24,64} | do[opr]_v1_[a-f0-9]{40,80} | dapi[a-f0-9]{32}
      | AGE-SECRET-KEY-1[A-Z0-9]{40,70} | EAA[A-Za-z0-9]{60,255})
  | (?i:\b(?:bearer|basic|token)\s{1,4})(?P<scheme>(?=[^\s"']{0,99}[0-9=+/])[A-Za-z0-9._~+/=-]{12,4096})
    """,
    re.VERBOSE,
)
_DIGEST = re.compile(r"(?i)(?:sha-?[0-9]{1,3}(?:-[0-9]{3})?|md5|blake[23][bs]?|h1|integrity)[-:=@ ]{1,2}$")
"""What stands before a digest that is not hexadecimal: `sha256-` in web pages, `SHA256:` of host keys, `h1:` of Go."""

_LABELLED = re.compile(r"(?i)(?:sha-?(?:1|224|256|384|512)|md5)-(?=[A-Za-z0-9+/]{20})")


def is_issued(text: str) -> bool:
    """Whether the whole of a text has the shape of a well-known issuer's token."""
    return any(match.start() == 0 and match.end() == len(text) for match in _ISSUED.finditer(text))


def issued(text: str) -> Iterator[Span]:
    """Where tokens of well-known issuers stand, what follows `Bearer`, and a private key with all after its heading."""
    for match in _ISSUED.finditer(text):
        yield match.span(match.lastgroup or 0)


def drawn(text: str) -> Iterator[Span]:
    """Where tokens stand that were drawn at random, digests apart."""
    for match in TOKEN.finditer(text):
        labelled = _LABELLED.match(match[0]) or _DIGEST.search(text[max(0, match.start() - 16) : match.start()])
        if not labelled and is_random(match[0]):
            yield match.span()

"""Secrets never reach a fact: what looks like one is replaced before anything is hashed or kept.

Two passes over one line: values that their own shape betrays (tokens of well-known issuers, private keys, passwords in
URLs), then values that the name before them betrays. Every repetition is bounded, so that a line takes linear time.
"""

from __future__ import annotations

import re
from functools import lru_cache

MARK = "[redacted]"
LIMIT = 4096
"""Characters of a line that are kept at most."""
_LOOKAHEAD = 1024
"""Characters beyond the limit that are read, so that a secret that straddles the limit is still seen whole."""
_SHAPES = re.compile(
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
  | (?P<keep>\b[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s/:@'"]{0,200}:)(?P<password>[^\s/'"{$<@][^\s/'"]{0,199})(?=@)
  | (?P<scheme>(?i:\b(?:bearer|basic|token)\s{1,4}))(?=[^\s"']{0,99}[0-9=+/])[A-Za-z0-9._~+/=-]{12,4096}
    """,
    re.VERBOSE,
)
_NAME = r"""(?<![\w.-])[\w.-]*?(?:pass(?:word|wd|phrase|code)|pwd|secret|credential|authorization|dsn|token(?!i[sz])
    |connection_?string|(?:api|access|auth|account|private|signing|encryption|master|shared|storage)[_-]?key
    |(?<![A-Za-z])pass(?![A-Za-z]))[\w.-]{0,80}"""
_TYPED = r"""["']?\]?\s{0,8}(?::\s{0,8}[\w.\[\]|\ ]{1,60}?\s{0,8}(?==))?"""
_QUOTED = re.compile(
    rf"""(?ix)(?P<name>{_NAME}(?:
        {_TYPED}(?:[=!]=|:=|=>|[:=])
      | ["']\s{{0,4}}\)?\s{{0,4}}\bor\b
      | ["']\s{{0,4}},(?:\s{{0,4}}["']?\w{{1,20}}["']?\s{{0,4}}[:=])?
    )\s{{0,8}}[rbuf]{{0,2}})
    (?P<quote>["'])(?![{{$<])(?P<value>(?:(?!(?P=quote))[^\\]|\\.?){{3,}}+)(?P<end>(?P=quote)|$)"""
)
_BARE = re.compile(
    rf"""(?ix)(?P<name>{_NAME}{_TYPED}[:=]\s{{0,8}})
    (?=[^\s"'(){{}}\[\]$<,;]{{0,99}}[0-9!@#%^&*+/=~])(?!\d+(?:\.\d+)?(?:\s|$))
    (?P<value>[^\s"'(){{}}\[\]$<,;.][^\s"'(){{}}\[\]$<,;]{{4,}}+)(?=[\s,;)}}\]"']|$)"""
)
_ASSIGNED = re.compile(rf"(?ix){_NAME}{_TYPED}(?::=|=(?!=)|:)")
_ALTERNATIVE = re.compile(
    r"""(?x)(?P<name>(?:\bor\b|\belse\b|\|\||\?\?|[\[(,])\s{0,4}[rbuf]{0,2})
    (?P<quote>["'])(?![{$<]|[A-Z][A-Z0-9_]{0,80}["'])(?P<value>(?:(?!(?P=quote))[^\\]|\\.?){4,}+)(?P<end>(?P=quote)|$)"""
)


def redact(text: str, limit: int = LIMIT) -> str:
    """The text, cut at `limit` characters, with secrets replaced by MARK.

    Replaced are private keys, tokens of well-known shape, passwords in URLs, and what stands as a value after a name
    like `password` or `api_key`: anything in quotes, and without quotes what has the looks of a secret and not of code.
    """
    return _redacted(text[: limit + _LOOKAHEAD], limit)


@lru_cache(maxsize=512)
def _redacted(text: str, limit: int) -> str:
    cut = min(limit, len(text))
    for pattern in (_SHAPES, _QUOTED, _BARE):
        text, cut = _replace(pattern, text, cut)
    if assigned := _ASSIGNED.search(text, 0, cut):  # more literals of the same value
        start = assigned.end()
        rest, kept = _replace(_ALTERNATIVE, text[start:], cut - start)
        return text[:start] + rest[:kept]
    return text[:cut]


def _replace(pattern: re.Pattern[str], text: str, cut: int) -> tuple[str, int]:
    """The text with each match replaced, and where the character at `cut` is now; a match across it ends there."""
    done, position = [], 0
    length = moved = 0
    for match in pattern.finditer(text):
        if match.start() >= cut:
            break
        new = _kept(match)
        done += [text[position : match.start()], new]
        length += match.start() - position + len(new)
        position = match.end()
    moved = length + max(cut - position, 0)
    return "".join(done) + text[position:], moved


def _kept(match: re.Match[str]) -> str:
    """What stands in place of a match: its secret replaced, the words around it as they were."""
    groups = match.groupdict()
    if "name" in groups:
        quote = groups.get("quote") or ""
        return f"{groups['name']}{quote}{MARK}{groups.get('end') or ''}"
    return (groups["keep"] or groups["scheme"] or "") + MARK

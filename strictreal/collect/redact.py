"""Secrets never reach a fact: what looks like one is replaced before anything is hashed or kept."""

from __future__ import annotations

import re

MARK = "[redacted]"
_SHAPES = re.compile(
    r"""
    (?P<pem>-----BEGIN\ [A-Z ]{0,30}PRIVATE\ KEY-----.*)
  | (?P<token>\b(?:gh[pousr]_[A-Za-z0-9]{16,255}|github_pat_\w{20,255}|glpat-[\w-]{16,64}|xox[abprs]-[\w-]{10,255}
      |AKIA[0-9A-Z]{16}|ASIA[0-9A-Z]{16}|AIza[\w-]{30,45}|sk-[A-Za-z0-9_-]{20,255}|sk_live_\w{16,64}
      |eyJ[\w-]{10,2000}\.eyJ[\w-]{10,4000}\.[\w-]{10,1000}|hv[sb]\.[\w-]{20,200}|npm_\w{30,64}|pypi-[\w-]{40,400}))
  | (?P<scheme>\b[a-z][a-z0-9+.-]{1,30}://[^\s/:@'"]{0,200}:)(?P<password>[^\s/@'"{}$<]{1,200})(?=@)
    """,
    re.VERBOSE,
)
_ASSIGNED = re.compile(
    r"""(?ix)
    (?P<name>\b[\w.-]{0,60}(?:password|passwd|pwd|secret|api_?key|access_?key|auth_?token|token|credential|private_?key)
    [\w-]{0,40}["']?\]?\s{0,8}(?::\s{0,8}\w{1,20}\s{0,8})?[:=]\s{0,8}[rbuf]{0,2})
    (?P<quote>["'])(?P<value>[^"'\s{}$<][^"'{}]{2,400})(?P=quote)
    """
)


def redact(text: str) -> str:
    """The text with private keys, well-known tokens, passwords in URLs and quoted values of secret names replaced."""
    if len(text) > 4096:
        text = text[:4096]
    text = _SHAPES.sub(lambda m: (m["scheme"] or "") + MARK, text)
    return _ASSIGNED.sub(lambda m: f"{m['name']}{m['quote']}{MARK}{m['quote']}", text)

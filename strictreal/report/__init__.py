"""Reports: one audit record, told in the form that its reader wants. Reports judge nothing and read nothing else."""

from __future__ import annotations

from strictreal.model import Finding

_VISIBLE = {code: f"\\x{code:02x}" for code in (*range(0x20), 0x7F, *range(0x80, 0xA0)) if code != 0x09}
_UNSEEN = (0x061C, 0x180E, *range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x2070), 0xFEFF)
_VISIBLE |= {code: f"\\u{code:04x}" for code in _UNSEEN}
_VISIBLE |= {code: f"\\U{code:08x}" for code in range(0xE0000, 0xE0080)}


def visible(text: str) -> str:
    """Text of a subject made safe to print: control, bidirectional and zero-width characters are written as escapes."""
    return text.translate(_VISIBLE).replace("\t", "    ").encode("utf-8", "replace").decode()


def standing(finding: Finding) -> bool:
    """Whether a finding counts: neither waived nor known from the base revision."""
    return not finding.waived and not finding.known

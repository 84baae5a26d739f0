"""What a sentence does with each name in it: makes it, touches it, takes it away, or only speaks of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from strictreal.collect.prose.blocks import CODE, END, spans
from strictreal.facts.claims import Role

_IN_PROSE = re.compile(
    r"(?<![\w/.:@\-\\<{$~])(?:\./)?(?:[\w.+-]{1,80}/){1,12}[\w.+-]{1,80}\.[A-Za-z0-9]{1,10}(?![\w/:\-{>])"
)
_TOKEN = re.compile(rf"{CODE}(?P<code>[^{END}]*){END}|(?P<word>[A-Za-z][\w'’-]*|\d+)|(?P<mark>→|->|=>|—>|[^\s\w])")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MAKING = _words(
    """
    add adds added adding create creates created creating implement implements implemented implementing author authored
    introduce introduces introduced scaffold scaffolded build built define defines defined provide provides provided
    setup ship shipped land landed publish published bootstrap bootstrapped deliver delivered develop developed draft
    drafted commit committed new
    """
)
_WRITING = _words("write wrote written append appended record recorded")
"""`Write a.py` makes it; `write the state to a.json` says what a program does."""
_TOUCHING = _words(
    """
    update updates updated refactor refactors refactored extend extends extended fix fixes fixed modify modified change
    changed changes wire wired wires document documented documents integrate integrated configure configured annotate
    annotated cover covered improve improved adjust adjusted link linked enable enabled expose exposed review reviewed
    harden hardened rewrite rewrote rewritten simplify simplified patch patched bump bumped tune tuned
    """
)
_REMOVING = _words(
    """
    remove removes removed removing delete deletes deleted deleting drop drops dropped retire retired purge purged
    eliminate eliminated decommission decommissioned strip stripped deprecate deprecated supersede superseded archive
    archived obsolete revert reverted undo kill killed
    """
)
_MOVING = _words(
    """
    rename renames renamed renaming move moves moved moving migrate migrated replace replaces replaced replacing convert
    converted port ported merge merged fold folded split extract extracted relocate relocated consolidate consolidated
    inline inlined swap swapped switch switched transition transform transformed
    """
)
_PASSING = _words(
    """
    read reads reading load loads loading parse parses output outputs emit emits generate generates generated generating
    produce produces produced export exports exported save saved saves store stores stored log logs logged download
    downloads upload uploads fetch fetches support supports supported accept accepts detect detects recognise recognize
    handle handles copy copies copied install installs print prints skip skips allow allows when if unless instead
    rather unlike without keep keeps kept ensure ensures ensured untrack untracked exclude excluded gitignore ignore
    ignored not never no like e.g such similar was formerly previously old legacy former ignoring missing
    lacks need needs any every other against reset dump dumps render renders rendered serialize serialise
    """
)
_STATES = {"removing": _REMOVING, "moving": _MOVING, "making": _MAKING, "writing": _WRITING, "touching": _TOUCHING}
_ARROWS = _words("→ -> => —>")
_TARGETS = _words("to into with onto as in")
_INSIDE = _words("in inside within")
_PLACES = _INSIDE | _words("from of for under on across at around between")
_OUTWARD = {"removing": _PLACES, "making": _words("from"), "writing": _words("to into")}
_FILLERS = _words("the old legacy file files module modules unused dead obsolete and , script scripts folder")
_STOPS = _words(". ; ! ? | ( ) – —")
_AUXILIARIES = _words("is are was were has have been now be fully already file )")
_ROLES: dict[str, Role] = {
    "making": "made",
    "writing": "made",
    "within": "within",
    "touching": "touched",
    "moving": "left",
}


@dataclass(frozen=True)
class _Token:
    text: str
    named: bool = False
    """A code span or a path, and not a word of the sentence."""


class _Doing(NamedTuple):
    """What is being done at one place of the sentence, and whether only fillers stood since its verb."""

    state: str
    direct: bool = False


def roles(text: str) -> Iterator[tuple[str, Role]]:
    """Each code span of a block's text, and each path written plainly, with what the words around it do with it."""
    tokens = list(_tokens(text))
    doing = _Doing("making")
    for index, token in enumerate(tokens):
        if token.named:
            yield token.text, _role(doing, tokens[index + 1 : index + 6])
        else:
            doing = _after(doing, token.text)


def _tokens(text: str) -> Iterator[_Token]:
    bare = {match.start(): match.end() for match in _IN_PROSE.finditer(_without_code(text))}
    position = 0
    for match in _TOKEN.finditer(text):
        if match.start() < position:
            continue
        if match.start() in bare:
            position = bare[match.start()]
            yield _Token(text[match.start() : position], named=True)
        elif match["code"] is not None:
            yield _Token(match["code"], named=True)
        else:
            yield _Token((match["word"] or match["mark"]).lower())


def _without_code(text: str) -> str:
    out = list(text)
    for start, end in spans(text):
        out[start:end] = " " * (end - start)
    return "".join(out)


def _after(doing: _Doing, word: str) -> _Doing:
    """What is being done after one more word."""
    for state, verbs in _STATES.items():
        if word in verbs:
            return _Doing(state, direct=True)
    state = doing.state
    if doing.direct and word in _FILLERS and state in {"removing", "moving"}:
        return doing  # "remove the old …"
    if word in _PASSING:
        return _Doing("passing")
    if word in _STOPS:
        return _Doing("making" if word in {".", ";", "|"} or state in {"passing", "within"} else state)
    replaced = state in {"moving", "removing"} and word == "by"
    if word in _ARROWS or word in {"favor", "favour"} or replaced or (state == "moving" and word in _TARGETS):
        return _Doing("touching")
    if word in _OUTWARD.get(state, ()):
        return _Doing("passing")
    if state in {"making", "writing"} and word in _INSIDE:
        return _Doing("within")
    if state == "making" and word in {"to", "into"}:
        return _Doing("touching")
    return _Doing(state, direct=doing.direct and word in _FILLERS)


def _role(doing: _Doing, following: Sequence[_Token]) -> Role:
    """The role of a name, also from the words that follow it: "`a.py` was removed", "`a.py` → `b.py`"."""
    for token in following:
        if token.named or token.text in _STOPS - {")"}:
            break
        if token.text in _ARROWS or token.text in _MOVING:
            return "left"
        if token.text in {"if", "when", "unless"}:
            return "aside"
        if token.text in _REMOVING:
            return "removed"
        if token.text not in _AUXILIARIES:
            break
    if doing.state == "removing":
        return "removed" if doing.direct else "aside"
    return _ROLES.get(doing.state, "aside")

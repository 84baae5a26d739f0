"""What a sentence denies: "no stubs, mocks or fake data" read as a list, however long."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from strictreal.facts.claims import Says

_NONE = {"no", "without", "zero", "free"}
_HOLDING = {"use", "contain", "have", "include", "employ", "hold", "ship", "involve"}
_JOINERS = {",", "/", "or", "and", "nor", "&", "no", "any", "and/or", "all"}
_BREAKS = frozenset(
    """
    is are was were be been has have had will can to in on for with that which when where by from at as than but
    because since while until should must may need needs uses using just only then so it this we if
    """.split()
)
_ARTIFICIAL = {"fake", "mock", "mocked", "dummy", "simulated", "placeholder", "made-up", "fabricated", "faked", "stub"}
_DATA = frozenset(
    """
    data dataset datasets values value numbers results result responses response metrics scores records outputs
    output payloads answers entries embeddings vectors
    """.split()
)
_OF_DATA = frozenset(
    "source sources generator generators provider model models type types field fields file files".split()
)
_THINGS = frozenset(
    """
    implementation implementations client clients service services server servers backend backends object objects
    function functions method methods class classes code logic calls modules layer layers similarity stores
    providers drivers endpoints
    """.split()
)
STUBS = {"stubs", "stubbed", "stubbing"}
MOCKS = {"mocks", "mocked", "mocking", "fakes", "faked", "faking"}
_OTHER_STUBS_BEFORE = {
    "type",
    "typing",
    "grpc",
    "generated",
    "python",
    "pyi",
    "rpc",
    "protobuf",
    "ticket",
    "pay",
    "missing",
}
_OTHER_STUBS_AFTER = {"file", "files", "package", "packages", "generator", "generation", "for", "resolver", "area"}
_OTHER_MOCKS_AFTER = frozenset(
    "exam exams test tests interview interviews module library libraries framework frameworks tool tools".split()
)
_HIDING = {"silent", "hidden", "stub", "mock", "fake", "simulated", "hard-coded", "hardcoded"}


@dataclass(frozen=True)
class Absence:
    """One thing that the words from `first` to `last` deny."""

    says: Says
    first: int
    last: int
    doing: bool
    """Denied as an activity (`no mocking`), which on its own is a rule and not a fact."""


@dataclass(frozen=True)
class _Thing:
    says: Says
    length: int
    alone: bool = True
    """False for words that mean it only beside another: placeholders are a template's, fallbacks a font's."""


def absences(words: Sequence[str]) -> Iterator[Absence]:
    """Every denied thing of one sentence, in order."""
    index = 0
    while index < len(words):
        start = _after_none(words, index)
        things, end = _list(words, start) if start else ([], index)
        if any(thing.alone for thing in things):
            doing = words[end] in {"mocking", "faking", "stubbing"}
            for says in dict.fromkeys(thing.says for thing in things):
                yield Absence(says, index, end, doing)
            index = end
        index += 1


def _after_none(words: Sequence[str], index: int) -> int:
    """Where the things begin that a negative word denies; 0 when there is no such word here."""
    word, following = words[index], words[index + 1] if index + 1 < len(words) else ""
    if word.startswith("non-") or word.endswith("-free"):
        return index + 1
    if word in {"doesn't", "don't"} or (word == "not" and index and words[index - 1] in {"do", "does"}):
        return _after_holding(words, index + 1) if index else 0
    if word not in _NONE or following in {"one", "longer", "."}:
        return 0
    if word == "free":
        return index + 2 if following in {"of", "from"} else 0
    return index + 1


def _after_holding(words: Sequence[str], index: int) -> int:
    """Past the verb of "does not contain …"; 0 when another verb stands there."""
    if words[index : index + 2] == ("rely", "on"):
        return index + 2
    return index + 1 if words[index : index + 1] and words[index] in _HOLDING else 0


def _list(words: Sequence[str], start: int) -> tuple[list[_Thing], int]:
    """The denied things from `start` on, and the index of the last word that names one."""
    compound = words[start - 1]
    if compound.startswith("non-") or compound.endswith("-free"):
        stem = compound.removeprefix("non-").removesuffix("-free")
        thing = _thing([stem if stem.endswith("ed") else stem + "s", *words[start : start + 1]], 0)
        return ([thing] if thing else []), start - 1
    things: list[_Thing] = []
    index = last = start
    unknown = 0
    while index < len(words) and unknown < 4:
        thing = _thing(words, index)
        if thing:
            things.append(thing)
            index += thing.length
            last, unknown = index - 1, 0
        elif words[index] in _JOINERS:
            index += 1
        elif words[index][0].isalnum() and words[index] not in _BREAKS:
            index, unknown = index + 1, unknown + 1
        else:
            break
    return things, last


def _thing(words: Sequence[str], index: int) -> _Thing | None:
    """The artificial thing that is named at `index`."""
    word = words[index]
    before = words[index - 1] if index else ""
    after = words[index + 1] if index + 1 < len(words) else ""
    if word in _ARTIFICIAL and after in _DATA and "".join(words[index + 2 : index + 3]) not in _OF_DATA:
        return _Thing("no-fake-data", 2)
    if word in _ARTIFICIAL and after in _THINGS:
        return _Thing("no-stubs" if word in {"stub", "placeholder", "dummy"} else "no-mocks", 2)
    if word in STUBS and before not in _OTHER_STUBS_BEFORE and after not in _OTHER_STUBS_AFTER:
        return _Thing("no-stubs", 1)
    if word in MOCKS and after not in _OTHER_MOCKS_AFTER:
        return _Thing("no-mocks", 1)
    if word == "test" and after == "doubles":
        return _Thing("no-mocks", 2)
    if word in {"placeholder", "placeholders", "dummies"}:
        return _Thing("no-stubs", 1, alone=False)
    if word in {"fallback", "fallbacks"}:
        return _Thing("no-fallbacks", 1, alone=before in _HIDING)
    return None

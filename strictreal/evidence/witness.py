"""The witness: the last head of each ledger that this user has seen, kept outside the evidence folder.

A ledger that is rolled back together with its bundles is consistent in itself; only somebody who remembers a later
head can tell. The witness remembers one head for each place (the real path of the evidence folder). A folder that was
moved is known again by its ledger's identity. Two clones of one repository are two places: their ledgers may grow apart
honestly.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from strictreal.errors import EvidenceError, StrictRealError
from strictreal.evidence import disk
from strictreal.evidence.ledger import Chain
from strictreal.evidence.statement import decode
from strictreal.model import Natural, canonical

MAX_BYTES = 16 * 1024 * 1024
MAX_PLACES = 1000
UNWITNESSED = (
    "no witness: this user has not seen the ledger before, so a rollback of ledger and bundles together would not be"
    " noticed; compare the head with one that you know (--head)"
)


class Seen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The head of one ledger as last seen at one place."""

    ledger: str
    index: Natural
    head: str
    order: Natural
    """Grows with each record, so that the oldest can be forgotten; no clock is needed."""


class _Memory(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    places: dict[str, Seen] = {}


class Witness:
    """What was seen, in `state_home`/witness.json."""

    def __init__(self, state_home: Path) -> None:
        self.path = state_home / "witness.json"

    def problem(self, output: Path, chain: Chain) -> str:
        """Why the chain contradicts what was seen; empty when it does not.

        Raises:
            EvidenceError: the witness file is damaged.
        """
        place = _place(output)
        seen = self._seen(place, chain)
        if seen is None:
            return ""
        remedy = f"if you mean it, accept the ledger as it is now ({self.path} remembers the other)"
        if seen.ledger != chain.id:
            before = f"the ledger last seen here began with {seen.ledger} and had {seen.index + 1} bundles"
            return f"replaced: {before}; {remedy}"
        if seen.index >= len(chain):
            return (
                f"rolled back: the ledger ends at index {len(chain) - 1}, but its head was seen at index {seen.index}"
                f" ({seen.head}); {remedy}"
            )
        if chain.digests[seen.index] != seen.head:
            now = chain.digests[seen.index]
            return f"forked: line {seen.index + 1} was seen as {seen.head} and now is {now}; {remedy}"
        return ""

    def knows(self, output: Path, chain: Chain) -> bool:
        """Whether there is anything to compare the chain with."""
        return self._seen(_place(output), chain) is not None

    def record(self, output: Path, chain: Chain) -> None:
        """Remember the chain's head for this place, whatever was seen before.

        Raises:
            OSError: the state folder cannot be written.
        """
        place = _place(output)
        known = self._load().places.get(place)
        if len(chain) and not (known and (known.ledger, known.head) == (chain.id, chain.head)):
            self._write(place, chain)

    def accept(self, output: Path, chain: Chain) -> None:
        """Take the chain as it is for the truth from now on: the user's answer to a rollback that was meant.

        Raises:
            OSError: the state folder cannot be written.
        """
        try:
            self._load()
        except StrictRealError:
            self.path.unlink(missing_ok=True)
        self._write(_place(output), chain)

    def _write(self, place: str, chain: Chain) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with disk.locked(self.path.with_name(".lock")):
            places = dict(self._load().places)
            order = max((seen.order for seen in places.values()), default=0) + 1
            places.pop(place, None)
            if len(chain):
                places[place] = Seen(ledger=chain.id, index=len(chain) - 1, head=chain.head, order=order)
            newest = sorted(places, key=lambda name: places[name].order)[-MAX_PLACES:]
            disk.replace(self.path, canonical(_Memory(places={name: places[name] for name in newest})))

    def _seen(self, place: str, chain: Chain) -> Seen | None:
        places = self._load().places
        if place in places:
            return places[place]
        moved = [
            seen for path, seen in places.items() if chain.id and seen.ledger == chain.id and not os.path.lexists(path)
        ]
        return max(moved, key=lambda seen: seen.index, default=None)

    def _load(self) -> _Memory:
        if not os.path.lexists(self.path):
            return _Memory()
        try:
            return decode(disk.read(self.path, str(self.path), MAX_BYTES), _Memory, str(self.path))
        except StrictRealError as error:
            raise EvidenceError(f"the witness is damaged, accept the ledger anew to replace it: {error}") from error


def _place(output: Path) -> str:
    return os.fsencode(os.path.realpath(output)).decode("utf-8", "backslashreplace")

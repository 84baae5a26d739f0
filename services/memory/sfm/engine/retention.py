"""How much a memory is worth keeping close (SFM roadmap v2.1, section 4). Apart from retrieval: no score uses it.

    R = γ1·i^α + γ2·2^(−(now − t_access)/τ_r) + γ3·log(1 + c)/log(1 + C_max) − γ4·cost

Nothing here evicts: it orders, and names candidates.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sfm.engine.errors import InvalidValue
from sfm.engine.scoring import Floats, decay, emphasis
from sfm.engine.space import Space


class Retention(NamedTuple):
    """The weights γ1…γ4, each ≥ 0, the exponent α of importance, and the half-life τ_r of an access in seconds."""

    importance: float = 0.5
    recency: float = 0.3
    frequency: float = 0.2
    cost: float = 0.0
    alpha: float = 1.0
    tau: float = 7 * 86400.0


class Standing(NamedTuple):
    """A memory and its retention score."""

    id: str
    retention: float


def retention(i: Floats, accessed: Floats, accesses: Floats, cost: Floats, now: float, r: Retention) -> Floats:
    """R of each memory, in [−γ4·max cost, γ1 + γ2 + γ3].

    Args:
        i: normalised importance, in [0, 1].
        accessed: last access, seconds; one after `now` counts as now.
        accesses: how often, ≥ 0; C_max is the largest of them.
        cost: of keeping it, in any unit that γ4 is per.
        now: seconds.
        r: weights.
    """
    if min(r.importance, r.recency, r.frequency, r.cost) < 0.0 or not r.tau > 0.0:
        raise InvalidValue("retention", "weights must be ≥ 0 and the half-life positive")
    most = np.log1p(accesses.max(initial=0.0))
    frequency = np.log1p(accesses) / most if most > 0.0 else np.zeros_like(i)
    found: Floats = (
        r.importance * emphasis(i, r.alpha) + r.recency * decay(now - accessed, r.tau) + r.frequency * frequency
    ) - r.cost * cost
    return found


def standings(space: Space, now: float, r: Retention, cost: Floats | float = 0.0) -> list[Standing]:
    """All memories of a space, the most worth keeping first, equal ones by id.

    `cost` is one number for all or one a live row, in the order of `Snapshot.live_rows`.
    """
    snapshot = space.snapshot
    rows = snapshot.live_rows()
    columns = {name: snapshot.columns[name][rows] for name in ("importance", "accessed", "accesses")}
    scores = retention(
        columns["importance"],
        columns["accessed"],
        columns["accesses"].astype(np.float64),
        np.broadcast_to(np.asarray(cost, np.float64), rows.shape),
        now,
        r,
    )
    found = sorted(zip((-scores).tolist(), (snapshot.ids[row] for row in rows.tolist()), strict=True))
    return [Standing(id, -score) for score, id in found]


def eviction_candidates(ordered: list[Standing], capacity: int) -> list[Standing]:
    """What does not fit: all but the `capacity` best, the least worth keeping first."""
    return ordered[capacity:][::-1]


class Retained(NamedTuple):
    """What a retention score is made of; idle in seconds, `most` is the largest access count of the space."""

    id: str
    score: float
    importance: float
    idle: float
    accesses: int
    most: int


def lowest(space: Space, count: int, now: float, r: Retention) -> list[Retained]:
    """The `count` memories least worth keeping, the least first, equal ones by id in descending order."""
    snapshot = space.snapshot
    worst = standings(space, now, r)[::-1][:count]
    row = {snapshot.ids[at]: at for at in snapshot.live_rows().tolist()}
    columns = {name: snapshot.columns[name] for name in ("importance", "accessed", "accesses")}
    most = int(columns["accesses"][list(row.values())].max(initial=0))
    return [
        Retained(
            one.id,
            one.retention,
            float(columns["importance"][row[one.id]]),
            max(0.0, now - float(columns["accessed"][row[one.id]])),
            int(columns["accesses"][row[one.id]]),
            most,
        )
        for one in worst
        if one.id in row
    ]

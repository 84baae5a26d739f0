"""Recall and Explain: what the engine finds, put together with what is known of each memory at the same moment."""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np
from common.config.settings import SMFSettings
from common.utils.cache import MISSED, Look
from numpy.typing import NDArray

from sfm.domain import Explanation, FeatureFactor, Memory, Query, Recalled, ScoreParameters
from sfm.engine import scoring
from sfm.engine.errors import EngineError
from sfm.engine.scoring import Parameters
from sfm.engine.search import Question
from sfm.engine.space import check_now
from sfm.engine.top import Hit
from sfm.engine.vectors import unit_query
from sfm.errors import InvalidField, MemoryNotFound
from sfm.measures import Measures
from sfm.searching import Searches
from sfm.store import canonical
from sfm.store.restore import MICROSECONDS, Spaces
from sfm.store.rows import MemoryRow
from sfm.store.state import Access, Record, Tenant, View
from sfm.store.store import ATTEMPTS, Store

FIELDS = {
    "query": "vector",
    "alpha": "parameters.alpha",
    "beta": "parameters.beta",
    "tau": "parameters.tau_seconds",
    "weights": "parameters.feature_weights",
    "now": "as_of",
}
"""What the engine's arguments are called in a request."""


class RecallCache(Protocol):
    """Keeps answers for a while; common.utils.cache has such.

    A key contains the version of the tenant, so an old answer is never found by a new question, even if an invalidation is lost.
    """

    async def look(self, tenant: str, key: str) -> Look:
        """What was put, and the generation that `put` wants to have."""

    async def put(self, tenant: str, key: str, value: bytes, generation: bytes | None) -> None:
        """Keep an answer that was computed after `look` gave the generation."""

    async def invalidate(self, tenant: str) -> None:
        """The tenant has changed: what is kept of it, or will be put by who has looked before, is not found any more."""


class HotRows(Protocol):
    """Rows that are kept in memory."""

    def row(self, tenant: str, id: str) -> MemoryRow | None:
        """A row, if it is kept."""

    def recalled(self, tenant: str, ids: Sequence[str]) -> None:
        """Memories were read."""


def refused(error: EngineError) -> InvalidField:
    """An engine's refusal in the words of a request."""
    return InvalidField(FIELDS.get(error.field, error.field), str(error).removeprefix(f"{error.field}: "))


class Recaller:
    """Answers questions about the memories of tenants.

    Args:
        cache: None if answers are not kept.
        hot: None if there is no hot tier.
    """

    def __init__(
        self,
        settings: SMFSettings,
        spaces: Spaces,
        store: Store,
        measures: Measures,
        cache: RecallCache | None,
        hot: HotRows | None,
    ) -> None:
        self._settings, self._spaces, self._store, self._measures = settings, spaces, store, measures
        self._cache, self._hot = cache, hot
        self._start = secrets.token_bytes(16)
        self._searches = Searches(settings.search_threads)

    def close(self) -> None:
        """End the threads."""
        self._searches.close()

    async def recall(self, tenant: Tenant, query: Query, now: int) -> tuple[list[Recalled], bool]:
        """The k best memories, and whether the cache knew them. Reads nothing of the disk unless vectors or payloads are wanted."""
        try:
            search = _Search(self._settings, tenant, query)
        except EngineError as error:
            raise refused(error) from error
        for _ in range(ATTEMPTS):
            found = await self._once(search)
            if found is not None:
                break
        else:
            async with self._store.still():
                found = await self._once(search, settled=True)
        if found is None:
            raise MemoryNotFound("the tenant changed while commits were held back")
        hits, cached = found
        for hit in hits:
            if hit.memory.id in tenant.records:
                tenant.touch(hit.memory.id, now)
        if self._hot:
            ids = [hit.memory.id for hit in hits]
            self._hot.recalled(tenant.name, ids)
            await self._searches.run(partial(tenant.space.touch, ids, now / MICROSECONDS))
        self._measures.cache_hits.count(so=cached)
        scores = [hit.score for hit in hits]
        self._measures.ties.count(so=len(set(scores)) < len(scores))
        return hits, cached

    async def _once(self, search: _Search, *, settled: bool = False) -> tuple[list[Recalled], bool] | None:
        """One try; None when a memory changed before its row was read."""
        tenant, query = search.tenant, search.query
        token = object()
        view = tenant.begin(token)
        try:
            cache = None if settled or not search.repeats(tenant.newest) else self._cache
            key = search.key(view, self._store.lineage, self._start) if cache else ""
            look = await cache.look(tenant.name, key) if cache else MISSED
            known = look.value
            if known is not None:
                hits = [Hit(id, score) for id, score in json.loads(known)]
            else:
                hits = await self._searches.search(tenant.name, search.question(view))
                if cache and tenant.sequence == view.sequence:
                    await cache.put(tenant.name, key, json.dumps(hits).encode(), look.generation)
            records = {
                hit.id: record for hit in hits if (record := tenant.record_at(hit.id, view.sequence)) is not None
            }
            if len(records) < len(hits):
                return None
            rows: dict[str, MemoryRow] = {}
            if query.with_vectors or query.with_payloads:
                found = await self._rows(tenant, records, settled=settled)
                if found is None:
                    return None
                rows = found
            importance = dict(
                zip(records, self._spaces.importance(r.raw_importance for r in records.values()).tolist(), strict=True)
            )
            return [
                Recalled(
                    memory(
                        hit.id,
                        records[hit.id],
                        importance[hit.id],
                        tenant.access.get(hit.id),
                        rows.get(hit.id),
                        self._spaces,
                        query,
                    ),
                    hit.score,
                )
                for hit in hits
            ], known is not None
        finally:
            tenant.end(token)

    async def _rows(self, tenant: Tenant, records: dict[str, Record], *, settled: bool) -> dict[str, MemoryRow] | None:
        kept = {}
        if self._hot:
            for id, record in records.items():
                row = self._hot.row(tenant.name, id)
                if row is not None and row.checksum == record.checksum:
                    kept[id] = row
        missing = {id: record for id, record in records.items() if id not in kept}
        if not missing:
            return kept
        read = await (self._store.settled if settled else self._store.rows)(tenant, missing)
        return None if read is None else kept | read

    async def explain(
        self, tenant: Tenant, id: str, vector: NDArray[Any], parameters: ScoreParameters, as_of: int
    ) -> Explanation:
        """Every factor of the score that a recall at the same moment would give."""
        try:
            p, weights = engine_parameters(self._settings, parameters)
            scoring.check(p, weights, len(self._settings.feature_names))
            now = as_of / MICROSECONDS
            check_now(now, p)
            query = unit_query(vector, self._settings.dimension)
        except EngineError as error:
            raise refused(error) from error
        record, vector_row = await self._vector(tenant, id)
        if record.created > as_of:
            raise InvalidField("as_of", "lies before the creation of the memory, which no recall would see")
        i = float(self._spaces.importance([record.raw_importance])[0])
        dot = float(scoring.dots(vector_row[None], query)[0])
        channels = (
            self._spaces.features([record])[0].astype(np.float64) if self._settings.feature_names else np.empty(0)
        )
        age = now - record.created / MICROSECONDS
        found = scoring.explain(dot, i, age, p, channels, weights)
        used = (
            () if weights is None else zip(self._settings.feature_names, channels, weights, found.features, strict=True)
        )
        similarity = max(0.0, min(dot, 1.0))
        epsilon = self._settings.log_epsilon
        return Explanation(
            score=found.score,
            dot=dot,
            similarity=similarity,
            similarity_factor=found.similarity,
            raw_importance=record.raw_importance,
            importance=i,
            importance_factor=found.importance,
            age_seconds=age,
            decay_factor=found.decay,
            features=tuple(
                FeatureFactor(name=name, value=float(value), weight=weight, factor=factor)
                for name, value, weight, factor in used
            ),
            log_score=found.log_score
            if epsilon == scoring.EPSILON
            else found.log_score + p.beta * (math.log(similarity + epsilon) - math.log(similarity + scoring.EPSILON)),
            log_epsilon=epsilon,
            parameters=parameters,
            as_of=as_of,
        )

    async def _vector(self, tenant: Tenant, id: str) -> tuple[Record, NDArray[Any]]:
        """A memory's record and its vector as the engine has it, of the same version: the row tells."""
        found = (await self._store.latest(tenant, [id])).get(id)
        if found is None:
            raise MemoryNotFound(f"there is no memory {id!r} in tenant {tenant.name!r}")
        record, row = found
        return record, unit_row(row, self._spaces)


class _Search:
    """One question, checked once, that any thread may put to a view."""

    def __init__(self, settings: SMFSettings, tenant: Tenant, query: Query) -> None:
        self.tenant, self.query = tenant, query
        self.p, self.weights = engine_parameters(settings, query.parameters)
        scoring.check(self.p, self.weights, len(settings.feature_names))
        self.now = query.as_of / MICROSECONDS
        check_now(self.now, self.p)
        if query.k < 1:
            raise InvalidField("k", "must be at least 1")
        if not 0.0 <= query.min_score <= 1.0:
            raise InvalidField("min_score", "must lie in [0, 1]")
        self.unit = unit_query(query.vector, settings.dimension)
        self.wanted = canonical.fragments(query.filter, "filter")

    def question(self, view: View) -> Question:
        """What the engine is asked about a view that was begun."""
        keep = self._keep(view.sequence) if self.wanted else None
        return Question(
            view.snapshot, self.unit, self.query.k, self.p, self.now, keep, self.weights, self.query.min_score
        )

    def _keep(self, sequence: int) -> Any:
        def keep(id: str) -> bool:
            record = self.tenant.record_at(id, sequence)
            return record is not None and canonical.has_entries(record.metadata, self.wanted)

        return keep

    def timeless(self, newest: int) -> bool:
        """Whether time does not matter: without decay it only matters to memories of the future, and the newest is none."""
        return math.isinf(self.p.tau) and self.query.as_of >= newest

    def repeats(self, newest: int) -> bool:
        """Whether the same question may be asked again; not if it is about this microsecond, which does not come back."""
        return self.query.as_of_given or self.timeless(newest)

    def key(self, view: View, lineage: str, start: bytes) -> str:
        """Names the question and the state that it is put to, which only this process vouches for: another start may have other settings."""
        return canonical.digest(
            start,
            lineage.encode(),
            f"{view.sequence} {self.query.k} {self.p} {self.weights} {self.query.min_score}".encode(),
            b"" if self.timeless(self.tenant.newest) else str(self.query.as_of).encode(),
            np.ascontiguousarray(self.unit).tobytes(),
            "\n".join(sorted(self.wanted)).encode(),
        ).hex()


def engine_parameters(settings: SMFSettings, given: ScoreParameters) -> tuple[Parameters, tuple[float, ...] | None]:
    """What the engine takes: α, β, τ, and a weight for each channel, or None where none is weighed.

    Raises:
        InvalidField: a channel is not known.
    """
    unknown = set(given.feature_weights) - set(settings.feature_names)
    if unknown:
        raise InvalidField(f"parameters.feature_weights.{min(unknown)}", "is no feature channel of this service")
    weights = tuple(float(given.feature_weights.get(name, 0.0)) for name in settings.feature_names)
    return Parameters(given.alpha, given.beta, given.tau), weights if given.feature_weights else None


def unit_row(row: MemoryRow, spaces: Spaces) -> NDArray[Any]:
    """The vector of a row in the type in which the engine keeps it, shape (d,)."""
    return np.frombuffer(row.vector, "<f4").astype(spaces.dtype)


def memory(
    id: str,
    record: Record,
    importance: float,
    access: Access | None,
    row: MemoryRow | None,
    spaces: Spaces,
    query: Query | None = None,
) -> Memory:
    """A memory in the words of the service; vector and payload only if they were asked for."""
    vector: NDArray[np.float32] = np.empty(0, np.float32)
    if row is not None and (query is None or query.with_vectors):
        vector = unit_row(row, spaces).astype(np.float32)
    metadata: Mapping[str, Any] = json.loads(record.metadata)
    return Memory(
        id=id,
        vector=vector,
        raw_importance=record.raw_importance,
        importance=importance,
        created=record.created,
        accessed=access.accessed if access else record.created,
        access_count=access.count if access else 0,
        payload=row.payload if row is not None and (query is None or query.with_payloads) else b"",
        metadata=metadata,
        features=json.loads(record.features),
        sequence=record.sequence,
    )

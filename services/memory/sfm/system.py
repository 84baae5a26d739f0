"""The memory system: tenants' memories, durable, and recalled by an exact score. It knows no protocol.

Made by `MemorySystemBuilder`. While the database is away, recalls that want neither vectors nor payloads are still answered, from
memory, which holds exactly what was committed; everything else waits for it as long as a call may, and `ready` is false.
When stored data proves to be damaged, nothing is answered any more.
"""

from __future__ import annotations

import asyncio
import logging
import math
import struct

import numpy as np
from common.config.settings import SMFSettings
from numpy.typing import NDArray

from sfm.domain import (
    Explanation,
    Gate,
    Memory,
    NewMemory,
    Query,
    Recalled,
    Retained,
    ScoreParameters,
    Stats,
    Stored,
)
from sfm.engine.errors import EngineError
from sfm.engine.retention import Retention, lowest
from sfm.engine.scoring import Parameters
from sfm.engine.space import Space
from sfm.engine.vectors import unit
from sfm.errors import Damaged, InvalidField, MemoryNotFound, MemoryServiceError, NotReady, Unconfigured
from sfm.hot import HotRows
from sfm.measures import Measures
from sfm.publishing import Publish, Relay, Rhythm
from sfm.recalling import RecallCache, Recaller, memory, refused
from sfm.reports import Reports
from sfm.store import canonical
from sfm.store.journal import Pace
from sfm.store.plan import Forget, Plan, Put
from sfm.store.restore import Spaces
from sfm.store.state import State, Tenant
from sfm.store.store import Store, microseconds
from sfm.upkeep import Upkeep

log = logging.getLogger(__name__)
LONGEST = {"tenant": 128, "id": 256, "idempotency_key": 128}
"""Characters."""
LATEST = 1 << 62
"""Bound of times, in microseconds."""


class MemorySystemBuilder:
    """Composes a memory system from settings and parts.

    Args:
        settings: see common.config.settings.
    """

    def __init__(self, settings: SMFSettings) -> None:
        self._settings = settings
        self._cache: RecallCache | None = None
        self._publish: Publish | None = None

    def with_cache(self, cache: RecallCache | None) -> MemorySystemBuilder:
        """Keep recalled answers there."""
        self._cache = cache
        return self

    def with_events(self, publish: Publish | None) -> MemorySystemBuilder:
        """Tell of every durable change, at least once and in order; see sfm.publishing."""
        self._publish = publish
        return self

    def build(self) -> MemorySystem:
        """The system, not started.

        Raises:
            Unconfigured: a setting asks for what is not served.
        """
        for name in ("ann", "projection_dimension"):
            if getattr(self._settings, name):
                raise Unconfigured(f"{name}: recall is exact and has no approximate mode; unset it")
        return MemorySystem(self._settings, self._cache, self._publish)


class MemorySystem:
    """See the module. All methods belong to one event loop and raise errors of sfm.errors only."""

    def __init__(self, settings: SMFSettings, cache: RecallCache | None, publish: Publish | None) -> None:
        self._settings, self._cache = settings, cache
        dtype = np.float16 if settings.float16 else np.float32
        p = Parameters(settings.alpha, settings.beta, settings.tau_seconds)
        self._spaces = Spaces(
            lambda: Space(settings.dimension, p, channels=len(settings.feature_names), dtype=dtype),
            settings.feature_names,
            settings.importance_slope,
            settings.importance_centre,
        )
        pace = Pace(
            commit_batch=settings.commit_batch,
            idempotency_days=settings.idempotency_days,
            retry_first_seconds=settings.retry_first_seconds,
            retry_longest_seconds=settings.retry_longest_seconds,
            outbox=publish is not None,
        )
        self._store = Store(
            settings.database, settings.data_dir, self._spaces, pace, settings.default_timeout_seconds, self._changed
        )
        self.measures = Measures()
        self._hot = None
        if settings.hot_tier_rows:
            self._hot = HotRows(settings.hot_tier_rows, retention_weights(settings))
        self._recaller = Recaller(settings, self._spaces, self._store, self.measures, cache, self._hot)
        self._draining = False
        self.accesses_kept = True
        """Whether the last access counts reached the database when the service drained."""
        self._upkeep = Upkeep(settings, self._store, self._hot)
        self._invalidating: dict[str, asyncio.Task[None]] = {}
        rhythm = Rhythm(
            batch=settings.kafka_batch,
            linger_seconds=settings.events_linger_seconds,
            note_seconds=settings.events_note_seconds,
            retry_first_seconds=settings.kafka_retry_first_seconds,
            retry_longest_seconds=settings.kafka_retry_longest_seconds,
        )
        self._relay = Relay(self._store, publish, rhythm) if publish else None
        self._reports = Reports(settings, self.measures, self._hot)

    @property
    def ready(self) -> bool:
        """Whether every call can be answered now."""
        return not self.why_not_ready

    @property
    def why_not_ready(self) -> str:
        """The reason, empty while ready."""
        return "the service is shutting down" if self._draining else self._store.why_not_ready

    @property
    def event_backlog(self) -> int:
        """Durable changes that are not published yet; 0 where none are published."""
        return self._relay.backlog if self._relay else 0

    @property
    def away(self) -> dict[str, str]:
        """What does not answer now and can be done without, and why: brokers that changes are to be published to."""
        return {"kafka": self._relay.trouble} if self._relay and self._relay.trouble else {}

    async def start(self) -> None:
        """Open the database, however long it takes to be there, and restore what it holds.

        Raises:
            Damaged: stored data is not what was written; the message names what is lost.
        """
        await self._store.open()
        self._upkeep.start()
        if self._relay:
            self._relay.start()
        elif waiting := self._store.check().waiting:
            log.warning("%d changes wait to be published, and no brokers are configured", waiting)

    async def drain(self, seconds: float) -> None:
        """Take no more calls, commit what waits for at most `seconds`, write a snapshot, and close."""
        self._draining = True
        if self._relay:
            await self._relay.finish(seconds)
        await self._upkeep.stop()
        if self._store.state is not None and not self._store.why_not_ready:
            try:
                async with asyncio.timeout(seconds):
                    await self._upkeep.keep_accesses(self._store.state)
            except (TimeoutError, MemoryServiceError) as error:
                self.accesses_kept = False
                log.warning("the latest access counts are not kept: %r", error)
        await self._store.close(seconds)
        await asyncio.gather(*self._invalidating.values(), return_exceptions=True)
        self._recaller.close()

    async def store(self, new: NewMemory) -> Stored:
        """Store a memory, replacing the one of the same id. Returns when it is on durable storage.

        Raises:
            InvalidField, IdempotencyConflict, NotReady, Damaged.
        """
        self._serving()
        with self.measures.timed("Store"):
            outcome = await self._store.submit(self._put(new))
            await self._forgotten(new.tenant)
        if not isinstance(outcome, Stored):
            raise Damaged(f"a store was answered by {outcome!r}")
        return outcome

    async def delete(self, tenant: str, id: str) -> bool:
        """Forget a memory; whether there was one."""
        self._serving()
        with self.measures.timed("Delete"):
            deleted = bool(await self._store.submit(Forget(_name(tenant, "tenant"), _name(id, "id"))))
            await self._forgotten(tenant)
            return deleted

    async def get(self, tenant: str, id: str) -> Memory:
        """One memory. That it was read shows from the next time on.

        Raises:
            MemoryNotFound, InvalidField, NotReady, Damaged.
        """
        where = self._tenant(tenant)
        with self.measures.timed("Get"):
            record = where.records.get(id)
            row = self._hot.row(tenant, id) if self._hot else None
            if record is None or row is None or row.checksum != record.checksum:
                found = (await self._store.latest(where, [id])).get(id)
                if found is None:
                    raise MemoryNotFound(f"there is no memory {id!r} in tenant {tenant!r}")
                record, row = found
            access = where.access.get(id)
            if id in where.records:
                where.touch(id, microseconds())
            importance = float(self._spaces.importance([record.raw_importance])[0])
            return memory(id, record, importance, access, row, self._spaces)

    async def recall(self, query: Query) -> tuple[list[Recalled], bool]:
        """The k memories of largest score, best first, equal scores by id; and whether the cache knew them."""
        where = self._tenant(query.tenant)
        with self.measures.timed("Recall"):
            return await self._recaller.recall(where, query, microseconds())

    async def explain(
        self, tenant: str, id: str, vector: NDArray[np.float32], parameters: ScoreParameters, as_of: int
    ) -> Explanation:
        """Every factor of the score that a memory has for a query.

        Raises:
            MemoryNotFound, InvalidField, NotReady, Damaged.
        """
        where = self._tenant(tenant)
        with self.measures.timed("Explain"):
            return await self._recaller.explain(where, id, vector, parameters, as_of)

    async def stats(self, tenant: str) -> Stats:
        """What is stored and how it has been used; of all tenants if `tenant` is empty. Rates and ratios are of all."""
        tenants = [self._tenant(tenant)] if tenant else list(self._serving().tenants.values())
        return await self._reports.stats(tenants)

    async def retained(self, tenant: str, count: int) -> tuple[Retained, ...]:
        """The `count` memories of a tenant that eviction would take first."""
        now, weights = microseconds() / 1_000_000, retention_weights(self._settings)
        worst = await asyncio.to_thread(lowest, self._tenant(tenant).space, count, now, weights)
        return tuple(Retained(**one._asdict()) for one in worst)

    def gates(self) -> list[Gate]:
        """The gates G1 to G6 by the service's own metrics."""
        return self._reports.gates(list(self._serving().tenants.values()))

    def _serving(self) -> State:
        if self._draining:
            raise NotReady("the service is shutting down")
        return self._store.check()

    def _tenant(self, name: str) -> Tenant:
        found = self._serving().tenants.get(_name(name, "tenant"))
        if found is None:
            raise InvalidField("tenant", f"there is no tenant {name!r}; a tenant exists from its first store on")
        return found

    def _put(self, new: NewMemory) -> Put:
        given = np.asarray(new.vector, np.float32)
        try:
            row, _ = unit(given[None], 1, self._settings.dimension, np.dtype(np.float32))
        except EngineError as error:
            raise refused(error) from error
        if not math.isfinite(new.raw_importance):
            raise InvalidField("importance", "must be a finite number")
        if not -LATEST < new.created < LATEST:
            raise InvalidField("created_at", "is out of range")
        raw, payload = float(new.raw_importance) + 0.0, bytes(new.payload)
        metadata = canonical.text(new.metadata, "metadata")
        features = canonical.text(self._features(new), "features")
        request = canonical.digest(
            _name(new.id, "id").encode(),
            given.astype("<f4").tobytes(),
            struct.pack("<d", raw),
            str(new.created if new.created_given else None).encode(),
            payload,
            metadata.encode(),
            features.encode(),
        )
        return Put(
            _name(new.tenant, "tenant"),
            new.id,
            row[0].astype("<f4").tobytes(),
            raw,
            float(self._spaces.importance([raw])[0]),
            int(new.created),
            payload,
            metadata,
            features,
            _name(new.idempotency_key, "idempotency_key") if new.idempotency_key else "",
            request,
        )

    def _features(self, new: NewMemory) -> dict[str, float]:
        for name, value in new.features.items():
            if name not in self._settings.feature_names:
                raise InvalidField(f"features.{name}", "is no feature channel of this service")
            if not 0.0 <= value <= 1.0:
                raise InvalidField(f"features.{name}", "must lie in [0, 1]")
        return {name: float(np.float32(value)) for name, value in new.features.items()}

    def _changed(self, plan: Plan) -> None:
        """After each commit, in the event loop, and before it is acknowledged."""
        if self._cache:
            for name in plan.tenants:
                self._invalidating[name] = asyncio.create_task(
                    self._invalidated(self._cache, name), name="invalidation"
                )
        if self._relay and plan.events:
            self._relay.news()
        self._upkeep.committed(plan.tenants)

    async def _invalidated(self, cache: RecallCache, name: str) -> None:
        await cache.invalidate(name)
        if self._invalidating.get(name) is asyncio.current_task():
            del self._invalidating[name]

    async def _forgotten(self, tenant: str) -> None:
        """Wait until no answer of before the last commit is kept; of several commits at once, the last one's invalidation serves all."""
        task = self._invalidating.get(tenant)
        if task is not None:
            await asyncio.shield(task)


def retention_weights(settings: SMFSettings) -> Retention:
    """γ₁ to γ₄, α and the half-life of an access."""
    importance, recency, frequency, cost = settings.retention_gammas
    return Retention(importance, recency, frequency, cost, alpha=settings.alpha, tau=settings.retention_tau_seconds)


def _name(value: str, field: str) -> str:
    if not 1 <= len(value) <= LONGEST[field]:
        raise InvalidField(field, f"must have 1 to {LONGEST[field]} characters")
    if "\0" in value or (not value.isprintable() and any("\ud800" <= c <= "\udfff" for c in value)):
        raise InvalidField(field, "must not contain NUL or lone surrogates")
    return value

"""Group commit. Calls wait in line; one task commits whatever waits in one transaction, and answers when it is on the disk.

The order is: database commit, then mark and engine, then records, then answers. So what was answered survives a power
loss, the order of sequence numbers is the order in which the engine sees the changes, and nobody reads what might still be lost.

When the database is away, the group that was being committed is tried again until it is known whether it landed. Calls that
gave up meanwhile are left out of the next try. When anything proves to be damaged, the journal stops for good and says why.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from common.utils.backoff import backoff

from sfm.errors import Damaged, InvalidField, MemoryServiceError, NotReady
from sfm.store import plan as planning
from sfm.store.database import Database
from sfm.store.failures import Away, Refused
from sfm.store.mark import Mark
from sfm.store.plan import Change, KnownKeys, Outcome, Plan
from sfm.store.rows import Head
from sfm.store.state import State

log = logging.getLogger(__name__)
DAY = 86_400_000_000
"""In microseconds."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How much and how often; see the settings of the same names. `outbox`: whether others are to be told of changes."""

    commit_batch: int
    idempotency_days: int
    retry_first_seconds: float
    retry_longest_seconds: float
    outbox: bool = False

    def waits(self) -> Iterator[float]:
        """Seconds to wait for a database that is away, without end."""
        return backoff(self.retry_first_seconds, self.retry_longest_seconds)


@dataclass(eq=False)
class _Waiting:
    change: Change
    answer: asyncio.Future[Outcome]
    taken: bool = False

    def settle(self, outcome: Outcome | MemoryServiceError) -> None:
        if self.answer.done():
            return
        if isinstance(outcome, Exception):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


class _Attempt:
    """One try to commit a group.

    Attributes:
        plan: what is or was to be written; None as long as it has not been planned.
    """

    def __init__(self, state: State, changes: list[Change], now: int, since: int, *, outbox: bool) -> None:
        self._state, self._changes, self._now, self._since, self._outbox = state, changes, now, since, outbox
        self.plan: Plan | None = None

    async def commit(self, database: Database) -> Plan:
        """Look keys up, plan and write, all in one go; what needs no database does without it."""
        names = planning.names_of_keys(self._changes)
        if not names:
            plan = self._planned(KnownKeys())
            return plan if plan.empty else await database.commit((), self._since, lambda _: plan)
        return await database.commit(names, self._since, self._planned)

    def _planned(self, known: KnownKeys) -> Plan:
        """In any thread: nothing but the journal changes what it reads of the state."""
        self.plan = planning.make(self._state, self._changes, self._now, known, self._since, outbox=self._outbox)
        return self.plan


class Journal:
    """The line of waiting changes and the task that commits them.

    Args:
        mark: None where the database itself guarantees its tail.
        clock: microseconds since the epoch.
        engine: applies a committed plan to the engine; runs in a thread.
        records: applies it to the records; runs in the event loop, in one go.
    """

    def __init__(
        self,
        database: Database,
        mark: Mark | None,
        state: State,
        pace: Pace,
        clock: Callable[[], int],
        engine: Callable[[Plan], None],
        records: Callable[[Plan], None],
    ) -> None:
        self._database, self._mark, self._state, self._pace, self._clock = database, mark, state, pace, clock
        self._engine, self._records = engine, records
        self._line: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self.quiet = asyncio.Lock()
        """Held by each commit; whoever holds it sees a database that agrees with the records."""
        self._threads = ThreadPoolExecutor(2, "commit")
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._suspected = False
        self.trouble = ""
        """Why nothing can be written for now; empty when all is well."""
        self.damage: MemoryServiceError | None = None
        """Why nothing will be written any more."""

    def start(self) -> None:
        """Begin to commit."""
        self._task = asyncio.create_task(self._run(), name="journal")

    async def submit(self, change: Change, seconds: float) -> Outcome:
        """Wait until a change is durable and applied.

        Args:
            seconds: how long to wait at the most.

        Raises:
            NotReady: it was not committed in time. The message says if it may still be.
            IdempotencyConflict, InvalidField: the change is refused.
            Damaged: nothing is written any more.
        """
        if self.damage:
            raise self.damage
        if self._closing:
            raise NotReady("the service is shutting down")
        waiting = _Waiting(change, asyncio.get_running_loop().create_future())
        self._line.append(waiting)
        self._wake.set()
        try:
            async with asyncio.timeout(seconds):
                return await waiting.answer
        except TimeoutError:
            if waiting.taken:
                raise NotReady(
                    f"storage did not confirm the change within {seconds:g} s ({self.trouble or 'it is slow'}); it may or may not "
                    "have been made: repeat it, a store with the same idempotency_key"
                ) from None
            raise NotReady(f"storage took no change within {seconds:g} s; nothing was changed") from None

    def suspect(self) -> None:
        """Somebody could not read: find out whether the database is there."""
        self._suspected = True
        self._wake.set()

    async def stop(self) -> None:
        """Take no more, commit what waits, and end."""
        self._closing = True
        self._wake.set()
        if self._task:
            await self._task
        self._threads.shutdown()

    async def abandon(self) -> None:
        """End without waiting for a database that is away; what still waits is told so."""
        self._closing = True
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._refuse(self.damage or NotReady(f"the service has shut down ({self.trouble or 'in a hurry'})"))
        self._threads.shutdown()

    async def _run(self) -> None:
        group: list[_Waiting] = []
        try:
            while self._line or self._suspected or not self._closing:
                if not (self._line or self._suspected):
                    self._wake.clear()
                    await self._wake.wait()
                    continue
                async with self.quiet:
                    if self._suspected:
                        await self._probe()
                    group = [self._line.popleft() for _ in range(min(len(self._line), self._pace.commit_batch))]
                    await self._commit(group)
                await asyncio.sleep(0)  # let those who were answered stand in line again
        except Exception as error:
            self.damage = (
                error if isinstance(error, MemoryServiceError) else Damaged(f"the journal has stopped: {error!r}")
            )
            log.critical("the journal has stopped: %s", error, exc_info=error)
            for waiting in group:
                waiting.settle(self.damage)
            self._refuse(self.damage)
        except asyncio.CancelledError:
            for waiting in group:
                waiting.settle(NotReady("the service has shut down; the change may or may not have been made"))
            raise

    def _refuse(self, error: MemoryServiceError) -> None:
        while self._line:
            self._line.popleft().settle(error)

    async def _probe(self) -> None:
        self._suspected = False
        try:
            head = await self._database.head()
        except Away as error:
            head = await self._wait_until_back(error)
        self._expect(head, self._state.head)

    async def _commit(self, group: list[_Waiting]) -> None:
        """Commit a group, or each half of it when the database refuses something in it: a bad change fails alone."""
        while True:
            work = self._taken(group)
            try:
                plan = await work.commit(self._database)
                break
            except Refused as error:
                if len(group) == 1:
                    group[0].settle(InvalidField("memory", f"the database refuses it: {error}"))
                    return
                for half in (group[: len(group) // 2], group[len(group) // 2 :]):
                    await self._commit(half)
                return
            except Away as error:
                head = await self._wait_until_back(error)
                if work.plan is not None and head == work.plan.after:
                    log.info("the commit up to change %d had landed", head.position)
                    plan = work.plan
                    break
                self._expect(head, self._state.head)
        await self._finish(group, plan)

    def _taken(self, group: list[_Waiting]) -> _Attempt:
        """All of a group that is still waited for."""
        group[:] = [waiting for waiting in group if not waiting.answer.done()]
        for waiting in group:
            waiting.taken = True
        now = self._clock()
        since = now - self._pace.idempotency_days * DAY
        return _Attempt(self._state, [waiting.change for waiting in group], now, since, outbox=self._pace.outbox)

    async def _finish(self, group: list[_Waiting], plan: Plan) -> None:
        if not plan.empty:
            # Durable it is; the mark, which says that it was told, and the engine wait for different things.
            applied = asyncio.get_running_loop().run_in_executor(self._threads, self._engine, plan)
            await asyncio.gather(self._marked(plan.after), applied)
            self._records(plan)
        for waiting, outcome in zip(group, plan.outcomes, strict=True):
            waiting.settle(outcome)

    async def _marked(self, head: Head) -> None:
        if self._mark is None:
            return
        for seconds in self._pace.waits():
            try:
                await asyncio.get_running_loop().run_in_executor(self._threads, self._mark.write, head)
            except OSError as error:
                self._trouble(f"the mark cannot be written: {error}")
                await asyncio.sleep(seconds)
                continue
            self.trouble = ""
            return

    async def _wait_until_back(self, error: Away) -> Head:
        """Try until the database answers; then where it is."""
        self._trouble(str(error))
        for seconds in self._pace.waits():
            await asyncio.sleep(seconds)
            try:
                head = await self._database.head()
            except Away as again:
                self._trouble(str(again))
                continue
            break
        log.info("the database is back, at change %d", head.position)
        self.trouble = ""
        return head

    def _trouble(self, said: str) -> None:
        if said != self.trouble:
            log.warning("the database is away: %s", said)
        self.trouble = said

    @staticmethod
    def _expect(found: Head, expected: Head) -> None:
        if found != expected:
            raise Damaged(
                f"the database is at change {found.position} and not at {expected.position} as this process left it: another one has "
                "written, or commits were lost; restart the service to have it checked"
            )

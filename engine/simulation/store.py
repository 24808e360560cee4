"""The one database of a run: keeps what was committed, loses what was not, and answers late, twice wrong, or never.

A request is on its way, is carried out in one moment, and its answer is on its way back. It belongs to the database: a
process that dies or freezes meanwhile changes nothing about it, except that a request which had not arrived may be lost
with the connection. Leases end by the database's own clock.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from uuid import UUID

from engine.domain.errors import DependencyAway
from engine.domain.identifiers import UserId
from engine.messages.ports import UnitResult
from engine.messages.rows import Row
from engine.messages.writing import WriteUnit
from engine.runtime.entropy import Rng
from engine.simulation.loop import SimLoop
from engine.simulation.network import NO_OWNER
from engine.simulation.process import Process
from storage.lease import _ACQUIRE, _HOLDER, _RELEASE, _RENEW
from storage.memory import MemoryFactStore
from storage.memory_past import MemoryPast

LATENCY_MIN_NS: Final = 100_000
LATENCY_MAX_NS: Final = 3_000_000

FAILED: Final = "commit_failed"
"""The commit is refused before it has any effect."""
LOST: Final = "commit_lost"
"""The commit happens; nobody hears of it."""

T = TypeVar("T")
OnCommit = Callable[[str, Sequence[UnitResult]], None]


@dataclass(slots=True)
class _Lease:
    """A row of `cell_leases`."""

    fence: int
    owner: UUID
    expires_ns: int


class LeasedFacts(MemoryFactStore):
    """Units in memory under leases that end."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        """Start empty, on the database's own clock."""
        super().__init__(is_strict=False)
        self._now_ns = now_ns
        self.leases: dict[UUID, _Lease] = {}

    def holds(self, user_id: UserId, fence: int) -> bool:
        """Whether this fence may write for the user now."""
        lease = self.leases.get(user_id)
        return lease is not None and lease.fence == fence and lease.expires_ns > self._now_ns()


class Database:
    """What survives every crash of a run."""

    def __init__(self, loop: SimLoop, rng: Rng, on_commit: OnCommit) -> None:
        """Start empty and well.

        Args:
            loop: Its clock.
            rng: Draws latencies and what becomes of requests on their way.
            on_commit: Told of each commit with the name of the process, in the moment in which it happens.
        """
        self.facts = LeasedFacts(lambda: loop.now_ns)
        self.past = MemoryPast(self.facts.tables)
        self.is_away = False
        self.slowness = 1
        self.next_commits: list[str] = []
        """What goes wrong with the commits that come next: `commit_failed`, `commit_lost`."""
        self.commits = 0
        self._loop = loop
        self._rng = rng
        self._on_commit = on_commit

    def _latency_ns(self) -> int:
        return self._rng.randrange(LATENCY_MIN_NS, LATENCY_MAX_NS) * self.slowness

    async def request(self, process: Process, work: Callable[[], T], fault: str | None = None) -> T:
        """Let the database do something for a process.

        Raises:
            DependencyAway: It is away, or nobody knows what became of the request.
        """
        loop = self._loop
        answer = loop.create_future()

        def settle(value: Any, error: Exception | None) -> None:
            if process.is_dead or answer.done():
                return
            if error is None:
                answer.set_result(value)
            else:
                answer.set_exception(error)

        def arrive() -> None:
            # Of a process that has died a request may still be on the wire, or have died with its connection.
            if process.is_dead and self._rng.random() < 0.5:
                return
            value: Any = None
            error: Exception | None = None
            if self.is_away or fault == FAILED:
                error = DependencyAway("database", why="away")
            else:
                try:
                    value = work()
                except Exception as failure:  # noqa: BLE001 - the asker's.
                    error = failure
                if fault == LOST:
                    value, error = None, DependencyAway("database", why="the answer was lost")
            loop.after(self._latency_ns() // 2, settle, value, error, context=NO_OWNER)

        loop.after(self._latency_ns(), arrive, context=NO_OWNER)
        result: T = await answer
        return result

    async def commit(self, process: Process, units: Sequence[WriteUnit]) -> list[UnitResult]:
        """Commit units for a process, with what is to go wrong with the next commit."""
        fault = self.next_commits.pop(0) if self.next_commits else None

        def work() -> list[UnitResult]:
            results = self.facts.commit_now(units)
            self.commits += 1
            self._on_commit(process.name, results)
            return results

        return await self.request(process, work, fault)


class StoreOfProcess:
    """The database as one process reaches it: `FactStore`, `BulkStore`, `Loader`, `OrderArchive`, and lease rows."""

    is_instant = False

    def __init__(self, database: Database, process: Process) -> None:
        """Connect."""
        self._database = database
        self._process = process

    def commit_now(self, units: Sequence[WriteUnit]) -> list[UnitResult]:
        """Refuse: a commit takes time here."""
        raise AssertionError(f"{len(units)} units: expected to be asked by `commit`, this store is not instant")

    async def commit(self, units: Sequence[WriteUnit]) -> list[UnitResult]:
        """See `FactStore.commit`."""
        return await self._database.commit(self._process, units)

    async def write(self, rows: Sequence[Row]) -> None:
        """Drop public history: nobody here reads it."""

    async def users(self) -> list[UserId]:
        """Return who has an account in use."""
        return await self._read(self._database.past.users)

    async def cell(self, user_id: UserId) -> Any:
        """See `Loader.cell`."""
        return await self._read(lambda: self._database.past.cell(user_id))

    async def recall(self, account_id: Any, venue_client_ids: Sequence[str]) -> Any:
        """See `OrderArchive.recall`."""
        return await self._read(lambda: self._database.past.recall(account_id, venue_client_ids))

    async def find_intent(self, account_id: Any, intent_key: str, client_order_id: str) -> Any:
        """See `OrderArchive.find_intent`."""
        return await self._read(lambda: self._database.past.find_intent(account_id, intent_key, client_order_id))

    async def _read(self, question: Callable[[], Awaitable[T]]) -> T:
        """Ask in one moment; the tables' own coroutines never wait."""
        return await self._database.request(self._process, lambda: _result_of(question()))

    async def run(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """Do something on the writer's connection, as `PostgresFactStore.run`: here that is leases."""
        return await work(self)

    async def fetch(self, statement: str, *arguments: Any) -> list[dict[str, Any]]:
        """Carry out one of the statements of `storage/lease.py`."""
        acts: dict[str, Callable[..., list[dict[str, Any]]]] = {
            _ACQUIRE: self._acquire,
            _HOLDER: self._holder_of,
            _RENEW: self._renew,
        }
        act = acts[statement]
        return await self._database.request(self._process, lambda: act(*arguments))

    async def execute(self, statement: str, *arguments: Any) -> None:
        """Carry out one of the statements of `storage/lease.py`."""
        assert statement == _RELEASE, "the others return rows"
        await self._database.request(self._process, lambda: self._release(*arguments))

    def _holder_of(self, user_id: UUID) -> list[dict[str, Any]]:
        lease = self._database.facts.leases.get(user_id)
        return [] if lease is None else [{"holder": "", "owner": lease.owner}]

    def _acquire(self, users: Collection[UUID], owner: UUID, ttl_us: int, _holder: str) -> list[dict[str, Any]]:
        leases, now_ns = self._database.facts.leases, self._database.facts._now_ns()  # noqa: SLF001 - one database.
        taken = []
        for user_id in users:
            old = leases.get(user_id)
            if old is None or old.owner == owner or old.expires_ns <= now_ns:
                fence = 1 if old is None else old.fence + 1
                leases[user_id] = _Lease(fence, owner, now_ns + ttl_us * 1_000)
                taken.append({"user_id": user_id, "fence": fence})
        return taken

    def _renew(self, users: Sequence[UUID], fences: Sequence[int], owner: UUID, ttl_us: int) -> list[dict[str, Any]]:
        now_ns = self._database.facts._now_ns()  # noqa: SLF001 - one database.
        renewed = []
        for lease, user_id in self._held(users, fences, owner):
            lease.expires_ns = now_ns + ttl_us * 1_000
            renewed.append({"user_id": user_id})
        return renewed

    def _release(self, users: Sequence[UUID], fences: Sequence[int], owner: UUID) -> None:
        for lease, _ in self._held(users, fences, owner):
            lease.expires_ns = self._database.facts._now_ns()  # noqa: SLF001 - one database.

    def _held(self, users: Sequence[UUID], fences: Sequence[int], owner: UUID) -> list[tuple[_Lease, UUID]]:
        leases = self._database.facts.leases
        return [
            (leases[user_id], user_id)
            for user_id, fence in zip(users, fences, strict=True)
            if user_id in leases and leases[user_id].fence == fence and leases[user_id].owner == owner
        ]


def _result_of(coroutine: Awaitable[T]) -> T:
    """Return what a coroutine returns that never waits."""
    try:
        coroutine.__await__().send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    raise AssertionError("expected an answer at once")

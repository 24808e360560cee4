"""Opens the stores: the writer of facts, the bulk connection, the paper venue's own truth, and the readers."""

import os
import socket
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from config.settings import DatabaseSettings
from engine.bootstrap.database import Database
from engine.domain.errors import DependencyAway
from engine.domain.identifiers import UserId
from engine.runtime.bus import Bus
from engine.runtime.clock import Clock, WallClock, elapsed_ns
from engine.runtime.ref import Ref
from engine.runtime.system import ActorSystem
from storage import pool
from storage.archive import PostgresArchive
from storage.backlog import Backlog
from storage.bulk import PostgresBulkStore
from storage.identity import PostgresIdentity
from storage.lease import Leases
from storage.load import CellLoader
from storage.paper import PostgresPaperStore
from storage.pool import Pool
from storage.postgres_facts import PostgresFactStore
from storage.rate_shares import PostgresRateShares
from storage.reads import PostgresReads
from storage.roles import DatabaseRole
from storage.writer import Between, StorageWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Everything that remembers."""

    writer: Ref[Any]
    backlog: Backlog
    """Counts units that are not durable yet."""
    leases: "WriterLeases"
    rate_shares: PostgresRateShares
    facts: PostgresFactStore
    bulk: PostgresBulkStore
    paper: PostgresPaperStore
    archive: PostgresArchive
    loader: CellLoader
    reads: PostgresReads
    identity: PostgresIdentity
    daemon_pool: Pool
    api_pool: Pool

    async def close(self) -> None:
        """Close every connection. The writer has stopped before."""
        await self.facts.close()
        await self.paper.close()
        await self.bulk.close()
        await self.api_pool.close()
        await self.daemon_pool.close()


class WriterLeases:
    """Leases of this process, taken and renewed on the writer's own connection between two of its commits.

    Ports `CellLeases` and `SendPermit`.
    """

    def __init__(self, leases: Leases, facts: PostgresFactStore) -> None:
        """Share the writer's connection; `attach` follows when the writer runs."""
        self._leases = leases
        self._facts = facts
        self._writer: Ref[Any] | None = None

    def attach(self, writer: Ref[Any]) -> None:
        """Take leases through this writer."""
        self._writer = writer

    async def acquire(self, user_id: UserId) -> int | None:
        """Take a user's lease; its new fence, None while another node has it."""
        taken: dict[UUID, int] = await self._between(lambda: self._facts.run(self._acquire(user_id)))
        return taken.get(user_id)

    async def holder(self, user_id: UserId) -> str:
        """Say who has a user's lease, for people; empty if nobody has."""
        found: str = await self._between(
            lambda: self._facts.run(lambda connection: self._leases.holder(connection, user_id))
        )
        return found

    async def release(self, user_ids: tuple[UserId, ...]) -> None:
        """Give leases back."""
        await self._between(lambda: self._facts.run(lambda connection: self._leases.release(connection, user_ids)))

    async def renew(self) -> Collection[UUID]:
        """Prolong every lease held here; users whose lease was lost. Called by the writer itself."""
        try:
            lost = await self._facts.run(self._leases.renew)
        except DependencyAway:
            self._leases.note_store(is_away=True)
            raise
        self._leases.note_store(is_away=False)
        return lost

    def may_send(self, user_id: UserId, fence: int) -> bool:
        """Whether an order of this cell may leave now."""
        return self._leases.may_send(user_id, fence)

    def may_cancel(self, user_id: UserId, fence: int) -> bool:
        """Whether a cancel of this cell may leave now."""
        return self._leases.may_cancel(user_id, fence)

    def _acquire(self, user_id: UserId) -> Any:
        return lambda connection: self._leases.acquire(connection, [user_id])

    async def _between(self, work: Any) -> Any:
        assert self._writer is not None, "the writer has not been attached"
        return await self._writer.ask(Between(work=work))


async def open_stores(
    database: Database, settings: DatabaseSettings, *, system: ActorSystem, bus: Bus, wall: Clock, node_id: UUID
) -> Stores:
    """Open connections and start the writer.

    Raises:
        DependencyAway: The database does not answer.
    """
    endpoints = database.endpoints
    session = {"synchronous_commit": settings.synchronous_commit}
    facts = PostgresFactStore(endpoints, settings=session)
    await facts.open()
    leases = WriterLeases(Leases(node_id, WallClock(wall.now_ns, elapsed_ns), holder=_this_process()), facts)
    backlog = Backlog()
    writer = await system.start(
        StorageWriter, name="writer", store=facts, clock=wall, bus=bus, backlog=backlog, renew=leases.renew
    )
    leases.attach(writer)
    daemon_pool = await pool.open_pool(endpoints, DatabaseRole.DAEMON, size=2, application_name="cival-daemon")
    api_pool = await pool.open_pool(endpoints, DatabaseRole.API, size=settings.pool_size, application_name="cival-api")
    return Stores(
        writer=writer,
        backlog=backlog,
        leases=leases,
        rate_shares=PostgresRateShares(daemon_pool, node_id),
        facts=facts,
        bulk=PostgresBulkStore(endpoints),
        paper=PostgresPaperStore(endpoints, settings=session, owner=node_id, holder=_this_process()),
        archive=PostgresArchive(daemon_pool),
        loader=CellLoader(daemon_pool),
        reads=PostgresReads(api_pool),
        identity=PostgresIdentity(daemon_pool),
        daemon_pool=daemon_pool,
        api_pool=api_pool,
    )


def _this_process() -> str:
    return f"pid {os.getpid()} on {socket.gethostname()}"

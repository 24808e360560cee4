"""A lease has one owner, its fence only grows, and whoever lost it writes nothing."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
import pytest_asyncio

from engine.runtime.clock import VirtualClock
from storage import lease
from storage.lease import Leases, hold
from storage.pool import Connection
from tests.support.postgres import PostgresDatabase

NODE_A, NODE_B = UUID(int=0xA), UUID(int=0xB)
ANN, BOB = UUID(int=1), UUID(int=2)


@pytest_asyncio.fixture
async def connections(pg_database: PostgresDatabase) -> AsyncIterator[list[Connection]]:
    opened = [await pg_database.connect() for _ in range(2)]
    await opened[0].executemany(
        "insert into users (id, email) values ($1, $2)", [(ANN, "ann@localhost"), (BOB, "bob@localhost")]
    )
    yield opened
    for connection in opened:
        await connection.close()


async def expire(connection: Connection, user_id: UUID) -> None:
    await connection.execute("update cell_leases set expires_at = now() - interval '1 s' where user_id = $1", user_id)


@pytest.mark.asyncio
async def test_another_node_waits_and_the_same_node_takes_over_at_once(connections: list[Connection]) -> None:
    clock = VirtualClock(0)
    first, second = Leases(NODE_A, clock), Leases(NODE_B, clock)
    assert await first.acquire(connections[0], [BOB, ANN]) == {ANN: 1, BOB: 1}
    assert await second.acquire(connections[1], [ANN]) == {}
    restarted = Leases(NODE_A, clock)
    assert await restarted.acquire(connections[1], [ANN]) == {ANN: 2}
    assert (restarted.fence(ANN), restarted.fence(BOB)) == (2, None)


@pytest.mark.asyncio
async def test_after_expiry_another_node_takes_over_and_the_first_is_told(connections: list[Connection]) -> None:
    clock = VirtualClock(0)
    first, second = Leases(NODE_A, clock), Leases(NODE_B, clock)
    await first.acquire(connections[0], [ANN, BOB])
    await expire(connections[0], ANN)
    assert await second.acquire(connections[1], [ANN, BOB]) == {ANN: 2}
    assert await first.renew(connections[0]) == {ANN}
    assert (first.fence(ANN), first.fence(BOB)) == (None, 1)


@pytest.mark.asyncio
async def test_a_released_lease_is_free_at_once_and_its_fence_goes_on(connections: list[Connection]) -> None:
    clock = VirtualClock(0)
    first, second = Leases(NODE_A, clock), Leases(NODE_B, clock)
    await first.acquire(connections[0], [ANN])
    await first.release(connections[0], [ANN, BOB])
    assert not first.may_send(ANN, 1)
    assert await hold(connections[0], {ANN: 1}) == set()
    assert await second.acquire(connections[1], [ANN]) == {ANN: 2}


@pytest.mark.asyncio
async def test_releasing_a_lease_that_was_lost_does_not_end_the_new_owners(connections: list[Connection]) -> None:
    clock = VirtualClock(0)
    first, second = Leases(NODE_A, clock), Leases(NODE_B, clock)
    await first.acquire(connections[0], [ANN])
    await expire(connections[0], ANN)
    await second.acquire(connections[1], [ANN])
    await first.release(connections[0], [ANN])
    assert await hold(connections[1], {ANN: 2}) == {ANN}


@pytest.mark.asyncio
async def test_a_stale_owner_inserts_nothing(connections: list[Connection]) -> None:
    clock = VirtualClock(0)
    first, second = Leases(NODE_A, clock), Leases(NODE_B, clock)
    await first.acquire(connections[0], [ANN, BOB])
    await expire(connections[0], ANN)
    await second.acquire(connections[1], [ANN])
    async with connections[0].transaction():
        allowed = await hold(connections[0], {ANN: 1, BOB: 1})
        await connections[0].execute(
            "insert into write_units (id, user_id, n, fence) "
            "select gen_random_uuid(), u, 1, 1 from unnest($1::uuid[]) u",
            list(allowed),
        )
    assert allowed == {BOB}
    assert await connections[1].fetchval("select array_agg(user_id) from write_units") == [BOB]


@pytest.mark.asyncio
async def test_a_take_over_waits_for_the_commit_that_holds_the_lease(connections: list[Connection]) -> None:
    clock = VirtualClock(0)
    first, second = Leases(NODE_A, clock), Leases(NODE_B, clock)
    await first.acquire(connections[0], [ANN])
    writing = connections[0].transaction()
    await writing.start()
    assert await hold(connections[0], {ANN: 1}) == {ANN}
    # The same node is restarted while its old self is still inside a commit.
    taking = asyncio.ensure_future(Leases(NODE_A, clock).acquire(connections[1], [ANN]))
    done, _ = await asyncio.wait([taking], timeout=0.2)
    assert not done
    await writing.commit()
    assert await taking == {ANN: 2}
    assert await hold(connections[0], {ANN: 1}) == set()
    assert second.fence(ANN) is None


@pytest.mark.asyncio
async def test_sending_stops_before_the_lease_ends_unless_it_is_renewed(connections: list[Connection]) -> None:
    clock = VirtualClock(0)
    leases = Leases(NODE_A, clock)
    await leases.acquire(connections[0], [ANN])
    clock.advance_to(lease.TTL_NS - lease.SEND_MARGIN_NS - 1)
    assert leases.may_send(ANN, 1)
    clock.advance_to(lease.TTL_NS - lease.SEND_MARGIN_NS)
    assert not leases.may_send(ANN, 1)
    assert await leases.renew(connections[0]) == set()
    assert leases.may_send(ANN, 1)
    assert not leases.may_send(BOB, 1)


@pytest.mark.asyncio
async def test_a_permit_is_for_one_fence_and_cancels_outlive_it_while_nobody_can_say_more(
    connections: list[Connection],
) -> None:
    clock = VirtualClock(0)
    leases = Leases(NODE_A, clock)
    await leases.acquire(connections[0], [ANN])
    assert not leases.may_send(ANN, 2)
    assert leases.may_cancel(ANN, 1)
    clock.advance_to(lease.TTL_NS)
    assert not leases.may_cancel(ANN, 1), "a process that was frozen sends nothing late"
    leases.note_store(is_away=True)
    assert (leases.may_send(ANN, 1), leases.may_cancel(ANN, 1), leases.may_cancel(ANN, 2)) == (False, True, False)
    clock.advance_to(lease.TTL_NS + lease.AWAY_BELIEVED_NS)
    assert not leases.may_cancel(ANN, 1), "a process that was frozen in an outage asks before it cancels"
    leases.note_store(is_away=True)
    assert leases.may_cancel(ANN, 1)
    leases.note_store(is_away=False)
    assert not leases.may_cancel(ANN, 1)
    leases.note_store(is_away=True)
    leases.forget(ANN)
    assert not leases.may_cancel(ANN, 1), "whoever knows that it lost the lease cancels nothing"


@pytest.mark.asyncio
async def test_a_renewal_moves_the_expiry_in_the_database(connections: list[Connection]) -> None:
    leases = Leases(NODE_A, VirtualClock(0))
    await leases.acquire(connections[0], [ANN])
    await connections[0].execute("update cell_leases set expires_at = clock_timestamp() + interval '1 s'")
    await leases.renew(connections[0])
    rest_s = await connections[0].fetchval("select extract(epoch from expires_at - clock_timestamp()) from cell_leases")
    assert 8 < rest_s <= 10


@pytest.mark.asyncio
async def test_a_lease_that_does_not_exist_holds_nothing(connections: list[Connection]) -> None:
    assert await hold(connections[0], {ANN: 1}) == set()
    assert await hold(connections[0], {}) == set()
    assert await Leases(NODE_A, VirtualClock(0)).renew(connections[0]) == set()

"""The stream's reads: events in order from any number on, and a snapshot that is of one moment with its number."""

import asyncio
import json
from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio

from engine.domain.identifiers import AccountId, CorrelationId, UserId
from engine.messages.read_ports import JournalHead
from engine.messages.writing import CommittedEvent
from storage.pool import Connection
from tests.support.postgres import PostgresDatabase
from tests.support.reading import ANN, ANN_ID, START_NS, S, World, a_trade, an_order, items, opened_world
from tests.support.rows import write_rows

LOSSLESS = ("orders", "trades", "positions", "balances", "portfolio", "signals", "agents", "risk", "alerts", "control")


@pytest_asyncio.fixture
async def world(pg_database: PostgresDatabase) -> AsyncIterator[World]:
    async with opened_world(pg_database) as opened:
        await opened.daemon.execute("delete from events")
        await opened.daemon.execute("delete from stream_heads")
        yield opened


async def journal(daemon: Connection, *channels: str) -> None:
    """Write one event per channel, numbered from 1 on."""
    before: dict[str, int] = {}
    for seq, channel in enumerate(channels, 1):
        await daemon.execute(
            """
            insert into events (user_id, seq, channel, prev_seq, unit_id, account_id, type, payload, correlation_id, at)
            values ($1, $2, $3, $4, gen_random_uuid(), $5, 'Happened', $6, $7, $8)
            """,
            ANN.user, seq, channel, before.get(channel, 0), ANN.account if seq > 1 else None, f'{{"n": {seq}}}',
            ANN.order if seq > 1 else None, START_NS + seq * S + 1_000,
        )  # fmt: skip
        before[channel] = seq
    await daemon.execute("insert into stream_heads values ($1, '', $2)", ANN.user, len(channels))


@pytest.mark.asyncio
async def test_events_come_in_order_with_their_numbers(world: World) -> None:
    await journal(world.daemon, "orders", "trades", "orders", "balances", "orders")
    events = await world.reads.events_since(ANN_ID, ("orders", "balances"), 0)
    assert [(event.seq, event.prev, event.channel) for event in events] == [
        (1, 0, "orders"), (3, 1, "orders"), (4, 0, "balances"), (5, 3, "orders"),
    ]  # fmt: skip
    assert events[0].account_id is None
    assert events[0].correlation_id is None
    third = msgspec.structs.replace(events[1], data=b"")
    assert third == CommittedEvent(
        seq=3, prev=1, user_id=ANN_ID, channel="orders", type="Happened", at_ns=START_NS + 3 * S + 1_000,
        account_id=AccountId(ANN.account), correlation_id=CorrelationId(ANN.order), data=b"",
    )  # fmt: skip
    assert json.loads(events[1].data) == {"n": 3}


@pytest.mark.asyncio
async def test_following_the_numbers_gives_every_event_once(world: World) -> None:
    await journal(world.daemon, *(["orders", "trades", "alerts"] * 7))
    seen: list[int] = []
    while events := await world.reads.events_since(ANN_ID, ("orders", "alerts"), seen[-1] if seen else 0, limit=4):
        assert len(events) <= 4
        seen += [event.seq for event in events]
    assert seen == [seq for seq in range(1, 22) if seq % 3 != 2]
    assert await world.reads.events_since(ANN_ID, (), 0) == ()
    assert await world.reads.events_since(ANN_ID, ("orders",), 21) == ()


@pytest.mark.asyncio
async def test_the_head_says_what_can_be_replayed(world: World) -> None:
    assert await world.reads.journal_head(ANN_ID) == JournalHead(oldest=1, last=0)
    await journal(world.daemon, *(["orders"] * 9))
    assert await world.reads.journal_head(ANN_ID) == JournalHead(oldest=1, last=9)
    await world.daemon.execute("delete from events where seq < 6")
    assert await world.reads.journal_head(ANN_ID) == JournalHead(oldest=6, last=9)
    await world.daemon.execute("delete from events")
    assert await world.reads.journal_head(ANN_ID) == JournalHead(oldest=10, last=9)


@pytest.mark.asyncio
async def test_a_snapshot_holds_what_each_channel_shows(world: World) -> None:
    orders = [an_order(n) for n in range(1, 5)]
    orders[0] = msgspec.structs.replace(orders[0], status="filled", lifecycle="done", done_reason="filled")
    orders[1] = msgspec.structs.replace(orders[1], status="pending", lifecycle="unknown")
    orders[2] = msgspec.structs.replace(orders[2], status="partial")
    await write_rows(world.daemon, *orders, *(a_trade(n, orders[0]) for n in range(101)))
    await world.daemon.execute("delete from orders o where not exists (select from trades t where t.order_id = o.id) "
                               "and o.id = $1", ANN.order)  # fmt: skip
    snapshot = await world.reads.snapshot(ANN_ID, (*LOSSLESS, "weather"))
    data = {channel: json.loads(text) for channel, text in snapshot.data.items()}
    assert snapshot.seq == 0
    mine = [str(order.id) for order in orders]
    assert [order["id"] for order in data["orders"] if order["id"] in mine] == [mine[3], mine[2], mine[1]]
    assert "request" not in data["orders"][0]
    trades = [trade["executed_at"] for trade in data["trades"]]
    assert (len(trades), trades) == (100, sorted(trades, reverse=True))
    assert data["weather"] == []
    assert {channel: len(rows) for channel, rows in data.items() if channel not in {"orders", "trades", "weather"}} == {
        "positions": 1, "balances": 1, "portfolio": 1, "signals": 1, "agents": 1, "risk": 1, "alerts": 1, "control": 1,
    }  # fmt: skip
    assert data["positions"] == items(await world.reads.positions(ANN_ID))
    assert data["balances"] == items(await world.reads.balances(ANN_ID))
    assert data["agents"] == items(await world.reads.agents(ANN_ID))
    assert data["risk"] == items(await world.reads.limits(ANN_ID))
    assert data["control"] == items(await world.reads.trading_states(ANN_ID))
    assert data["alerts"] == items(await world.reads.alerts(ANN_ID))
    assert all(b"\n" not in text for text in snapshot.data.values())


@pytest.mark.asyncio
async def test_a_snapshot_and_its_number_are_of_one_moment(world: World) -> None:
    """A writer counts in a balance, a position and the head at once; every snapshot shows the three equal."""
    await world.daemon.execute("insert into stream_heads values ($1, '', 0)", ANN.user)
    is_enough = asyncio.Event()

    async def count() -> int:
        n = 0
        while not is_enough.is_set():
            n += 1
            async with world.daemon.transaction():
                await world.daemon.execute("update positions set size = $2 where user_id = $1", ANN.user, n)
                await world.daemon.execute("update stream_heads set seq = $2 where user_id = $1", ANN.user, n)
                await world.daemon.execute("update balances set total = $2 where user_id = $1", ANN.user, n)
        return n

    async def look() -> set[int]:
        seen = set()
        for _ in range(150):
            snapshot = await world.reads.snapshot(ANN_ID, ("positions", "orders", "trades", "balances"))
            sizes = [int(position["size"]) for position in json.loads(snapshot.data["positions"])]
            totals = [int(balance["total"]) for balance in json.loads(snapshot.data["balances"])]
            assert sizes == totals == [snapshot.seq] or snapshot.seq == 0
            seen.add(snapshot.seq)
        return seen

    async with asyncio.TaskGroup() as group:
        counting = group.create_task(count())
        looking = group.create_task(look())
        looking.add_done_callback(lambda _: is_enough.set())
    assert len(looking.result()) > 20
    assert counting.result() > 20


@pytest.mark.asyncio
async def test_a_user_who_never_was_has_an_empty_snapshot(world: World) -> None:
    snapshot = await world.reads.snapshot(UserId(ANN.id(99)), LOSSLESS)
    assert snapshot.seq == 0
    assert set(snapshot.data.values()) == {b"[]"}
    assert set(snapshot.data) == set(LOSSLESS)

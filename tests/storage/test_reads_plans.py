"""With a hundred thousand rows per user the lists, the journal and the stream still go by index."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from storage.read_columns import read_statements
from storage.roles import DatabaseRole
from storage.tenant import tenant_transaction
from tests.support.postgres import PostgresDatabase
from tests.support.reading import ANN, ANN_ID, BOB, START_NS, S, World, opened_world

ROWS = 100_000
MIDDLE = (START_NS + ROWS // 2 * S, ANN.order)
"""A place in the middle of every list."""

FILL = f"""
insert into orders (id, user_id, account_id, client_order_id, venue_client_id, intent_key, symbol, side, type, quantity,
        exchange, status, lifecycle, done_reason, correlation_id, created_at)
    select gen_random_uuid(), u.id, a.id, 'c' || n, 'v' || n, 'i' || n, 'BTC/USDT', 'buy', 'limit', 1, 'simulated',
        'filled', 'done', 'filled', gen_random_uuid(), cival_ts({START_NS} + n::bigint * {S})
    from users u join trading_accounts a on a.user_id = u.id
    cross join generate_series(1, case u.id when '{ANN.user}' then {ROWS} else {ROWS // 10} end) n;
insert into trades (order_id, user_id, account_id, external_trade_id, symbol, side, quantity, price, exchange,
        correlation_id, executed_at)
    select id, user_id, account_id, client_order_id, symbol, side, quantity, 1, exchange, correlation_id, created_at
    from orders where status = 'filled';
insert into events (user_id, seq, channel, prev_seq, unit_id, type, payload, correlation_id, at)
    select user_id, 1 + row_number() over w, case id::text < '2' when true then 'alerts' else 'orders' end,
        row_number() over w - 1, id, 'OrderFilled', jsonb_build_object('id', id), correlation_id, created_at
    from orders where status = 'filled' window w as (partition by user_id order by created_at)
"""


@pytest_asyncio.fixture
async def world(pg_database: PostgresDatabase) -> AsyncIterator[World]:
    async with opened_world(pg_database) as opened:
        # Without its checks of foreign keys the filling takes a third of the time.
        admin = await pg_database.connect(DatabaseRole.ADMIN, settings={"session_replication_role": "replica"})
        await admin.execute(FILL, timeout=60)
        await admin.execute("analyze orders, trades, events")
        await admin.close()
        assert await opened.daemon.fetchval("select count(*) from orders where user_id = $1", ANN.user) == ROWS + 1
        assert await opened.daemon.fetchval("select count(*) from orders where user_id = $1", BOB.user) > 1_000
        yield opened


async def plan_of(world: World, name: str, *where: object) -> str:
    """Run a statement as the tenant; return its plan with the rows that each step read."""
    async with tenant_transaction(world.pool, ANN_ID) as connection:
        explain = f"explain (analyze, timing off, buffers off) {read_statements('reads')[name]}"
        rows = await connection.fetch(explain, ANN.user, *where)
    return "\n".join(row[0] for row in rows)


def most_rows(plan: str) -> int:
    """Return the highest number of rows that any step gave or threw away, over all of its loops."""
    given = re.findall(r"actual rows=([\d.]+) loops=(\d+)", plan)
    removed = re.findall(r"Rows Removed by [a-zA-Z ]+: (\d+)", plan)
    return max([round(float(rows) * int(loops)) for rows, loops in given] + [int(rows) for rows in removed])


@pytest.mark.slow
@pytest.mark.asyncio
async def test_no_list_reads_more_than_it_shows(world: World) -> None:
    order = await world.daemon.fetchval(
        "select id from orders where user_id = $1 order by created_at limit 1", ANN.user
    )
    asked: dict[str, tuple[str, *tuple[object, ...]]] = {
        "orders": ("orders", None, None, None, [], None, None, None, None, None, 101),
        "orders, in the middle": ("orders", None, None, None, [], None, None, None, *MIDDLE, 101),
        "orders, of an account": ("orders", ANN.account, None, None, [], None, None, None, *MIDDLE, 101),
        "orders, of a time": ("orders", None, None, None, [], None, MIDDLE[0], MIDDLE[0] + 50 * S, None, None, 101),
        "orders, by the caller's id": ("orders", ANN.account, None, None, [], "c5", None, None, None, None, 101),
        "orders, that are open": ("orders", None, None, None, ["pending", "open"], None, None, None, None, None, 101),
        "trades": ("trades", None, None, None, None, None, None, None, 101),
        "trades, in the middle": ("trades", None, None, None, None, None, *MIDDLE, 101),
        "trades, of an order": ("trades", None, None, order, None, None, None, None, 101),
        "order": ("order", order),
        "order_events": ("order_events", order),
        "events_since": ("events_since", ["orders", "trades"], ROWS // 2, 100),
        "events_since, of all channels": ("events_since", ["orders", "alerts"], 10, 100),
        "journal_head": ("journal_head",),
        "snapshot_orders": ("snapshot_orders",),
        "snapshot_trades": ("snapshot_trades",),
    }  # fmt: skip
    plans = {what: await plan_of(world, name, *where) for what, (name, *where) in asked.items()}
    scanned = {what: plan for what, plan in plans.items() if re.search(r"Seq Scan on (orders|trades|events)\b", plan)}
    assert scanned == {}
    # An eighth of the events is of another channel; ties of time cost the trades a few rows.
    wasteful = {what: plan for what, plan in plans.items() if most_rows(plan) > 150}
    assert wasteful == {}

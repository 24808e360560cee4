"""What a cell is told of its past: everything that is its own, of one moment, and nothing of anybody else."""

import time
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
import pytest_asyncio

from engine.domain.errors import DependencyAway
from engine.domain.identifiers import UserId
from engine.messages.load import CellState
from storage.load import RECENT_ORDERS, CellLoader, load_statements
from storage.pool import Connection, open_pool
from storage.roles import DatabaseRole
from tests.support.postgres import PostgresDatabase, PostgresServer, start_server
from tests.support.rows import write_rows
from tests.support.tenants import Tenant, insert_tenant
from tests.support.units import AT_NS, TestCell, UnitMaker

pytestmark = pytest.mark.asyncio

AT = "timestamptz '2026-01-15 12:00+00'"


class Past(msgspec.Struct):
    """The daemon's connection, a loader, and two users with an account each."""

    loader: CellLoader
    daemon: Connection
    make: UnitMaker
    mine: TestCell
    other: TestCell

    async def state(self) -> CellState:
        """Load my cell."""
        found = await self.loader.cell(self.mine.user_id)
        assert found is not None
        return found


@pytest_asyncio.fixture
async def past(pg_database: PostgresDatabase) -> AsyncIterator[Past]:
    make = UnitMaker()
    mine, other = TestCell(make), TestCell(make)
    daemon = await pg_database.connect()
    await write_rows(daemon, mine.user, other.user, mine.account, other.account)
    async with await open_pool(pg_database.endpoints, DatabaseRole.DAEMON, size=1) as pool:
        yield Past(CellLoader(pool), daemon, make, mine, other)


async def test_a_new_account_has_no_past(past: Past) -> None:
    state = await past.state()
    (account,) = state.accounts
    assert account.row == msgspec.structs.replace(past.mine.account, created_at=AT_NS // 1_000 * 1_000)
    assert (account.orders, account.positions, account.balances, account.discrepancies) == ((), (), (), ())
    assert (account.is_opened, account.watermark) == (False, None)
    assert (state.time_zone, state.agents, state.limits, state.states, state.recent_orders, state.last_day) == (
        "UTC", (), (), (), (), None,
    )  # fmt: skip


async def test_users_are_those_who_may_trade_and_have_what_to_trade_with(past: Past) -> None:
    make = past.make
    idle, closed = make.user(), make.user(is_active=False)
    await write_rows(past.daemon, idle, closed, make.account(closed.id), make.account(idle.id, is_active=False))
    assert await past.loader.users() == sorted([past.mine.user_id, past.other.user_id])
    assert await past.loader.cell(UserId(closed.id)) is None
    assert await past.loader.cell(UserId(make.id())) is None
    state = await past.loader.cell(UserId(idle.id))
    assert state is not None
    assert state.accounts == ()


async def test_orders_that_are_not_done_come_with_their_trades_and_open_requests(past: Past) -> None:
    make, account = past.make, past.mine.account
    open_one = make.order(account, status="partial", lifecycle="working", filled_quantity=Decimal("0.004"))
    unknown = make.order(account, lifecycle="unknown", status_detail="unknown", created_at=AT_NS + 1_000)
    done = make.order(account, status="filled", lifecycle="done", done_reason="filled", created_at=AT_NS + 2_000)
    theirs = make.order(past.other.account)
    trade = make.trade(open_one, quantity=Decimal("0.004"))
    await write_rows(past.daemon, open_one, unknown, done, theirs, trade, make.trade(done), make.trade(theirs))
    state = await past.state()
    (loaded,) = state.accounts
    assert [load.row.id for load in loaded.orders] == [open_one.id, unknown.id]
    assert [[each.id for each in load.trades] for load in loaded.orders] == [[trade.id], []]
    assert [row.id for row in state.recent_orders] == [open_one.id, unknown.id, done.id], "of any status, oldest first"


async def test_an_order_that_is_over_comes_while_a_request_about_it_is_open(past: Past) -> None:
    make, account = past.make, past.mine.account
    amended, cancelled = (
        make.order(account, status="filled", lifecycle="done", done_reason="filled", created_at=AT_NS + n * 1_000)
        for n in range(2)
    )
    unknown, acked = make.request(amended, state="unknown"), make.request(cancelled, state="acked")
    await write_rows(past.daemon, amended, cancelled, unknown, acked)
    (loaded,) = (await past.state()).accounts
    assert [(load.row.id, [each.id for each in load.requests]) for load in loaded.orders] == [
        (amended.id, [unknown.id])
    ]


async def test_an_order_with_an_inferred_fill_comes_for_a_week(past: Past) -> None:
    make, account = past.make, past.mine.account
    done = {"status": "filled", "lifecycle": "done", "done_reason": "filled"}
    young, old, replaced = (make.order(account, **done) for _ in range(3))
    now_ns = time.time_ns()
    real = make.trade(replaced)
    await write_rows(
        past.daemon, young, old, replaced, real, make.trade(young, inferred=True, created_at=now_ns),
        make.trade(old, inferred=True, created_at=now_ns - 8 * 86_400 * 10**9),
        make.trade(replaced, inferred=True, created_at=now_ns, voided_by=real.id),
    )  # fmt: skip
    (loaded,) = (await past.state()).accounts
    assert [load.row.id for load in loaded.orders] == [young.id]
    assert [trade.inferred for trade in loaded.orders[0].trades] == [True]


async def test_of_many_orders_the_newest_are_known(past: Past) -> None:
    await past.daemon.execute(
        f"""
        insert into orders (id, user_id, account_id, client_order_id, venue_client_id, intent_key, symbol, side, type,
                            quantity, exchange, status, lifecycle, done_reason, created_at, updated_at)
        select gen_random_uuid(), $1, $2, 'c' || n, 'v' || n, 'i' || n, 'BTC/USDT', 'buy', 'market', 1, 'binance',
               'cancelled', 'done', 'cancelled', {AT} + n * interval '1 s', {AT}
        from generate_series(1, {RECENT_ORDERS} + 5) n
        """,
        past.mine.user.id, past.mine.account.id,
    )  # fmt: skip
    recent = (await past.state()).recent_orders
    assert [recent[0].intent_key, recent[-1].intent_key, len(recent)] == ["i6", f"i{RECENT_ORDERS + 5}", RECENT_ORDERS]


async def test_everything_that_a_user_has_is_read(past: Past) -> None:
    """One row in every table: what of it belongs to a cell is in its state."""
    ann = Tenant(7)
    await insert_tenant(past.daemon, ann)
    await past.daemon.execute("update watermarks set kind = 'fills', cursor = '41' where user_id = $1", ann.user)
    await past.daemon.execute(
        "insert into watermarks (account_id, user_id, kind) values ($1, $2, 'opened')", ann.account, ann.user
    )
    await past.daemon.execute(
        "update trading_agents set state = '{\"n\": 1}', input_position = 9 where user_id = $1", ann.user
    )
    state = await past.loader.cell(UserId(ann.user))
    assert state is not None
    (account,), (agent,) = state.accounts, state.agents
    assert (account.is_opened, account.watermark) == (True, "41")
    assert [row.symbol for row in account.positions] == ["BTC/USDT"]
    assert [(row.asset, row.total) for row in account.balances] == [("USDT", Decimal(5))]
    assert [row.kind for row in account.discrepancies] == ["balance"]
    assert (agent.row.id, agent.state, agent.input_position) == (ann.id(3), {"n": 1}, 9)
    assert [row.limit_type for row in state.limits] == ["daily_loss"]
    assert [row.state for row in state.states] == ["active"]
    assert state.last_day is not None
    assert state.last_day.snapshot_date == "2026-01-15"
    mine = await past.state()
    assert (mine.agents, mine.limits, mine.states, mine.last_day) == ((), (), (), None)


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ("update trading_agents set deleted_at = now() where user_id = $1", lambda state: state.agents),
        ("update trading_limits set is_active = false where user_id = $1", lambda state: state.limits),
        ("update discrepancies set state = 'explained' where user_id = $1",
         lambda state: state.accounts[0].discrepancies),
        ("update watermarks set kind = 'orders' where user_id = $1", lambda state: state.accounts[0].watermark or ()),
    ],
)  # fmt: skip
async def test_what_is_over_is_not_read(change: str, seen: Any, past: Past) -> None:
    ann = Tenant(7)
    await insert_tenant(past.daemon, ann)
    await past.daemon.execute(change, ann.user)
    state = await past.loader.cell(UserId(ann.user))
    assert seen(state) == ()


async def test_frames_of_a_session_are_those_of_users_and_venue(past: Past) -> None:
    await past.daemon.execute(
        "insert into replay_positions (user_id, session, frame) values ($1, 'a', 10), ($1, 'b', 99), ($2, 'a', 20)",
        past.mine.user.id, past.other.user.id,
    )  # fmt: skip
    await past.daemon.execute(
        "insert into paper.position (venue, session, frame, last_order_id, last_trade_id, updated_at) "
        "values ('binance', 'a', 15, 1, 1, now())"
    )
    assert sorted(await past.loader.frames("a")) == [10, 15, 20]
    assert await past.loader.frames("c") == []


async def test_a_price_is_the_ticker_else_the_last_minutes_close(past: Past) -> None:
    daemon = past.daemon
    await daemon.executemany(
        "insert into trading_pairs (symbol, base_asset, quote_asset, exchange) values ($1 || '/USDT', $1, 'USDT', $2)",
        [(base, "simulated") for base in ("BTC", "ETH", "SOL")],
    )
    await daemon.execute(
        "insert into price_tickers (symbol, exchange, price, updated_at) "
        "values ('BTC/USDT', 'simulated', 61000.5, now())"
    )
    for minute, close in ((1, 100), (2, 101), (0, 99)):
        await daemon.execute(
            f"""
            insert into market_data_ohlcv (symbol, exchange, timeframe, open_time, close_time, open_price, high_price,
                                           low_price, close_price, volume)
            values ('ETH/USDT', 'simulated', '1m', {AT} + $1 * interval '1 min', {AT}, $2, $2, $2, $2, 1)
            """,
            minute, Decimal(close),
        )  # fmt: skip
    expected = {"BTC/USDT": Decimal("61000.5"), "ETH/USDT": Decimal(101)}
    assert await past.loader.last_prices("simulated") == expected
    assert await past.loader.last_prices("elsewhere") == {}


async def test_ids_are_plain_uuids(past: Past) -> None:
    order = past.make.order(past.mine.account)
    await write_rows(past.daemon, order, past.make.trade(order))
    (load,) = (await past.state()).accounts[0].orders
    ids = [load.row.id, load.row.account_id, load.trades[0].id, *(await past.loader.users())]
    assert {type(each) for each in ids} == {UUID}


async def test_a_database_that_is_away_is_not_an_empty_one(pg_server: PostgresServer, tmp_path: Path) -> None:
    pg_server.copy_to(tmp_path)
    server = await start_server(tmp_path)
    pool = await open_pool(server.endpoints(), DatabaseRole.DAEMON, size=1)
    loader = CellLoader(pool)
    assert await loader.users() == []
    await server.stop()
    for read in (loader.users(), loader.cell(UserId(UUID(int=1))), loader.frames("a"), loader.last_prices("x")):
        with pytest.raises(DependencyAway):
            await read
    pool.terminate()


async def test_no_mark_is_left_in_a_statement() -> None:
    assert [name for name, text in load_statements().items() if "{" in text] == []

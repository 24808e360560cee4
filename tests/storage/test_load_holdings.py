"""What an agent holds, read back by SQL, is what its trades make of a position one by one."""

import asyncio
import itertools
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.identifiers import UserId
from engine.domain.kinds import Side
from engine.domain.position import Position
from engine.messages.load import AgentHolding
from storage.load import CellLoader
from storage.pool import open_pool
from storage.roles import DatabaseRole
from tests.support.domain import a_spot
from tests.support.postgres import PostgresDatabase, PostgresServer
from tests.support.rows import write_rows
from tests.support.units import AT_NS, TestCell, UnitMaker

D = Decimal
SPOT = a_spot()
USERS = itertools.count()
Trades = list[tuple[Side, Decimal, Decimal]]
QUANTITIES = st.integers(1, 400_000).map(lambda steps: D(steps) * SPOT.step_size)
PRICES = st.integers(1, 9_000_000).map(lambda ticks: D(ticks) * SPOT.tick_size)
# Few quantities, so that positions often come back to flat.
TRADES = st.lists(
    st.tuples(st.sampled_from([Side.BUY, Side.SELL]), PRICES, QUANTITIES | st.sampled_from([D(1), D(2)])), max_size=12
)


def replayed(trades: Trades) -> Position:
    """Let the domain's own position see every trade."""
    position = Position(instrument=SPOT)
    for side, price, quantity in trades:
        position.apply_fill(side, price, quantity)
    return position


@pytest.fixture(scope="module")
def database(pg_server: PostgresServer) -> Iterator[PostgresDatabase]:
    made = pg_server.create_database()
    yield made
    pg_server.drop_database(made.name)


async def stored(
    database: PostgresDatabase, trades: Trades, voided: str = "false", **changes: Any
) -> tuple[AgentHolding, ...]:
    """Write the trades of a new user's agent, one order for each, and load the cell."""
    make = UnitMaker(next(USERS))
    cell = TestCell(make)
    agent = make.agent(cell.account)
    orders = [
        make.order(cell.account, agent_id=agent.id, origin="agent", side=str(side), quantity=quantity)
        for side, _, quantity in trades
    ]
    rows = [
        make.trade(order, price=price, executed_at=AT_NS + number * 1_000, **changes)
        for number, (order, (_, price, _)) in enumerate(zip(orders, trades, strict=True))
    ]
    async with await open_pool(database.endpoints, DatabaseRole.DAEMON, size=1) as pool:
        async with pool.acquire() as connection:
            # In an order of writing that is not the order of events.
            await write_rows(connection, cell.user, cell.account, agent, *orders, *reversed(rows))
            await connection.execute(f"update trades set voided_by = id where {voided} and user_id = $1", cell.user.id)
        state = await CellLoader(pool).cell(UserId(cell.user_id))
    assert state is not None
    (loaded,) = state.agents
    return loaded.holdings


def compare(holdings: tuple[AgentHolding, ...], trades: Trades) -> None:
    expected = replayed(trades)
    if not trades:
        assert holdings == ()
        return
    (held,) = holdings
    restored = Position.restored(SPOT, size=held.size, average_price=held.average_price, realized_pnl=held.realized_pnl)
    assert restored.size == expected.size
    # Each partial close rounds its share of the cost to 8 decimals; the sum over all trades rounds once.
    ulp = D("0.00000001") * len(trades)
    assert abs(restored.cost - expected.cost) <= ulp
    assert abs(restored.realized_pnl - expected.realized_pnl) <= ulp
    cash_flow = sum((price * quantity * (-1 if side is Side.BUY else 1) for side, price, quantity in trades), D(0))
    assert abs(held.realized_pnl - held.size * held.average_price - cash_flow) <= ulp


@given(trades=TRADES, looked_at=st.sampled_from([1, 3, 1_000]))
def test_a_holding_is_the_replay_of_its_trades(database: PostgresDatabase, trades: Trades, looked_at: int) -> None:
    """Whether the position began among the newest trades, which are looked at first, or before them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("storage.load.AGENT_TRADES", looked_at)
        compare(asyncio.run(stored(database, trades)), trades)


@pytest.mark.parametrize(
    "text",
    [
        "b1@100", "b1@100 s1@110", "b1@100 b1@110 s1@130", "b1@100 s3@110", "b1@100 s3@110 b2@90",
        "b1@100 s3@110 b5@90 s1@95", "s2@100 b1@90 b1@80 b1@70", "b1@100 s1@90 b1@80 s0.5@85",
    ],
)  # fmt: skip
def test_a_position_that_turned_counts_from_where_it_began(database: PostgresDatabase, text: str) -> None:
    sides = {"b": Side.BUY, "s": Side.SELL}
    trades = [(sides[word[0]], D(word.partition("@")[2]), D(word[1:].partition("@")[0])) for word in text.split()]
    compare(asyncio.run(stored(database, trades)), trades)


def test_fees_count_in_the_quote_asset_only(database: PostgresDatabase) -> None:
    trades: Trades = [(Side.BUY, D(100), D(1)), (Side.BUY, D(110), D(2))]
    (in_quote,) = asyncio.run(stored(database, trades, fees=D("0.5"), fee_asset="USDT"))
    (in_base,) = asyncio.run(stored(database, trades, fees=D("0.001"), fee_asset="BTC"))
    assert (in_quote.fees, in_base.fees) == (D(1), D(0))


def test_a_trade_that_was_voided_never_was(database: PostgresDatabase) -> None:
    trades: Trades = [(Side.BUY, D(100), D(1)), (Side.BUY, D(777), D(1)), (Side.SELL, D(110), D("0.5"))]
    compare(asyncio.run(stored(database, trades, voided="price = 777")), [trades[0], trades[2]])
    assert asyncio.run(stored(database, trades, voided="true")) == ()

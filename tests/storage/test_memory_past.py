"""What a cell is told of its past from memory is what it is told from PostgreSQL."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from engine.domain.identifiers import OrderId, UserId
from engine.messages import rows
from engine.messages.load import CellState
from engine.messages.rows import Row
from storage.archive import PostgresArchive
from storage.load import CellLoader
from storage.memory_past import MemoryPast, typed_rows
from storage.memory_tables import MemoryTables
from storage.pool import Connection, open_pool
from storage.roles import DatabaseRole
from tests.support.postgres import PostgresDatabase
from tests.support.rows import write_rows
from tests.support.units import AT_NS, TestCell, UnitMaker

pytestmark = pytest.mark.asyncio
D = Decimal
S = 1_000_000_000


class Pasts(msgspec.Struct):
    """The same rows in memory and in PostgreSQL."""

    loader: CellLoader
    archive: PostgresArchive
    daemon: Connection
    tables: MemoryTables
    make: UnitMaker
    mine: TestCell
    other: TestCell

    async def write(self, *written: Row) -> None:
        await write_rows(self.daemon, *written)
        self.tables.write(written)

    async def compare(self, user_id: UserId) -> CellState | None:
        ours = await MemoryPast(self.tables).cell(user_id)
        theirs = await self.loader.cell(user_id)
        assert plain(ours) == plain(theirs)
        return ours


def plain(state: CellState | None) -> Any:
    """Return a state without the order of what has none."""
    if state is None:
        return None
    accounts = [
        msgspec.structs.replace(
            account,
            positions=tuple(sorted(account.positions, key=lambda row: row.id)),
            balances=tuple(sorted(account.balances, key=lambda row: row.id)),
            discrepancies=tuple(sorted(account.discrepancies, key=lambda row: row.id)),
        )
        for account in state.accounts
    ]
    return msgspec.to_builtins(msgspec.structs.replace(state, accounts=tuple(accounts)))


@pytest_asyncio.fixture
async def pasts(pg_database: PostgresDatabase) -> AsyncIterator[Pasts]:
    make = UnitMaker()
    mine, other = TestCell(make), TestCell(make)
    async with await open_pool(pg_database.endpoints, DatabaseRole.DAEMON, size=1) as pool:
        found = Pasts(
            CellLoader(pool), PostgresArchive(pool), await pg_database.connect(), MemoryTables(), make, mine, other
        )
        await found.write(mine.user, other.user, mine.account, other.account)
        yield found


async def test_a_new_account_and_nobody(pasts: Pasts) -> None:
    assert await pasts.compare(pasts.mine.user_id) is not None
    assert await pasts.compare(UserId(pasts.make.id())) is None
    idle, closed = pasts.make.user(), pasts.make.user(is_active=False)
    await pasts.write(idle, closed, pasts.make.account(closed.id), pasts.make.account(idle.id, is_active=False))
    assert await MemoryPast(pasts.tables).users() == await pasts.loader.users()
    assert await pasts.compare(UserId(closed.id)) is None
    assert await pasts.compare(UserId(idle.id)) is not None


async def test_orders_trades_requests_and_books(pasts: Pasts) -> None:
    make, account = pasts.make, pasts.mine.account
    working = make.order(account, status="partial", lifecycle="working", filled_quantity=D("0.004"))
    unknown = make.order(account, lifecycle="unknown", status_detail="unknown", created_at=AT_NS + S)
    done = make.order(account, status="filled", lifecycle="done", done_reason="filled", created_at=AT_NS + 2 * S)
    theirs = make.order(pasts.other.account)
    trades = [make.trade(working, quantity=D("0.004"), executed_at=AT_NS + number * S) for number in (2, 1)]
    request = rows.OrderRequestRow(
        id=make.id(), user_id=account.user_id, account_id=account.id, order_id=working.id, kind="cancel",
        state="unknown", reason=None, answer_code=None, correlation_id=working.id, created_at=AT_NS, updated_at=AT_NS,
    )  # fmt: skip
    amended = make.order(account, status="filled", lifecycle="done", done_reason="filled", created_at=AT_NS + 3 * S)
    mark = rows.WatermarkRow(
        account_id=account.id, user_id=account.user_id, kind="fills", cursor="41", updated_at=AT_NS
    )
    entry = rows.LedgerEntryRow(
        id=make.id(), user_id=account.user_id, account_id=account.id, kind="opening", order_id=None, trade_id=None,
        memo=None, correlation_id=None, at=AT_NS,
    )  # fmt: skip
    await pasts.write(
        working, unknown, done, amended, theirs, *trades, make.trade(done), make.trade(theirs), request, mark, entry,
        make.request(amended, kind="amend", state="unknown"), make.request(done, state="acked"),
    )  # fmt: skip
    state = await pasts.compare(pasts.mine.user_id)
    assert state is not None
    assert [len(load.trades) for load in state.accounts[0].orders] == [2, 0, 0]
    await pasts.compare(pasts.other.user_id)

    ours = MemoryPast(pasts.tables)
    wanted = [working.venue_client_id, done.venue_client_id, theirs.venue_client_id, "cv-nobody"]
    recalled = [
        sorted(await past.recall(pasts.mine.account_id, wanted), key=lambda load: load.row.id)
        for past in (ours, pasts.archive)
    ]
    assert msgspec.to_builtins(recalled[0]) == msgspec.to_builtins(recalled[1])
    assert len(recalled[0]) == 2
    for keys in ((done.intent_key, "nobody"), ("none", working.client_order_id), ("none", "nobody"),
                 (done.intent_key, working.client_order_id), (theirs.intent_key, "nobody")):  # fmt: skip
        found = await ours.find_intent(pasts.mine.account_id, *keys)
        assert found == await pasts.archive.find_intent(pasts.mine.account_id, *keys)
    assert await ours.find_intent(pasts.mine.account_id, done.intent_key, "nobody") == OrderId(done.id)


@pytest.mark.parametrize("text", ["b1@100 b1@110 s1@130", "b1@100 s3@110 b2@90", "b1@100 s1@110", "s2@100 b1@90"])
async def test_what_agents_hold_and_where_they_were(pasts: Pasts, text: str) -> None:
    make, account = pasts.make, pasts.mine.account
    agent = make.agent(account)
    await pasts.write(agent)
    state = rows.AgentStateRow(
        id=agent.id, user_id=agent.user_id, state={"n": 1}, input_position=9, last_decision_at=None, updated_at=AT_NS
    )
    await pasts.write(state)
    for number, word in enumerate(text.split()):
        quantity, _, price = word[1:].partition("@")
        order = make.order(
            account, agent_id=agent.id, origin="agent", side={"b": "buy", "s": "sell"}[word[0]], quantity=D(quantity)
        )
        trade = make.trade(
            order, price=D(price), fees=D("0.5"), fee_asset="USDT" if number else "BNB", executed_at=AT_NS + number * S
        )
        await pasts.write(order, trade)
    loaded = await pasts.compare(pasts.mine.user_id)
    assert loaded is not None
    assert (loaded.agents[0].state, loaded.agents[0].input_position) == ({"n": 1}, 9)
    assert [row.id for row in typed_rows(pasts.tables, rows.AgentRow)] == [agent.id]


async def test_lots_that_are_open_and_those_of_the_newest_trades_come_in_the_order_of_their_trades(
    pasts: Pasts,
) -> None:
    make, account = pasts.make, pasts.mine.account
    order, theirs = make.order(account), make.order(pasts.other.account)
    trades = [
        make.trade(order, external_trade_id=name, executed_at=AT_NS + at * S)
        for name, at in (("10", 2), ("9", 2), ("1", 3), ("2", 1), ("3", 4))
    ]
    closed = {"remaining": D(0), "closed_at": AT_NS}
    lots = [
        *(make.lot(trade) for trade in trades[:3]), make.lot(trades[3], **closed),
        make.lot(trades[4], id=make.id(), trade_id=None, opened_at=AT_NS + 2 * S),
        make.lot(trades[4], id=make.id(), trade_id=None, **closed),
    ]  # fmt: skip
    foreign = make.trade(theirs)
    await pasts.write(
        order, theirs, *trades, foreign, make.position(account), make.position(pasts.other.account), *lots,
        make.lot(foreign),
    )  # fmt: skip
    state = await pasts.compare(pasts.mine.user_id)
    assert state is not None
    assert [lot.id for lot in state.accounts[0].lots] == [lots[place].id for place in (3, 4, 1, 0, 2)]
    await pasts.compare(pasts.other.user_id)


async def test_an_account_comes_with_what_it_was_last_worth(pasts: Pasts) -> None:
    points = [
        rows.EquityPointRow(
            account_id=account.id, user_id=account.user_id, at=AT_NS + second * S, equity=D(worth), cash=D(0),
            realized_pnl=D(0), unrealized_pnl=D(0), fees=D(0),
        )
        for account, second, worth in (
            (pasts.mine.account, 1, 1001), (pasts.mine.account, 3, 1003), (pasts.mine.account, 2, 1002),
            (pasts.other.account, 9, 5),
        )
    ]  # fmt: skip
    await pasts.write(*points)
    state = await pasts.compare(pasts.mine.user_id)
    assert state is not None
    assert state.accounts[0].last_value == points[1]

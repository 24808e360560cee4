"""What the paper venue's stores keep, in memory and on PostgreSQL."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from engine.domain.errors import BadInput, DependencyAway
from engine.domain.identifiers import AccountId
from engine.messages.ports import PaperStore, VenueClaim
from engine.messages.rows_paper import (
    PaperAccountRow,
    PaperBalanceRow,
    PaperMarkRow,
    PaperOrderRow,
    PaperPositionRow,
    PaperTradeRow,
)
from storage.memory import MemoryPaperStore
from storage.paper import PostgresPaperStore
from tests.support.pg_proxy import Fault, proxied
from tests.support.postgres import PostgresDatabase
from tests.support.units import AT_NS, UnitMaker

pytestmark = pytest.mark.asyncio

VENUE = "simulated"


@pytest_asyncio.fixture
async def store(bench_database: PostgresDatabase | None) -> AsyncIterator[PaperStore]:
    """Give each store in turn."""
    if bench_database is None:
        yield MemoryPaperStore()
        return
    postgres = PostgresPaperStore(bench_database.endpoints)
    yield postgres
    await postgres.close()


class Venue:
    """Rows of one account."""

    def __init__(self, make: UnitMaker, venue: str = VENUE) -> None:
        self.account_id = AccountId(make.id())
        self.account = PaperAccountRow(
            account_id=self.account_id, user_id=make.id(), venue=venue, kind="spot",
            starting_balances={"USDT": "1000"}, created_at=AT_NS,
        )  # fmt: skip

    def balance(self, free: str, asset: str = "USDT") -> PaperBalanceRow:
        return PaperBalanceRow(account_id=self.account_id, asset=asset, free=Decimal(free), locked=Decimal(0))

    def order(self, number: int, **changes: Any) -> PaperOrderRow:
        fields: dict[str, Any] = {
            "account_id": self.account_id, "venue_client_id": f"cv-{number}", "external_order_id": str(number),
            "venue": self.account.venue, "symbol": "BTC/USDT", "side": "buy", "type": "limit", "quantity": Decimal(2),
            "price": Decimal("60000.1"), "stop_price": None, "time_in_force": "GTC", "post_only": False,
            "reduce_only": False, "state": "open", "reject_code": None, "filled_quantity": Decimal(0),
            "queue_ahead": Decimal("1.5"), "placed_at": AT_NS, "updated_at": AT_NS,
        }  # fmt: skip
        return PaperOrderRow(**(fields | changes))

    def trade(self, cursor: int, number: int = 1, **changes: Any) -> PaperTradeRow:
        fields: dict[str, Any] = {
            "venue": self.account.venue, "cursor": cursor, "account_id": self.account_id,
            "venue_client_id": f"cv-{number}", "external_order_id": str(number), "external_trade_id": str(cursor),
            "symbol": "BTC/USDT", "side": "buy", "price": Decimal("60000.1"), "quantity": Decimal("0.5"),
            "fee": Decimal("0.1"), "fee_asset": "USDT", "liquidity": "maker", "executed_at": AT_NS,
        }  # fmt: skip
        return PaperTradeRow(**(fields | changes))

    def mark(self, frame: int, session: str = "day", last_order_id: int = 0) -> PaperMarkRow:
        return PaperMarkRow(
            venue=self.account.venue, session=session, frame=frame, last_order_id=last_order_id, last_trade_id=0,
            updated_at=AT_NS,
        )  # fmt: skip


async def test_a_venue_without_a_past_begins_empty(store: PaperStore) -> None:
    state = await store.load(VENUE, "day")
    assert (state.accounts, state.open_orders, state.mark) == ((), (), None)
    assert (state.last_cursor, state.last_order_id) == (0, 0)


async def test_a_venue_continues_with_what_is_open(store: PaperStore, make: UnitMaker) -> None:
    venue, elsewhere = Venue(make), Venue(make, "other")
    position = PaperPositionRow(
        account_id=venue.account_id, symbol="BTC/USDT", size=Decimal("-0.5"), entry_price=Decimal(60000),
        realized_pnl=Decimal("1.25"),
    )  # fmt: skip
    await store.commit(make.id(), [
        venue.account, elsewhere.account, venue.balance("10.5"), elsewhere.balance("7"), position,
        venue.order(1), venue.order(2, state="filled"), venue.order(3, state="pending"), elsewhere.order(9),
        venue.trade(1), venue.trade(2, 2), elsewhere.trade(8, 9),
        venue.mark(7, "day", 3), venue.mark(9, "night", 5), elsewhere.mark(1, "day", 99),
    ])  # fmt: skip
    state = await store.load(VENUE, "day")
    assert state.accounts == (venue.account,)
    assert state.balances == (venue.balance("10.5"),)
    assert state.positions == (position,)
    assert [order.external_order_id for order in state.open_orders] == ["1", "3"]
    assert (state.last_cursor, state.last_order_id, state.mark) == (2, 5, venue.mark(7, "day", 3))


async def test_open_orders_come_in_the_order_of_their_placing(store: PaperStore, make: UnitMaker) -> None:
    venue = Venue(make)
    orders = [venue.order(10), venue.order(9), venue.order(11, placed_at=AT_NS - 1_000)]
    await store.commit(make.id(), [venue.account, *orders])
    found = (await store.load(VENUE, "day")).open_orders
    assert [order.external_order_id for order in found] == ["11", "9", "10"]


async def test_a_later_state_replaces_the_earlier(store: PaperStore, make: UnitMaker) -> None:
    venue = Venue(make)
    await store.commit(make.id(), [venue.account, venue.balance("10"), venue.order(1)])
    changed = venue.order(1, state="filled", filled_quantity=Decimal(2), queue_ahead=None)
    await store.commit(make.id(), [venue.balance("9"), venue.balance("8"), changed, venue.mark(1), venue.mark(2)])
    state = await store.load(VENUE, "day")
    assert state.balances == (venue.balance("8"),)
    assert state.open_orders == ()
    assert state.mark == venue.mark(2)
    assert await store.order(venue.account_id, "cv-1") == changed


async def test_an_account_is_seeded_once(store: PaperStore, make: UnitMaker) -> None:
    venue = Venue(make)
    await store.commit(make.id(), [venue.account])
    again = PaperAccountRow(
        account_id=venue.account_id, user_id=venue.account.user_id, venue=VENUE, kind="spot",
        starting_balances={"USDT": "5"}, created_at=AT_NS,
    )  # fmt: skip
    await store.commit(make.id(), [again])
    assert (await store.load(VENUE, "day")).accounts == (venue.account,)


async def test_fills_come_behind_a_cursor_in_order(store: PaperStore, make: UnitMaker) -> None:
    venue, other = Venue(make), Venue(make)
    await store.commit(make.id(), [
        venue.account, other.account, venue.order(1), other.order(2),
        venue.trade(3), venue.trade(1), other.trade(2, 2), venue.trade(4),
    ])  # fmt: skip
    assert [fill.cursor for fill in await store.fills(venue.account_id, 0, 10)] == [1, 3, 4]
    assert [fill.cursor for fill in await store.fills(venue.account_id, 1, 10)] == [3, 4]
    assert await store.fills(venue.account_id, 0, 1) == [venue.trade(1)]
    assert await store.fills(venue.account_id, 4, 10) == []


async def test_fills_of_one_order_come_behind_a_cursor_too(store: PaperStore, make: UnitMaker) -> None:
    venue, other = Venue(make), Venue(make)
    await store.commit(make.id(), [
        venue.account, other.account, venue.order(1), venue.order(2), other.order(1, external_order_id="9"),
        venue.trade(1, 1), venue.trade(2, 2), venue.trade(4, 1), venue.trade(5, 1),
        other.trade(3, 1, external_order_id="9"),
    ])  # fmt: skip

    async def cursors(after: int, limit: int, client_id: str) -> list[int]:
        return [fill.cursor for fill in await store.fills(venue.account_id, after, limit, client_id)]

    assert await cursors(0, 10, "cv-1") == [1, 4, 5]
    assert await cursors(1, 1, "cv-1") == [4]
    assert await cursors(0, 10, "cv-2") == [2]
    assert await cursors(0, 10, "cv-9") == []


async def test_an_order_is_found_open_or_not(store: PaperStore, make: UnitMaker) -> None:
    venue = Venue(make)
    rejected = venue.order(1, state="rejected", reject_code="balance", queue_ahead=None)
    await store.commit(make.id(), [venue.account, rejected])
    assert await store.order(venue.account_id, "cv-1") == rejected
    assert await store.order(venue.account_id, "cv-2") is None
    assert await store.order(AccountId(make.id()), "cv-1") is None


async def test_a_batch_that_is_known_changes_nothing(store: PaperStore, make: UnitMaker) -> None:
    venue = Venue(make)
    batch_id = make.id()
    for _ in range(2):
        await store.commit(batch_id, [venue.account, venue.order(1), venue.trade(1), venue.balance("1")])
    assert len(await store.fills(venue.account_id, 0, 10)) == 1


async def test_a_batch_is_stored_whole_or_not_at_all(store: PaperStore, make: UnitMaker) -> None:
    venue = Venue(make)
    await store.commit(make.id(), [venue.account, venue.order(1), venue.trade(1)])
    with pytest.raises((ValueError, BadInput)):
        await store.commit(make.id(), [venue.balance("5"), venue.order(2), venue.trade(1)])
    assert (await store.load(VENUE, "day")).balances == ()
    assert await store.order(venue.account_id, "cv-2") is None
    await store.commit(make.id(), [venue.balance("5"), venue.order(2)])


async def test_only_memory_commits_at_once(store: PaperStore, make: UnitMaker) -> None:
    venue = Venue(make)
    if store.is_instant:
        store.commit_now(make.id(), [venue.account])
    else:
        with pytest.raises(AssertionError, match="commit_now"):
            store.commit_now(make.id(), [venue.account])
    assert len((await store.load(VENUE, "day")).accounts) == int(store.is_instant)


@pytest.mark.parametrize("fault", [Fault.LOSE_STATEMENT, Fault.LOSE_ANSWER])
async def test_a_batch_whose_fate_is_unknown_is_settled_by_repeating_it(
    pg_database: PostgresDatabase, make: UnitMaker, fault: Fault
) -> None:
    async with proxied(pg_database.socket_directory, pg_database.name) as (proxy, endpoints):
        store = PostgresPaperStore(endpoints)
        venue = Venue(make)
        await store.commit(make.id(), [venue.account, venue.order(1)])
        batch_id = make.id()
        proxy.fault = fault
        with pytest.raises(DependencyAway):
            await store.commit(batch_id, [venue.trade(1)])
        await store.commit(batch_id, [venue.trade(1)])
        assert len(await store.fills(venue.account_id, 0, 10)) == 1
        await store.close()


async def test_one_process_has_the_venue_and_the_other_commits_nothing(
    pg_database: PostgresDatabase, make: UnitMaker
) -> None:
    first = PostgresPaperStore(pg_database.endpoints, owner=UUID(int=1), holder="first", ttl_ns=60_000_000_000)
    second = PostgresPaperStore(pg_database.endpoints, owner=UUID(int=2), holder="second", ttl_ns=60_000_000_000)
    mark = Venue(make).mark(1)
    admin = await pg_database.connect()
    try:
        assert await first.claim(VENUE) == VenueClaim(epoch=1, holder="first")
        assert await first.claim(VENUE) == VenueClaim(epoch=1, holder="first")
        assert await second.claim(VENUE) == VenueClaim(epoch=None, holder="first")
        await admin.execute("update paper.owners set expires_at = now()")
        with pytest.raises(DependencyAway, match="does not hold"):
            await first.commit(make.id(), [mark])
        assert (await first.claim(VENUE)).epoch == 1, "expired, but nobody took it"
        await first.commit(make.id(), [mark])
        await admin.execute("update paper.owners set expires_at = now()")
        assert (await second.claim(VENUE)).epoch == 2
        with pytest.raises(DependencyAway, match="does not hold"):
            await first.commit(make.id(), [mark])
        assert await first.claim(VENUE) == VenueClaim(epoch=None, holder="second")
        await second.commit(make.id(), [mark])
        await second.release(VENUE)
        assert (await first.claim(VENUE)).epoch == 3
    finally:
        await admin.close()
        await first.close()
        await second.close()

from decimal import Decimal

import pytest

from engine.messages.rows import OrderRow
from engine.messages.rows_paper import PaperAccountRow, PaperMarkRow, PaperOrderRow, PaperTradeRow
from storage.memory import MemoryFactStore, MemoryPaperStore
from tests.support.units import AT_NS, TestCell, UnitMaker


def _order(make: UnitMaker, account: PaperAccountRow, number: int, state: str = "open") -> PaperOrderRow:
    return PaperOrderRow(
        account_id=account.account_id, venue_client_id=f"cv-{number}", external_order_id=str(number),
        venue=account.venue, symbol="BTC/USDT", side="buy", type="limit", quantity=Decimal(1), price=Decimal(1),
        stop_price=None, time_in_force="GTC", post_only=False, reduce_only=False, state=state, reject_code=None,
        filled_quantity=Decimal(0), queue_ahead=None, placed_at=AT_NS, updated_at=AT_NS,
    )  # fmt: skip


def _trade(account: PaperAccountRow, cursor: int) -> PaperTradeRow:
    return PaperTradeRow(
        venue=account.venue, cursor=cursor, account_id=account.account_id, venue_client_id="cv-1",
        external_order_id="1", external_trade_id=str(cursor), symbol="BTC/USDT", side="buy", price=Decimal(1),
        quantity=Decimal(1), fee=Decimal(0), fee_asset="USDT", liquidity="taker", executed_at=AT_NS,
    )  # fmt: skip


def _account(make: UnitMaker, venue: str = "simulated") -> PaperAccountRow:
    return PaperAccountRow(
        account_id=make.id(), user_id=make.id(), venue=venue, kind="spot", starting_balances={}, created_at=AT_NS
    )


@pytest.mark.asyncio
async def test_a_venue_continues_with_what_is_open(make: UnitMaker) -> None:
    store = MemoryPaperStore()
    account, elsewhere = _account(make), _account(make, "other")
    store.commit_now(make.id(), [account, elsewhere, _order(make, account, 1), _order(make, account, 2, "filled")])
    store.commit_now(make.id(), [_trade(account, 1), _trade(account, 2)])
    marks = [
        PaperMarkRow(
            venue="simulated", session=name, frame=7, last_order_id=last, last_trade_id=2, updated_at=AT_NS
        )
        for name, last in (("one", 5), ("two", 3))
    ]  # fmt: skip
    await store.commit(make.id(), marks)
    state = await store.load("simulated", "two")
    assert state.accounts == (account,)
    assert [order.external_order_id for order in state.open_orders] == ["1"]
    assert (state.last_cursor, state.last_order_id, state.mark) == (2, 5, marks[1])


@pytest.mark.asyncio
async def test_fills_come_behind_a_cursor_in_order(make: UnitMaker) -> None:
    store = MemoryPaperStore()
    account = _account(make)
    store.commit_now(make.id(), [account, _order(make, account, 1), *(_trade(account, c) for c in (3, 1, 2))])
    assert [fill.cursor for fill in await store.fills(account.account_id, 1, 10)] == [2, 3]  # type: ignore[arg-type]
    assert [fill.cursor for fill in await store.fills(account.account_id, 0, 2)] == [1, 2]  # type: ignore[arg-type]
    assert await store.order(account.account_id, "cv-1") is not None  # type: ignore[arg-type]
    assert await store.order(account.account_id, "cv-2") is None  # type: ignore[arg-type]


def test_a_repeated_batch_of_the_venue_changes_nothing(make: UnitMaker) -> None:
    store = MemoryPaperStore()
    account = _account(make)
    batch = make.id()
    for _ in range(2):
        store.commit_now(batch, [account, _order(make, account, 1), _trade(account, 1)])
    with pytest.raises(ValueError, match=r"paper\.trades"):
        store.commit_now(make.id(), [_trade(account, 1)])


def test_without_a_journal_units_have_no_events(make: UnitMaker) -> None:
    store = MemoryFactStore(keeps_journal=False)
    cell = TestCell(make)
    store.commit_now([cell.birth()])
    cell.begin(store.take_lease(cell.user_id))
    [result] = store.commit_now([cell.order_unit()])
    assert result.refused is None
    assert result.events == ()
    assert store.journal == {}
    assert len(list(store.rows(OrderRow))) == 1


def test_what_is_known_of_repeats_is_bounded(make: UnitMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.memory.REPEATS_KNOWN", 2)
    store = MemoryFactStore()
    units = [make.unit(make.id()) for _ in range(3)]
    first = store.commit_now(units)
    again = store.commit_now(units[1:])
    assert [a is b for a, b in zip(again, first[1:], strict=True)] == [True, True]

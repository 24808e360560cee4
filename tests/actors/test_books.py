from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.books import AccountBooks
from engine.domain.errors import InvariantBroken
from engine.domain.identifiers import OrderId
from engine.domain.journal import opening_balance, sums_of
from engine.domain.kinds import Liquidity, Side
from engine.domain.position import Position
from engine.messages.orders import Fill
from tests.actors.test_exposures import changed
from tests.support.cell_builders import ACCOUNT, START_NS, an_id
from tests.support.domain import a_perpetual, a_spot

D = Decimal
PERPETUAL = a_perpetual()
SPOT = a_spot()
INSTRUMENTS = {(each.venue, each.symbol): each for each in (PERPETUAL, SPOT)}


def books(usdt: int = 10_000, *positions: Position) -> AccountBooks:
    return AccountBooks("binance", INSTRUMENTS, {"USDT": D(usdt)}, positions)


def a_fill(side: Side = Side.BUY, quantity: str = "0.1", price: str = "60000", **changes: Any) -> Fill:
    fields: dict[str, Any] = {
        "external_trade_id": "t1",
        "order_id": OrderId(an_id(1)),
        "account_id": ACCOUNT,
        "venue": "binance",
        "symbol": PERPETUAL.symbol,
        "side": side,
        "price": D(price),
        "quantity": D(quantity),
        "fee": D(1),
        "fee_asset": "USDT",
        "liquidity": Liquidity.TAKER,
        "executed_at_ns": START_NS,
    }
    return Fill(**fields | changes)


def test_a_perpetual_fill_moves_units_and_pays_the_fee() -> None:
    account = books()
    booked = account.book(a_fill(), an_id(1))
    assert account.position(PERPETUAL.symbol).size == D("0.1")
    assert account.balance("USDT").total == D(9_999)
    assert booked.realized_pnl == D(0)


def test_closing_a_perpetual_realises_its_profit_in_cash() -> None:
    account = books()
    account.book(a_fill(), an_id(2))
    booked = account.book(a_fill(Side.SELL, price="61000"), an_id(3))
    assert booked.realized_pnl == D(100)
    assert account.balance("USDT").total == D(10_000) + 100 - 2


def test_a_spot_fill_moves_both_assets_and_a_fee_in_the_base_asset_leaves_the_coins() -> None:
    account = books()
    account.book(a_fill(symbol=SPOT.symbol, fee=D("0.0001"), fee_asset="BTC"), an_id(4))
    assert account.balance("BTC").total == D("0.0999")
    assert account.balance("USDT").total == D(4_000)
    assert account.position(SPOT.symbol).size == D("0.1")


def test_a_limit_order_locks_what_it_may_take_until_it_is_done() -> None:
    account = books()
    order = changed(symbol=SPOT.symbol)
    instrument = account.follow(order)
    assert instrument is SPOT
    account.lock_for(SPOT)
    assert (account.balance("USDT").locked, account.balance("USDT").free) == (D("6006"), D("3994"))
    account.follow(changed(symbol=SPOT.symbol, is_done=True, expected_quantity="0"))
    account.lock_for(SPOT)
    assert account.balance("USDT").locked == D(0)


def test_a_perpetual_locks_the_margin_of_position_and_orders() -> None:
    account = books()
    account.book(a_fill(), an_id(5))
    account.follow(changed())
    account.lock_for(PERPETUAL)
    assert account.balance("USDT").locked == D("600")


def test_a_market_order_locks_nothing() -> None:
    assert books().follow(changed(price=None)) is None


def test_a_stored_position_locks_its_margin_again() -> None:
    position = Position.restored(PERPETUAL, size=D("0.1"), average_price=D(60_000))
    assert books(10_000, position).balance("USDT").locked == D(300)


def test_what_is_not_known_cannot_have_been_traded() -> None:
    with pytest.raises(InvariantBroken):
        books().book(a_fill(symbol="DOGE/USDT"), an_id(6))


FILLS = st.lists(
    st.tuples(st.sampled_from([Side.BUY, Side.SELL]), st.integers(1, 50), st.integers(50_000, 70_000)),
    min_size=1,
    max_size=12,
)


@given(fills=FILLS, symbol=st.sampled_from([PERPETUAL.symbol, SPOT.symbol]))
def test_positions_and_balances_are_sums_of_the_entries(fills: list[tuple[Side, int, int]], symbol: str) -> None:
    account = books(0)
    entries = [opening_balance("USDT", D(10_000_000)), opening_balance("BTC", D(1_000))]
    for entry in entries:
        account.apply(entry)
    for side, hundredths, price in fills:
        fill = a_fill(side, quantity=str(D(hundredths) / 100), price=str(price), symbol=symbol)
        entries.append(account.book(fill, an_id(1)).entry)
    sums = sums_of(entries)
    assert account.balance("USDT").total == sums["assets:cash", "USDT"]
    assert account.balance("BTC").total == sums["assets:cash", "BTC"]
    signed = sum((each[0].sign * D(each[1]) / 100 for each in fills), D(0))
    assert account.position(symbol).size == signed
    assert sums.get((f"trading:{symbol}", "BTC"), D(0)) == -signed

from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from engine.domain.kinds import OrderType, Side
from engine.domain.values import ZERO, add, subtract
from engine.simulation.venue.money import Holding
from tests.engine.simulation.venue.support import ACCOUNT, BTC, PERP, D, Rig, instruments

PERPETUAL = instruments()[1]


@given(
    st.lists(
        st.tuples(st.sampled_from(list(Side)), st.integers(1, 10**6), st.integers(1, 10**4)), min_size=1, max_size=30
    ),
    st.integers(1, 10**6),
)
def test_profit_made_and_profit_left_are_the_cash_and_what_is_held(
    fills: list[tuple[Side, int, int]], mark: int
) -> None:
    holding, cash, realized = Holding(instrument=PERPETUAL), ZERO, ZERO
    for side, ticks, steps in fills:
        price, quantity = D(ticks) / 10, D(steps) / 1_000
        realized = add(realized, holding.trade(side, price, quantity))
        cash = subtract(cash, D(side.sign) * price * quantity)
    value = PERPETUAL.notional(D(mark) / 10, holding.size)

    assert add(realized, subtract(value, holding.cost)) == add(cash, value)


def test_a_spot_buy_moves_two_assets_and_the_fee() -> None:
    rig = Rig()
    rig.dial()
    rig.submit(type=OrderType.MARKET)
    account = rig.venue.truth.accounts[ACCOUNT]

    assert account.totals["BTC"] == D("10.1")
    assert account.totals["USDT"] == D(100_000) - D(6_000) - D(12)


def test_an_open_order_sets_its_asset_aside_until_it_ends() -> None:
    rig = Rig()
    rig.dial()
    account = rig.venue.truth.accounts[ACCOUNT]
    buy, sell = rig.placed(), rig.placed(side=Side.SELL, price=D(61_000))
    assert account.locked("USDT") == D(5_900) + D("11.8")
    assert account.locked("BTC") == D("0.1")

    rig.cancel(buy)
    rig.cancel(sell)
    assert (account.locked("USDT"), account.locked("BTC")) == (ZERO, ZERO)


def test_a_perpetual_moves_a_position_and_sets_margin_aside() -> None:
    rig = Rig()
    rig.dial()
    account = rig.venue.truth.accounts[ACCOUNT]
    rig.submit(symbol=PERP, type=OrderType.MARKET, quantity=D(1))
    assert [(each.symbol, each.size, each.entry_price) for each in account.positions()] == [(PERP, D(1), D(60_000))]
    assert account.locked("USDT") == D(6_000)

    rig.price("61000", PERP)
    rig.submit(symbol=PERP, side=Side.SELL, type=OrderType.MARKET, quantity=D(1))
    assert account.positions() == ()
    assert account.totals["USDT"] == D(100_000) + D(1_000) - D(30) - D("30.5")


def test_a_trade_taken_back_gives_everything_back() -> None:
    rig = Rig()
    rig.dial()
    account = rig.venue.truth.accounts[ACCOUNT]
    before = account.balances()
    rig.submit(symbol=BTC, type=OrderType.MARKET)
    rig.submit(symbol=PERP, type=OrderType.MARKET)
    for trade in list(rig.venue.truth.trades):
        rig.by_hand(partial(rig.venue.hand.void, trade))

    assert account.balances() == before
    assert account.positions() == ()

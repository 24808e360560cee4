"""Balances are sums of cash lines; free and locked always make the total."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from engine.domain import journal
from engine.domain.balances import Balance, Balances, balances_from
from engine.domain.journal import CASH, sums_of
from engine.domain.kinds import Side
from tests.engine.domain.test_position import FillTuple, fills
from tests.support.domain import a_perpetual, a_spot

D = Decimal


def test_a_fill_changes_the_assets_that_it_moves() -> None:
    balances = balances_from([journal.opening_balance("USDT", D(10_000))])
    fill = journal.spot_fill(
        a_spot(), side=Side.BUY, price=D(60_000), quantity=D("0.1"), fee=D("0.01"), fee_asset="BNB"
    )
    assert balances.apply(fill) == ("BTC", "USDT", "BNB")
    assert [(balance.asset, balance.total) for balance in balances] == [
        ("USDT", D(4000)),
        ("BTC", D("0.1")),
        ("BNB", D("-0.01")),
    ]


def test_units_of_a_perpetual_are_no_money() -> None:
    balances = Balances({"USDT": D(100)})
    entry = journal.perpetual_fill(
        a_perpetual(), side=Side.BUY, quantity=D(1), realized_pnl=D(0), fee=D("0.5"), fee_asset="USDT"
    )
    assert balances.apply(entry) == ("USDT",)
    assert (balances.total("USDT"), balances.total("BTC")) == (D("99.5"), D(0))


def test_open_orders_lock_a_part() -> None:
    balances = Balances({"USDT": D(100)})
    balances.lock("USDT", D(30))
    assert balances.of("USDT") == Balance("USDT", D(70), D(30), D(100))
    balances.lock("USDT", D(0))
    assert balances.of("USDT").free == 100


def test_no_more_is_locked_than_there_is() -> None:
    balances = Balances({"USDT": D(10)})
    balances.lock("USDT", D(30))
    assert balances.of("USDT") == Balance("USDT", D(0), D(10), D(10))
    balances.apply(journal.transfer("USDT", D(-15)))
    assert balances.of("USDT") == Balance("USDT", D(-5), D(0), D(-5))
    assert balances.of("ETH") == Balance("ETH", D(0), D(0), D(0))


@given(fills, st.decimals("0", "100000", places=4))
def test_balances_equal_the_sum_of_cash_lines(some_fills: list[FillTuple], locked: Decimal) -> None:
    entries = [
        journal.spot_fill(a_spot(), side=side, price=price, quantity=quantity, fee=D("0.3"), fee_asset="USDT")
        for side, price, quantity in some_fills
    ]
    balances = balances_from(entries)
    balances.lock("USDT", locked)
    cash = {asset: total for (account, asset), total in sums_of(entries).items() if account == CASH}
    assert {balance.asset: balance.total for balance in balances if balance.total} == cash
    for balance in balances:
        assert balance.free + balance.locked == balance.total
        assert balance.locked >= 0

"""Every entry sums to zero per asset, and positions and balances are sums of lines."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain import journal
from engine.domain.errors import BadInput, InvariantBroken
from engine.domain.journal import CASH, Entry, EntryKind, Line, sums_of
from engine.domain.kinds import Side
from engine.domain.position import Position
from tests.engine.domain.test_position import FillTuple, fills
from tests.support.domain import a_perpetual, a_spot

D = Decimal
SPOT, PERPETUAL = a_spot(), a_perpetual()


def lines(entry: Entry) -> dict[tuple[str, str], Decimal]:
    return {(line.ledger_account, line.asset): line.amount for line in entry.lines}


def test_a_spot_buy_by_hand() -> None:
    entry = journal.spot_fill(SPOT, side=Side.BUY, price=D(60_000), quantity=D("0.1"), fee=D("0.0001"), fee_asset="BTC")
    assert entry.kind is EntryKind.FILL
    assert sums_of([entry]) == {
        (CASH, "BTC"): D("0.0999"),
        ("trading:BTC/USDT", "BTC"): D("-0.1"),
        (CASH, "USDT"): D(-6000),
        ("trading:BTC/USDT", "USDT"): D(6000),
        ("expenses:fees", "BTC"): D("0.0001"),
    }


@pytest.mark.parametrize("fee_asset", ["BTC", "USDT", "BNB"])
def test_a_fee_leaves_cash_in_whatever_asset_it_is(fee_asset: str) -> None:
    fill = {"side": Side.SELL, "price": D(60_000), "quantity": D("0.1"), "fee_asset": fee_asset}
    with_fee = sums_of([journal.spot_fill(SPOT, fee=D("0.5"), **fill)])  # type: ignore[arg-type]
    without = sums_of([journal.spot_fill(SPOT, fee=D(0), **fill)])  # type: ignore[arg-type]
    assert with_fee[CASH, fee_asset] == without.get((CASH, fee_asset), D(0)) - D("0.5")
    assert with_fee["expenses:fees", fee_asset] == D("0.5")


def test_a_rebate_comes_into_cash() -> None:
    entry = journal.spot_fill(SPOT, side=Side.BUY, price=D(1), quantity=D(1), fee=D("-0.2"), fee_asset="BNB")
    assert lines(entry)[CASH, "BNB"] == D("0.2")


def test_a_perpetual_fill_by_hand() -> None:
    entry = journal.perpetual_fill(
        PERPETUAL, side=Side.SELL, quantity=D("0.02"), realized_pnl=D(7), fee=D("0.2"), fee_asset="USDT"
    )
    assert sums_of([entry]) == {
        ("positions:BTC/USDT:USDT", "BTC"): D("-0.02"),
        ("trading:BTC/USDT:USDT", "BTC"): D("0.02"),
        (CASH, "USDT"): D("6.8"),
        ("income:realized_pnl", "USDT"): D(-7),
        ("expenses:fees", "USDT"): D("0.2"),
    }


def test_an_opening_fill_without_a_fee_moves_units_only() -> None:
    entry = journal.perpetual_fill(
        PERPETUAL, side=Side.BUY, quantity=D("0.01"), realized_pnl=D(0), fee=D(0), fee_asset="USDT"
    )
    assert len(entry.lines) == 2


@pytest.mark.parametrize(
    ("entry", "kind", "against"),
    [
        (journal.opening_balance("USDT", D(100)), "opening", "equity:opening"),
        (journal.transfer("USDT", D(100)), "deposit", "equity:transfers"),
        (journal.funding("USDT", D(100)), "funding", "income:funding"),
        (journal.adjustment("USDT", D(100)), "adjustment", "equity:adjustments"),
    ],
)
def test_money_from_outside_comes_into_cash(entry: Entry, kind: str, against: str) -> None:
    assert entry.kind == kind
    assert lines(entry) == {(CASH, "USDT"): D(100), (against, "USDT"): D(-100)}


def test_a_withdrawal_leaves_cash() -> None:
    entry = journal.transfer("BTC", D("-0.5"))
    assert (entry.kind, lines(entry)[CASH, "BTC"]) == (EntryKind.WITHDRAWAL, D("-0.5"))


def test_an_opening_position_moves_units_and_no_money() -> None:
    entry = journal.opening_position(PERPETUAL, D("-0.3"))
    assert lines(entry) == {
        ("positions:BTC/USDT:USDT", "BTC"): D("-0.3"),
        ("trading:BTC/USDT:USDT", "BTC"): D("0.3"),
    }


@pytest.mark.parametrize("amount", ["0", "NaN", "Infinity"])
def test_an_entry_of_nothing_is_refused(amount: str) -> None:
    with pytest.raises(BadInput, match="amount"):
        journal.funding("USDT", D(amount))
    with pytest.raises(BadInput, match="amount"):
        journal.opening_position(PERPETUAL, D(amount))


@pytest.mark.parametrize(
    "bad",
    [
        (Line(CASH, "USDT", D(1)), Line("equity:opening", "USDT", D("-0.99"))),
        (Line(CASH, "USDT", D(1)), Line("equity:opening", "BTC", D(-1))),
        (Line(CASH, "USDT", D(0)),),
        (Line(CASH, "USDT", D("NaN")), Line("equity:opening", "USDT", D("NaN"))),
    ],
)
def test_an_entry_that_does_not_balance_cannot_be_made(bad: tuple[Line, ...]) -> None:
    with pytest.raises(InvariantBroken):
        Entry(EntryKind.ADJUSTMENT, bad)


fees = st.tuples(st.integers(-10, 100).map(lambda n: D(n) / 1000), st.sampled_from(["BTC", "USDT", "BNB"]))


@given(fills, st.lists(fees, min_size=30, max_size=30))
def test_spot_books_add_up(some_fills: list[FillTuple], some_fees: list[tuple[Decimal, str]]) -> None:
    entries = [journal.opening_balance("USDT", D(1_000_000))]
    for (side, price, quantity), (fee, asset) in zip(some_fills, some_fees, strict=False):
        entries.append(journal.spot_fill(SPOT, side=side, price=price, quantity=quantity, fee=fee, fee_asset=asset))
    sums = sums_of(entries)
    for asset in ("BTC", "USDT", "BNB"):
        assert sum((total for (_, name), total in sums.items() if name == asset), D(0)) == 0
    size = sum((side.sign * quantity for side, _, quantity in some_fills), D(0))
    cash_flow = sum((-side.sign * price * quantity for side, price, quantity in some_fills), D(0))
    assert sums.get(("trading:BTC/USDT", "BTC"), D(0)) == -size
    assert sums.get(("trading:BTC/USDT", "USDT"), D(0)) == -cash_flow


@given(fills)
def test_perpetual_books_hold_the_position_and_its_profit(some_fills: list[FillTuple]) -> None:
    position = Position(instrument=PERPETUAL)
    entries: list[Entry] = []
    for side, price, quantity in some_fills:
        realized = position.apply_fill(side, price, quantity)
        entries.append(
            journal.perpetual_fill(
                PERPETUAL, side=side, quantity=quantity, realized_pnl=realized, fee=D("0.1"), fee_asset="USDT"
            )
        )
    sums = sums_of(entries)
    assert sums.get(("positions:BTC/USDT:USDT", "BTC"), D(0)) == position.size
    assert sums.get(("income:realized_pnl", "USDT"), D(0)) == -position.realized_pnl
    assert sums.get((CASH, "USDT"), D(0)) == position.realized_pnl - D("0.1") * len(some_fills)


@given(fills)
def test_a_reversal_takes_an_entry_back(some_fills: list[FillTuple]) -> None:
    entries = [
        journal.spot_fill(SPOT, side=side, price=price, quantity=quantity, fee=D(1), fee_asset="BNB")
        for side, price, quantity in some_fills
    ]
    assert sums_of(entries + [journal.reversal(entry) for entry in entries]) == {}

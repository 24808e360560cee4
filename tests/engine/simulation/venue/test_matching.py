from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.kinds import DoneReason, Liquidity, OrderType, Side, TimeInForce
from engine.runtime.entropy import seeded_rng
from engine.simulation.venue.kinds import FaultKind
from engine.simulation.venue.rules import FeeIn, rough_rules
from tests.engine.simulation.venue.support import ACCOUNT, BTC, PERP, PRICES, D, Rig, instruments, rules

LIMIT, MARKET, STOP, STOP_LIMIT = OrderType.LIMIT, OrderType.MARKET, OrderType.STOP, OrderType.STOP_LIMIT


def test_a_market_order_trades_at_the_market() -> None:
    rig = Rig()
    rig.dial()
    order = rig.placed(type=MARKET)

    assert order.reason is DoneReason.FILLED
    assert [(trade.price, trade.liquidity) for trade in order.trades] == [(D(60_000), Liquidity.TAKER)]


def test_a_limit_order_rests_and_trades_at_its_own_price() -> None:
    rig = Rig()
    rig.dial()
    order = rig.placed()
    rig.price("59000.01")
    assert order.trades == []

    rig.price("58000")
    assert [(trade.price, trade.liquidity) for trade in order.trades] == [(D(59_000), Liquidity.MAKER)]
    assert order.reason is DoneReason.FILLED


@pytest.mark.parametrize("time_in_force", [TimeInForce.IOC, TimeInForce.FOK])
def test_an_immediate_order_that_finds_nothing_expires(time_in_force: TimeInForce) -> None:
    rig = Rig()
    rig.dial()

    assert rig.placed(time_in_force=time_in_force).reason is DoneReason.EXPIRED


@given(st.integers(0, 300))
def test_a_fill_or_kill_order_is_filled_whole_or_not_at_all(seed: int) -> None:
    rig = Rig(rough_rules("lying", instruments(), PRICES))
    rig.venue.matching._rng = seeded_rng(seed)
    rig.dial()
    order = rig.placed(price=D(61_000), time_in_force=TimeInForce.FOK)

    assert order.filled in (D(0), D("0.1"))


@given(st.integers(0, 300))
def test_parts_add_up_and_an_immediate_rest_expires(seed: int) -> None:
    rig = Rig(rough_rules("lying", instruments(), PRICES))
    rig.venue.matching._rng = seeded_rng(seed)
    rig.dial()
    order = rig.placed(type=MARKET)

    assert D(0) <= order.filled <= D("0.1")
    assert order.reason is (DoneReason.FILLED if order.filled == D("0.1") else DoneReason.EXPIRED)


def test_a_stop_waits_and_then_takes() -> None:
    rig = Rig()
    rig.dial()
    stop = rig.placed(type=STOP, stop_price=D(61_000))
    rig.price("60999")
    assert stop.is_waiting

    rig.price("61000")
    assert stop.reason is DoneReason.FILLED
    assert stop.trades[0].price == D(61_000)


def test_a_stop_limit_rests_once_it_has_triggered() -> None:
    rig = Rig()
    rig.dial()
    stop = rig.placed(type=STOP_LIMIT, side=Side.SELL, stop_price=D(59_000), price=D(59_500))
    rig.price("58000")
    assert (stop.is_waiting, stop.is_open, stop.trades) == (False, True, [])

    rig.price("59500")
    assert stop.reason is DoneReason.FILLED


def test_a_stop_that_cannot_be_paid_expires() -> None:
    rig = Rig()
    rig.dial()
    stop = rig.placed(type=STOP, stop_price=D(61_000), quantity=D(1))
    rig.by_hand(lambda: rig.venue.hand.transfer(ACCOUNT, "USDT", D(-50_000)))
    rig.price("120000")

    assert stop.reason is DoneReason.EXPIRED


def test_a_reduce_only_order_closes_and_never_opens() -> None:
    rig = Rig()
    rig.dial()
    rig.submit(symbol=PERP, type=MARKET, quantity=D(1))
    closing = {"symbol": PERP, "side": Side.SELL, "reduce_only": True}
    resting = rig.placed(price=D(61_000), quantity=D(1), **closing)
    rig.placed(type=MARKET, quantity=D(3), **closing)

    assert rig.venue.truth.accounts[ACCOUNT].positions() == ()
    assert resting.reason is DoneReason.CANCELLED


@pytest.mark.parametrize(
    ("fees", "changes", "paid"),
    [
        (FeeIn.QUOTE, {}, (D(12), "USDT")),
        (FeeIn.RECEIVED, {}, (D("0.0002"), "BTC")),
        (FeeIn.RECEIVED, {"side": Side.SELL}, (D(12), "USDT")),
        (FeeIn.RECEIVED, {"symbol": PERP}, (D(3), "USDT")),
        (FeeIn.THIRD, {}, (D("0.02"), "BNB")),
        (FeeIn.THIRD, {"symbol": PERP}, (D("0.005"), "BNB")),
    ],
)
def test_a_fee_is_taken_in_its_asset(fees: FeeIn, changes: dict[str, Any], paid: tuple[D, str]) -> None:
    rig = Rig(rules(fees=(fees,)))
    rig.dial()
    trade = rig.placed(type=MARKET, **changes).trades[0]

    assert (trade.fee, trade.fee_asset) == paid


def test_who_has_none_of_the_third_asset_pays_in_quote() -> None:
    rig = Rig(rules(fees=(FeeIn.THIRD,)))
    rig.dial()
    rig.by_hand(lambda: rig.venue.hand.transfer(ACCOUNT, "BNB", D(-5)))

    assert rig.placed(type=MARKET).trades[0].fee_asset == "USDT"


def test_a_market_that_walks_moves_by_ticks_and_fills() -> None:
    rig = Rig(msgspec.structs.replace(rough_rules("lying", instruments(), PRICES), walk_ticks=2_000))
    rig.dial()
    orders = [rig.placed(price=D(59_990), quantity=D("0.01")) for _ in range(5)]
    rig.wait(600)

    assert all(order.reason is DoneReason.FILLED for order in orders)
    assert rig.venue.truth.prices[BTC] != D(60_000)


def test_an_overfill_is_made_on_purpose_only() -> None:
    rig = Rig()
    rig.dial()
    rig.lie(FaultKind.OVERFILL)
    first, second = rig.placed(type=MARKET), rig.placed(type=MARKET)

    assert first.filled > first.quantity
    assert second.filled == second.quantity
    assert not rig.venue.has_kept_its_word

"""A bracket guards what it has, exactly that much, and leaves by one door only."""

from decimal import Decimal

import pytest

from engine.domain.instrument import Instrument
from engine.domain.kinds import OrderStatus, OrderType, Side, TimeInForce
from tests.support.plan_bench import PlanBench

LONG = {"side": "buy", "quantity": "10", "entry_price": "100", "stop_price": "90", "take_price": "120"}


def sizes(bench: PlanBench) -> dict[str, Decimal]:
    return {name: order.terms.quantity - order.booked for name, order in bench.living()}


def test_the_entry_comes_first_and_alone(perpetual: Instrument) -> None:
    bench = PlanBench("bracket", LONG, perpetual)
    (entry,) = bench.wanted().values()
    assert (entry.side, entry.type, entry.price, entry.quantity) == (
        Side.BUY,
        OrderType.LIMIT,
        Decimal(100),
        Decimal(10),
    )


def test_what_fills_is_guarded_by_a_stop_of_its_size(perpetual: Instrument) -> None:
    bench = PlanBench("bracket", LONG, perpetual)
    bench.advance()
    bench.fill("entry", "4")
    wanted = bench.wanted()
    assert {name: each.quantity for name, each in wanted.items()} == {"entry": 6, "stop": 4}
    stop = wanted["stop"]
    assert (stop.type, stop.stop_price, stop.side, stop.reduce_only) == (OrderType.STOP, Decimal(90), Side.SELL, True)


def test_the_stop_grows_with_the_entry(perpetual: Instrument) -> None:
    bench = PlanBench("bracket", LONG, perpetual)
    bench.advance()
    bench.fill("entry", "4")
    bench.advance()
    bench.accept("stop")
    bench.fill("entry", "6")
    bench.advance()
    assert [name for name, order in bench.living() if order.is_cancelling] == ["stop"]
    bench.end("stop")
    bench.advance()
    assert sizes(bench) == {"stop": 10}


def test_a_stop_that_has_begun_to_fill_is_not_made_larger(perpetual: Instrument) -> None:
    bench = PlanBench("bracket", LONG, perpetual)
    bench.advance()
    bench.fill("entry")
    bench.advance()
    bench.fill("stop", "3", price=Decimal(90))
    bench.advance()
    assert not bench.order("stop").is_cancelling
    bench.fill("stop", price=Decimal(90))
    assert bench.advance().finished == "stopped"
    assert bench.running.realized_pnl == -100


def test_a_target_alone_rests(perpetual: Instrument) -> None:
    alone = {name: value for name, value in LONG.items() if name != "stop_price"}
    bench = PlanBench("bracket", alone, perpetual)
    bench.advance()
    bench.fill("entry")
    take = bench.wanted()["take"]
    assert (take.type, take.price, take.time_in_force) == (OrderType.LIMIT, Decimal(120), TimeInForce.GTC)
    bench.fill("take")
    assert bench.advance().finished == "target_reached"
    assert bench.running.realized_pnl == 200


def test_an_exit_ends_an_entry_that_still_rests(perpetual: Instrument) -> None:
    bench = PlanBench("bracket", LONG, perpetual)
    bench.advance()
    bench.fill("entry", "4")
    bench.advance()
    bench.fill("stop", price=Decimal(90))
    assert "entry" not in bench.wanted()
    assert bench.order("entry").is_cancelling


def test_a_late_fill_of_a_cancelled_entry_is_guarded_too(perpetual: Instrument) -> None:
    bench = PlanBench("bracket", LONG, perpetual)
    bench.advance()
    bench.fill("entry", "4")
    bench.advance()
    bench.fill("stop")
    bench.advance()
    bench.fill("entry", "2")
    wanted = bench.wanted()
    assert wanted["stop"].quantity == 2


def test_a_refused_entry_is_wanted_again(spot: Instrument) -> None:
    bench = PlanBench("bracket", LONG, spot)
    bench.advance()
    bench.end("entry", OrderStatus.REJECTED)
    assert set(bench.wanted()) == {"entry"}


def test_an_entry_that_ends_unfilled_ends_the_bracket(spot: Instrument) -> None:
    bench = PlanBench("bracket", LONG, spot)
    bench.advance()
    bench.end("entry")
    assert bench.advance().finished == "not_entered"


def test_an_entry_has_a_last_moment(spot: Instrument) -> None:
    bench = PlanBench("bracket", LONG | {"entry_timeout": 60}, spot)
    plan = bench.advance()
    assert plan.wake_at_ns == bench.now_ns + 60_000_000_000
    bench.now_ns += 60_000_000_000
    assert bench.wanted() == {}
    assert bench.order("entry").is_cancelling


def test_only_the_stop_rests(spot: Instrument) -> None:
    bench = PlanBench("bracket", LONG, spot)
    bench.advance()
    bench.fill("entry")
    wanted = bench.wanted()
    assert set(wanted) == {"stop"}
    assert not wanted["stop"].reduce_only


def test_the_stop_makes_room_when_the_target_is_touched(spot: Instrument) -> None:
    bench = PlanBench("bracket", LONG, spot)
    bench.advance()
    bench.fill("entry")
    bench.advance()
    bench.accept("stop")
    bench.price = Decimal(120)
    assert bench.wanted() == {}
    assert bench.order("stop").is_cancelling
    bench.end("stop")
    wanted = bench.wanted()
    assert (wanted["take"].price, wanted["take"].time_in_force) == (Decimal(120), TimeInForce.IOC)


def test_the_stop_comes_back_for_what_the_target_leaves(spot: Instrument) -> None:
    bench = PlanBench("bracket", LONG, spot)
    bench.advance()
    bench.fill("entry")
    bench.advance()
    bench.price = Decimal(120)
    bench.advance()
    bench.end("stop")
    bench.advance()
    bench.fill("take", "4")
    bench.end("take", OrderStatus.EXPIRED)
    wanted = bench.wanted()
    assert {name: each.quantity for name, each in wanted.items()} == {"stop": 6}
    bench.now_ns += 1_000_000_000
    assert bench.wanted() == {}  # The target is still touched: the stop makes room again.


def test_a_stop_that_would_trigger_at_once_becomes_a_market_order(perpetual: Instrument) -> None:
    bench = PlanBench("bracket", LONG, perpetual)
    bench.advance()
    bench.fill("entry")
    bench.price = Decimal(89)
    stop = bench.wanted()["stop"]
    assert (stop.type, stop.quantity, stop.is_protective) == (OrderType.MARKET, Decimal(10), True)


@pytest.mark.parametrize("price", ["89", "95"])
def test_a_market_order_on_its_way_out_is_left_alone(price: str, perpetual: Instrument) -> None:
    bench = PlanBench("bracket", LONG, perpetual)
    bench.advance()
    bench.fill("entry")
    bench.price = Decimal(89)
    bench.advance()
    ((name, leaving),) = bench.living()
    bench.price = Decimal(price)
    bench.advance()
    assert bench.living() == [(name, leaving)]
    assert not leaving.is_cancelling


def test_it_says_how_much_is_not_guarded(perpetual: Instrument) -> None:
    bench = PlanBench("bracket", LONG, perpetual)
    bench.advance()
    bench.fill("entry", "4")
    assert bench.advance().unprotected == 4
    bench.accept("stop")
    assert bench.advance().unprotected == 0
    bench.fill("entry", "1")
    assert bench.advance().unprotected == 1


def test_a_short_bracket_is_the_mirror(perpetual: Instrument) -> None:
    short = {"side": "sell", "quantity": "10", "stop_price": "110", "take_price": "80"}
    bench = PlanBench("bracket", short, perpetual)
    bench.advance()
    bench.fill("entry", price=Decimal(100))
    wanted = bench.wanted()
    assert (wanted["stop"].side, wanted["stop"].stop_price) == (Side.BUY, Decimal(110))
    bench.price = Decimal(79)
    assert bench.wanted() == {}
    bench.end("stop")
    bench.advance()
    bench.fill("take", price=Decimal(80))
    assert bench.advance().finished == "target_reached"
    assert bench.running.realized_pnl == 200


def test_dust_that_no_order_can_close_is_named(spot: Instrument) -> None:
    bench = PlanBench("bracket", LONG, spot)
    bench.advance()
    bench.fill("entry", "0.01")
    bench.end("entry")
    bench.advance()
    bench.fill("stop", "0.005")
    bench.end("stop")
    assert bench.advance().finished == "rest_too_small_to_close"

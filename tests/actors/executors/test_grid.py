"""Every cell of a grid opens and closes in turn, and a stop clears all of them."""

from decimal import Decimal

from engine.domain.instrument import Instrument
from engine.domain.kinds import OrderType, Side
from tests.support.plan_bench import PlanBench

LONG = {"side": "buy", "quantity": "1", "lower_price": "90", "upper_price": "110", "levels": 5}


def prices(bench: PlanBench) -> dict[str, Decimal | None]:
    return {name: each.price for name, each in bench.wanted().items()}


def test_cells_below_the_market_open(spot: Instrument) -> None:
    bench = PlanBench("grid", LONG, spot)
    assert prices(bench) == {"open:0": Decimal(90), "open:1": Decimal(95), "open:2": Decimal(100)}
    bench.price = Decimal(106)
    assert set(bench.wanted()) == {"open:0", "open:1", "open:2", "open:3"}


def test_a_filled_cell_closes_one_level_up_and_opens_again(spot: Instrument) -> None:
    bench = PlanBench("grid", LONG, spot)
    bench.advance()
    bench.fill("open:1")
    closing = bench.wanted()["close:1"]
    assert (closing.price, closing.side, closing.quantity) == (Decimal(100), Side.SELL, Decimal(1))
    assert "open:1" not in bench.wanted()
    bench.fill("close:1")
    assert bench.wanted()["open:1"].price == 95
    assert bench.running.realized_pnl == 5


def test_a_half_filled_opening_keeps_resting_until_the_market_has_left(spot: Instrument) -> None:
    bench = PlanBench("grid", LONG, spot)
    bench.advance()
    bench.fill("open:2", "0.5")
    assert "close:2" not in bench.wanted()
    bench.price = Decimal(105)
    bench.advance()
    assert bench.order("open:2").is_cancelling
    bench.end("open:2")
    assert bench.wanted()["close:2"].quantity == Decimal("0.5")


def test_a_cell_that_somebody_else_cancelled_stays_empty(spot: Instrument) -> None:
    bench = PlanBench("grid", LONG, spot)
    bench.advance()
    bench.end("open:0")
    assert "open:0" not in bench.wanted()


def test_beyond_the_stop_everything_is_cancelled_then_sold(spot: Instrument) -> None:
    bench = PlanBench("grid", LONG | {"stop_price": "80"}, spot)
    bench.advance()
    bench.fill("open:2")
    bench.fill("open:1", "0.4")
    bench.advance()
    bench.price = Decimal(80)
    assert bench.wanted() == {}
    for name in ("open:0", "open:1", "close:2"):
        assert bench.order(name).is_cancelling
        bench.end(name)
    wanted = bench.wanted()["exit"]
    assert (wanted.type, wanted.side, wanted.quantity) == (OrderType.MARKET, Side.SELL, Decimal("1.4"))
    bench.price = Decimal(95)  # It does not change its mind.
    bench.fill("exit")
    assert bench.advance().finished == "stopped"


def test_a_short_grid_is_the_mirror(perpetual: Instrument) -> None:
    bench = PlanBench("grid", LONG | {"side": "sell"}, perpetual)
    assert prices(bench) == {"open:0": Decimal(110), "open:1": Decimal(105)}
    bench.fill("open:1")
    closing = bench.wanted()["close:1"]
    assert (closing.side, closing.price, closing.reduce_only) == (Side.BUY, Decimal(100), True)

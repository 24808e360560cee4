from engine.domain.kinds import OrderType, Side
from tests.engine.simulation.venue.support import BTC, D, Rig


def test_the_market_meets_the_best_price_first_and_the_oldest_within_it() -> None:
    rig = Rig()
    rig.dial()
    low, high, younger = (rig.placed(price=D(price)) for price in ("58000", "59000", "59000"))
    book = rig.venue.truth.books[BTC]

    assert list(book.crossed(D(58_000))) == [high, younger, low]
    assert list(book.crossed(D(58_500))) == [high, younger]
    assert list(book.crossed(D(60_000))) == []


def test_sales_are_met_from_below() -> None:
    rig = Rig()
    rig.dial()
    high, low = (rig.placed(side=Side.SELL, price=D(price)) for price in ("62000", "61000"))

    assert list(rig.venue.truth.books[BTC].crossed(D(62_000))) == [low, high]


def test_stops_wait_apart() -> None:
    rig = Rig()
    rig.dial()
    stop = rig.placed(type=OrderType.STOP, stop_price=D(61_000))
    book = rig.venue.truth.books[BTC]

    assert list(book.triggered(D(61_000))) == [stop]
    assert list(book.triggered(D(60_999))) == []
    assert list(book.crossed(D(60_000))) == []


def test_an_order_that_ended_is_gone() -> None:
    rig = Rig()
    rig.dial()
    order = rig.placed()
    rig.cancel(order)

    assert list(rig.venue.truth.books[BTC].crossed(D(1))) == []

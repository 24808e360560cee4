"""Reservations never leak: after any history they are the sum of the orders that are left."""

from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.identifiers import OrderId
from engine.domain.kinds import Side
from engine.domain.position import Position
from engine.domain.reservations import Reservation, Reservations, required_margin, spot_need
from tests.support.domain import a_perpetual, a_reservation, a_spot

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
SPOT, PERPETUAL = a_spot(), a_perpetual()


def an_id(number: int) -> OrderId:
    return OrderId(UUID(int=number))


def test_a_buy_and_a_sell_by_hand() -> None:
    book = Reservations()
    book.take(a_reservation(1, BUY, quantity="0.1", price="60000"))
    book.take(a_reservation(2, SELL, quantity="0.3", price="61000"))
    exposure = book.exposure("BTC/USDT")
    assert (exposure.count, exposure.buys, exposure.sells) == (2, D("0.1"), D("0.3"))
    assert (exposure.buys_value, exposure.sells_value) == (D(6000), D(18300))
    assert (exposure.buy_prices, exposure.sell_prices) == ([D(60000)], [D(61000)])
    assert book.held_assets() == {"USDT": D(6006), "BTC": D("0.3")}
    assert (exposure.worst_size(D(1), BUY), exposure.worst_size(D(1), SELL, D("0.2"))) == (D("1.1"), D("0.5"))


def test_a_fill_shrinks_and_an_end_releases() -> None:
    book = Reservations()
    book.take(a_reservation(1))
    assert book.shrink(an_id(1), D("0.04"))
    assert (book.exposure("BTC/USDT").buys, book.held("USDT")) == (D("0.04"), D("2402.4"))
    assert not book.shrink(an_id(1), D("0.05"))
    released = book.release(an_id(1))
    assert released is not None
    assert released.quantity == D("0.04")
    assert (len(book), book.exposure("BTC/USDT").count, book.held_assets()) == (0, 0, {})


def test_an_unknown_order_is_ignored() -> None:
    book = Reservations()
    assert not book.shrink(an_id(9), D(0))
    assert book.release(an_id(9)) is None
    assert book.get(an_id(9)) is None


def test_taking_twice_reserves_once() -> None:
    book = Reservations()
    for _ in range(2):
        book.take(a_reservation(1))
    assert (len(book), book.exposure("BTC/USDT").buys) == (1, D("0.1"))


def test_a_perpetual_holds_no_asset_but_margin() -> None:
    book = Reservations()
    book.take(a_reservation(1, BUY, instrument=PERPETUAL, quantity="1", price="1000"))
    book.take(a_reservation(2, SELL, instrument=PERPETUAL, quantity="1", price="3000"))
    assert book.held_assets() == {}
    position = Position(instrument=PERPETUAL)
    assert book.required_margin(position) == D(150)
    position.apply_fill(BUY, D(2500), D(1))
    assert book.required_margin(position) == D(175)
    assert Reservations().required_margin(position) == D(125)


def test_a_reduce_only_order_widens_no_exposure_but_rests() -> None:
    book = Reservations()
    book.take(a_reservation(1, SELL, instrument=PERPETUAL, reduce_only=True))
    exposure = book.exposure(PERPETUAL.symbol)
    assert (exposure.count, exposure.sells, exposure.sells_value, exposure.sell_prices) == (1, D(0), D(0), [D(60000)])


@pytest.mark.parametrize(
    ("size", "reduces", "worst"),
    [("20", "12", "-12"), ("20", "20", "-20"), ("5", "12", "-20"), ("0", "12", "-20"), ("-1", "12", "-21")],
)
def test_what_reduces_makes_room_for_the_other_orders_of_its_side(size: str, reduces: str, worst: str) -> None:
    book = Reservations()
    book.take(a_reservation(1, SELL, instrument=PERPETUAL, quantity=reduces, reduce_only=True))
    book.take(a_reservation(2, SELL, instrument=PERPETUAL, quantity="20"))
    exposure = book.exposure(PERPETUAL.symbol)
    assert exposure.worst_size(D(size), SELL) == D(worst)
    assert exposure.worst_size(D(size), BUY) == D(size)
    mirrored = Reservations()
    mirrored.take(a_reservation(1, BUY, instrument=PERPETUAL, quantity=reduces, reduce_only=True))
    mirrored.take(a_reservation(2, BUY, instrument=PERPETUAL, quantity="20"))
    assert mirrored.exposure(PERPETUAL.symbol).worst_size(-D(size), BUY) == -D(worst)


def test_a_market_order_rests_nowhere() -> None:
    book = Reservations()
    book.take(a_reservation(1, resting_price=None))
    assert book.exposure("BTC/USDT").buy_prices == []
    assert book.release(an_id(1)) is not None


@pytest.mark.parametrize("sells", ["0", "100", "1000"])
def test_margin_is_for_the_larger_side(sells: str) -> None:
    position = Position(instrument=PERPETUAL)
    position.apply_fill(SELL, D(100), D(1))
    assert required_margin(position, D(300), D(sells)) == D("0.05") * max(D(200), D(sells) + 100)


Step = Callable[[Reservations], object]


def take_step(order: Reservation) -> Step:
    return lambda book: book.take(order)


orders = st.builds(
    a_reservation,
    number=st.integers(1, 5),
    side=st.sampled_from([BUY, SELL]),
    instrument=st.sampled_from([SPOT, PERPETUAL, a_spot(taker_fee="0.00018", fee_decimals=2)]),
    quantity=st.sampled_from(["0.1", "0.33333", "2"]),
    price=st.sampled_from(["60000", "60000.01", "59999.5"]),
    resting_price=st.sampled_from([None, D(60000), D(61000)]),
    reduce_only=st.booleans(),
)
steps: st.SearchStrategy[Step] = st.one_of(
    orders.map(take_step),
    st.tuples(st.integers(1, 5), st.sampled_from(["0", "0.05", "0.1", "5"])).map(
        lambda pair: lambda book: book.shrink(an_id(pair[0]), D(pair[1]))
    ),
    st.integers(1, 5).map(lambda number: lambda book: book.release(an_id(number))),
)


def sum_of(numbers: list[Decimal]) -> Decimal:
    return sum(numbers, D(0))


@given(st.lists(steps, max_size=25))
def test_the_sums_are_those_of_the_orders_that_are_left(history: list[Step]) -> None:
    book = Reservations()
    for step in history:
        step(book)
    held: dict[str, Decimal] = {}
    for order in book:
        if not order.instrument.is_perpetual:
            asset, amount = spot_need(order)
            held[asset] = held.get(asset, D(0)) + amount
    assert book.held_assets() == {asset: amount for asset, amount in held.items() if amount}
    for symbol in (SPOT.symbol, PERPETUAL.symbol):
        exposure = book.exposure(symbol)
        mine = [order for order in book if order.instrument.symbol == symbol]
        buys = [order for order in mine if order.side is BUY and not order.reduce_only]
        sells = [order for order in mine if order.side is SELL and not order.reduce_only]
        reducing = {side: [o.quantity for o in mine if o.side is side and o.reduce_only] for side in (BUY, SELL)}
        assert exposure.reducing_buys == sum_of(reducing[BUY])
        assert exposure.reducing_sells == sum_of(reducing[SELL])
        assert exposure.count == len(mine)
        assert exposure.buys == sum_of([order.quantity for order in buys])
        assert exposure.sells == sum_of([order.quantity for order in sells])
        assert exposure.buys_value == sum_of([order.value for order in buys])
        assert exposure.sells_value == sum_of([order.value for order in sells])
        assert exposure.buy_prices == sorted(o.resting_price for o in mine if o.side is BUY and o.resting_price)
        assert exposure.sell_prices == sorted(o.resting_price for o in mine if o.side is SELL and o.resting_price)


@given(st.lists(steps, max_size=25))
def test_nothing_is_left_when_every_order_is_over(history: list[Step]) -> None:
    book = Reservations()
    for step in history:
        step(book)
    for number in range(1, 6):
        book.release(an_id(number))
    assert (len(book), list(book), book.held_assets()) == (0, [], {})
    for symbol in (SPOT.symbol, PERPETUAL.symbol):
        exposure = book.exposure(symbol)
        assert not any([exposure.count, exposure.buys, exposure.sells, exposure.buys_value, exposure.sells_value])
        assert not any([exposure.reducing_buys, exposure.reducing_sells])

"""Each limit by hand, at its edge and one step beyond."""

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.domain import limits
from engine.domain.kinds import Side
from engine.domain.position import Position
from engine.domain.reservations import Exposure, Reservations
from engine.domain.violation import Violation
from tests.support.domain import a_perpetual, a_reservation

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
SECOND_NS = 1_000_000_000


def an_exposure(buys: str = "0", sells: str = "0") -> Exposure:
    """Return open buys and sells on the perpetual at 100."""
    book = Reservations()
    book.take(a_reservation(1, BUY, instrument=a_perpetual(), quantity=buys, price="100"))
    book.take(a_reservation(2, SELL, instrument=a_perpetual(), quantity=sells, price="100", resting_price=D(110)))
    return book.exposure(a_perpetual().symbol)


def a_position(size: str = "0", price: str = "100") -> Position:
    position = Position(instrument=a_perpetual())
    if D(size):
        position.apply_fill(BUY if D(size) > 0 else SELL, D(price), abs(D(size)))
    return position


def test_the_value_of_one_order() -> None:
    assert limits.check_order_notional(D(1000), D(1000)) is None
    assert limits.check_order_notional(D("1000.01"), D("1E+3")) == Violation("order_notional", "1000", "1000.01")


@pytest.mark.parametrize(
    ("size", "buys", "sells", "side", "quantity", "worst"),
    [
        ("3", "4", "0", BUY, "3", None),
        ("3", "4", "0", BUY, "3.001", "10.001"),
        ("-3", "0", "4", SELL, "3.001", "10.001"),
        ("3", "0", "10", SELL, "3", None),
        ("3", "0", "10", SELL, "3.001", "10.001"),
        ("12", "0", "0", SELL, "1", None),
        ("12", "0", "0", BUY, "0.001", "12.001"),
        ("-12", "0", "0", BUY, "24", None),
        ("-12", "0", "0", BUY, "24.001", "12.001"),
    ],
)
def test_the_size_of_a_position_counts_open_orders_on_their_worse_side(
    size: str, buys: str, sells: str, side: Side, quantity: str, worst: str | None
) -> None:
    found = limits.check_position_size(D(size), an_exposure(buys, sells), side, D(quantity), D(10))
    assert (found and found.value) == worst


@pytest.mark.parametrize(
    ("size", "side", "quantity", "worth"),
    [
        ("5", BUY, "5", None),
        ("5", BUY, "5.001", "1000.1"),
        ("5", SELL, "15", None),
        ("5", SELL, "15.001", "1000.1"),
        ("20", SELL, "1", None),
    ],
)
def test_the_value_of_a_position_is_at_the_mark(size: str, side: Side, quantity: str, worth: str | None) -> None:
    found = limits.check_position_notional(
        a_position(size), an_exposure(), side, D(quantity), mark=D(100), limit=D(1000)
    )
    assert (found and found.value) == worth


def test_the_number_of_open_orders() -> None:
    assert limits.check_open_orders(19, 20) is None
    assert limits.check_open_orders(20, 20) == Violation("open_orders", "20", "21")


@pytest.mark.parametrize(
    ("price", "distance"), [("110", None), ("90", None), ("110.01", "10.01"), ("89.99", "10.01"), ("1000", "900")]
)
def test_the_distance_from_the_mark(price: str, distance: str | None) -> None:
    found = limits.check_price_band(D(price), D(100), D(10))
    assert (found and found.value) == distance


def test_without_a_mark_no_price_is_near_it() -> None:
    assert limits.check_price_band(D(100), None, D(10)) == Violation("no_mark_price", "a mark price", "none")


def test_what_is_free_pays_for_an_order() -> None:
    assert limits.check_balance("USDT", D(100), D(100)) is None
    assert limits.check_balance("USDT", D("99.90"), D(100)) == Violation("balance", "99.9 USDT", "100")


@pytest.mark.parametrize(
    ("size", "side", "quantity", "available", "need"),
    [
        ("0", BUY, "1", "5.0200", None),
        ("0", BUY, "1", "5.0199", "5.02"),
        ("1", SELL, "2", "0", None),
        ("1", SELL, "2.001", "0.0450202", None),
        ("1", SELL, "2.001", "0", "0.04502"),
        ("0", SELL, "1", "-3", "5.02"),
    ],
)
def test_margin_for_what_an_order_adds(size: str, side: Side, quantity: str, available: str, need: str | None) -> None:
    found = limits.check_margin(
        a_position(size), an_exposure(), side, D(quantity), price=D(100), available=D(available)
    )
    assert (found and found.value) == need


def test_margin_counts_the_orders_that_are_open() -> None:
    assert limits.check_margin(a_position(), an_exposure(sells="2"), BUY, D(2), price=D(100), available=D(0)) is None
    found = limits.check_margin(a_position(), an_exposure(buys="2"), BUY, D(2), price=D(100), available=D(0))
    assert found == Violation("margin", "0", "10.04")


@pytest.mark.parametrize(
    ("side", "price", "against"),
    [
        (BUY, "109.9", None),
        (BUY, "110", "110"),
        (BUY, None, "110"),
        (SELL, "100.1", None),
        (SELL, "100", "100"),
        (SELL, None, "100"),
    ],
)
def test_an_order_never_meets_an_own_one(side: Side, price: str | None, against: str | None) -> None:
    found = limits.check_self_trade(an_exposure("1", "1"), side, None if price is None else D(price))
    assert (found and found.limit) == against


def test_without_own_orders_everything_may_trade() -> None:
    assert limits.check_self_trade(Exposure(), BUY, None) is None
    assert limits.check_self_trade(Exposure(), SELL, None) is None


@pytest.mark.parametrize(
    ("size", "reducing", "side", "quantity", "room"),
    [
        ("2", "0", SELL, "2", None),
        ("2", "0", SELL, "2.001", "2"),
        ("2", "1.5", SELL, "1", "0.5"),
        ("2", "3", SELL, "1", "0"),
        ("2", "0", BUY, "0.001", "0"),
        ("-2", "0", BUY, "2", None),
        ("0", "0", SELL, "0.001", "0"),
    ],
)
def test_a_reducing_order_only_shrinks(size: str, reducing: str, side: Side, quantity: str, room: str | None) -> None:
    found = limits.check_reduces(D(size), D(reducing), side, D(quantity))
    assert (found and found.limit) == room


def test_the_rate_of_orders_in_a_sliding_window() -> None:
    rate = limits.OrderRate(2, 60 * SECOND_NS)
    for second, passes in [(0, True), (30, True), (59, False), (60, True), (89, False), (90, True)]:
        found = rate.check(second * SECOND_NS)
        assert (found is None) is passes
        for _ in range(passes):
            rate.count(second * SECOND_NS)
    assert rate.check(91 * SECOND_NS) == Violation("order_rate", "2", "3")


@given(st.integers(1, 5), st.integers(1, 20), st.lists(st.integers(0, 9), max_size=60))
def test_no_window_ever_holds_more_than_the_limit(limit: int, window: int, waits: list[int]) -> None:
    rate, now, passed = limits.OrderRate(limit, window), 0, list[int]()
    for wait in waits:
        now += wait
        recent = [at for at in passed if now - at < window]
        assert (rate.check(now) is None) == (len(recent) < limit)
        if len(recent) < limit:
            rate.count(now)
            passed.append(now)


sizes = st.integers(-20, 20).map(D)
parts = st.integers(0, 10).map(str)


@given(sizes, parts, parts, st.sampled_from([BUY, SELL]), st.integers(1, 20).map(D))
def test_however_open_orders_fill_a_position_within_its_limit_stays_within_it(
    size: Decimal, buys: str, sells: str, side: Side, quantity: Decimal
) -> None:
    limit = D(12)
    exposure = an_exposure(buys, sells)
    assume(abs(size) <= limit)
    refused = limits.check_position_size(size, exposure, side, quantity, limit)
    worst = abs(exposure.worst_size(size, side, quantity))
    assert (refused is not None) == (worst > limit and worst > abs(size))
    assert refused is not None or worst <= limit

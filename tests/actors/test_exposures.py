"""Exposure is never understated, and is given back in the end, in whatever order an order's end and fills come."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from actors.exposures import Exposures
from engine.domain.identifiers import OrderId
from engine.domain.kinds import Liquidity, OrderOrigin, OrderStatus, OrderType, Side
from engine.messages.orders import Fill, FillBooked, OrderChanged
from tests.support.cell_builders import ACCOUNT, AGENT, START_NS, USER, an_id, an_intent, decimals
from tests.support.domain import a_perpetual, a_spot

D = Decimal
PERPETUAL = a_perpetual()
SPOT = a_spot()
PRICE = D(60_000)


def exposures() -> Exposures:
    return Exposures(USER, {(PERPETUAL.venue, PERPETUAL.symbol): PERPETUAL, (SPOT.venue, SPOT.symbol): SPOT})


def changed(number: int = 100, **changes: Any) -> OrderChanged:
    fields: dict[str, Any] = {
        "order_id": OrderId(an_id(number)),
        "user_id": USER,
        "account_id": ACCOUNT,
        "venue": PERPETUAL.venue,
        "symbol": PERPETUAL.symbol,
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "price": PRICE,
        "quantity": "0.1",
        "filled_quantity": "0",
        "expected_quantity": "0.1",
        "status": OrderStatus.OPEN,
        "is_done": False,
        "origin": OrderOrigin.API,
    }
    return OrderChanged(**decimals(OrderChanged, fields | changes))


def booked(quantity: str, number: int = 100, side: Side = Side.BUY, trade: int = 1, **changes: Any) -> FillBooked:
    fill = Fill(
        external_trade_id=f"t{trade}",
        order_id=OrderId(an_id(number)),
        account_id=ACCOUNT,
        venue=PERPETUAL.venue,
        symbol=changes.pop("symbol", PERPETUAL.symbol),
        side=side,
        price=PRICE,
        quantity=D(quantity),
        fee=D(0),
        fee_asset="USDT",
        liquidity=Liquidity.TAKER,
        executed_at_ns=START_NS,
    )
    return FillBooked(
        user_id=USER,
        fill=fill,
        agent_id=changes.pop("agent_id", None),
        realized_pnl=D(0),
        position_size=D(0),
        **changes,
    )


def worst_long(exposed: Exposures) -> Decimal:
    book = exposed.book(ACCOUNT)
    return book.reservations.exposure(PERPETUAL.symbol).worst_size(book.position(PERPETUAL).size, Side.BUY)


def test_an_order_reserves_in_every_scope_that_it_is_in() -> None:
    exposed = exposures()
    exposed.take(an_intent(agent_id=AGENT, origin=OrderOrigin.AGENT), PERPETUAL, PRICE)
    for scope_id in (USER, ACCOUNT, AGENT):
        assert exposed.reserved(scope_id) == {an_id(100): D("0.1")}


def test_a_fill_moves_from_reserved_to_held() -> None:
    exposed = exposures()
    exposed.take(an_intent(), PERPETUAL, PRICE)
    exposed.fill(booked("0.04"))
    assert exposed.book(ACCOUNT).position(PERPETUAL).size == D("0.04")
    assert exposed.reserved(ACCOUNT) == {an_id(100): D("0.06")}


def test_a_done_order_reserves_for_the_fills_that_have_not_come() -> None:
    exposed = exposures()
    exposed.take(an_intent(), PERPETUAL, PRICE)
    exposed.change(changed(is_done=True, filled_quantity="0.1", status=OrderStatus.FILLED))
    assert worst_long(exposed) == D("0.1")
    exposed.fill(booked("0.1"))
    assert worst_long(exposed) == D("0.1")
    assert exposed.reserved(ACCOUNT) == {}


def test_a_cancelled_order_gives_back_what_did_not_fill() -> None:
    exposed = exposures()
    exposed.take(an_intent(), PERPETUAL, PRICE)
    exposed.change(changed(is_done=True, expected_quantity="0", status=OrderStatus.CANCELLED))
    assert exposed.reserved(USER) == {}
    assert exposed.open_orders(None, None) == 0


def test_a_fill_of_an_order_that_is_over_is_held_all_the_same() -> None:
    exposed = exposures()
    exposed.fill(booked("0.1"))
    assert worst_long(exposed) == D("0.1")


def test_an_order_from_before_the_restart_reserves_its_rest() -> None:
    exposed = exposures()
    exposed.change(changed(filled_quantity="0.03"))
    assert exposed.reserved(ACCOUNT) == {an_id(100): D("0.07")}


def test_a_strangers_order_that_grows_reserves_more() -> None:
    exposed = exposures()
    exposed.change(changed(origin=OrderOrigin.EXTERNAL))
    exposed.change(changed(origin=OrderOrigin.EXTERNAL, quantity="0.3", expected_quantity="0.3"))
    assert exposed.reserved(ACCOUNT) == {an_id(100): D("0.3")}


def test_spot_orders_hold_money() -> None:
    exposed = exposures()
    exposed.own(ACCOUNT, [("USDT", D(10_000))])
    exposed.take(an_intent(symbol=SPOT.symbol), SPOT, PRICE)
    assert exposed.free(ACCOUNT, "USDT") == D(10_000) - D("6000") - D("6")


def test_reduce_only_orders_are_summed_by_side() -> None:
    exposed = exposures()
    exposed.take(an_intent(1, side=Side.SELL, reduce_only=True), PERPETUAL, PRICE)
    exposed.take(an_intent(2, side=Side.SELL), PERPETUAL, PRICE)
    assert exposed.reducing(ACCOUNT, PERPETUAL.symbol, Side.SELL) == D("0.1")
    assert exposed.reducing(ACCOUNT, PERPETUAL.symbol, Side.BUY) == D(0)


def test_what_is_missing_of_a_reduce_only_order_that_is_over_has_traded_already() -> None:
    exposed = exposures()
    terms: dict[str, Any] = {"side": Side.SELL, "reduce_only": True}
    exposed.take(an_intent(**terms), PERPETUAL, PRICE)
    exposed.change(changed(**terms))
    sells = exposed.book(ACCOUNT).reservations.exposure(PERPETUAL.symbol)
    assert sells.worst_size(D("-1"), Side.SELL) == D("-1")
    exposed.change(changed(**terms, status=OrderStatus.FILLED, is_done=True))
    sells = exposed.book(ACCOUNT).reservations.exposure(PERPETUAL.symbol)
    assert sells.worst_size(D("-1"), Side.SELL) == D("-1.1")
    exposed.fill(booked("0.1", side=Side.SELL))
    assert exposed.reserved(ACCOUNT) == {}


@given(parts=st.lists(st.integers(1, 30), min_size=1, max_size=4), data=st.data(), is_cancelled=st.booleans())
def test_exposure_is_never_understated_and_never_leaks(
    parts: list[int], data: st.DataObject, is_cancelled: bool
) -> None:
    total = sum(parts)
    ordered = D(total + (5 if is_cancelled else 0)) / 1000
    filled = D(total) / 1000
    fills: list[Any] = [booked(str(D(part) / 1000), trade=place) for place, part in enumerate(parts)]
    sums = [sum(parts[: place + 1]) for place in range(len(parts))]
    changes = [
        changed(quantity=str(ordered), filled_quantity=str(D(each) / 1000), expected_quantity=str(ordered))
        for each in sums
    ]
    end = changed(
        quantity=str(ordered), filled_quantity=str(filled), expected_quantity=str(filled), is_done=True,
        status=OrderStatus.CANCELLED if is_cancelled else OrderStatus.FILLED,
    )  # fmt: skip
    # Each actor keeps its own order; how they mix is chance.
    told_by_router, told_by_ledger = [*changes, end], list(fills)
    exposed = exposures()
    exposed.take(an_intent(quantity=str(ordered)), PERPETUAL, PRICE)
    while told_by_router or told_by_ledger:
        from_router = not told_by_ledger or (bool(told_by_router) and data.draw(st.booleans()))
        message = (told_by_router if from_router else told_by_ledger).pop(0)
        exposed.change(message) if isinstance(message, OrderChanged) else exposed.fill(message)
        assert worst_long(exposed) >= filled
    assert worst_long(exposed) == filled
    assert exposed.reserved(ACCOUNT) == exposed.reserved(USER) == {}

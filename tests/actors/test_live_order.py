from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.adoption import intent_behind
from actors.live_order import LiveOrder, denied_order, new_order, submit_of
from actors.order_loading import restored_order
from engine.domain.identifiers import OrderId
from engine.domain.kinds import DoneReason, Lifecycle, Liquidity, OrderOrigin, OrderType
from engine.domain.order_facts import FillFact, StatusFact
from engine.domain.values import ZERO
from engine.messages.archive import OrderLoad
from engine.messages.orders import Denial
from engine.messages.rows import TradeRow
from tests.support.cell_builders import ACCOUNT, START_NS, USER, an_id, an_intent
from tests.support.scripted_venue import a_fill, somebody_elses_order

D = Decimal


def live(**changes: Any) -> LiveOrder:
    return new_order(an_intent(**changes), fence=3, send_by_ns=START_NS + 5, now_ns=START_NS)


def fact(trade: int, quantity: str) -> FillFact:
    return FillFact(
        trade_id=f"t{trade}",
        price=D(60_000),
        quantity=D(quantity),
        fee=D("0.5"),
        fee_asset="USDT",
        liquidity=Liquidity.MAKER,
        executed_at_ns=START_NS + trade,
    )


def test_the_request_in_the_row_is_the_request_that_is_sent() -> None:
    order = live(type=OrderType.LIMIT, price="59000.5")
    submit = submit_of(order)
    assert order.row.request["quantity"] == str(submit.quantity)
    assert order.row.request["valid_until_ns"] == submit.valid_until_ns == START_NS + 5
    assert order.unsent is submit


@pytest.mark.parametrize(
    ("steps", "event"),
    [
        ((lambda state: state.apply_unknown(),), "OrderUnknown"),
        ((lambda state: state.apply_accepted("x", 1),), "OrderAccepted"),
        ((lambda state: state.apply_fill(fact(1, "0.04")),), "OrderPartiallyFilled"),
        ((lambda state: state.apply_fill(fact(1, "0.1")),), "OrderFilled"),
        ((lambda state: state.apply_done(DoneReason.CANCELLED),), "OrderCancelled"),
        ((lambda state: state.apply_done(DoneReason.DENIED),), "OrderDenied"),
        ((lambda state: state.apply_done(DoneReason.NEVER_EXISTED),), "OrderRejected"),
        (
            (lambda state: state.apply_status(StatusFact(venue_time_ns=1, done_reason=DoneReason.EXPIRED)),),
            "OrderExpired",
        ),
    ],
)
def test_what_has_happened_names_the_event(steps: tuple[Any, ...], event: str) -> None:
    order = live()
    order.state.apply_submitted()
    seen = order.seen()
    for step in steps:
        step(order.state)
    assert order.event_since(seen) == event


def test_a_newer_time_alone_is_no_event() -> None:
    order = live()
    order.state.apply_accepted("x", 1)
    seen = order.seen()
    order.state.apply_accepted("x", 2)
    assert order.event_since(seen) is None


def test_a_change_says_how_much_will_have_been_booked_at_the_end() -> None:
    order = live()
    order.state.apply_fill(fact(1, "0.04"))
    order.refresh(START_NS)
    assert order.changed().expected_quantity == D("0.1")
    order.state.apply_done(DoneReason.CANCELLED)
    assert order.changed().expected_quantity == D("0.04")
    order.state.apply_status(StatusFact(venue_time_ns=9, filled_quantity=D("0.07"), done_reason=DoneReason.CANCELLED))
    assert order.changed().expected_quantity == D("0.07")


def test_a_denied_order_has_the_rule_that_it_broke() -> None:
    order = denied_order(an_intent(), Denial(code="margin", limit="1", value="2"), fence=1, now_ns=START_NS)
    row = order.refresh(START_NS)
    assert (row.lifecycle, row.done_reason, row.send_by) == ("done", "denied", None)
    assert (row.denial_code, row.denial_limit, row.denial_value, row.denial_count) == ("margin", "1", "2", 1)


def trade_of(order: LiveOrder, fill: FillFact) -> TradeRow:
    return TradeRow(
        id=an_id(fill.executed_at_ns),
        order_id=order.state.order_id,
        user_id=USER,
        account_id=ACCOUNT,
        external_trade_id=fill.trade_id,
        symbol=order.row.symbol,
        side=order.row.side,
        quantity=fill.quantity,
        price=fill.price,
        fees=fill.fee,
        fee_asset=fill.fee_asset,
        liquidity=fill.liquidity.value,
        inferred=fill.inferred,
        realized_pnl=ZERO,
        exchange=order.row.exchange,
        correlation_id=None,
        executed_at=fill.executed_at_ns,
        created_at=START_NS,
    )


@given(parts=st.lists(st.integers(1, 40), max_size=4), end=st.sampled_from([None, *DoneReason]), known=st.booleans())
def test_an_order_that_is_read_back_is_the_same_order(parts: list[int], end: DoneReason | None, known: bool) -> None:
    order = live()
    order.state.apply_submitted()
    if known:
        order.state.apply_accepted("x1", START_NS)
    fills = [fact(number, str(D(part) / 1000)) for number, part in enumerate(parts)]
    for fill in fills:
        order.state.apply_fill(fill)
    if end is not None:
        order.state.apply_done(end)
    row = order.refresh(START_NS)
    again = restored_order(OrderLoad(row=row, trades=tuple(trade_of(order, fill) for fill in fills)))
    assert again.refresh(START_NS) == row
    assert again.changed() == order.changed()


def test_the_intent_behind_a_strangers_order_is_external() -> None:
    for found in (somebody_elses_order(), a_fill(an_intent(), 1)):
        intent = intent_behind(
            found, order_id=OrderId(an_id(9)), row_owner=(USER, ACCOUNT), venue="binance", now_ns=START_NS
        )
        assert (intent.origin, intent.quantity, intent.side) == (OrderOrigin.EXTERNAL, found.quantity, found.side)
        assert intent.intent_key == f"external:{found.symbol}:{found.external_order_id}"


def test_a_new_order_is_created_and_not_yet_submitted() -> None:
    assert live().state.lifecycle is Lifecycle.CREATED

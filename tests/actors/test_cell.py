"""A whole cell: the reference path, and books that add up whatever happens and whenever the engine dies."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.paper.latency import PaperLatency
from engine.domain.kinds import OrderType, Side
from engine.messages.orders import CancelOrders
from engine.messages.rows import BalanceRow, LedgerLineRow, OrderRow, PositionRow, TradeRow
from engine.messages.rows_paper import PaperBalanceRow, PaperOrderRow, PaperPositionRow, PaperTradeRow
from tests.actors.conftest import MakeRig
from tests.support.cell import CellRig, an_agent
from tests.support.cell_builders import ACCOUNT, USER, a_place, an_id
from tests.support.quotes import reference_quotes

D = Decimal

LIMITS = {"position_size": D(10), "orders_per_minute": D(100_000), "order_notional": D(1_000_000)}


@pytest.mark.asyncio
async def test_the_reference_path_ends_with_the_reference_balance(make_rig: MakeRig) -> None:
    rig = await make_rig(agents=[an_agent()], defaults=LIMITS)
    for quote in reference_quotes(20_000):
        rig.tick(quote)
    assert len(rig.rows(OrderRow)) == 851
    assert rig.total() == D("999821.43127706")
    assert {row.status for row in rig.rows(OrderRow)} == {"filled"}
    assert_books_add_up(rig)


@pytest.mark.slow
@pytest.mark.asyncio
async def test_the_long_reference_path_ends_with_the_reference_balance(make_rig: MakeRig) -> None:
    rig = await make_rig(agents=[an_agent()], defaults=LIMITS, keeps_journal=False)
    for quote in reference_quotes(50_000):
        rig.tick(quote)
    assert len(rig.rows(OrderRow)) == 2_251
    assert rig.total() == D("999513.41020958")
    assert_books_add_up(rig)


@pytest.mark.asyncio
async def test_every_order_event_names_what_led_to_it(make_rig: MakeRig) -> None:
    rig = await make_rig(agents=[an_agent()], defaults=LIMITS)
    for quote in reference_quotes(1_000):
        rig.tick(quote)
    signals = {event.correlation_id for event in rig.events("signals")}
    orders = rig.events("orders")
    assert len(orders) == 3 * len(signals) > 0
    assert {event.correlation_id for event in orders + rig.events("trades")} == signals


@pytest.mark.asyncio
async def test_events_of_a_filled_order_come_in_the_order_in_which_things_happened(make_rig: MakeRig) -> None:
    rig = await make_rig()
    rig.quote("60000", "60001")
    await rig.gate.ask(a_place())
    await rig.settle()
    kinds = [event.type for event in rig.events()]
    assert kinds == [
        "BalanceChanged",  # The opening balance.
        "OrderSubmitting",
        "OrderAccepted",
        "OrderFilled",
        "TradeBooked",
        "PositionChanged",
        "BalanceChanged",
    ]


# --- Whatever happens ------------------------------------------------------------------------------------------------

ORDERS = st.tuples(
    st.sampled_from([Side.BUY, Side.SELL]),
    st.sampled_from([OrderType.MARKET, OrderType.LIMIT]),
    st.integers(1, 40),  # hundredths of a BTC
    st.integers(-30, 30),  # distance of the limit from the market
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("order"), ORDERS),
        st.tuples(st.just("quote"), st.integers(59_960, 60_040)),
        st.tuples(st.just("cancel"), st.none()),
        st.tuples(st.just("crash"), st.integers(0, 60)),
    ),
    min_size=1,
    max_size=14,
)


LATENCIES = st.sampled_from([PaperLatency(), PaperLatency(submit_ns=2_000_000, cancel_ns=1_500_000)])


@settings(max_examples=15)
@given(steps=STEPS, latency=LATENCIES)
@pytest.mark.asyncio
async def test_books_add_up_whenever_the_engine_dies(steps: list[tuple[str, Any]], latency: PaperLatency) -> None:
    rig = CellRig(send_within_ns=1_000_000_000, latency=latency)
    await rig.start()
    rig.quote("60000", "60001", sizes="0.15 0.15")
    for number, (kind, what) in enumerate(steps):
        if kind == "order":
            send_order(rig, number + 1, what)
        elif kind == "quote":
            rig.quote(str(what), str(what + 1), sizes="0.15 0.15")
        elif kind == "cancel":
            rig.gate.tell(CancelOrders(user_id=USER, account_id=ACCOUNT, reason="test"))
        else:
            rig.system.drain(what)  # Dies after so many messages of the last steps.
            await rig.crash()
            await rig.start()
            rig.quote("60000", "60001", sizes="0.15 0.15")
        if number % 2:
            await rig.settle()
    await rig.settle()
    for _ in range(2):
        rig.clock.advance(10_000_000)  # What is on its way to the venue arrives.
        await rig.pass_wall(20)  # What was on its way when the engine died is proven absent by now.
    assert_books_add_up(rig)
    assert_equal_to_venue(rig)
    await rig.stop()


def send_order(rig: CellRig, number: int, what: tuple[Side, OrderType, int, int]) -> None:
    """Place an order under its own id as the key, so that the gate need not ask the archive first."""
    side, kind, hundredths, distance = what
    order_id = an_id(1_000 * rig.runs + number)
    place = a_place(
        order_id.int,
        intent_key=str(order_id),
        client_order_id=str(order_id),
        side=side,
        type=kind,
        quantity=D(hundredths) / 100,
        price=None if kind is OrderType.MARKET else D(60_000 + distance),
    )
    rig.gate.tell(place)


def assert_books_add_up(rig: CellRig) -> None:
    """Fills, orders, positions, ledger lines and balances tell the same story."""
    trades = rig.rows(TradeRow)
    filled = {row.id: row.filled_quantity for row in rig.rows(OrderRow)}
    for order_id, quantity in filled.items():
        assert quantity == sum((each.quantity for each in trades if each.order_id == order_id), D(0))
    signed = sum((each.quantity if each.side == "buy" else -each.quantity for each in trades), D(0))
    lines = rig.rows(LedgerLineRow)
    units = sum((line.amount for line in lines if line.ledger_account == "positions:BTC/USDT:USDT"), D(0))
    assert signed == rig.size() == units
    cash = sum((line.amount for line in lines if line.ledger_account == "assets:cash"), D(0))
    assert cash == rig.total()
    fees = sum((each.fees for each in trades), D(0))
    profit = sum((each.realized_pnl for each in trades), D(0))
    assert cash == D(1_000_000) + profit - fees
    assert all(row.free + row.locked == row.total for row in rig.rows(BalanceRow))
    keys = [row.intent_key for row in rig.rows(OrderRow)]
    assert len(keys) == len(set(keys))


def assert_equal_to_venue(rig: CellRig) -> None:
    """What the venue holds as its own truth is what the engine believes."""
    paper = rig.paper_store.tables
    ours = {row.venue_client_id: row for row in rig.rows(OrderRow)}
    known = {row.venue_client_id: row for row in paper.rows(PaperOrderRow)}
    assert known.keys() <= ours.keys()
    for client_id, row in ours.items():
        venue = known.get(client_id)
        if venue is None:
            assert row.status in ("rejected", "cancelled"), f"{row.status} of an order that the venue never saw"
            assert not row.filled_quantity
        else:
            assert row.filled_quantity == venue.filled_quantity
            expected = {"open": ("open", "partial")}.get(venue.state, (venue.state,))
            assert row.status in expected
    theirs = {(row.external_trade_id, row.side) for row in paper.rows(PaperTradeRow)}
    assert {(row.external_trade_id, row.side) for row in rig.rows(TradeRow)} == theirs
    sizes = {row.symbol: row.size for row in paper.rows(PaperPositionRow) if row.size}
    assert {row.symbol: row.size for row in rig.rows(PositionRow) if row.size} == sizes
    totals = {row.asset: (row.free, row.locked) for row in paper.rows(PaperBalanceRow)}
    assert {row.asset: (row.free, row.locked) for row in rig.rows(BalanceRow)} == totals

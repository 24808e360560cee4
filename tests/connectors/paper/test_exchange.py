"""Whatever happens in whatever order, the venue's books add up, and a restart from its rows changes nothing."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.paper.batch import Batch
from connectors.paper.exchange import PaperExchange
from connectors.paper.matching import FillModel
from connectors.paper.order import EXPIRED, FILLED, PaperOrder
from engine.domain.kinds import DoneReason, Liquidity, OrderType, Side, TimeInForce
from engine.domain.values import ZERO, add, multiply, subtract
from engine.messages.rows_paper import PaperMarkRow
from engine.messages.venues import VenueAccepted, VenueFill, VenueOrderDone, VenueRejected, VenueSubmit
from tests.connectors.paper.support import (
    ACCOUNT,
    NOW_NS,
    OTHER,
    PERPETUAL,
    SPOT,
    VENUE,
    Desk,
    TestStore,
    a_submit,
)

D = Decimal
START = {"USDT": "3000", "BTC": "20"}

PRICES = st.integers(95, 105).map(str)
SIZES = st.integers(1, 40).map(lambda tenths: str(D(tenths) / 10))
TRIGGERS = st.sampled_from(["stop", "target"])
WHEN = st.sampled_from(["", " ioc", " fok", " post", " reduce", " ioc reduce"])
ORDERS = st.one_of(
    st.builds("{} {}{}".format, st.sampled_from(["buy", "sell"]), SIZES, st.sampled_from(["", " fok", " reduce"])),
    st.builds("{} {} @ {}{}".format, st.sampled_from(["buy", "sell"]), SIZES, PRICES, WHEN),
    st.builds(
        "{} {} {} {}{}".format,
        st.sampled_from(["buy", "sell"]),
        SIZES,
        TRIGGERS,
        PRICES,
        st.sampled_from(["", " reduce"]),
    ),
    st.builds("{} {} @ {} {} {}".format, st.sampled_from(["buy", "sell"]), SIZES, PRICES, TRIGGERS, PRICES),
)
STEPS = st.one_of(
    st.tuples(st.just("send"), ORDERS, st.sampled_from([ACCOUNT, OTHER])),
    st.tuples(st.just("cancel"), st.integers(0, 30)),
    st.tuples(st.just("quote"), st.integers(95, 104), st.integers(1, 3), SIZES, SIZES),
    st.tuples(st.just("trade"), PRICES, SIZES, st.sampled_from(["buy", "sell"])),
    st.tuples(st.just("book"), st.integers(96, 103), SIZES, SIZES),
    st.tuples(st.just("delta"), PRICES, st.integers(0, 40), st.booleans()),
)


class Session:
    """A desk of two accounts that takes generated steps."""

    def __init__(self, *, perpetual: bool, fill_model: FillModel) -> None:
        self.desk = Desk(PERPETUAL if perpetual else SPOT, START, fill_model=fill_model)
        self.desk.open(OTHER, START)
        self.desk.quote("99", "101", "3 3")
        self.orders: list[PaperOrder] = []
        self.updates = 1

    def step(self, step: Sequence[Any]) -> None:
        kind, *words = step
        getattr(self, kind)(*words)

    def send(self, order: str, account: Any) -> None:
        self.orders.append(self.desk.send(order, account=account))

    def cancel(self, index: int) -> None:
        if index < len(self.orders):
            self.desk.cancel(self.orders[index])

    def quote(self, bid: int, spread: int, bid_size: str, ask_size: str) -> None:
        self.desk.quote(str(bid), str(bid + spread), f"{bid_size} {ask_size}")

    def trade(self, price: str, quantity: str, aggressor: str) -> None:
        self.desk.trade(price, quantity, aggressor)

    def book(self, middle: int, near: str, far: str) -> None:
        self.updates += 1
        bids, asks = f"{middle - 1}x{near} {middle - 2}x{far}", f"{middle + 1}x{near} {middle + 2}x{far}"
        self.desk.book(bids, asks, self.updates)

    def delta(self, price: str, tenths: int, is_bid: bool) -> None:
        self.updates += 1
        level = f"{price}x{D(tenths) / 10}"
        self.desk.delta(self.updates, bids=level if is_bid else "", asks="" if is_bid else level)


def run(steps: Sequence[Sequence[Any]], *, perpetual: bool, fill_model: FillModel) -> Session:
    session = Session(perpetual=perpetual, fill_model=fill_model)
    for step in steps:
        session.step(step)
    return session


def fills_of(session: Session, account: Any) -> list[VenueFill]:
    return [fill for fill in session.desk.said(VenueFill) if fill.account_id == account]


KINDS = pytest.mark.parametrize(
    ("perpetual", "fill_model"),
    [(False, FillModel.BOOK), (True, FillModel.BOOK), (False, FillModel.TOP), (True, FillModel.TOP)],
)


@KINDS
@given(steps=st.lists(STEPS, max_size=40))
def test_money_is_neither_made_nor_lost(perpetual: bool, fill_model: FillModel, steps: Any) -> None:
    session = run(steps, perpetual=perpetual, fill_model=fill_model)
    for account in session.desk.exchange.accounts.values():
        cash, size, fees = ZERO, ZERO, ZERO
        for fill in fills_of(session, account.id):
            value = multiply(fill.price, fill.quantity)
            cash = subtract(cash, value) if fill.side is Side.BUY else add(cash, value)
            size = add(size, fill.quantity) if fill.side is Side.BUY else subtract(size, fill.quantity)
            fees = add(fees, fill.fee)
        quote = subtract(account.balance("USDT").total, D(START["USDT"]))
        if perpetual:
            position = account.holding(PERPETUAL).position
            assert position.size == size
            assert add(quote, fees) == position.realized_pnl == add(cash, position.cost)
        else:
            assert add(quote, fees) == cash
            assert subtract(account.balance("BTC").total, D(START["BTC"])) == size


@KINDS
@given(steps=st.lists(STEPS, max_size=40))
def test_what_is_set_aside_is_what_the_open_orders_and_positions_need(
    perpetual: bool, fill_model: FillModel, steps: Any
) -> None:
    session = run(steps, perpetual=perpetual, fill_model=fill_model)
    for account in session.desk.exchange.accounts.values():
        counted = {asset: balance.required for asset, balance in account.balances.items()}
        account.require_anew(lambda _: session.desk.instrument)
        assert counted == {asset: balance.required for asset, balance in account.balances.items()}
        for balance in account.balances.values():
            assert add(balance.free, balance.locked) == balance.total
            assert balance.locked >= 0
            assert perpetual or (balance.free >= 0 and balance.locked == balance.required)


@KINDS
@given(steps=st.lists(STEPS, max_size=40))
def test_every_fill_keeps_its_orders_promise(perpetual: bool, fill_model: FillModel, steps: Any) -> None:
    session = run(steps, perpetual=perpetual, fill_model=fill_model)
    orders = {order.client_id: order for order in session.orders}
    sizes: dict[Any, Decimal] = {}
    for fill in session.desk.said(VenueFill):
        order = orders[fill.venue_client_id]
        assert order.price is None or (fill.price <= order.price if order.is_buy else fill.price >= order.price)
        assert fill.liquidity is Liquidity.TAKER or fill.price == order.price
        assert not order.post_only or fill.liquidity is Liquidity.MAKER
        size = sizes.get(fill.account_id, ZERO)
        after = add(size, multiply(fill.quantity, D(fill.side.sign)))
        sizes[fill.account_id] = after
        if order.reduce_only and perpetual:
            assert after.copy_abs() < size.copy_abs()
            assert not after or after.is_signed() == size.is_signed()
    for order in session.orders:
        quantity = sum((f.quantity for f in session.desk.said(VenueFill) if f.venue_client_id == order.client_id), ZERO)
        assert order.filled == quantity
        assert add(order.filled, order.remaining) == order.quantity
        assert order.remaining >= 0
        assert (order.state is FILLED) is (not order.remaining)
        if order.time_in_force is TimeInForce.FOK and order.state is EXPIRED:
            assert not order.filled


@KINDS
@given(steps=st.lists(STEPS, max_size=40))
def test_every_order_has_one_beginning_and_at_most_one_end(perpetual: bool, fill_model: FillModel, steps: Any) -> None:
    session = run(steps, perpetual=perpetual, fill_model=fill_model)
    told: dict[str, list[type]] = {}
    for event in (event for _, event in session.desk.exchange.batch.events):
        if isinstance(event, VenueAccepted | VenueRejected):
            number = event.order_id.int - (1 << 120)
            told.setdefault(f"cv-{number}", []).append(type(event))
        elif isinstance(event, VenueFill | VenueOrderDone):
            told.setdefault(event.venue_client_id, []).append(type(event))
    for order in session.orders:
        first, *rest = told[order.client_id]
        assert first is (VenueRejected if order.reject_code else VenueAccepted)
        assert VenueOrderDone not in rest[:-1]
        assert order.is_open is (not order.reject_code and rest[-1:] != [VenueOrderDone])
        assert order.is_open is (order.client_id in order.account.open_orders)


def state_of(exchange: PaperExchange) -> dict[str, Any]:
    """Everything that a restart must bring back."""
    accounts = {}
    for account in exchange.accounts.values():
        accounts[account.id] = (
            account.kind,
            {asset: (balance.total, balance.required) for asset, balance in account.balances.items()},
            {
                symbol: (holding.position.size, holding.position.cost, holding.position.realized_pnl, holding.required)
                for symbol, holding in account.holdings.items()
                if holding.position.size or holding.position.realized_pnl
            },
            [
                {slot: getattr(order, slot) for slot in PaperOrder.__slots__ if slot != "account"}
                for order in account.open_orders.values()
            ],
            [order.client_id for order in account.reducers],
        )
    waiting = {
        symbol: [
            [(price, [order.client_id for order in orders]) for price, orders in levels.at_or_below(D(10**6))]
            for levels in (
                market.buys,
                market.sells,
                market.buy_stops,
                market.sell_stops,
                market.buy_targets,
                market.sell_targets,
            )
        ]
        for symbol, market in exchange.markets.items()
    }
    counters = (exchange.last_order_id, exchange.last_trade_id, exchange.time_ns)
    return {"accounts": accounts, "waiting": waiting, "counters": counters}


def commit(exchange: PaperExchange, store: TestStore) -> None:
    batch, exchange.batch = exchange.batch, Batch()
    batch.changed.update((order, None) for order in exchange.moved)
    mark = PaperMarkRow(
        venue=VENUE, session="", frame=0, updated_at=exchange.time_ns,
        last_order_id=exchange.last_order_id, last_trade_id=exchange.last_trade_id,
    )  # fmt: skip
    store.commit_now(UUID(int=len(store.batches)), batch.rows(mark))


@KINDS
@given(steps=st.lists(STEPS, max_size=40), cut=st.integers(0, 40))
@pytest.mark.asyncio
async def test_a_restart_brings_everything_back(perpetual: bool, fill_model: FillModel, steps: Any, cut: int) -> None:
    session = Session(perpetual=perpetual, fill_model=fill_model)
    store = TestStore()
    for number, step in enumerate(steps):
        session.step(step)
        if number == cut:
            commit(session.desk.exchange, store)
            session.orders.clear()
    commit(session.desk.exchange, store)
    exchange = PaperExchange(VENUE, horizon=UUID(int=0), fill_model=fill_model)
    exchange.load(await store.load(VENUE, ""))
    reported = {account.id: account.venue_positions() for account in exchange.accounts.values()}
    locked = {account.id: account.venue_balances() for account in exchange.accounts.values()}
    exchange.list_instruments([session.desk.instrument])
    assert state_of(exchange) == state_of(session.desk.exchange)
    # What it says before it knows its instruments is the same.
    assert reported == {account.id: account.venue_positions() for account in exchange.accounts.values()}
    assert locked == {account.id: account.venue_balances() for account in exchange.accounts.values()}


# --- By hand ---------------------------------------------------------------------------------------------------------


def test_the_answers_of_one_order_come_in_order_and_agree() -> None:
    desk = Desk()
    desk.quote("100", "101", "5 2")
    desk.send("buy 1")
    assert [type(event) for _, event in desk.exchange.batch.events] == [VenueAccepted, VenueFill, VenueOrderDone]
    (accepted,), (fill,), (done,) = desk.said(VenueAccepted), desk.said(VenueFill), desk.said(VenueOrderDone)
    assert accepted.external_order_id == fill.external_order_id == done.external_order_id == "1"
    assert (fill.external_trade_id, fill.cursor, fill.fee, fill.fee_asset) == ("1", "1", D("0.101"), "USDT")
    assert (done.reason, done.filled_quantity) == (DoneReason.FILLED, D(1))


def test_time_never_goes_back() -> None:
    desk = Desk()
    order = desk.send("buy 1 @ 50")
    desk.exchange.cancel(desk.account, order.client_id, NOW_NS - 10**9)
    assert desk.said(VenueOrderDone)[0].venue_time_ns == NOW_NS


def test_time_counts_whole_microseconds() -> None:
    desk = Desk()
    assert [desk.exchange.advance(NOW_NS + more) - NOW_NS for more in (999, 1000, 2999, 0)] == [0, 1000, 2000, 2000]


def test_a_triggered_stop_that_cannot_be_paid_expires() -> None:
    desk = Desk(balances={"USDT": "110"})
    desk.quote("100", "101")
    order = desk.send("buy 1 stop 105")
    desk.quote("119", "120")
    assert (order.state, desk.fills()) == (EXPIRED, "")
    assert (desk.free("USDT"), desk.locked("USDT")) == (D(110), D(0))


def test_a_reduce_only_stop_without_a_position_is_gone_before_it_triggers() -> None:
    desk = Desk(PERPETUAL)
    desk.quote("100", "101")
    desk.send("buy 1")
    order = desk.send("sell 1 stop 90 reduce")
    desk.send("sell 2")
    desk.trade("80", "1")
    assert (order.is_open, desk.fills(order)) == (False, "")


def test_a_refusal_decided_before_is_kept() -> None:
    desk = Desk()
    submit: VenueSubmit = a_submit("buy 1", number=9)
    desk.exchange.submit(submit, NOW_NS, refused="valid_until_passed")
    assert [answer.code for answer in desk.said(VenueRejected)] == ["valid_until_passed"]
    assert desk.account.client_ids.is_known(submit.venue_client_id)


def test_a_position_is_valued_where_it_could_be_closed_or_at_the_last_trade() -> None:
    desk = Desk()
    assert desk.exchange.exit_of(desk.symbol, True) is None
    desk.trade("90", "1")
    assert desk.exchange.exit_of(desk.symbol, True) == D(90)
    desk.quote("100", "101")
    assert (desk.exchange.exit_of(desk.symbol, True), desk.exchange.exit_of(desk.symbol, False)) == (D(100), D(101))


def test_types_of_orders_survive_the_row() -> None:
    desk = Desk()
    desk.quote("100", "101")
    order = desk.send("buy 1 @ 106 stop 105 ioc")
    assert (order.type, order.time_in_force) == (OrderType.STOP_LIMIT, TimeInForce.IOC)
    desk.trade("105", "1")
    assert order.state is FILLED

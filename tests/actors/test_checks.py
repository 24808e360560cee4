"""Every rule of the gate, and that the first broken one is told."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from actors.checks import Checks
from actors.exposures import Exposures
from actors.limit_book import LimitBook
from actors.marks import MarkTable
from actors.trading_states import TradingStates
from connectors.paper.capabilities import capabilities
from engine.domain.instrument import Instrument
from engine.domain.kinds import OrderType, Scope, Side, TradingState
from engine.domain.position import Position
from engine.messages.risk import ScopeState
from engine.runtime.clock import VirtualClock
from tests.support.cell_builders import ACCOUNT, START_NS, USER, an_intent
from tests.support.domain import a_perpetual, a_spot

D = Decimal
PERPETUAL = a_perpetual()
SPOT = a_spot()


class Gate:
    """The rules with everything that they look at: 10,000 USDT, BTC at 60,000/60,001, no limits."""

    def __init__(self, limits: dict[str, Any] | None = None, instrument: Instrument = PERPETUAL) -> None:
        self.instrument = instrument
        self.clock = VirtualClock(START_NS)
        self.marks = MarkTable(self.clock)
        mark = self.marks.mark(instrument.venue, instrument.symbol)
        mark.bid, mark.ask, mark.seen_ns = D(60_000), D(60_001), START_NS
        self.exposures = Exposures(USER, {(instrument.venue, instrument.symbol): instrument})
        self.exposures.own(ACCOUNT, [("USDT", D(10_000))])
        self.states = TradingStates(USER, ())
        self.checks = Checks(
            exposures=self.exposures,
            limits=LimitBook(USER, (), {name: D(value) for name, value in (limits or {}).items()}),
            states=self.states,
            marks=self.marks,
        )

    def code(self, **intent: Any) -> str | None:
        wanted = an_intent(symbol=self.instrument.symbol, **intent)
        price = self.checks.value_at(wanted)
        broken = self.checks.check(wanted, self.instrument, price, self.clock.now_ns())
        return None if broken is None else broken.code

    def open(self, number: int = 1, **intent: Any) -> None:
        wanted = an_intent(number, symbol=self.instrument.symbol, **intent)
        price = self.checks.value_at(wanted)
        assert price is not None
        self.checks.count(wanted, self.clock.now_ns())
        self.exposures.take(wanted, self.instrument, price)

    def hold(self, size: str) -> None:
        position = Position.restored(self.instrument, size=D(size), average_price=D(60_000))
        self.exposures.hold_for_account(ACCOUNT, position)


LIMIT: dict[str, Any] = {"type": OrderType.LIMIT}


def test_a_good_order_passes() -> None:
    assert Gate().code() is None


@pytest.mark.parametrize(
    ("limits", "intent", "code"),
    [
        ({"order_notional": 5_999}, {}, "order_notional"),
        ({"position_size": "0.09"}, {}, "position_size"),
        ({"position_notional": 5_000}, {}, "position_notional"),
        ({"price_band_percent": 1}, {**LIMIT, "price": "61000"}, "price_band"),
        ({"price_band_percent": 1}, {**LIMIT, "price": "59000", "side": Side.SELL}, "price_band"),
        ({}, {"quantity": "0.0001"}, "min_quantity"),
        ({}, {"quantity": "0.0015"}, "step_size"),
        ({}, {**LIMIT, "price": "60000.05"}, "tick_size"),
        ({}, {**LIMIT}, "price_missing"),
        ({}, {"quantity": "5"}, "margin"),
    ],
)
def test_a_rule_refuses_what_it_is_for(limits: dict[str, Any], intent: dict[str, Any], code: str) -> None:
    assert Gate(limits).code(**intent) == code


def test_open_and_unknown_orders_count_as_if_they_had_filled() -> None:
    gate = Gate({"position_size": "0.15"})
    gate.open()
    assert gate.code() == "position_size"
    assert gate.code(side=Side.SELL) is None


def test_too_many_open_orders_are_refused() -> None:
    gate = Gate({"open_orders": 1})
    gate.open(**LIMIT, price="59000")
    assert gate.code() == "open_orders"


def test_too_many_orders_in_a_minute_are_refused_until_it_is_over() -> None:
    gate = Gate({"orders_per_minute": 2})
    gate.open(1)
    gate.open(2)
    assert gate.code() == "order_rate"
    gate.clock.advance(60_000_000_000)
    gate.marks.mark(PERPETUAL.venue, PERPETUAL.symbol).seen_ns = gate.clock.now_ns()
    assert gate.code() is None


def test_without_a_price_nothing_can_be_valued() -> None:
    gate = Gate()
    mark = gate.marks.mark(PERPETUAL.venue, PERPETUAL.symbol)
    mark.bid = mark.ask = None
    assert gate.code() == "no_mark_price"


def test_a_stale_book_opens_no_risk_but_lets_a_position_shrink() -> None:
    gate = Gate()
    gate.hold("0.1")
    gate.clock.advance(3_600_000_000_000)
    assert gate.code() == "stale_book"
    assert gate.code(side=Side.SELL) is None


def test_nothing_is_ordered_in_what_the_venue_has_closed() -> None:
    gate = Gate()
    gate.hold("0.1")
    gate.marks.mark(PERPETUAL.venue, PERPETUAL.symbol).closed = "delisted"
    assert gate.code() == "instrument_closed"
    assert gate.code(side=Side.SELL, reduce_only=True) == "instrument_closed"
    amended = an_intent(symbol=PERPETUAL.symbol)
    broken = gate.checks.check_amend(amended, PERPETUAL, D(60_000), START_NS)
    assert broken is not None
    assert (broken.code, broken.limit) == ("instrument_closed", "an instrument that trades")


def test_an_order_that_would_meet_an_own_one_is_refused() -> None:
    gate = Gate()
    gate.open(**LIMIT, price="60000.5", side=Side.SELL)
    assert gate.code(**LIMIT, price="60000.5") == "self_trade"
    assert gate.code(**LIMIT, price="60000.4") is None
    assert gate.code() == "self_trade"


def test_an_own_order_far_from_the_market_is_not_in_the_way() -> None:
    gate = Gate()
    gate.open(**LIMIT, price="70000", side=Side.SELL)
    assert gate.code() is None


def test_reduce_only_orders_only_reduce() -> None:
    gate = Gate()
    assert gate.code(reduce_only=True) == "reduce_only"
    gate.hold("-0.1")
    assert gate.code(reduce_only=True) is None
    assert gate.code(reduce_only=True, quantity="0.2") == "reduce_only"
    assert gate.code(reduce_only=True, side=Side.SELL) == "reduce_only"


def test_two_reduce_only_orders_do_not_close_more_than_there_is() -> None:
    gate = Gate()
    gate.hold("-0.1")
    gate.open(reduce_only=True)
    assert gate.code(reduce_only=True) == "reduce_only"


def test_what_only_reduces_leaves_less_room_for_what_opens_on_its_side() -> None:
    gate = Gate({"position_size": "0.2"})
    gate.hold("0.2")
    gate.open(side=Side.SELL, quantity="0.15", reduce_only=True)
    assert gate.code(side=Side.SELL, quantity="0.26") == "position_size"
    assert gate.code(side=Side.SELL, quantity="0.25") is None


def halt(gate: Gate, state: TradingState) -> None:
    gate.states.set(
        ScopeState(scope=Scope.ACCOUNT, scope_id=ACCOUNT, state=state, reason="loss", changed_at_ns=START_NS)
    )


def test_nothing_passes_a_halt() -> None:
    gate = Gate()
    gate.hold("0.1")
    halt(gate, TradingState.HALTED)
    assert gate.code() == gate.code(side=Side.SELL, reduce_only=True) == "trading_halted"


def test_while_reducing_only_what_shrinks_the_position_passes() -> None:
    gate = Gate()
    gate.hold("0.1")
    halt(gate, TradingState.REDUCING)
    assert gate.code() == "trading_reducing"
    assert gate.code(side=Side.SELL) is None
    assert gate.code(side=Side.SELL, quantity="0.2") == "trading_reducing"


def test_an_account_that_is_not_reconciled_may_only_reduce() -> None:
    gate = Gate()
    gate.hold("0.1")
    gate.checks.not_ready[ACCOUNT] = "starting"
    assert gate.code() == "account_not_ready"
    assert gate.code(side=Side.SELL) is None


def test_margin_that_open_orders_and_losses_have_taken_is_not_there_twice() -> None:
    gate = Gate()
    gate.open(quantity="3")  # 9,000 of 10,000 USDT margin.
    assert gate.code(quantity="0.3") is None
    assert gate.code(quantity="0.4") == "margin"
    gate.hold("0.1")
    mark = gate.marks.mark(PERPETUAL.venue, PERPETUAL.symbol)
    mark.bid = mark.ask = D(52_000)  # 800 lost.
    assert gate.code(quantity="0.3") == "margin"


def test_spot_buys_need_money_and_spot_sells_need_coins() -> None:
    gate = Gate(instrument=SPOT)
    assert gate.code(quantity="0.1") is None
    assert gate.code(quantity="0.2") == "balance"
    assert gate.code(side=Side.SELL, quantity="0.1") == "balance"
    gate.exposures.own(ACCOUNT, [("BTC", D("0.15"))])
    assert gate.code(side=Side.SELL, quantity="0.1") is None
    gate.open(side=Side.SELL, quantity="0.1", type=OrderType.LIMIT, price="65000")
    assert gate.code(side=Side.SELL, quantity="0.1", type=OrderType.LIMIT, price="65000") == "balance"


def test_a_stop_may_be_far_from_the_market() -> None:
    gate = Gate({"price_band_percent": 1})
    gate.hold("0.1")
    stop = {"type": OrderType.STOP, "side": Side.SELL, "stop_price": "50000", "reduce_only": True}
    assert gate.code(**stop) is None
    assert gate.code(type=OrderType.STOP_LIMIT, side=Side.SELL, stop_price="50000", price="40000") == "price_band"


def test_a_take_profit_may_be_far_from_the_market_and_needs_its_asset() -> None:
    gate = Gate({"price_band_percent": 1})
    gate.hold("0.1")
    target = {"type": OrderType.TAKE_PROFIT, "side": Side.SELL, "stop_price": "90000", "reduce_only": True}
    assert gate.code(**target) is None
    limited = {"type": OrderType.TAKE_PROFIT_LIMIT, "side": Side.SELL, "stop_price": "90000"}
    assert gate.code(**limited, price="80000") == "price_band"
    assert gate.code(**limited, price="89900") is None


def test_what_the_venue_cannot_do_is_refused_before_the_wire() -> None:
    gate = Gate()
    able = capabilities(PERPETUAL.venue)
    poorer = msgspec.structs.replace(able, order_types=frozenset({OrderType.MARKET}), reduce_only=frozenset())
    gate.checks.able[ACCOUNT] = poorer
    assert gate.code() is None
    assert gate.code(type=OrderType.LIMIT, price="60000") == "order_type_unsupported"
    gate.hold("-1")
    assert gate.code(reduce_only=True) == "reduce_only_unsupported"

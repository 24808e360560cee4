"""The orders that close positions: they can only reduce, and there is a reason for each that is not sent."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from actors.flattening import flatten_intent, flatten_key, why_not
from connectors.paper.capabilities import capabilities
from engine.domain.identifiers import OrderId
from engine.domain.instrument import Instrument
from engine.domain.kinds import OrderOrigin, OrderType, Side, TimeInForce
from tests.support.cell_builders import ACCOUNT, START_NS, USER, an_id
from tests.support.domain import a_perpetual, a_spot

D = Decimal
PERPETUAL, SPOT = a_perpetual(), a_spot()
ABLE = capabilities(PERPETUAL.venue)


def closing(size: str, instrument: Instrument = PERPETUAL, able: Any = ABLE) -> Any:
    return flatten_intent(
        order_id=OrderId(an_id(1)), user_id=USER, account_id=ACCOUNT, agent_id=None, instrument=instrument,
        size=D(size), price=D(60_000), key="k", capabilities=able, now_ns=START_NS,
    )  # fmt: skip


def test_a_key_names_halt_symbol_and_attempt() -> None:
    assert flatten_key(an_id(7), "X", 1) == f"halt:{an_id(7)}:X"
    assert flatten_key(an_id(7), "X", 2) == f"halt:{an_id(7)}:X:2"


@pytest.mark.parametrize(("size", "side"), [("0.5", Side.SELL), ("-0.5", Side.BUY)])
def test_a_position_is_closed_at_the_market_and_never_turned(size: str, side: Side) -> None:
    intent = closing(size)
    assert (intent.side, intent.quantity, intent.type) == (side, D("0.5"), OrderType.MARKET)
    assert (intent.reduce_only, intent.origin, intent.price) == (True, OrderOrigin.SYSTEM, None)


def test_one_order_is_no_larger_than_the_venue_takes() -> None:
    assert closing("1000000000").quantity == PERPETUAL.max_quantity


def test_a_venue_without_market_orders_gets_a_limit_near_the_mark() -> None:
    able = msgspec.structs.replace(ABLE, market_needs_price=True)
    sell, buy = closing("0.5", able=able), closing("-0.5", able=able)
    assert (sell.type, sell.time_in_force, sell.price, buy.price) == (
        OrderType.LIMIT, TimeInForce.IOC, D(57_000), D(63_000),
    )  # fmt: skip


def test_on_spot_a_sale_can_only_reduce_even_where_the_venue_has_no_flag_for_it() -> None:
    able = msgspec.structs.replace(ABLE, reduce_only=frozenset())
    assert not closing("0.5", SPOT, able).reduce_only
    assert why_not(D("0.5"), SPOT, D(1), able) == ""
    assert why_not(D("0.5"), PERPETUAL, D(1), able) == "the venue takes no order that can only reduce"


def test_what_cannot_be_closed_has_a_reason() -> None:
    assert why_not(D("0.5"), PERPETUAL, None, ABLE) == "nobody knows a price"
    assert why_not(D("0.000000001"), PERPETUAL, D(1), ABLE) == "smaller than the smallest order"
    assert why_not(D("-0.5"), SPOT, D(1), ABLE) == "it is owed, not held"
    assert why_not(D("0.5"), PERPETUAL, D(1), None) == ""

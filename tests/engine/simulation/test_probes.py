"""Rare states: counted when they are reached, named when they never are."""

from collections import Counter
from decimal import Decimal

import msgspec
import pytest

from engine.domain.identifiers import AccountId
from engine.domain.kinds import Liquidity, Side
from engine.messages.rows import OrderRow
from engine.messages.venues import VenueFill
from engine.simulation.auditor_findings import Findings
from engine.simulation.auditor_orders import Orders
from engine.simulation.probes import BEYOND, EXPECTED, FILL_OF_SUBMITTING, LATE_FILL, Probes, never_reached
from tests.support.cell_builders import ACCOUNT, START_NS, an_id
from tests.support.histories import a_cancel, a_trade_row, an_order_row, done, working

UNKNOWN = msgspec.structs.replace(an_order_row(), lifecycle="unknown")


@pytest.mark.parametrize(
    ("before", "after", "name"),
    [
        (UNKNOWN, working(an_order_row()), "an unknown order found"),
        (an_order_row(), UNKNOWN, "a submit of unknown outcome"),
        (UNKNOWN, done(an_order_row(), "never_existed"), "an unknown order proven absent"),
        (an_order_row(), done(an_order_row(), "rejected"), "an order rejected by the venue"),
        (working(an_order_row()), done(an_order_row(), "expired"), "an order expired"),
        (None, done(an_order_row(), "denied"), "an order denied by the gate"),
        (None, working(an_order_row(origin="external")), "an order adopted"),
    ],
    ids=str,
)
def test_what_becomes_of_orders(before: OrderRow | None, after: OrderRow, name: str) -> None:
    probes = Probes()
    probes.on_order(before, after)
    assert probes.counts == Counter({name: 1})


def test_trades_and_requests() -> None:
    probes = Probes()
    order = done(an_order_row(), "cancelled")
    probes.on_order(order, done(order, "cancelled", "0.05"))
    probes.on_order(an_order_row(), working(order, "0.05"))
    probes.on_trade(a_trade_row(order, inferred=True))
    probes.on_rows([a_cancel(order, "refused"), a_cancel(order, "acked"), a_cancel(order, "requested")])
    assert probes.counts == Counter(
        {
            LATE_FILL: 1,
            FILL_OF_SUBMITTING: 1,
            "a partial fill": 2,
            "an inferred fill": 1,
            "a cancel refused": 1,
            "a cancel acknowledged": 1,
        }
    )


def test_two_crashes_in_a_row_and_what_they_interrupt() -> None:
    probes = Probes()
    orders = Orders(Findings())
    orders.rows[an_id(1)] = working(an_order_row())
    probes.on_boot()
    probes.on_crash(orders)
    probes.on_boot()
    probes.on_crash(orders)
    assert probes.counts == Counter({"a crash with open orders": 2, "two crashes in a row": 1})


def test_what_a_venue_says() -> None:
    probes = Probes()
    fill = VenueFill(
        account_id=AccountId(ACCOUNT), venue="north", symbol="BTC/USDT", side=Side.BUY, venue_client_id="c",
        external_order_id="1", external_trade_id="1", price=Decimal(1), quantity=Decimal(1), fee=Decimal(0),
        fee_asset="USDT", liquidity=Liquidity.TAKER, executed_at_ns=START_NS, cursor="1",
    )  # fmt: skip
    probes.on_receive(fill)
    probes.on_receive(fill)
    assert probes.counts == Counter({"a duplicate report of a fill": 1})


def test_a_batch_names_what_it_has_never_reached() -> None:
    counts = dict.fromkeys(EXPECTED, 1)
    assert never_reached(counts) == []
    assert never_reached(counts, is_beyond=True) == list(BEYOND)
    assert never_reached(counts | {EXPECTED[0]: 0}) == [EXPECTED[0]]

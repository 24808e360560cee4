"""What the venue declares is what it does: the gate lets through what the venue does not refuse as impossible."""

import itertools
from uuid import UUID

import pytest

from connectors.paper.capabilities import capabilities
from engine.domain.identifiers import OrderId, venue_client_id
from engine.domain.instrument import Instrument
from engine.domain.kinds import OrderType, Side, TimeInForce
from engine.messages.venues import VenueRejected
from tests.connectors.paper.support import PERPETUAL, SPOT, VENUE, Desk

EVERY_ORDER = list(
    itertools.product([SPOT, PERPETUAL], OrderType, TimeInForce, [False, True], [False, True], [Side.BUY, Side.SELL])
)


@pytest.mark.parametrize(("instrument", "kind", "time_in_force", "post_only", "reduce_only", "side"), EVERY_ORDER)
def test_what_is_declared_is_taken(
    instrument: Instrument, kind: OrderType, time_in_force: TimeInForce, post_only: bool, reduce_only: bool, side: Side
) -> None:
    violation = capabilities(VENUE).check_order(
        kind=instrument.kind, type=kind, time_in_force=time_in_force, post_only=post_only, reduce_only=reduce_only
    )
    desk = Desk(instrument)
    desk.quote("100", "101")
    desk.send("buy 1" if side is Side.SELL else "sell 1")  # So that there is a position to reduce.
    words = {
        OrderType.MARKET: f"{side} 1",
        OrderType.LIMIT: f"{side} 1 @ {99 if side is Side.BUY else 102}",
        OrderType.STOP: f"{side} 1 stop {103 if side is Side.BUY else 98}",
        OrderType.STOP_LIMIT: f"{side} 1 @ {104 if side is Side.BUY else 97} stop {103 if side is Side.BUY else 98}",
        OrderType.TAKE_PROFIT: f"{side} 1 target {98 if side is Side.BUY else 103}",
        OrderType.TAKE_PROFIT_LIMIT: f"{side} 1 @ 100 target {98 if side is Side.BUY else 103}",
    }
    desk.send(words[kind], post_only=post_only, reduce_only=reduce_only, time_in_force=time_in_force)
    codes = [refused.code for refused in desk.said(VenueRejected)]
    is_contradiction = post_only and not (kind is OrderType.LIMIT and time_in_force is TimeInForce.GTC)
    opens_spot = reduce_only and instrument is SPOT and side is Side.BUY
    expected = "post_only_not_allowed" if is_contradiction else "reduce_only_would_not_reduce" if opens_spot else None
    assert codes == ([] if expected is None else [expected])
    assert violation is None or is_contradiction


def test_the_engines_own_client_ids_are_allowed_and_may_be_sent_again() -> None:
    rule = capabilities(VENUE).client_id
    order_id = OrderId(UUID(int=1))
    assert all(rule.allows(venue_client_id(order_id, venue)) for venue in ("binance", "coinbase", "hyperliquid"))
    assert not rule.allows("")
    assert not rule.allows("a b")
    assert rule.may_resend


def test_absence_counts_after_the_validity() -> None:
    assert capabilities(VENUE).absence_counts_after_ns(5) == 1_000_005

"""What Binance's markets declare."""

from uuid import UUID

import pytest

from connectors.binance.capabilities import capabilities
from connectors.binance.symbols import Market
from engine.domain.identifiers import OrderId, venue_client_id
from engine.domain.kinds import InstrumentKind, OrderType, TimeInForce


@pytest.mark.parametrize("market", ["spot", "usdm"])
def test_our_ids_are_allowed_and_never_sent_twice(market: Market) -> None:
    rule = capabilities("binance", market).client_id
    assert rule.allows(venue_client_id(OrderId(UUID(int=1)), "binance"))
    assert not rule.allows("a" * 37)
    assert not rule.may_resend


def test_only_perpetuals_can_be_reduced_and_switched_off() -> None:
    spot, usdm = capabilities("binance", "spot"), capabilities("binance", "usdm")
    assert (spot.dead_man_switch, usdm.dead_man_switch) == (False, True)
    wish = {"type": OrderType.LIMIT, "time_in_force": TimeInForce.GTC, "post_only": False, "reduce_only": True}
    assert spot.check_order(kind=InstrumentKind.SPOT, **wish) is not None  # type: ignore[arg-type]
    assert usdm.check_order(kind=InstrumentKind.PERPETUAL, **wish) is None  # type: ignore[arg-type]


def test_absence_is_believed_after_window_and_lag() -> None:
    assert capabilities("binance", "spot").absence_counts_after_ns(0) == 6_000_000_000

"""What Coinbase can do."""

import pytest

from connectors.coinbase.capabilities import capabilities
from engine.domain.identifiers import OrderId, venue_client_id
from engine.domain.kinds import InstrumentKind, OrderType, TimeInForce
from engine.runtime.clock import VirtualClock
from engine.runtime.entropy import Ids, seeded_rng

CAN = capabilities("coinbase")


def test_our_client_ids_are_allowed_and_may_be_sent_again() -> None:
    order_id = OrderId(Ids(VirtualClock(1_700_000_000_000_000_000), seeded_rng(1)).uuid())
    assert CAN.client_id.allows(venue_client_id(order_id, "coinbase"))
    assert CAN.client_id.may_resend
    assert not CAN.client_id.is_queryable


@pytest.mark.parametrize(
    ("type", "reduce_only", "code"),
    [
        (OrderType.LIMIT, False, None),
        (OrderType.MARKET, False, None),
        (OrderType.STOP_LIMIT, False, None),
        (OrderType.STOP, False, "order_type_unsupported"),
        (OrderType.TAKE_PROFIT, False, "order_type_unsupported"),
        (OrderType.TAKE_PROFIT_LIMIT, False, "order_type_unsupported"),
        (OrderType.LIMIT, True, "reduce_only_unsupported"),
    ],
)
def test_the_gate_denies_what_coinbase_has_not(type: OrderType, reduce_only: bool, code: str | None) -> None:
    found = CAN.check_order(
        kind=InstrumentKind.SPOT,
        type=type,
        time_in_force=TimeInForce.GTC,
        post_only=False,
        reduce_only=reduce_only,
    )
    assert (found.code if found else None) == code


def test_absence_counts_only_after_the_token_has_expired_and_the_lists_have_followed() -> None:
    assert CAN.absence_counts_after_ns(100) == 100 + CAN.validity_max_ns + CAN.read_lag_ns
    assert CAN.validity_max_ns >= 1_000_000_000

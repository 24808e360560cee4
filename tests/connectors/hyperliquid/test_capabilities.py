"""What Hyperliquid can do."""

from uuid import UUID

import pytest

from connectors.hyperliquid.capabilities import capabilities
from engine.domain.identifiers import OrderId, venue_client_id
from engine.domain.kinds import InstrumentKind, OrderType, TimeInForce

ORDER = OrderId(UUID("018f0000-0000-7000-8000-00000000000a"))


def refused(kind: InstrumentKind, **changes: object) -> str | None:
    wish = {"type": OrderType.LIMIT, "time_in_force": TimeInForce.GTC, "post_only": False, "reduce_only": False}
    broken = capabilities("hyperliquid", kind).check_order(kind=kind, **{**wish, **changes})  # type: ignore[arg-type]
    return None if broken is None else broken.code


@pytest.mark.parametrize("kind", InstrumentKind)
def test_ids_are_the_ones_that_we_make(kind: InstrumentKind) -> None:
    able = capabilities("hyperliquid", kind)
    assert able.client_id.allows(venue_client_id(ORDER, "hyperliquid"))
    assert not able.client_id.allows(f"0x{ORDER.hex.upper()}")
    assert not able.client_id.may_resend


def test_what_it_cannot_do_is_denied_before_the_wire() -> None:
    spot, perpetual = InstrumentKind.SPOT, InstrumentKind.PERPETUAL
    assert refused(perpetual, time_in_force=TimeInForce.FOK) == "time_in_force_unsupported"
    assert refused(spot, reduce_only=True) == "reduce_only_unsupported"
    assert refused(spot, type=OrderType.STOP) == "order_type_unsupported"
    assert refused(spot, type=OrderType.TAKE_PROFIT) == "order_type_unsupported"
    assert [refused(perpetual, type=type_) for type_ in OrderType] == [None] * 6
    assert refused(perpetual, reduce_only=True) is None


def test_the_absence_of_an_order_is_proven_by_time() -> None:
    able = capabilities("hyperliquid", InstrumentKind.PERPETUAL)
    assert able.absence_counts_after_ns(10**18) == 10**18 + 4 * 10**9

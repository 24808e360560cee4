"""What Binance's spot and USD-M markets can do, as the risk gate reads it.

Source: Binance spot, POST /api/v3/order, POST /api/v3/order/cancelReplace; USD-M, POST and PUT /fapi/v1/order, POST
/fapi/v1/algoOrder, POST /fapi/v1/countdownCancelAll.
"""

from typing import Final

from connectors.binance.symbols import Market
from engine.domain.capabilities import AmendKind, Capabilities, ClientIdRule, DuplicateRule, PrivateStream, ValidityKind
from engine.domain.identifiers import Venue
from engine.domain.kinds import InstrumentKind, OrderType, TimeInForce

NS_PER_S: Final = 1_000_000_000
RECEIVE_WINDOW_NS: Final = 5 * NS_PER_S
"""How long after its timestamp the venue may act on a request; the timestamp is chosen so that this ends with the
intent's `send_by`, so it also covers an offset of the clocks that was measured wrong."""
READ_LAG_NS: Final = NS_PER_S
"""Order queries are answered by a database behind the matching engine."""

CLIENT_ID: Final = ClientIdRule(
    pattern=r"[a-zA-Z0-9_-]{1,36}",
    duplicates=DuplicateRule.REFUSES_WHILE_OPEN,
    is_queryable=True,
)


def capabilities(venue: Venue, market: Market) -> Capabilities:
    """Return the abilities of one market under our name for it."""
    is_spot = market == "spot"
    kind = InstrumentKind.SPOT if is_spot else InstrumentKind.PERPETUAL
    streams = {PrivateStream.ORDERS, PrivateStream.FILLS}
    return Capabilities(
        venue=venue,
        kinds=frozenset({kind}),
        order_types=frozenset(OrderType),
        times_in_force=frozenset(TimeInForce),
        client_id=CLIENT_ID,
        post_only=True,
        reduce_only=frozenset() if is_spot else frozenset({kind}),
        amend=AmendKind.REPLACE if is_spot else AmendKind.IN_PLACE,
        dead_man_switch=not is_spot,
        private_streams=frozenset(streams),
        validity=ValidityKind.RECEIVE_WINDOW,
        validity_max_ns=RECEIVE_WINDOW_NS,
        read_lag_ns=READ_LAG_NS,
    )

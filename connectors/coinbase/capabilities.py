"""What Coinbase Advanced Trade, spot, can do, as its connector declares it to the risk gate."""

from typing import Final

from engine.domain.capabilities import AmendKind, Capabilities, ClientIdRule, DuplicateRule, PrivateStream, ValidityKind
from engine.domain.identifiers import Venue
from engine.domain.kinds import InstrumentKind, OrderType, TimeInForce

VALIDITY_MAX_NS: Final = 10_000_000_000
"""A request carries a token that expires at the order's time limit, to the second. One second for that, the rest for
the tolerance with which Coinbase reads times, which it does not publish."""
READ_LAG_NS: Final = 5_000_000_000
"""How long the order lists may trail; not published either."""


def capabilities(venue: Venue) -> Capabilities:
    """Return the abilities of a Coinbase account under this name."""
    return Capabilities(
        venue=venue,
        kinds=frozenset({InstrumentKind.SPOT}),
        order_types=frozenset({OrderType.MARKET, OrderType.LIMIT, OrderType.STOP_LIMIT}),
        times_in_force=frozenset(TimeInForce),
        client_id=ClientIdRule(
            # Coinbase takes any text; ours are UUIDs, whose time tells where to look for an order in the lists.
            pattern=r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
            duplicates=DuplicateRule.RETURNS_FIRST,
            is_queryable=False,
        ),
        post_only=True,
        amend=AmendKind.IN_PLACE,
        batch_cancel_max=100,
        private_streams=frozenset({PrivateStream.ORDERS, PrivateStream.FILLS}),
        validity=ValidityKind.TOKEN_EXPIRY,
        validity_max_ns=VALIDITY_MAX_NS,
        read_lag_ns=READ_LAG_NS,
    )

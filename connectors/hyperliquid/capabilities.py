"""What Hyperliquid can do, as its connector declares it to the risk gate."""

from typing import Final

from engine.domain.capabilities import AmendKind, Capabilities, ClientIdRule, DuplicateRule, PrivateStream, ValidityKind
from engine.domain.identifiers import Venue
from engine.domain.kinds import InstrumentKind, OrderType, TimeInForce

VALIDITY_MAX_NS: Final = 2_000_000_000
"""A request expires by the time of the block that would hold it; this is for the venue's clock and ours."""
READ_LAG_NS: Final = 2_000_000_000
"""The servers that answer questions follow the chain."""
SWITCH_MIN_NS: Final = 5_000_000_000
"""The dead man's switch cannot be set to a time that is nearer."""


def capabilities(venue: Venue, kind: InstrumentKind) -> Capabilities:
    """Return the abilities of an account of perpetuals or of spot pairs."""
    return Capabilities(
        venue=venue,
        kinds=frozenset({kind}),
        order_types=frozenset(OrderType) if kind is InstrumentKind.PERPETUAL else _SPOT_TYPES,
        times_in_force=frozenset({TimeInForce.GTC, TimeInForce.IOC}),
        # Nothing is documented about a repeated cloid; the number of the signed request is what guards.
        client_id=ClientIdRule(pattern=r"0x[0-9a-f]{32}", duplicates=DuplicateRule.IGNORES, is_queryable=True),
        post_only=True,
        reduce_only=frozenset({kind}) & {InstrumentKind.PERPETUAL},
        market_needs_price=True,
        amend=AmendKind.REPLACE,
        dead_man_switch=True,
        dead_man_min_ns=SWITCH_MIN_NS,
        private_streams=frozenset({PrivateStream.ORDERS, PrivateStream.FILLS}),
        validity=ValidityKind.EXPIRES_AFTER,
        validity_max_ns=VALIDITY_MAX_NS,
        read_lag_ns=READ_LAG_NS,
    )


_SPOT_TYPES: Final = frozenset({OrderType.MARKET, OrderType.LIMIT})
"""Triggers belong to positions."""

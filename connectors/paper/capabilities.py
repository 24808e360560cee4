"""What the paper venue can do, as it declares it to the risk gate."""

from typing import Final

from engine.domain.capabilities import AmendKind, Capabilities, ClientIdRule, DuplicateRule, PrivateStream, ValidityKind
from engine.domain.identifiers import Venue
from engine.domain.kinds import InstrumentKind, OrderType, TimeInForce

VALIDITY_MAX_NS: Final = 1_000_000
"""The venue itself refuses what is past `VenueSubmit.valid_until_ns`; this is for reading its clock."""


def capabilities(venue: Venue) -> Capabilities:
    """Return the abilities of a paper venue of this name."""
    kinds = frozenset(InstrumentKind)
    return Capabilities(
        venue=venue,
        kinds=kinds,
        order_types=frozenset(OrderType),
        times_in_force=frozenset(TimeInForce),
        client_id=ClientIdRule(
            pattern=r"[!-~]{1,255}",
            duplicates=DuplicateRule.REFUSES,
            is_queryable=True,
        ),
        post_only=True,
        reduce_only=kinds,
        private_streams=frozenset({PrivateStream.ORDERS, PrivateStream.FILLS}),
        amend=AmendKind.IN_PLACE,
        dead_man_switch=True,
        validity=ValidityKind.VALID_UNTIL,
        validity_max_ns=VALIDITY_MAX_NS,
    )

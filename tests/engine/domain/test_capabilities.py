"""A venue is asked only for what it can do, and absence is believed only when it proves something."""

from typing import Any
from uuid import UUID

import pytest

from engine.domain.capabilities import Capabilities, ClientIdRule, DuplicateRule, ValidityKind
from engine.domain.errors import BadInput
from engine.domain.identifiers import OrderId, venue_client_id
from engine.domain.kinds import InstrumentKind, OrderType, TimeInForce

SECOND_NS = 1_000_000_000
BINANCE_IDS = ClientIdRule(
    pattern="[a-zA-Z0-9-_]{1,36}", duplicates=DuplicateRule.REFUSES_WHILE_OPEN, is_queryable=True
)


def a_venue(**changes: Any) -> Capabilities:
    """Return a venue like Hyperliquid: perpetuals, no fill-or-kill, limit and market orders."""
    fields: dict[str, Any] = {
        "venue": "hyperliquid",
        "kinds": frozenset({InstrumentKind.PERPETUAL}),
        "order_types": frozenset({OrderType.LIMIT, OrderType.MARKET}),
        "times_in_force": frozenset({TimeInForce.GTC, TimeInForce.IOC}),
        "client_id": ClientIdRule(pattern="0x[0-9a-f]{32}", duplicates=DuplicateRule.IGNORES, is_queryable=True),
        "post_only": True,
        "reduce_only": frozenset({InstrumentKind.PERPETUAL}),
        "validity": ValidityKind.EXPIRES_AFTER,
        "validity_max_ns": 5 * SECOND_NS,
        "read_lag_ns": SECOND_NS,
    }
    return Capabilities(**(fields | changes))


def check(venue: Capabilities, **changes: Any) -> str | None:
    order: dict[str, Any] = {
        "kind": InstrumentKind.PERPETUAL,
        "type": OrderType.LIMIT,
        "time_in_force": TimeInForce.GTC,
        "post_only": False,
        "reduce_only": False,
    }
    found = venue.check_order(**(order | changes))
    return None if found is None else found.code


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"post_only": True},
        {"reduce_only": True},
        {"time_in_force": TimeInForce.IOC},
        {"type": OrderType.MARKET, "time_in_force": TimeInForce.FOK},
    ],
)
def test_what_the_venue_can_do_passes(order: dict[str, Any]) -> None:
    assert check(a_venue(), **order) is None


@pytest.mark.parametrize(
    ("order", "venue", "code"),
    [
        ({"kind": InstrumentKind.SPOT}, {}, "instrument_kind_unsupported"),
        ({"type": OrderType.STOP}, {}, "order_type_unsupported"),
        ({"type": OrderType.TAKE_PROFIT}, {}, "order_type_unsupported"),
        (
            {"type": OrderType.TAKE_PROFIT_LIMIT, "time_in_force": TimeInForce.FOK},
            {"order_types": frozenset(OrderType)},
            "time_in_force_unsupported",
        ),
        ({"time_in_force": TimeInForce.FOK}, {}, "time_in_force_unsupported"),
        ({"post_only": True}, {"post_only": False}, "post_only_unsupported"),
        ({"post_only": True, "time_in_force": TimeInForce.IOC}, {}, "post_only_contradiction"),
        ({"post_only": True, "type": OrderType.MARKET}, {}, "post_only_contradiction"),
        ({"reduce_only": True}, {"reduce_only": frozenset()}, "reduce_only_unsupported"),
    ],
)
def test_what_the_venue_cannot_do_is_named(order: dict[str, Any], venue: dict[str, Any], code: str) -> None:
    assert check(a_venue(**venue), **order) == code


def test_a_violation_lists_what_would_be_possible() -> None:
    found = a_venue().check_order(
        kind=InstrumentKind.PERPETUAL,
        type=OrderType.STOP,
        time_in_force=TimeInForce.GTC,
        post_only=False,
        reduce_only=False,
    )
    assert found is not None
    assert (found.limit, found.value) == ("limit or market", "stop")


def test_absence_counts_after_send_by_validity_and_read_lag() -> None:
    assert a_venue().absence_counts_after_ns(10 * SECOND_NS) == 16 * SECOND_NS


def test_without_a_validity_no_time_proves_absence() -> None:
    venue = a_venue(validity=ValidityKind.NONE, validity_max_ns=0)
    assert venue.absence_counts_after_ns(10 * SECOND_NS) is None


@pytest.mark.parametrize(
    ("rule", "may"),
    [
        (DuplicateRule.REFUSES, True),
        (DuplicateRule.RETURNS_FIRST, True),
        (DuplicateRule.REFUSES_WHILE_OPEN, False),
        (DuplicateRule.IGNORES, False),
    ],
)
def test_a_request_is_repeated_only_where_that_makes_no_second_order(rule: DuplicateRule, may: bool) -> None:
    assert ClientIdRule(pattern=".*", duplicates=rule, is_queryable=True).may_resend is may


def test_our_ids_fit_the_rules_of_their_venues() -> None:
    order_id = OrderId(UUID("018f0000-0000-7000-8000-000000000001"))
    assert BINANCE_IDS.allows(venue_client_id(order_id, "binance"))
    assert a_venue().client_id.allows(venue_client_id(order_id, "hyperliquid"))
    assert not a_venue().client_id.allows(venue_client_id(order_id, "binance"))
    assert not BINANCE_IDS.allows("x" * 37)
    assert not BINANCE_IDS.allows("")


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("batch_submit_max", 0),
        ("batch_cancel_max", -1),
        ("read_lag_ns", -1),
        ("validity_max_ns", 0),
        ("validity", ValidityKind.NONE),
        ("reduce_only", frozenset({InstrumentKind.SPOT})),
    ],
)
def test_a_contradictory_declaration_is_refused(field: str, bad: Any) -> None:
    with pytest.raises(BadInput):
        a_venue(**{field: bad})


def test_a_broken_pattern_is_refused() -> None:
    with pytest.raises(BadInput, match=r"client_id\.pattern"):
        ClientIdRule(pattern="[", duplicates=DuplicateRule.REFUSES, is_queryable=True)


@pytest.mark.parametrize(
    ("pattern", "spelled"),
    [
        (r"[a-zA-Z0-9-_]{1,36}", "cv-018f00000000700080000000000000aa"),
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "018f0000-0000-7000-8000-0000000000aa"),
        (r"0x[0-9a-f]{32}", "0x018f00000000700080000000000000aa"),
        (r"[0-9]{3}", "cv-018f00000000700080000000000000aa"),
    ],
)
def test_an_order_id_is_spelled_as_the_venue_takes_it(pattern: str, spelled: str) -> None:
    rule = ClientIdRule(pattern=pattern, duplicates=DuplicateRule.REFUSES, is_queryable=True)
    assert rule.spell(UUID("018f0000-0000-7000-8000-0000000000aa")) == spelled

"""Client ids that venues accept."""

import re
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.identifiers import OrderId, venue_client_id

FORMATS = {
    "binance": r"[a-zA-Z0-9-_]{1,36}",
    "simulated": r"[a-zA-Z0-9-_]{1,36}",
    "coinbase": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "hyperliquid": r"0x[0-9a-f]{32}",
}


@pytest.mark.parametrize("venue", FORMATS)
@given(number=st.uuids())
def test_a_client_id_fits_the_venue(venue: str, number: UUID) -> None:
    assert re.fullmatch(FORMATS[venue], venue_client_id(OrderId(number), venue))


@pytest.mark.parametrize("venue", FORMATS)
@given(numbers=st.lists(st.uuids(), unique=True, min_size=2, max_size=2))
def test_different_orders_have_different_client_ids(venue: str, numbers: list[UUID]) -> None:
    one, other = numbers
    assert venue_client_id(OrderId(one), venue) != venue_client_id(OrderId(other), venue)

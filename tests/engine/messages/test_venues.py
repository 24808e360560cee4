"""The connector protocol."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.messages.venues import VenueConnection, VenueFill
from tests.support.messages import instances


@pytest.mark.parametrize("field", ["price", "quantity"])
@given(data=st.data())
def test_an_execution_of_nothing_is_refused(field: str, data: st.DataObject) -> None:
    fill = data.draw(instances(VenueFill))
    fields = {name: getattr(fill, name) for name in fill.__struct_fields__} | {field: Decimal(0)}
    with pytest.raises(ValueError, match=field):
        VenueFill(**fields)


def test_a_lost_venue_overtakes_orders() -> None:
    assert VenueConnection.__lane__ == "control"

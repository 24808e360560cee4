"""Order messages."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.messages.orders import Fill, OrderIntent
from tests.support.messages import instances


@pytest.mark.parametrize("field", ["quantity", "price", "stop_price"])
@pytest.mark.parametrize("value", ["NaN", "Infinity", "0", "-0.1"])
@given(data=st.data())
def test_an_intent_with_a_wrong_number_is_refused(field: str, value: str, data: st.DataObject) -> None:
    intent = data.draw(instances(OrderIntent))
    fields = {name: getattr(intent, name) for name in intent.__struct_fields__} | {field: Decimal(value)}
    with pytest.raises(ValueError, match=field):
        OrderIntent(**fields)


@pytest.mark.parametrize("field", ["quantity", "price"])
@given(data=st.data())
def test_a_fill_of_nothing_is_refused(field: str, data: st.DataObject) -> None:
    fill = data.draw(instances(Fill))
    fields = {name: getattr(fill, name) for name in fill.__struct_fields__} | {field: Decimal(0)}
    with pytest.raises(ValueError, match=field):
        Fill(**fields)

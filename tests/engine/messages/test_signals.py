"""Signals of agents."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.messages.signals import Signal
from tests.support.messages import instances


@pytest.mark.parametrize("target", ["NaN", "Infinity"])
@given(data=st.data())
def test_a_signal_without_a_finite_target_is_refused(target: str, data: st.DataObject) -> None:
    signal = data.draw(instances(Signal))
    fields = {name: getattr(signal, name) for name in signal.__struct_fields__} | {"target": Decimal(target)}
    with pytest.raises(ValueError, match="target"):
        Signal(**fields)

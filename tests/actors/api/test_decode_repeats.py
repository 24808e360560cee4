"""A name twice in an object: two readers may each take another value, so nobody takes any."""

import msgspec
import pytest

from actors.api.decode import Body, decode
from actors.api.problems import Problem


class Order(Body, frozen=True, kw_only=True):
    quantity: str
    parameters: dict[str, object] = msgspec.field(default_factory=dict)


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b'{"quantity": "1", "quantity": "5"}', "quantity"),
        (b'{"quantity": "1", "qu\\u0061ntity": "1"}', "quantity"),
        (b'{"quantity": "1", "parameters": {"fast": 1, "slow": 2, "fast": 3}}', "fast"),
        (b'{"quantity": "1", "parameters": {"deep": [{"x": 1, "x": 1}]}}', "x"),
    ],
)
def test_a_repeated_name_is_refused_wherever_it_is(raw: bytes, field: str) -> None:
    with pytest.raises(Problem) as caught:
        decode(raw, Order)
    assert (caught.value.status, caught.value.code, caught.value.extra["field"]) == (422, "invalid_field", field)


def test_the_same_name_in_two_objects_is_no_repeat() -> None:
    order = decode(b'{"quantity": "1", "parameters": {"quantity": 2, "big": %s}}' % (b"9" * 18), Order)
    assert order.quantity == "1"

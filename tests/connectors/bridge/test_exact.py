"""Numbers keep their digits."""

from decimal import Decimal

import msgspec
import pytest

from connectors.bridge.exact import exact


def test_numbers_are_exact() -> None:
    told = exact(b'{"a": 0.10000000, "b": 5, "c": "1.50", "d": 123456789.123456789123456789, "e": 1e-8}')
    assert {name: str(value) for name, value in told.items()} == {
        "a": "0.10000000", "b": "5", "c": "1.50", "d": "123456789.123456789123456789", "e": "1E-8",
    }  # fmt: skip
    assert isinstance(told["a"], Decimal)


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        exact(b'{"a":')

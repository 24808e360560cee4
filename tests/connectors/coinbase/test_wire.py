"""The shapes of Coinbase's payloads."""

from decimal import Decimal

import msgspec
import pytest

from connectors.coinbase import wire


def test_decimals_are_exact_and_unknown_fields_ignored() -> None:
    raw = b'{"side":"bid","event_time":"x","price_level":"0.10000000000000000001","new_quantity":"1.50","new":[1]}'
    data = msgspec.json.decode(raw, type=wire.LevelChange)
    assert data.price_level == Decimal("0.10000000000000000001")
    assert str(data.new_quantity) == "1.50"


def test_a_number_without_quotes_is_as_exact() -> None:
    raw = b'{"side":"bid","price_level":0.1,"new_quantity":1}'
    assert msgspec.json.decode(raw, type=wire.LevelChange).price_level == Decimal("0.1")


@pytest.mark.parametrize("price", [b'"abc"', b"null", b"[]", b'""'])
def test_what_is_no_number_is_refused(price: bytes) -> None:
    with pytest.raises(msgspec.ValidationError, match="price_level"):
        msgspec.json.decode(b'{"side":"bid","price_level":%b,"new_quantity":"1"}' % price, type=wire.LevelChange)


def test_a_frame_without_its_number_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="sequence_num"):
        msgspec.json.decode(b'{"timestamp":"x","events":[]}', type=wire.BookFrame)

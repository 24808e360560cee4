"""The shapes of Hyperliquid's payloads."""

from decimal import Decimal

import msgspec
import pytest

from connectors.hyperliquid import private_wire, wire


def test_decimals_are_exact_and_unknown_fields_ignored() -> None:
    level = msgspec.json.decode(b'{"px":"0.10000000000000000001","sz":"1","n":3,"new":[]}', type=wire.Level)
    assert level.px == Decimal("0.10000000000000000001")


@pytest.mark.parametrize("price", [b'"abc"', b"null", b"[]", b'""'])
def test_what_is_no_number_is_refused(price: bytes) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"\$\.px"):
        msgspec.json.decode(b'{"px":%b,"sz":"1"}' % price, type=wire.Level)


def test_a_book_has_two_sides() -> None:
    with pytest.raises(msgspec.ValidationError, match="length"):
        msgspec.json.decode(b'{"coin":"BTC","time":1,"levels":[[]]}', type=wire.L2Book)


def test_an_order_without_its_first_size_has_what_is_left() -> None:
    raw = b'{"coin":"BTC","side":"B","limitPx":"1","sz":"2","oid":3,"timestamp":4}'
    assert msgspec.json.decode(raw, type=private_wire.Order).size == Decimal(2)

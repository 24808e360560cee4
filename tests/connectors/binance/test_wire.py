"""The shapes of Binance's payloads."""

from decimal import Decimal

import msgspec
import pytest

from connectors.binance import wire


def test_decimals_are_exact_and_unknown_fields_ignored() -> None:
    raw = b'{"stream":"x","data":{"u":5,"b":"0.10000000000000000001","B":"1","a":"0.3","A":"1","new":[1]}}'
    data = msgspec.json.decode(raw, type=wire.BookTickerFrame).data
    assert data.b == Decimal("0.10000000000000000001")
    assert data.T == 0


def test_a_number_without_quotes_is_as_exact() -> None:
    assert msgspec.json.decode(b'{"b":0.1,"B":1,"a":0.3,"A":1}', type=wire.BookTicker).b == Decimal("0.1")


@pytest.mark.parametrize("price", [b'"abc"', b"null", b"[]", b'""'])
def test_what_is_no_number_is_refused(price: bytes) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"\$\.b"):
        msgspec.json.decode(b'{"b":%b,"B":"1","a":"2","A":"1"}' % price, type=wire.BookTicker)


def test_a_level_is_a_pair() -> None:
    with pytest.raises(msgspec.ValidationError, match="length"):
        msgspec.json.decode(b'{"lastUpdateId":1,"bids":[["1"]],"asks":[]}', type=wire.DepthSnapshot)

"""The shapes of what Hyperliquid tells of an account."""

from decimal import Decimal

import msgspec
import pytest

from connectors.hyperliquid import private_wire as wire

ORDER = b'{"coin":"BTC","side":"B","limitPx":"1","sz":"2","oid":3,"timestamp":4%b}'


def test_an_order_without_its_first_size_has_what_is_left() -> None:
    assert msgspec.json.decode(ORDER % b"", type=wire.Order).size == Decimal(2)
    assert msgspec.json.decode(ORDER % b',"origSz":"5","cloid":null', type=wire.Order).size == Decimal(5)


def test_an_unknown_order_has_no_order() -> None:
    assert msgspec.json.decode(b'{"status":"unknownOid"}', type=wire.OrderStatus).order is None


def test_a_fill_without_its_fee_is_refused() -> None:
    raw = b'{"coin":"BTC","px":"1","sz":"1","side":"B","time":1,"oid":1,"crossed":true,"hash":"0x"}'
    with pytest.raises(msgspec.ValidationError, match="fee"):
        msgspec.json.decode(raw, type=wire.Fill)

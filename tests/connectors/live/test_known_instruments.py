"""What a venue listed when it was last there."""

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from connectors.live.known_instruments import file_of, keep, known
from tests.support.domain import a_perpetual, a_spot


def test_what_is_kept_is_known_exactly(tmp_path: Path) -> None:
    instruments = (a_spot(tick_size=Decimal("0.00000001")), a_perpetual())
    keep(tmp_path, "binance", instruments)
    assert known(tmp_path, "binance") == instruments
    assert known(tmp_path, "coinbase") == ()
    keep(tmp_path, "binance", instruments[:1])
    assert known(tmp_path, "binance") == instruments[:1]
    assert [each.name for each in tmp_path.iterdir()] == ["instruments-binance.json"]


@pytest.mark.parametrize("raw", [b"", b"{", b'[{"venue": "binance"}]'])
def test_a_file_that_cannot_be_read_knows_nothing(raw: bytes, tmp_path: Path) -> None:
    file_of(tmp_path, "binance").write_bytes(raw)
    assert known(tmp_path, "binance") == ()


def test_rules_that_contradict_themselves_are_not_believed(tmp_path: Path) -> None:
    rules = msgspec.to_builtins([a_spot()])
    rules[0]["min_quantity"], rules[0]["max_quantity"] = "10", "1"
    file_of(tmp_path, "binance").write_bytes(msgspec.json.encode(rules))
    assert known(tmp_path, "binance") == ()

"""What is read out of an answer that refuses nothing."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.bridge.errors import Unknown
from connectors.hyperliquid.answers import placed, require_cancelled, require_ok
from tests.support.hyperliquid import answer_of


def statuses(*each: Any, status: str = "ok") -> bytes:
    return json.dumps({"status": status, "response": {"type": "order", "data": {"statuses": each}}}).encode()


def test_an_order_has_its_number_whether_it_rests_or_has_traded(fixtures_dir: Path) -> None:
    assert placed(answer_of(fixtures_dir, "Spot.Trading.PlaceOrder")) == 77738308
    assert placed(statuses({"filled": {"totalSz": "0.02", "avgPx": "1891.4", "oid": 77747314}})) == 77747314
    assert placed(statuses({"resting": {"oid": 5, "cloid": "0xa"}})) == 5


@pytest.mark.parametrize(
    "raw",
    [
        statuses(), statuses("waitingForFill"), statuses({}),
        statuses({"resting": {"oid": 1}}, {"resting": {"oid": 2}}),
        statuses({"resting": {"oid": 5}}, status="maybe"), statuses({"resting": {}}), b"null", b"{}", b"<html>",
    ],
)  # fmt: skip
def test_an_answer_without_a_number_proves_nothing(raw: bytes) -> None:
    with pytest.raises((Unknown, msgspec.DecodeError)):
        placed(raw)


def test_a_cancel_is_a_success_or_proves_nothing() -> None:
    require_cancelled(statuses("success"))
    for raw in (statuses("maybe"), statuses({}), b'{"status":"ok"}'):
        with pytest.raises((Unknown, msgspec.DecodeError)):
            require_cancelled(raw)


def test_an_action_without_orders_is_ok_or_proves_nothing(fixtures_dir: Path) -> None:
    require_ok(answer_of(fixtures_dir, "Futures.Trading.SetLeverage"))
    for raw in (b'{"status":"maybe"}', b"{}", b"[]"):
        with pytest.raises((Unknown, msgspec.DecodeError)):
            require_ok(raw)

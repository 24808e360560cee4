"""The shapes of Coinbase's private payloads."""

from pathlib import Path

import msgspec
import pytest

from connectors.coinbase import private_wire as wire


def test_a_cancel_answers_each_order_by_itself(fixtures_dir: Path) -> None:
    raw = (fixtures_dir / "kmiq/coinbase_advanced/cancel_orders_success_response.json").read_bytes()
    first, second = msgspec.json.decode(raw, type=wire.Cancels).results
    assert (first.success, first.failure_reason) == (False, "UNKNOWN_CANCEL_ORDER")
    assert second.success


@pytest.mark.parametrize("name", ["create_limit_order", "create_buy_market_order"])
def test_recorded_placed_orders(fixtures_dir: Path, name: str) -> None:
    raw = (fixtures_dir / f"kmiq/coinbase_advanced/{name}_success_response.json").read_bytes()
    answer = msgspec.json.decode(raw, type=wire.NewOrder)
    assert answer.success
    assert answer.success_response is not None
    assert (answer.success_response.product_id, answer.success_response.side) == ("ALGO-USD", "BUY")


@pytest.mark.parametrize("name", ["create_order_failure_no_funds_response", "default_failure_response"])
def test_recorded_refusals(fixtures_dir: Path, name: str) -> None:
    raw = (fixtures_dir / f"kmiq/coinbase_advanced/{name}.json").read_bytes()
    answer = msgspec.json.decode(raw, type=wire.NewOrder)
    assert not answer.success
    assert answer.error_response is not None
    assert answer.error_response.error == "INSUFFICIENT_FUND"


@pytest.mark.parametrize("errors", ["[]", '[{"edit_failure_reason":"X"}]', '{"edit_failure_reason":"X"}'])
def test_an_edits_errors_are_a_list_or_one(errors: str) -> None:
    answer = msgspec.json.decode(f'{{"success":false,"errors":{errors}}}', type=wire.Edited)
    found = answer.errors if isinstance(answer.errors, tuple) else (answer.errors,)
    assert [one.edit_failure_reason for one in found] == (["X"] if "X" in errors else [])


@pytest.mark.parametrize("raw", [b"{}", b"[]", b'{"orders":null}'])
def test_an_answer_without_its_orders_is_none(raw: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(raw, type=wire.Orders)

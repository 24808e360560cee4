"""What people and machines read."""

import json
from decimal import Decimal
from typing import Any

import pytest

from engine.cli.output import print_json, print_object, print_rows


def test_machines_get_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"price": Decimal("0.10"), "items": []})
    assert json.loads(capsys.readouterr().out) == {"price": "0.10", "items": []}


def test_people_get_a_table_with_short_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[dict[str, Any]] = [{"symbol": "BTC/USDT", "size": "0.010000"}, {"symbol": "ETH/USDT", "size": None}]
    print_rows(rows, ("symbol", "size"), empty="nothing")
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [["symbol", "size"], ["BTC/USDT", "0.01"], ["ETH/USDT", "-"]]


def test_an_empty_list_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([], ("symbol",), empty="No orders.")
    assert capsys.readouterr().out == "No orders.\n"


def test_an_object_is_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    print_object({"ready": True, "filled_quantity": "1.50", "parts": ["a"]})
    assert capsys.readouterr().out == 'ready            yes\nfilled quantity  1.5\nparts            ["a"]\n'

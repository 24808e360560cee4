"""Every recording of Coinbase Advanced that the index names is read by a test."""

from pathlib import Path

READ = {
    "Coinbase-BTC-USD-PT4H-20160518_20251028.json.gz": "test_history",
    "Coinbase-ETH-USD-PT1D-20160517_20251028.json.gz": "test_history",
    "Subscriptions.AdvancedTrade.Trades.txt": "test_parse",
    "cancel_orders_success_response.json": "test_private_wire",
    "cb_l2_2026-09-07.jsonl": "test_parse",
    "create_buy_market_order_success_response.json": "test_private_wire",
    "create_limit_order_success_response.json": "test_private_wire",
    "create_order_failure_no_funds_response.json": "test_reasons",
    "default_failure_response.json": "test_reasons",
    "get_best_bid_ask_success_response.json": "test_history",
    "get_product_book_success_response.json": "test_history",
    "get_product_candles_success_response.json": "test_history",
    "get_product_success_response.json": "test_instruments",
    "get_trades_success_response.json": "test_history",
    "get_unix_time_success_response.json": "test_history",
    "list_accounts_success_response.json": "test_private_parse",
    "list_fills_success_response.json": "test_private_parse",
    "list_orders_success_response.json": "test_private_parse",
    "list_products_success_response.json": "test_instruments",
}
"""File -> the test module that reads it."""


def test_no_recording_is_forgotten(fixtures_dir: Path) -> None:
    rows = [line.split("|") for line in (fixtures_dir / "INDEX.md").read_text().splitlines()]
    recorded = {
        row[1].strip().rpartition("/")[2]
        for row in rows
        if len(row) > 4 and row[2].strip() == "coinbase_advanced" and row[4].strip().startswith("R")
    }
    assert recorded == set(READ)
    here = Path(__file__).parent
    for file, module in READ.items():
        text = (here / f"{module}.py").read_text()
        stem = file.removesuffix("_success_response.json")
        assert file in text or stem in text or file.removesuffix(".json") in text or "Subscriptions" in text, file

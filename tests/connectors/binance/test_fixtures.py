"""Every recorded payload of Binance, read into messages whose numbers are the text of the wire."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.binance.instruments import parse_exchange_info
from connectors.binance.parse import FrameParser, parse_snapshot
from connectors.binance.symbols import Market, Symbols
from engine.messages.market import BookDelta, QuoteTick, TradePrint
from tests.connectors.binance.recorded import FLOWS, http

READ_HERE = {
    "hftbacktest/binance_spot/btcusdt_20240808.gz",
    "hftbacktest/binance_spot/btcusdt_20240809.gz",
    "hftbacktest/binance_usdm/btcusdt_20240808.gz",
    "cryptofeed/binance_spot/BINANCE.ws.1.0",
    "cryptofeed/binance_usdm/BINANCE_FUTURES.ws.1.0.gz",
    "gocryptotrader/binance_spot/http.json.gz",
}
READ_ELSEWHERE = {
    "cryptofeed/binance_spot/BINANCE.0.gz": "test_instruments.py",
    "cryptofeed/binance_spot/BINANCE.http.0.0.gz": "test_parse.py",
    "cryptofeed/binance_usdm/BINANCE_FUTURES.0.gz": "test_instruments.py",
    "cryptofeed/binance_usdm/BINANCE_FUTURES.http.0.0.gz": "test_parse.py",
    "captured/binance_spot/ccxt_threads_binance_spot_dev.jsonl": "test_private_parse.py",
    "captured/binance_spot/reported_errors_dev.jsonl": "test_errors.py",
    "captured/binance_usdm/ccxt_threads_binance_usdm_dev.jsonl": "test_private_rest.py",
    **{f"quantconnect/{file}": "test_private_parse.py" for file in FLOWS.values()},
}


def recorded_files(fixtures: Path) -> set[str]:
    """Return the payload files of Binance that the index marks as recorded; candles as tables are not payloads."""
    found, folder = set(), ""
    for line in (fixtures / "INDEX.md").read_text().splitlines():
        if line.startswith("## "):
            folder = line.removeprefix("## ").strip()
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) > 5 and "binance" in cells[2] and cells[4].startswith("R"):
            found |= {f"{folder}/{cells[1]}"} if not cells[3].startswith(("history", "oracle")) else set()
    return found


def test_every_recorded_payload_is_read_somewhere(fixtures_dir: Path) -> None:
    assert recorded_files(fixtures_dir) == READ_HERE | READ_ELSEWHERE.keys()


def frames(path: Path) -> Iterator[bytes]:
    raw = path.read_bytes()
    text = gzip.decompress(raw) if path.suffix == ".gz" else raw
    if "hftbacktest" in str(path):
        return (line.partition(b" ")[2] for line in text.splitlines())
    return (found for found in re.findall(rb"^[0-9.]+: (.*)$", text, re.MULTILINE))


def texts(message: Any) -> Any:
    """Return a message's numbers as they would be written."""
    if isinstance(message, QuoteTick):
        return [f"{number:f}" for number in (message.bid, message.bid_size, message.ask, message.ask_size)]
    if isinstance(message, TradePrint):
        return [f"{message.price:f}", f"{message.quantity:f}"]
    return [[[f"{price:f}", f"{size:f}"] for price, size in side] for side in (message.bids, message.asks)]


def wired(message: Any, data: dict[str, Any]) -> Any:
    """Return the same numbers as the wire has them."""
    if isinstance(message, QuoteTick):
        return [data["b"], data["B"], data["a"], data["A"]]
    if isinstance(message, TradePrint):
        return [data["p"], data["q"]]
    return [data["b"], data["a"]] if isinstance(message, BookDelta) else [data["bids"], data["asks"]]


@pytest.mark.slow
@pytest.mark.parametrize("file", sorted(READ_HERE - {"gocryptotrader/binance_spot/http.json.gz"}))
def test_numbers_of_recorded_frames_are_the_text_of_the_wire(fixtures_dir: Path, file: str) -> None:
    market: Market = "usdm" if "usdm" in file else "spot"
    parser = FrameParser(venue="binance", symbols=Symbols(market))
    compared = 0
    for raw in frames(fixtures_dir / file):
        message = parser.parse(raw, 1, symbol="BTC/USDT")
        if message is not None:
            frame = json.loads(raw)
            assert texts(message) == wired(message, frame.get("data", frame))
            compared += 1
    assert compared > 200


@pytest.mark.parametrize("path", ["/api/v3/depth", "/fapi/v1/depth"])
def test_recorded_books_are_the_text_of_the_wire(fixtures_dir: Path, path: str) -> None:
    for exchange in http(fixtures_dir, path):
        data = exchange["data"]
        book = parse_snapshot(json.dumps(data).encode(), venue="binance", symbol="BTC/USDT", received_ns=1)
        assert texts(book) == [data["bids"], data["asks"]]


@pytest.mark.parametrize(("path", "market"), [("/api/v3/exchangeInfo", "spot"), ("/fapi/v1/exchangeInfo", "usdm")])
def test_recorded_rules_are_the_text_of_the_wire(fixtures_dir: Path, path: str, market: Market) -> None:
    (exchange,) = http(fixtures_dir, path)
    listing = parse_exchange_info(json.dumps(exchange["data"]).encode(), venue="binance", market=market)
    wire = {
        f"{pair['baseAsset']}/{pair['quoteAsset']}": {rule["filterType"]: rule for rule in pair["filters"]}
        for pair in exchange["data"]["symbols"]
        if pair["status"] == "TRADING" and pair.get("contractType", "PERPETUAL") == "PERPETUAL"
    }
    assert len(listing.instruments) + len(listing.refused) == len(wire)
    for item in listing.instruments:
        rules = wire[item.symbol.partition(":")[0]]
        assert f"{item.tick_size:f}" == rules["PRICE_FILTER"]["tickSize"]
        assert f"{item.step_size:f}" == rules["LOT_SIZE"]["stepSize"]
    assert not listing.refused

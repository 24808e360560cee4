"""Recorded payloads of Binance's private side, read from wherever the fixtures are."""

import gzip
import json
from pathlib import Path
from typing import Any

FLOWS = {
    "spot limit filled": "binance_spot/WebSocketGlobalSpotLimitSubmittedFilled.json",
    "spot market filled in two": "binance_spot/WebSocketGlobalSpotMarketSubmitPartiallyFilledFilled.json",
    "spot fok expired": "binance_spot/WebSocketSpotLimitFillOrKillSubmittedExpired.json",
    "usdm limit cancelled": "binance_usdm/WebSocketFutureLimitSubmittedCancelled.json",
    "usdm market filled": "binance_usdm/WebSocketFutureMarketSubmittedFilled.json",
    "usdm stop filled in two": "binance_usdm/WebSocketFutureStopMarketSubmitPartiallyFilledFilled.json",
}
"""The six recorded order flows, by what happens in them."""


def texts(path: Path) -> list[str]:
    """Return the JSON values of a file that holds several, one after the other, each as it stands there."""
    content = path.read_text()
    decoder = json.JSONDecoder()
    found, at = [], 0
    while content[at:].strip():
        while content[at].isspace():
            at += 1
        _, end = decoder.raw_decode(content, at)
        found.append(content[at:end])
        at = end
    return found


def flow(fixtures: Path, name: str) -> list[bytes]:
    """Return the frames of a recorded order flow."""
    return [text.encode() for text in texts(fixtures / "quantconnect" / FLOWS[name])]


def quoted(fixtures: Path, file: str) -> list[tuple[str, bytes]]:
    """Return (kind, payload) of the frames that people have quoted."""
    lines = (fixtures / "captured" / file).read_text().splitlines()
    return [(line["kind"], json.dumps(line["payload"]).encode()) for line in map(json.loads, lines)]


def http(fixtures: Path, path: str, method: str = "GET") -> list[dict[str, Any]]:
    """Return the recorded exchanges of a REST path; numbers stay texts of themselves."""
    with gzip.open(fixtures / "gocryptotrader/binance_spot/http.json.gz") as file:
        routes = json.load(file)["routes"]
    return list(routes[path].get(method, []))

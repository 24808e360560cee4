"""Recorded payloads of Hyperliquid, wherever each project has kept them."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from connectors.hyperliquid.symbols import MarketName, Symbols
from engine.domain.kinds import InstrumentKind

HYPE_USDC = MarketName("HYPE/USDC", "@107", 10_107, 2, InstrumentKind.SPOT)


def some_symbols() -> Symbols:
    """Return names as after a listing with HYPE's spot pair; perpetuals need none."""
    return Symbols([HYPE_USDC])


def session(folder: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (receive time in ns, frame) of the recorded session."""
    with gzip.open(folder / "hftbacktest/hyperliquid/btcusd_20250126.gz", "rb") as lines:
        for line in lines:
            received, _, raw = line.strip().partition(b" ")
            yield int(received), raw


def captured(folder: Path, name: str, kind: str = "") -> list[Any]:
    """Return the payloads of a file of captured frames whose kind begins so."""
    lines = (folder / "captured/hyperliquid" / name).read_text().splitlines()
    records = [json.loads(line) for line in lines]
    return [record["payload"] for record in records if record["kind"].startswith(kind)]


def frame_of(folder: Path, name: str) -> bytes:
    """Return the frame of a subscription file: what follows the line that begins with `=`."""
    text = (folder / f"jkorf/hyperliquid/Subscriptions.{name}.txt").read_text()
    return text[text.index("\n=") + 2 :].strip().encode()


def answer_of(folder: Path, name: str) -> bytes:
    """Return the body of an endpoint file: what follows its three lines of request."""
    text = (folder / f"jkorf/hyperliquid/Endpoints.{name}.txt").read_text()
    return text.split("\n", 3)[3].encode()


def cassette(folder: Path, name: str) -> bytes:
    """Return the body of the last answer of a cassette of the venue's own library."""
    path = folder / "hyperliquid_sdk/hyperliquid" / name
    text = gzip.decompress(path.read_bytes()).decode() if name.endswith(".gz") else path.read_text()
    body: str = yaml.safe_load(text)["interactions"][-1]["response"]["body"]["string"]
    return body.encode()

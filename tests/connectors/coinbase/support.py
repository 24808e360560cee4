"""Builders for the tests of Coinbase's parsers."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.coinbase.parse import FrameParser, SequenceCheck
from connectors.coinbase.symbols import Symbols

DATA = Path(__file__).parents[2] / "data/coinbase"
AT = 1_700_000_000_020_000_123


@dataclass
class Heard:
    """A listener that remembers."""

    channels: list[Mapping[str, tuple[str, ...]]] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    gaps: list[tuple[int, int]] = field(default_factory=list)

    def subscribed(self, channels: Mapping[str, tuple[str, ...]]) -> None:
        self.channels.append(channels)

    def refused(self, message: str) -> None:
        self.refusals.append(message)

    def gap(self, expected: int, was: int) -> None:
        self.gaps.append((expected, was))


def a_parser(
    heard: Heard | None = None, *, check: SequenceCheck = "connection", symbols: Symbols | None = None
) -> FrameParser:
    return FrameParser(venue="coinbase", symbols=symbols or Symbols(), listener=heard or Heard(), check=check)


def lines_of(file: str) -> Iterator[tuple[int, bytes]]:
    """Yield (receive time, frame) of a file of ours."""
    for line in (DATA / file).read_bytes().splitlines():
        received, _, raw = line.partition(b" ")
        yield int(received), raw


def a_frame(channel: str, events: list[Any], number: int = 0, timestamp: str = "2023-11-14T22:13:20.5Z") -> bytes:
    frame = {"channel": channel, "timestamp": timestamp, "sequence_num": number, "events": events}
    return json.dumps(frame, separators=(",", ":")).encode()


def book_event(kind: str, product: str, *updates: tuple[str, str, str]) -> dict[str, Any]:
    """`updates`: (side, price, quantity)."""
    rows = [{"side": side, "price_level": price, "new_quantity": quantity} for side, price, quantity in updates]
    return {"type": kind, "product_id": product, "updates": rows}

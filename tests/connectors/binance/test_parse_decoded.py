"""Frames that ccxt has decoded give the same messages as the raw ones."""

import contextlib
import gzip
import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.binance.parse import FrameParser
from connectors.binance.symbols import Market, Symbols
from engine.domain.errors import BadInput

DATA = Path(__file__).parents[2] / "data/binance"
SAMPLES = [
    raw
    for file in ("spot_frames.txt", "usdm_frames.txt")
    for raw in (line.partition(b" ")[2] for line in (DATA / file).read_bytes().splitlines())
    if raw.startswith(b'{"stream"')
]


def a_parser(market: Market) -> FrameParser:
    return FrameParser(venue="binance", symbols=Symbols(market))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "market"),
    [
        ("binance_spot/btcusdt_20240808.gz", "spot"),
        ("binance_spot/btcusdt_20240809.gz", "spot"),
        ("binance_usdm/btcusdt_20240808.gz", "usdm"),
    ],
)
def test_both_ways_give_equal_messages_on_the_recorded_sessions(fixtures_dir: Path, file: str, market: Market) -> None:
    parser, other = a_parser(market), a_parser(market)
    compared = 0
    with gzip.open(fixtures_dir / "hftbacktest" / file) as lines:
        for line in lines:
            received, _, raw = line.rstrip().partition(b" ")
            if raw.startswith(b'{"stream"'):
                # orjson is what ccxt decodes with.
                assert other.parse_decoded(orjson.loads(raw), int(received)) == parser.parse(raw, int(received))
                compared += 1
    assert compared > 40_000


@given(st.sampled_from(SAMPLES), st.sampled_from(["data", "stream"]), st.sampled_from([None, 1, "x", [], {}, 1.5]))
def test_a_frame_in_another_shape_is_refused_and_nothing_else(raw: bytes, name: str, value: Any) -> None:
    frame = {**json.loads(raw), name: value}
    with contextlib.suppress(BadInput):
        a_parser("spot").parse_decoded(frame, 1)


@pytest.mark.parametrize("frame", [None, [], "text", 5, {}])
def test_what_is_no_frame_is_refused(frame: Any) -> None:
    with pytest.raises(BadInput):
        a_parser("spot").parse_decoded(frame, 1)


@pytest.mark.parametrize("level", [["0.0", "1"], ["NaN", "1"], ["1", "-1"], ["1", "Infinity"]])
def test_a_level_that_no_book_can_hold_is_refused_in_both_ways(level: list[str]) -> None:
    frame = {"stream": "btcusdt@depth@100ms", "data": {"E": 1, "U": 1, "u": 2, "b": [level], "a": []}}
    with pytest.raises(BadInput):
        a_parser("spot").parse_decoded(frame, 1)
    with pytest.raises(BadInput):
        a_parser("spot").parse(json.dumps(frame, separators=(",", ":")).encode(), 1)

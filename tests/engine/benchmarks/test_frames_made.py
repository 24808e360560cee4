"""Frames that are made up are read like those of the venue, and end in the price that says so."""

from decimal import Decimal

import pytest

from connectors.binance.parse import FrameParser
from connectors.binance.symbols import Symbols
from engine.benchmarks.frames_made import LAST_PRICE, depth, frames
from engine.domain.book import BINANCE_SPOT, Book
from engine.messages.market import BookDelta, QuoteTick, TradePrint


def parser() -> FrameParser:
    return FrameParser(venue="binance", symbols=Symbols("spot"))


@pytest.mark.parametrize(("kind", "message"), [("bookTicker", QuoteTick), ("trade", TradePrint)])
def test_each_frame_is_a_message_and_the_last_one_is_known(kind: str, message: type) -> None:
    read = [parser().parse(frame.encode(), 1) for frame in frames(kind, 10, 3, is_bare=False)]
    assert [type(each) for each in read] == [message] * 10
    assert [each.symbol for each in read if each][:4] == ["COIN0/USDT", "COIN1/USDT", "COIN2/USDT", "COIN0/USDT"]
    prices = [getattr(each, "bid", None) or getattr(each, "price", None) for each in read]
    assert [price == Decimal(LAST_PRICE) for price in prices] == [False] * 9 + [True]


@pytest.mark.parametrize("kind", ["bookTicker", "trade"])
def test_bare_frames_hold_the_same_without_the_envelope(kind: str) -> None:
    bare, wrapped = (list(frames(kind, 5, 2, is_bare=is_bare)) for is_bare in (True, False))
    assert all(inner in outer for inner, outer in zip(bare, wrapped, strict=True))


def test_diffs_follow_each_other_and_never_cross() -> None:
    book = Book(BINANCE_SPOT)
    book.apply_snapshot(0, (), ())
    for frame in depth(300, 40):
        delta = parser().parse(frame, 1)
        assert isinstance(delta, BookDelta)
        assert len(delta.bids) + len(delta.asks) == 40
        book.apply_diff(delta.first_update_id, delta.last_update_id, None, delta.bids, delta.asks)
    assert (book.gaps, book.last_update_id) == (0, 300)

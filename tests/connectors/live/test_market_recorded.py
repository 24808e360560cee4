"""The recorded sessions of Binance through the live path: a real socket, the adapter, `LiveMarket`, the books."""

import asyncio
import csv
import gzip
import re
import time
from bisect import bisect_right
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from connectors.binance.symbols import Market
from engine.domain.kinds import BookState
from engine.messages.market import Bar, BookStatus, QuoteTick
from tests.support.played_venue import Player, recorded_lines

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(300)]
SPOT, USDM = "BTC/USDT", "BTC/USDT:USDT"
UPDATE_ID = re.compile(rb'"u":([0-9]+)')


def files_of(fixtures_dir: Path, market: Market) -> list[Path]:
    return sorted((fixtures_dir / f"hftbacktest/binance_{market}").iterdir())


@asynccontextmanager
async def a_player(market: Market, symbol: str, first_ns: int, **settings: Any) -> AsyncIterator[Player]:
    player = Player(market, symbol, **settings)
    try:
        await player.start(first_ns)
        yield player
    finally:
        await player.stop()


class Heard:
    """What comes over the bus, and how the book's top compares with the quotes, by update id."""

    def __init__(self, player: Player) -> None:
        self.player = player
        self.bars: list[Bar] = []
        self.states: list[BookState] = []
        self.quotes: list[tuple[int, tuple[Decimal, Decimal]]] = []
        self.tops: list[tuple[int, tuple[Decimal, Decimal]]] = []
        player.bus.subscribe(Bar, self.bars.append)
        player.bus.subscribe(BookStatus, lambda status: self.states.append(status.state))
        player._on_raw = self._see

    def _see(self, raw: bytes, items: Any) -> None:
        for item in items:
            if isinstance(item, QuoteTick):
                match = UPDATE_ID.search(raw)
                assert match is not None
                self.quotes.append((int(match[1]), (item.bid, item.ask)))

    def look(self) -> None:
        """Keep the top of the book as it stands."""
        book = self.player.book
        if book is not None and book.state is BookState.SYNCED:
            assert not book.is_crossed
            assert book.best_bid is not None
            assert book.best_ask is not None
            self.tops.append((book.last_update_id, (book.best_bid[0], book.best_ask[0])))

    def agreement(self) -> tuple[int, float]:
        """Return (checks, share in which the newest quote up to the book's id is the book's top)."""
        quotes = sorted(self.quotes)
        checked = [
            (top, quotes[at - 1][1])
            for number, top in self.tops
            if (at := bisect_right(quotes, number, key=lambda pair: pair[0]))
        ]
        return len(checked), sum(top == quote for top, quote in checked) / len(checked)


async def play(player: Player, heard: Heard, lines: Any) -> None:
    for at_ns, raw in lines:
        await player.say(at_ns, raw)
        if b"@depth" in raw[:64] or not raw.startswith(b'{"stream"'):
            await player.settle()
            heard.look()
    await player.settle()


def oracle(fixtures_dir: Path) -> dict[int, dict[str, str]]:
    with gzip.open(fixtures_dir / "derived/oracle/BTCUSDT-1m-from-recorded-trades.csv.gz", "rt") as file:
        return {int(row["open_time_ms"]) * 1_000_000: row for row in csv.DictReader(file)}


@pytest.mark.slow
@pytest.mark.parametrize(("market", "symbol"), [("spot", SPOT), ("usdm", USDM)])
async def test_a_whole_session_has_no_error_no_gap_and_agrees_with_the_quotes(
    fixtures_dir: Path, market: Market, symbol: str
) -> None:
    lines = list(recorded_lines(*files_of(fixtures_dir, market)))
    async with a_player(market, symbol, lines[0][0]) as player:
        heard = Heard(player)
        await play(player, heard, lines)
        assert player.unread == []
        assert player.heard == player.sent == len(lines) - 1
        assert set(heard.states) <= {BookState.BUFFERING, BookState.SYNCED}
        assert heard.states[-1] is BookState.SYNCED
        assert player.book is not None
        assert player.book.gaps == 0
        checks, share = heard.agreement()
        assert checks > 6_000
        assert share >= 0.995
        if market == "spot":
            assert_candles_are_the_exchanges_own(heard.bars, fixtures_dir)


def assert_candles_are_the_exchanges_own(bars: list[Bar], fixtures_dir: Path) -> None:
    found = {bar.open_time_ns: bar for bar in bars if bar.timeframe == "1m"}
    expected = oracle(fixtures_dir)
    assert found.keys() == expected.keys()
    for open_ns, row in expected.items():
        bar = found[open_ns]
        numbers = (bar.open, bar.high, bar.low, bar.close, bar.volume)
        assert numbers == tuple(Decimal(row[name]) for name in ("open", "high", "low", "close", "volume"))


@pytest.mark.parametrize("decodes_by_ccxt", [False, True])
@pytest.mark.parametrize(("market", "symbol"), [("spot", SPOT), ("usdm", USDM)])
async def test_the_beginning_of_a_session_is_read_alike_by_both_decoders(
    fixtures_dir: Path, market: Market, symbol: str, decodes_by_ccxt: bool
) -> None:
    lines = list(islice(recorded_lines(*files_of(fixtures_dir, market)), 3_000))
    async with a_player(market, symbol, lines[0][0], decodes_by_ccxt=decodes_by_ccxt) as player:
        heard = Heard(player)
        await play(player, heard, lines)
        assert player.unread == []
        assert heard.states[-1] is BookState.SYNCED
        checks, share = heard.agreement()
        assert checks > 50
        assert share >= 0.99


async def drop_every(fixtures_dir: Path, market: Market, symbol: str, *, first: int, every: int, lines_max: int) -> int:
    """Withhold one diff of `every`, beginning with the `first`; return how many were noticed and healed."""
    lines = list(islice(recorded_lines(*files_of(fixtures_dir, market)[:1]), lines_max))
    dropped = diffs = 0
    is_hole = False
    async with a_player(market, symbol, lines[0][0]) as player:
        for at_ns, raw in lines:
            is_diff = b"@depth" in raw[:64]
            book = player.book
            is_synced = book is not None and book.state is BookState.SYNCED
            diffs += is_diff and is_synced
            withheld = is_diff and is_synced and not is_hole and diffs % every == first
            await player.say(at_ns, raw, withheld=withheld)
            if withheld:
                is_hole = True
            elif is_diff:
                await player.settle()
                if is_hole:
                    assert book is not None
                    assert book.state is not BookState.SYNCED, "noticed at the very next message"
                    assert player.marks.is_stale("binance", symbol)
                    dropped, is_hole = dropped + 1, False
                    await healed(player)
        assert player.unread == []
        assert player.book is not None
        assert player.book.gaps == dropped
    return dropped


async def healed(player: Player) -> None:
    """Wait for the book to be fetched anew; the venue's numbering lets it follow what was buffered."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        book = player.book
        if book is not None and book.state is BookState.SYNCED:
            assert book.last_update_id == player.venue.truth.last_update_id
            assert book.top(20) == player.venue.truth.top(20)
            return
        await asyncio.sleep(0.002)
        await player.system.idle()
    raise AssertionError("the book was not fetched anew")


@pytest.mark.parametrize(("market", "symbol"), [("spot", SPOT), ("usdm", USDM)])
async def test_some_lost_diffs_are_noticed_at_once_and_the_book_comes_back(
    fixtures_dir: Path, market: Market, symbol: str
) -> None:
    assert await drop_every(fixtures_dir, market, symbol, first=3, every=10, lines_max=6_000) > 10


@pytest.mark.slow
@pytest.mark.parametrize("first", range(6))
@pytest.mark.parametrize(("market", "symbol"), [("spot", SPOT), ("usdm", USDM)])
async def test_every_lost_diff_is_noticed_at_once_and_the_book_comes_back(
    fixtures_dir: Path, market: Market, symbol: str, first: int
) -> None:
    assert await drop_every(fixtures_dir, market, symbol, first=first, every=6, lines_max=10**9) > 400

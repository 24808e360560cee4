"""What all CSV files of a market share."""

from pathlib import Path

import pytest

from connectors.replay.candles import CandleFile
from connectors.replay.columns import CANDLE_NAMES, TRADE_NAMES
from connectors.replay.lines import LineError
from connectors.replay.table import cells_of, find_header
from connectors.replay.trades import TradeFile
from engine.messages.market import QuoteTick, TradePrint
from tests.support.tables import CANDLES, a_file, messages


def test_a_header_says_what_a_file_is(tmp_path: Path) -> None:
    candles, trades = a_file(tmp_path, CANDLES, "a.csv"), a_file(tmp_path, "price,size,time\n1,1,1\n", "b.csv")
    assert find_header(candles, CANDLE_NAMES)[0] == 1
    assert find_header(trades, TRADE_NAMES) == (1, {"price": 0, "quantity": 1, "time": 2})
    for path, names in ((candles, TRADE_NAMES), (trades, CANDLE_NAMES)):
        with pytest.raises(LineError, match="expected a header with"):
            find_header(path, names)


@pytest.mark.parametrize("text", ["", "a,b,c\n1,2,3\n", "\x00\x01"])
def test_what_has_no_header_is_no_table(tmp_path: Path, text: str) -> None:
    for names in (CANDLE_NAMES, TRADE_NAMES):
        with pytest.raises(LineError, match=":1: expected a header with"):
            find_header(a_file(tmp_path, text), names)


def test_each_price_is_a_quote_and_then_a_trade(tmp_path: Path) -> None:
    quote, trade = messages(TradeFile(a_file(tmp_path, "price,size,time\n5,2,1600560000\n"), venue="lab"))
    assert isinstance(quote, QuoteTick)
    assert isinstance(trade, TradePrint)
    assert quote.bid == quote.ask == trade.price == 5
    assert quote.bid_size == quote.ask_size == trade.quantity == 2
    assert (quote.venue, quote.symbol, quote.frame, trade.frame) == ("lab", "BTC/USDT", 1, 1)


def test_the_symbol_can_be_said(tmp_path: Path) -> None:
    file = CandleFile(a_file(tmp_path, CANDLES, "candles.csv"), venue="lab", symbol="ETH/USDT")
    assert [each.symbol for each in file.instruments] == ["ETH/USDT"]


def test_quoted_cells_and_a_byte_order_mark_are_read() -> None:
    assert cells_of(b'\xef\xbb\xbf"a,b",c') == ["a,b", "c"]

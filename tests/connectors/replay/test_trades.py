"""CSV files of trades."""

from decimal import Decimal
from pathlib import Path

from connectors.replay.lines import LineError
from connectors.replay.trades import TradeFile
from engine.domain.kinds import Side
from engine.messages.market import TradePrint
from tests.support.tables import T0, a_file, errors, messages


def test_trades_are_played_one_by_one(tmp_path: Path) -> None:
    text = "id,price,amount,timestamp\n7,5,1,1600560000\n8,6,2,1600560001.5\n9,6,3,1600560002\n10,5.5,1,1600560003\n"
    file = TradeFile(a_file(tmp_path, text, "eth_usdt.csv"), venue="binance")
    trades = [each for each in messages(file) if isinstance(each, TradePrint)]
    assert [(each.trade_id, each.aggressor) for each in trades] == [
        ("7", Side.BUY), ("8", Side.BUY), ("9", Side.BUY), ("10", Side.SELL),
    ]  # fmt: skip
    assert trades[1].ts_event_ns == T0 + 1_500_000_000
    assert (trades[1].price, trades[1].quantity, trades[1].symbol) == (Decimal(6), Decimal(2), "ETH/USDT")
    assert file.candles == {}


def test_the_side_is_taken_from_its_column(tmp_path: Path) -> None:
    text = "symbol,side,price,quantity,executed_at\nBTC/USDT,sell,5,1,1600560000\nBTC/USDT,up,5,1,1600560000\n"
    file = TradeFile(a_file(tmp_path, text, "trades.csv"), venue="binance")
    _, _, payload = next(iter(file.items()))
    assert not isinstance(payload, LineError)
    assert payload is not None
    assert (payload.side, payload.trade_id) == (Side.SELL, "2")
    assert errors(file) == [(3, "side: expected buy or sell, was 'up'")]

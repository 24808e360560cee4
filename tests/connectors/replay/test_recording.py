"""Recorded files of venue frames."""

from decimal import Decimal
from pathlib import Path

import pytest

from connectors.replay.lines import LineError
from connectors.replay.recording import RecordedFile
from engine.domain.kinds import InstrumentKind
from engine.messages.market import BookSnapshot, TradePrint

DATA = Path(__file__).parents[2] / "data/binance"
AT = 1_700_000_000_000_000_000
TRADE = '{"stream":"%s@trade","data":{"e":"trade","t":1,"p":"%s","q":"%s","T":1700000000000,"m":true}}'
SNAPSHOT = '{"lastUpdateId":5,"bids":[["1","1"]],"asks":[["2","1"]]}'


def a_file(tmp_path: Path, *frames: str, name: str = "session.txt") -> Path:
    path = tmp_path / name
    path.write_text("".join(f"{AT + number} {frame}\n" for number, frame in enumerate(frames)))
    return path


def test_a_scan_tells_market_symbols_and_times() -> None:
    spot = RecordedFile(DATA / "spot_frames.txt", venue="binance")
    usdm = RecordedFile(DATA / "usdm_frames.txt", venue="binance")
    assert (spot.market, spot.frames, usdm.market, usdm.frames) == ("spot", 9, "usdm", 7)
    assert [each.symbol for each in spot.instruments] == ["BTC/USDT"]
    assert [each.symbol for each in usdm.instruments] == ["BTC/USDT:USDT"]
    assert usdm.instruments[0].kind is InstrumentKind.PERPETUAL
    assert (spot.first_ns, spot.last_ns) == (1_700_000_000_010_000_123, 1_700_000_000_090_000_123)


def test_a_snapshot_belongs_to_the_only_symbol_of_its_file_wherever_it_stands(tmp_path: Path) -> None:
    file = RecordedFile(a_file(tmp_path, SNAPSHOT, TRADE % ("ethusdt", "5", "1")), venue="binance")
    (at_ns, line, raw), *_ = file.items()
    assert isinstance(raw, bytes)
    (snapshot,) = file.parse(raw, at_ns, 1)
    assert isinstance(snapshot, BookSnapshot)
    assert (snapshot.symbol, line) == ("ETH/USDT", 1)


def test_a_snapshot_among_several_symbols_refuses_the_file_with_its_line(tmp_path: Path) -> None:
    frames = (TRADE % ("btcusdt", "5", "1"), SNAPSHOT, TRADE % ("ethusdt", "5", "1"))
    with pytest.raises(LineError) as caught:
        RecordedFile(a_file(tmp_path, *frames), venue="binance")
    assert caught.value.line == 2
    reason = "expected one symbol in a file that holds a snapshot without a symbol, was BTCUSDT, ETHUSDT"
    assert reason in str(caught.value)


@pytest.mark.parametrize("frame", [SNAPSHOT, '{"result":null,"id":1}', '{"channel":"l2Book","data":{"coin":"BTC"}}'])
def test_a_file_that_says_nothing_about_any_symbol_is_refused(tmp_path: Path, frame: str) -> None:
    with pytest.raises(LineError, match=":1: expected market data of Binance in its 2 frames"):
        RecordedFile(a_file(tmp_path, frame, frame), venue="binance")


def test_aggregates_count_only_where_there_are_no_trades(tmp_path: Path) -> None:
    aggregate = '{"stream":"btcusdt@aggTrade","data":{"a":9,"p":"5","q":"1","T":1700000000000,"m":true}}'
    alone = RecordedFile(a_file(tmp_path, aggregate), venue="binance")
    both = RecordedFile(a_file(tmp_path, TRADE % ("btcusdt", "5", "1"), aggregate), venue="binance")
    assert len(alone.parse(aggregate.encode(), AT, 1)) == 1
    assert both.parse(aggregate.encode(), AT, 1) == ()


def test_decimals_of_quotes_and_trades_give_the_steps(tmp_path: Path) -> None:
    frames = (TRADE % ("btcusdt", "5.10000000", "1.00000000"), TRADE % ("btcusdt", "5.13000000", "1.02300000"))
    (found,) = RecordedFile(a_file(tmp_path, *frames), venue="binance").instruments
    assert (found.tick_size, found.step_size) == (Decimal("0.01"), Decimal("0.001"))


def test_the_venues_own_rules_win_where_the_recording_has_them(tmp_path: Path) -> None:
    rules = (DATA / "spot_exchange_info.json").read_text()
    path = a_file(tmp_path, rules, TRADE % ("btcusdt", "5", "1"))
    file = RecordedFile(path, venue="binance")
    (found,) = file.instruments
    assert (found.step_size, found.max_quantity) == (Decimal("0.00001"), Decimal(9_000))
    assert file.parse(rules.encode(), AT, 1) == ()


def test_a_line_without_a_time_is_an_item_with_its_reason(tmp_path: Path) -> None:
    path = a_file(tmp_path, TRADE % ("btcusdt", "5", "1"))
    path.write_text(path.read_text() + "\nnonsense here\n99999999999999999999999 {}\n")
    file = RecordedFile(path, venue="binance")
    items = list(file.items())
    assert file.frames == len(items) == 3
    for (_, line, error), expected in zip(items[1:], (3, 4), strict=True):
        assert isinstance(error, LineError)
        assert (line, error.line) == (expected, expected)
        assert "expected a receive time in nanoseconds and a frame" in error.reason


def test_raw_streams_are_scanned_by_their_symbol(tmp_path: Path) -> None:
    raw = '{"e":"trade","E":5,"T":1700000000000,"s":"ETHUSDT","t":1,"p":"5","q":"1","X":"MARKET","m":true}'
    file = RecordedFile(a_file(tmp_path, raw), venue="binance")
    assert file.market == "usdm"
    (trade,) = file.parse(raw.encode(), AT, 1)
    assert isinstance(trade, TradePrint)
    assert trade.symbol == "ETH/USDT:USDT"


def test_the_market_can_be_said_instead(tmp_path: Path) -> None:
    path = a_file(tmp_path, TRADE % ("btcusdt", "5", "1"))
    assert [each.symbol for each in RecordedFile(path, venue="binance", market="usdm").instruments] == ["BTC/USDT:USDT"]

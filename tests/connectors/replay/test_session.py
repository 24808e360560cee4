"""Files of a path as one sequence of numbered frames."""

import gzip
import shutil
from pathlib import Path

import pytest

from connectors.replay.session import ReplaySession
from engine.domain.errors import BadInput

DATA = Path(__file__).parents[2] / "data/binance"
AT = 1_700_000_000_000_000_000
TRADE = '{"stream":"%s@trade","data":{"e":"trade","t":1,"p":"5","q":"1","T":1700000000000,"m":true}}'


def record(path: Path, *entries: tuple[int, str]) -> Path:
    path.write_text("".join(f"{AT + at} {frame}\n" for at, frame in entries))
    return path


def a_session(path: Path, **settings: object) -> ReplaySession:
    return ReplaySession(path, venue="binance", **settings)  # type: ignore[arg-type]


def test_frames_are_numbered_over_the_whole_session(tmp_path: Path) -> None:
    record(tmp_path / "a", (1, TRADE % "btcusdt"), (2, TRADE % "btcusdt"))
    record(tmp_path / "b", (3, TRADE % "btcusdt"), (4, "nonsense"))
    session = a_session(tmp_path)
    frames = list(session.play())
    assert [frame.number for frame in frames] == [1, 2, 3, 4]
    assert [[each.frame for each in frame.messages] for frame in frames] == [[1], [2], [3], []]
    assert session.frames == 4
    assert (session.start_ns, session.end_ns) == (AT + 1, AT + 5)


def test_a_bad_frame_carries_file_line_and_reason(tmp_path: Path) -> None:
    record(tmp_path / "a", (1, TRADE % "btcusdt"), (2, '{"stream":"btcusdt@surprise","data":{}}'), (3, "{"))
    frames = list(a_session(tmp_path).play())
    errors = [frame.error for frame in frames[1:]]
    assert all(error is not None for error in errors)
    assert [(error.path, error.line) for error in errors if error is not None] == [
        (tmp_path / "a", 2), (tmp_path / "a", 3),
    ]  # fmt: skip
    assert "btcusdt@surprise" in str(errors[0])


def test_files_that_overlap_are_merged_by_time_and_then_by_name(tmp_path: Path) -> None:
    record(tmp_path / "a", (1, TRADE % "btcusdt"), (5, TRADE % "btcusdt"), (7, TRADE % "btcusdt"))
    record(tmp_path / "b", (0, TRADE % "ethusdt"), (5, TRADE % "ethusdt"))
    frames = [(frame.at_ns - AT, frame.messages[0].symbol) for frame in a_session(tmp_path).play()]
    assert frames == [(0, "ETH/USDT"), (1, "BTC/USDT"), (5, "BTC/USDT"), (5, "ETH/USDT"), (7, "BTC/USDT")]


def test_market_time_never_steps_back(tmp_path: Path) -> None:
    record(tmp_path / "a", (5, TRADE % "btcusdt"), (3, TRADE % "btcusdt"), (6, TRADE % "btcusdt"))
    frames = list(a_session(tmp_path).play())
    assert [frame.at_ns - AT for frame in frames] == [5, 5, 6]
    assert [frame.messages[0].ts_init_ns - AT for frame in frames] == [5, 5, 6]


def test_the_name_depends_on_the_data_and_not_on_the_folder(tmp_path: Path) -> None:
    first, second = tmp_path / "x", tmp_path / "y"
    for folder in (first, second):
        folder.mkdir()
        record(folder / "a.txt", (1, TRADE % "btcusdt"))
    assert a_session(first).name == a_session(second).name == a_session(first / "a.txt").name
    assert a_session(first).name.startswith("a-")
    record(second / "b.txt", (2, TRADE % "btcusdt"))
    assert a_session(first).name != a_session(second).name


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    record(tmp_path / "a", (1, TRADE % "btcusdt"))
    record(tmp_path / ".hidden", (1, TRADE % "btcusdt"))
    (tmp_path / "folder").mkdir()
    session = a_session(tmp_path)
    assert (session.frames, session.refused) == (1, [])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"# Notes\n", "expected `<receive time in ns> <frame>`, or a header of candles"),
        (b"PAR1....", "a Parquet file"),
        (b"PK\x03\x04..", "a zip archive"),
        (b'1700000000000000000 {"lastUpdateId":1,"bids":[],"asks":[]}\n', "expected market data of Binance"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_played_is_named_and_the_others_play(tmp_path: Path, content: bytes, reason: str) -> None:
    record(tmp_path / "a", (1, TRADE % "btcusdt"))
    (tmp_path / "b").write_bytes(content)
    session = a_session(tmp_path)
    (refused,) = session.refused
    assert (refused.path, refused.line) == (tmp_path / "b", 1)
    assert reason in str(refused)
    assert session.frames == 1


@pytest.mark.parametrize("content", [b"", b"\n\n", b"# Notes\n"])
def test_a_path_without_anything_to_play_is_refused_with_the_reason(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(BadInput, match="expected recorded frames or candles"):
        a_session(tmp_path)


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="expected a file or a directory"):
        a_session(tmp_path / "nowhere")
    with pytest.raises(BadInput, match="a directory with recorded files"):
        a_session(tmp_path)


def test_a_cut_off_file_plays_as_far_as_it_goes(tmp_path: Path) -> None:
    content = b"".join(b"%d %s\n" % (AT + n, (TRADE % "btcusdt").encode()) for n in range(2_000))
    packed = gzip.compress(content, mtime=0)
    (tmp_path / "a.gz").write_bytes(packed[:-200])
    session = a_session(tmp_path)
    *good, last = session.play()
    assert len(good) + 1 == session.frames
    assert all(frame.error is None for frame in good)
    assert last.error is not None
    assert last.error.line == len(good) + 1
    assert "expected more compressed data" in last.error.reason


def test_only_the_wanted_symbols_speak_and_numbers_stay(tmp_path: Path) -> None:
    record(tmp_path / "a", (1, TRADE % "btcusdt"), (2, TRADE % "ethusdt"), (3, TRADE % "btcusdt"))
    session = a_session(tmp_path, symbols=["BTC/USDT"])
    assert [(frame.number, len(frame.messages)) for frame in session.play()] == [(1, 1), (2, 0), (3, 1)]
    assert [each.symbol for each in session.instruments] == ["BTC/USDT"]


def test_candles_and_frames_play_together(tmp_path: Path) -> None:
    shutil.copy(DATA / "spot_frames.txt", tmp_path / "frames.txt")
    (tmp_path / "ETHUSDT-1h.csv").write_text(
        "open_time,open,high,low,close,volume\n2023-11-14T22:00:00Z,1,1,1,1,4\n2023-11-14T23:00:00Z,1,1,1,1,4\n"
    )
    session = a_session(tmp_path)
    assert session.candles == {"ETH/USDT": "1h"}
    assert session.silence_ns == 3_600_000_000_000
    assert {each.symbol for each in session.instruments} == {"BTC/USDT", "ETH/USDT"}
    times = [frame.at_ns for frame in session.play()]
    assert times == sorted(times)
    assert len(times) == session.frames == 9 + 8


def test_playing_twice_gives_the_same(tmp_path: Path) -> None:
    shutil.copy(DATA / "usdm_frames.txt", tmp_path)
    session = a_session(tmp_path)
    assert list(session.play()) == list(session.play())


@pytest.mark.parametrize(("folder", "frames"), [("binance_spot", 99_574), ("binance_usdm", 93_954)])
def test_recorded_days_play_without_an_error(fixtures_dir: Path, folder: str, frames: int) -> None:
    session = a_session(fixtures_dir / "hftbacktest" / folder)
    assert session.frames == frames
    last = 0
    for frame in session.play():
        assert frame.error is None
        assert len(frame.messages) == 1
        last = frame.number
    assert last == frames

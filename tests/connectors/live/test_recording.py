"""What is recorded can be replayed: frames, books, rotation, frames that nobody can read."""

import gzip
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.binance.parse import FrameParser
from connectors.binance.symbols import Symbols
from connectors.live.recording import Recording
from connectors.replay.session import ReplaySession
from engine.domain.book import BINANCE_SPOT, BINANCE_USDM, Book, SequenceRule
from engine.messages.market import BookDelta, BookSnapshot
from tests.support.market import NOON, SECOND, SYMBOL, a_snapshot

MINUTE = 60 * SECOND
parser = FrameParser(venue="binance", symbols=Symbols("spot"))


def a_recording(folder: Path, rule: SequenceRule = BINANCE_SPOT) -> Recording:
    return Recording(
        folder, rule=rule, rotate_ns=MINUTE, stamp=lambda at_ns: str(at_ns // SECOND),
        name_of=lambda symbol: symbol.replace("/", "").lower(),
    )  # fmt: skip


def quote(pair: str = "btcusdt", bid: str = "99.50") -> bytes:
    data = f'{{"u":1,"s":"{pair.upper()}","b":"{bid}","B":"1.000","a":"101.00","A":"2"}}'
    return f'{{"stream":"{pair}@bookTicker","data":{data}}}'.encode()


def diff(first: int, last: int) -> bytes:
    data = f'{{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":{first},"u":{last},"b":[["99.40","{last}"]],"a":[]}}'
    return f'{{"stream":"btcusdt@depth@100ms","data":{data}}}'.encode()


def say(recording: Recording, raw: bytes, at_ns: int) -> None:
    message = parser.parse(raw, at_ns)
    recording.frame(raw, at_ns, () if message is None else (message,))


def lines(file: Path) -> list[tuple[int, bytes]]:
    return [(int(time), raw) for time, raw in (line.split(b" ", 1) for line in gzip.open(file).read().splitlines())]


def played(folder: Path) -> Sequence[Any]:
    frames = list(ReplaySession(folder, venue="binance").play())
    assert [frame.error for frame in frames] == [None] * len(frames)
    return [message for frame in frames for message in frame.messages]


def test_frames_are_kept_as_they_came_each_symbol_in_its_file(tmp_path: Path) -> None:
    recording = a_recording(tmp_path)
    say(recording, quote(), NOON)
    say(recording, quote("ethusdt"), NOON + 1)
    say(recording, b'{"result":null,"id":1}', NOON + 2)
    recording.close()
    stamp = NOON // SECOND
    assert lines(tmp_path / f"btcusdt_{stamp}.gz") == [(NOON, quote())]
    assert lines(tmp_path / f"ethusdt_{stamp}.gz") == [(NOON + 1, quote("ethusdt"))]
    assert (recording.counts.frames, recording.counts.files, recording.counts.unread) == (2, 2, 0)
    assert {message.symbol for message in played(tmp_path)} == {SYMBOL, "ETH/USDT"}


def test_each_file_begins_with_the_book_and_can_be_replayed_alone(tmp_path: Path) -> None:
    recording = a_recording(tmp_path)
    say(recording, diff(11, 12), NOON)
    recording.snapshot(a_snapshot(10, bids=(("99.40", "1"), ("99.30", "2")), at_ns=NOON + 1))
    assert recording.is_synced(SYMBOL)
    for number in range(13, 200):
        say(recording, diff(number, number), NOON + (number - 12) * SECOND)
    recording.close()
    files = sorted(tmp_path.iterdir())
    assert len(files) == 4
    last_id = 0
    for file in files:
        book = Book(BINANCE_SPOT)
        for message in played(file):
            if isinstance(message, BookSnapshot):
                assert book.apply_snapshot(message.last_update_id, message.bids, message.asks)
            elif isinstance(message, BookDelta):
                book.apply_diff(message.first_update_id, message.last_update_id, None, message.bids, message.asks)
        assert (book.gaps, book.best_bid) == (0, (Decimal("99.40"), Decimal(book.last_update_id)))
        last_id = book.last_update_id
    assert last_id == 199
    whole = [message for message in played(tmp_path) if isinstance(message, BookDelta)]
    assert [each.last_update_id for each in whole] == list(range(12, 200))


def test_where_no_diff_could_follow_such_a_book_none_is_written(tmp_path: Path) -> None:
    recording = a_recording(tmp_path, BINANCE_USDM)
    recording.snapshot(a_snapshot(10, at_ns=NOON))
    say(recording, quote(), NOON + 2 * MINUTE)
    recording.close()
    _, second = sorted(tmp_path.iterdir())
    assert lines(second) == [(NOON + 2 * MINUTE, quote())]


def test_what_cannot_be_read_is_kept_where_no_replay_looks(tmp_path: Path) -> None:
    recording = a_recording(tmp_path)
    say(recording, quote(), NOON)
    recording.unreadable(b'{"what":', NOON)
    recording.unreadable(b"?", NOON + 1)
    recording.close()
    hidden = tmp_path / f".unread_{NOON // SECOND}.gz"
    assert lines(hidden) == [(NOON, b'{"what":'), (NOON + 1, b"?")]
    assert recording.counts.unread == 2
    assert len(played(tmp_path)) == 1


def test_a_frame_of_several_lines_is_one_line(tmp_path: Path) -> None:
    recording = a_recording(tmp_path)
    say(recording, quote().replace(b',"data"', b',\n"data"'), NOON)
    recording.close()
    assert len(played(tmp_path)) == 1


def test_what_was_flushed_survives_a_crash(tmp_path: Path) -> None:
    recording = a_recording(tmp_path)
    for number in range(100):
        say(recording, quote(bid=f"{number + 1}.5"), NOON + number)
    recording.flush()
    (file,) = tmp_path.iterdir()
    cut = tmp_path / "copy" / file.name
    cut.parent.mkdir()
    cut.write_bytes(file.read_bytes())
    frames = list(ReplaySession(cut, venue="binance").play())
    assert len([frame for frame in frames if frame.messages]) == 100
    recording.close()


def test_a_folder_that_cannot_be_made_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(OSError, match="taken"):
        a_recording(tmp_path / "taken" / "here")

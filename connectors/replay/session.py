"""A replay session: the files of a path as one sequence of numbered frames.

The files of a directory are one session, merged by time; where times are equal, the order of the names decides. Frames
are numbered from 1 over the whole session, also those that cannot be parsed, so that a number means the same frame at
every start. The session's name is made of the files' names and sizes: other data has another name.
"""

import hashlib
import heapq
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from connectors.binance.symbols import Market
from connectors.replay.candles import CandleFile
from connectors.replay.lines import LineError, read_lines
from connectors.replay.recording import FRAME_LINE, RecordedFile
from connectors.replay.table import find_header
from connectors.replay.trades import TradeFile
from engine.domain.bars import parse_timeframe
from engine.domain.errors import BadInput
from engine.domain.identifiers import Symbol, Venue
from engine.domain.instrument import Instrument
from engine.messages.market import MarketMessage

_MAGIC: Final = {b"PAR1": "a Parquet file, which must be exported as CSV first", b"PK\x03\x04": "a zip archive"}


class NothingToReplay(BadInput):
    """No file of the path can be played."""

    def __init__(self, path: Path, reasons: str) -> None:
        """Name the path, and for each file why not."""
        super().__init__("replay", expected=f"recorded frames or candles in {path}", was="")
        self.args = (f"replay: expected recorded frames or candles in {path}, was {reasons}",)


class SessionFile(Protocol):
    """One file of a session, scanned."""

    path: Path
    frames: int
    first_ns: int | None
    last_ns: int
    instruments: tuple[Instrument, ...]
    candles: dict[Symbol, str]

    def items(self) -> Iterator[tuple[int, int, Any]]:
        """Yield (market time, line, payload for `parse` or the `LineError` in its place)."""

    def parse(self, payload: Any, at_ns: int, frame: int) -> tuple[MarketMessage, ...]:
        """Turn a payload into messages; raise `BadInput` if it is none."""


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One numbered frame."""

    number: int
    at_ns: int
    """Market time; never before that of an earlier frame."""
    messages: tuple[MarketMessage, ...]
    error: LineError | None = None


class Played(msgspec.Struct):
    """How much of a session this process has given; it survives a restart of the source."""

    frame: int = 0
    """Number of the last frame."""
    errors: int = 0
    """Lines that could not be parsed, and files that could not be played."""
    ignored: int = 0
    """Frames that say nothing which the engine uses."""
    is_finished: bool = False


class ReplaySession:
    """What a path holds, ready to be played any number of times."""

    def __init__(
        self,
        path: Path,
        *,
        venue: Venue,
        market: Market | None = None,
        symbols: Sequence[Symbol] = (),
        symbol: Symbol | None = None,
    ) -> None:
        """Scan every file of the path, which takes about a second for 300,000 frames: not on the loop.

        Args:
            path: A file, or a directory of files (hidden ones and subdirectories are left out).
            venue: The venue whose market is played.
            market: Which of Binance's markets the frames are; None: what they look like.
            symbols: Play only these; empty: all.
            symbol: What candles and trades are about where nothing in the file says it.

        Raises:
            BadInput: The path does not exist, or no file of it can be played.
        """
        self.path = path
        self.venue = venue
        self._only = frozenset(symbols)
        names = _files_of(path)
        self.name = _name_of(path, names)
        """For `replay_positions`."""
        self.refused: list[LineError] = []
        """Files that cannot be played, each with the line that decides it."""
        self._files: list[SessionFile] = []
        for each in names:
            try:
                self._files.append(_scan(each, venue=venue, market=market, symbol=symbol))
            except LineError as error:
                self.refused.append(error)
            except OSError as error:
                self.refused.append(LineError(each, 1, reason=f"expected a readable file ({error.strerror})"))
        if not any(file.first_ns is not None for file in self._files):
            was = "; ".join(str(error) for error in self.refused) or "nothing"
            raise NothingToReplay(path, was)
        self.played = Played()
        self.frames = sum(file.frames for file in self._files)
        """Frames of the session."""
        self.start_ns = min(file.first_ns for file in self._files if file.first_ns is not None)
        """Market time of the first frame."""
        self.end_ns = max(file.last_ns for file in self._files) + 1
        """Market time after the last frame."""

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """What the session plays; where files disagree about a symbol, the finest steps."""
        found: dict[Symbol, Instrument] = {}
        for file in self._files:
            for each in file.instruments:
                known = found.get(each.symbol)
                if self._wants(each.symbol) and (known is None or each.tick_size < known.tick_size):
                    found[each.symbol] = each
        return tuple(found.values())

    @property
    def candles(self) -> dict[Symbol, str]:
        """Symbols that are played from candles, and the timeframe of these; for `MarketData`."""
        return {symbol: text for file in self._files for symbol, text in file.candles.items() if self._wants(symbol)}

    @property
    def silence_ns(self) -> int:
        """Longest silence that a candle means, 0 without candles: prices are not stale within it."""
        return max((parse_timeframe(text) for text in self.candles.values()), default=0)

    def play(self) -> Iterator[Frame]:
        """Yield every frame, from the first. Frames of symbols that are not wanted have no messages."""
        number = 0
        at_ns = 0
        for time_ns, place, line, payload in self._merged():
            number += 1
            at_ns = max(at_ns, time_ns)
            if isinstance(payload, LineError):
                yield Frame(number, at_ns, (), payload)
                continue
            file = self._files[place]
            try:
                messages = file.parse(payload, at_ns, number)
            except BadInput as error:
                yield Frame(number, at_ns, (), LineError(file.path, line, reason=str(error)))
                continue
            if self._only and messages and messages[0].symbol not in self._only:
                messages = ()
            yield Frame(number, at_ns, messages)

    def _merged(self) -> Iterator[tuple[int, int, int, Any]]:
        """Yield (time, index of the file, line, payload) of all files by time."""
        streams = [_tagged(place, file) for place, file in enumerate(self._files)]
        if len(streams) == 1:
            return streams[0]
        if all(
            before.last_ns <= (after.first_ns or 0) for before, after in zip(self._files, self._files[1:], strict=False)
        ):
            return (item for stream in streams for item in stream)
        return heapq.merge(*streams, key=_time_of)

    def _wants(self, symbol: Symbol) -> bool:
        return not self._only or symbol in self._only


def _tagged(place: int, file: SessionFile) -> Iterator[tuple[int, int, int, Any]]:
    # Merging needs times that do not step back within a file.
    latest_ns = 0
    for at_ns, line, payload in file.items():
        latest_ns = max(latest_ns, at_ns)
        yield latest_ns, place, line, payload


def _time_of(item: tuple[int, int, int, Any]) -> int:
    return item[0]


def _files_of(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(each for each in path.iterdir() if each.is_file() and not each.name.startswith("."))
    if not path.is_file():
        raise BadInput("replay", expected="a file or a directory", was=str(path))
    return [path]


def _name_of(path: Path, names: Sequence[Path]) -> str:
    """Name the session by its files' names and sizes, whatever folder they are in.

    Raises:
        BadInput: There is no file.
    """
    if not names:
        raise BadInput("replay", expected="a directory with recorded files", was=str(path))
    digest = hashlib.sha256()
    for each in names:
        digest.update(f"{each.name}\0{each.stat().st_size}\0".encode())
    return f"{names[0].name.partition('.')[0]}-{digest.hexdigest()[:16]}"


def _scan(path: Path, *, venue: Venue, market: Market | None, symbol: Symbol | None) -> SessionFile:
    """Scan one file by what it looks like, not by its name.

    Raises:
        LineError: It is nothing that can be played.
    """
    with path.open("rb") as file:
        magic = _MAGIC.get(file.read(4))
    if magic is not None:
        raise LineError(path, 1, reason=f"expected recorded frames, candles or trades, was {magic}")
    for _, data in read_lines(path):
        if FRAME_LINE.match(data):
            return RecordedFile(path, venue=venue, market=market)
        break
    for table in (CandleFile, TradeFile):
        try:
            find_header(path, table.names)
        except LineError:
            continue
        return table(path, venue=venue, symbol=symbol)
    tables = "a header of candles (time, open, high, low, close, volume) or trades (time, price, quantity)"
    raise LineError(path, 1, reason=f"expected `<receive time in ns> <frame>`, or {tables}")

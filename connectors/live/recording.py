"""Writes what a venue says to files that can be replayed: `<receive time in ns> <raw frame>` lines, gzip.

A file holds one symbol, since a snapshot of Binance's does not say whose book it is. Files are closed and begun anew
after a while; each new one begins with the book as it stands, so that it can be replayed alone, where the venue's
numbering lets diffs follow such a book. Frames that nobody can read are kept in a hidden file, which a replay leaves
out.
"""

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.domain.book import Book, SequenceRule
from engine.domain.identifiers import Symbol
from engine.domain.kinds import BookState
from engine.messages.market import BookDelta, BookSnapshot, MarketMessage

LEVEL: Final = 6
"""Of the compression: about 8 us a frame."""
UNREAD: Final = ".unread"
LEVELS_MAX: Final = 5_000

Levels = Sequence[tuple[Any, Any]]


class Counts(msgspec.Struct):
    """How much has been written."""

    frames: int = 0
    bytes: int = 0
    """Before compression."""
    files: int = 0
    unread: int = 0
    """Frames that could not be read."""


class _Track:
    """One symbol: its file and its book."""

    __slots__ = ("book", "file", "opened_ns", "path")

    def __init__(self, rule: SequenceRule) -> None:
        self.book = Book(rule)
        self.file: gzip.GzipFile | None = None
        self.path = Path()
        self.opened_ns = 0


class Recording:
    """A folder that is being written. Every call works in place: at 1,000 frames a second it takes 2 % of a core."""

    def __init__(
        self,
        folder: Path,
        *,
        rule: SequenceRule,
        rotate_ns: int,
        stamp: Callable[[int], str],
        name_of: Callable[[Symbol], str],
    ) -> None:
        """Begin a recording in a folder, which is made if need be.

        Args:
            folder: Where the files go.
            rule: How the venue numbers diffs.
            rotate_ns: After so long a file is closed and a new one begun.
            stamp: Time in ns -> how it is written in a file's name.
            name_of: Symbol -> how it is written there.

        Raises:
            OSError: The folder cannot be made.
        """
        self._folder = folder
        self._rule = rule
        self._rotate_ns = rotate_ns
        self._stamp = stamp
        self._name_of = name_of
        self._tracks: dict[Symbol, _Track] = {}
        self._unread: gzip.GzipFile | None = None
        self.counts = Counts()
        folder.mkdir(parents=True, exist_ok=True)

    def frame(self, raw: bytes, received_ns: int, messages: Sequence[Any]) -> None:
        """Write a frame to the file of the symbol that it speaks of; what speaks of none is left out.

        Raises:
            OSError: The disk is full, or gone.
        """
        symbol = next((each.symbol for each in messages if isinstance(each, MarketMessage)), None)
        if symbol is None:
            return
        track = self._track(symbol, received_ns)
        self._write(track, raw, received_ns)
        for message in messages:
            if isinstance(message, BookDelta):
                track.book.apply_diff(
                    message.first_update_id, message.last_update_id, message.prev_update_id, message.bids, message.asks
                )
            elif isinstance(message, BookSnapshot):
                track.book.apply_snapshot(message.last_update_id, message.bids, message.asks)

    def snapshot(self, book: BookSnapshot) -> None:
        """Write a book that was asked for, as a line of its own.

        Raises:
            OSError: The disk is full, or gone.
        """
        track = self._track(book.symbol, book.ts_init_ns)
        track.book.apply_snapshot(book.last_update_id, book.bids, book.asks)
        self._write(track, _snapshot_line(book.last_update_id, book.bids, book.asks), book.ts_init_ns)

    def unreadable(self, raw: bytes, received_ns: int) -> None:
        """Keep a frame that nobody could read."""
        self.counts.unread += 1
        if self._unread is None:
            self._unread = _open_file(self._folder / f"{UNREAD}_{self._stamp(received_ns)}.gz")
        self._unread.write(b"%d %b\n" % (received_ns, raw))

    def flush(self) -> None:
        """Bring everything to the disk that was written."""
        for track in self._tracks.values():
            if track.file is not None:
                track.file.flush()

    def close(self) -> None:
        """Close all files."""
        for track in self._tracks.values():
            if track.file is not None:
                track.file.close()
                track.file = None
        if self._unread is not None:
            self._unread.close()

    def is_synced(self, symbol: Symbol) -> bool:
        """Whether the book of a symbol is in sync."""
        track = self._tracks.get(symbol)
        return track is not None and track.book.state is BookState.SYNCED

    def _track(self, symbol: Symbol, at_ns: int) -> _Track:
        track = self._tracks.get(symbol)
        if track is None:
            track = self._tracks[symbol] = _Track(self._rule)
        if track.file is not None and at_ns - track.opened_ns >= self._rotate_ns:
            track.file.close()
            track.file = None
        if track.file is None:
            self._open(track, symbol, at_ns)
        return track

    def _open(self, track: _Track, symbol: Symbol, at_ns: int) -> None:
        track.path = self._folder / f"{self._name_of(symbol)}_{self._stamp(at_ns)}.gz"
        track.file = _open_file(track.path)
        track.opened_ns = at_ns
        self.counts.files += 1
        book, last = track.book, track.book.last_update_id
        if book.state is BookState.SYNCED and self._rule.follows(last + 1, last + 1, last):
            bids, asks = book.top(LEVELS_MAX)
            self._write(track, _snapshot_line(last, bids, asks), at_ns)

    def _write(self, track: _Track, raw: bytes, received_ns: int) -> None:
        assert track.file is not None, "a track is opened before it is written to"
        # A frame is one line: JSON has no line breaks that mean anything.
        line = b"%d %b\n" % (received_ns, raw.replace(b"\n", b" "))
        track.file.write(line)
        self.counts.frames += 1
        self.counts.bytes += len(line)


def _open_file(path: Path) -> gzip.GzipFile:
    return gzip.GzipFile(path, "ab", LEVEL)


def _snapshot_line(last_update_id: int, bids: Levels, asks: Levels) -> bytes:
    """Write a book as Binance answers one. Source: Binance spot, GET /api/v3/depth."""
    sides = {
        name: [[format(price, "f"), format(quantity, "f")] for price, quantity in levels]
        for name, levels in (("bids", bids), ("asks", asks))
    }
    return msgspec.json.encode({"lastUpdateId": last_update_id, **sides})

"""Lines of a file that may be compressed, cut off, or no text at all; every defect has its file and line."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, cast

from engine.domain.errors import BadInput

LINE_MAX: Final = 32 * 1024 * 1024
"""Bytes of the longest line; an exchangeInfo of 5,000 pairs has 9 MB."""
_GZIP: Final = b"\x1f\x8b"


class LineError(BadInput):
    """A line of a recording cannot be used. Its fields tell file, line (from 1) and reason."""

    def __init__(self, path: Path, line: int, *, reason: str) -> None:
        """Name the place and what was wrong there."""
        self.path = path
        self.line = line
        self.reason = reason
        super().__init__(f"{path.name}:{line}", expected="a usable line", was="")
        self.args = (f"{path}:{line}: {reason}",)


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (number from 1, line without its end); blank lines count but are not given.

    Raises:
        LineError: From here on nothing can be read: the compressed data is cut off or damaged, or a line is longer than
            `LINE_MAX`. Every whole line before was given.
        OSError: The file cannot be opened or read.
    """
    number = 0
    with _open(path) as file:
        while True:
            number += 1
            try:
                line = file.readline(LINE_MAX + 1)
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                raise LineError(path, number, reason=f"expected more compressed data ({error})") from error
            if not line:
                return
            if len(line) > LINE_MAX:
                raise LineError(path, number, reason=f"expected a line of at most {LINE_MAX} bytes, was longer")
            line = line.strip()
            if line:
                yield number, line


def _open(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        is_compressed = file.read(2) == _GZIP
    return cast("IO[bytes]", gzip.open(path, "rb")) if is_compressed else path.open("rb")

"""The lying venue's truth in a file: whatever was committed survives the end of the process."""

import os
from collections.abc import Iterable
from pathlib import Path

LENGTH_BYTES = 4


class FileJournal:
    """Records with their lengths, one behind the other. A record that was cut short by a kill is dropped."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._records = list(read_records(path))
        self._pending: list[bytes] = []
        whole = sum(LENGTH_BYTES + len(record) for record in self._records)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.ftruncate(self._file, whole)

    def read(self) -> Iterable[bytes]:
        records, self._records = self._records, []
        return records

    def append(self, record: bytes) -> None:
        self._pending.append(len(record).to_bytes(LENGTH_BYTES, "big") + record)

    def commit(self) -> None:
        # One write: the kernel has it, which is enough against a killed process.
        data, self._pending = b"".join(self._pending), []
        written = os.write(self._file, data)
        assert written == len(data), "the disk is full"

    def close(self) -> None:
        os.close(self._file)


def read_records(path: Path) -> Iterable[bytes]:
    """Read the whole records of a journal file; a missing file has none."""
    data = path.read_bytes() if path.exists() else b""
    at = 0
    while at + LENGTH_BYTES <= len(data):
        end = at + LENGTH_BYTES + int.from_bytes(data[at : at + LENGTH_BYTES], "big")
        if end > len(data):
            return
        yield data[at + LENGTH_BYTES : end]
        at = end

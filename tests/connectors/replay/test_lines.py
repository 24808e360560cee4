"""Lines of files that may be damaged."""

import gzip
from pathlib import Path

import pytest

from connectors.replay import lines
from connectors.replay.lines import LineError, read_lines

CONTENT = b"".join(b"line %d %s\n" % (number, b"x" * (number % 90)) for number in range(1, 5_001))


@pytest.mark.parametrize("name", ["plain", "packed.gz", "packed_without_ending"])
def test_lines_are_the_same_compressed_or_not_whatever_the_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(CONTENT if name == "plain" else gzip.compress(CONTENT))
    assert [line for _, line in read_lines(path)] == [line.strip() for line in CONTENT.splitlines()]


def test_blank_lines_count_and_are_not_given(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\n a \r\n\n\nb")
    assert list(read_lines(path)) == [(2, b"a"), (5, b"b")]


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.99])
def test_a_cut_off_file_gives_what_it_has_and_then_says_where_it_ends(tmp_path: Path, keep: float) -> None:
    path = tmp_path / "cut.gz"
    packed = gzip.compress(CONTENT)
    path.write_bytes(packed[: int(len(packed) * keep)])
    given: list[tuple[int, bytes]] = []
    with pytest.raises(LineError) as caught:
        given.extend(read_lines(path))
    assert given == list(enumerate((line.strip() for line in CONTENT.splitlines()), 1))[: len(given)]
    assert caught.value.line == len(given) + 1
    assert caught.value.path == path
    assert str(caught.value).startswith(f"{path}:{len(given) + 1}: expected more compressed data")


def test_damage_in_the_middle_is_found(tmp_path: Path) -> None:
    path = tmp_path / "damaged.gz"
    packed = bytearray(gzip.compress(CONTENT))
    packed[len(packed) // 2] ^= 0xFF
    path.write_bytes(packed)
    with pytest.raises(LineError, match="expected more compressed data"):
        list(read_lines(path))


def test_parts_that_were_appended_are_one_file(tmp_path: Path) -> None:
    path = tmp_path / "appended.gz"
    path.write_bytes(gzip.compress(b"a\n") + gzip.compress(b"b\n"))
    assert [line for _, line in read_lines(path)] == [b"a", b"b"]


def test_a_line_without_end_is_not_swallowed_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LINE_MAX", 100)
    path = tmp_path / "long"
    path.write_bytes(b"ok\n" + b"x" * 101 + b"\nok\n")
    given: list[tuple[int, bytes]] = []
    with pytest.raises(LineError, match=":2: expected a line of at most 100 bytes"):
        given.extend(read_lines(path))
    assert given == [(1, b"ok")]


def test_an_empty_file_has_no_lines(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.touch()
    assert list(read_lines(path)) == []

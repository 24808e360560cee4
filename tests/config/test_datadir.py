"""Which directory is the data directory."""

from pathlib import Path

import pytest

from config.datadir import resolve_data_dir


@pytest.mark.parametrize(
    ("given", "environ", "expected"),
    [
        (Path("/a"), {"STATE_DIRECTORY": "/b"}, "/a"),
        (None, {"STATE_DIRECTORY": "/b", "CIVAL_DATA_DIR": "/c"}, "/b"),
        (None, {"STATE_DIRECTORY": "/b:/other"}, "/b"),
        (None, {"CIVAL_DATA_DIR": "/c", "XDG_STATE_HOME": "/d"}, "/c"),
        (None, {"XDG_STATE_HOME": "/d"}, "/d/cival"),
    ],
)
def test_the_nearest_wish_wins(given: Path | None, environ: dict[str, str], expected: str) -> None:
    assert resolve_data_dir(given, environ) == Path(expected)


def test_without_a_wish_it_is_under_the_home() -> None:
    assert resolve_data_dir(None, {}) == (Path.home() / ".local/state/cival").resolve()

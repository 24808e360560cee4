"""Whatever is wrong with what people give the engine: one clear line, the right exit code, and nothing left behind."""

import gzip
import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.datadir import engine_pid
from tests.support.daemon import Daemon, a_daemon, database_pid, stop_database

AGENT = """
[[accounts]]
name = "paper-1"
user = "demo@localhost"

[[agents]]
name = "trend-1"
type = "trend_follower"
account = "paper-1"
symbols = ["BTC/USDT"]
parameters = { fast = 50, slow = 9 }
"""

pytestmark = pytest.mark.slow


def refused(daemon: Daemon, *words: str, code: int = 2) -> str:
    """Run to the end; the one line that says why there was no start."""
    try:
        done = daemon.command("run", "--port", "0", *words, timeout_s=30)
    except subprocess.TimeoutExpired:
        stop_database(daemon.data_dir)
        pytest.fail("the engine has started")
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("cival: ")
    return line


def is_untouched(data_dir: Path) -> bool:
    """Whether no database runs, nobody holds the directory, and nothing says that an engine listens."""
    held = database_pid(data_dir), engine_pid(data_dir)
    return held == (None, None) and not (data_dir / "engine.json").exists() and not (data_dir / "postgres").exists()


@pytest.mark.parametrize(
    ("config", "words", "says"),
    [
        ("[server]\nprt = 1\n", (), "toml:2: server.prt: expected 'port'"),
        ("[log]\nlevel = 5\n", (), "toml:2: log.level: expected str, was 5"),
        ("[server\n", (), "toml:1: the file: expected valid TOML"),
        ('[database]\nurl = "env:NOPE"\n', (), "database.url: expected the environment variable NOPE to hold a secret"),
        ('[server]\ntls_cert = "a"\ntls_key = "b"\n', (), "server.tls_cert: expected a certificate and its key"),
        ('[server]\nhost = "192.0.2.1"\nbehind_tls_proxy = true\n', (), "server.host: expected an address of this ma"),
        (AGENT, (), "agents.0.parameters.fast (trend-1): expected less than slow (9)"),
        ('[market]\nsymbols = ["NO/NE"]\n', (), "market.symbols: expected symbols of"),
        (None, ("--replay", "nowhere"), "market.path (from --replay): expected a file or directory that exists"),
        (None, ("--replay", "EMPTY"), "market.path: expected a directory with recorded files"),
        (None, ("--replay", "JUNK"), "junk.txt:1: expected `<receive time in ns> <frame>`"),
        (None, ("--speed", "fast"), "market.speed (from --speed): expected a factor above zero"),
        (None, ("--speed", "nan"), "market.speed (from --speed): expected a factor above zero"),
        (None, ("--speed", "-1"), "market.speed (from --speed): expected a factor above zero"),
        (None, ("--port", "99999"), "'--port': 99999 is not in the range"),
        (None, ("--host", "0.0.0.0"), "server.host (from --host): expected a loopback address"),
        (None, ("--config", "nowhere.toml"), "the configuration file nowhere.toml: expected a readable file"),
    ],
)
def test_a_wrong_configuration_is_one_line_and_nothing_starts(
    config: str | None, words: tuple[str, ...], says: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "junk.txt").write_text("hello\nworld\n")
    places = {"EMPTY": str(tmp_path / "empty"), "JUNK": str(tmp_path / "junk.txt")}
    daemon = Daemon(tmp_path / "data", config=config)
    assert says in refused(daemon, *(places.get(word, word) for word in words))
    assert is_untouched(daemon.data_dir)


def test_a_taken_port_is_named_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        daemon = Daemon(tmp_path / "data")
        assert (
            refused(daemon, "--port", str(port)) == f"cival: server.port: expected a free port on 127.0.0.1, was {port}"
        )
    assert is_untouched(daemon.data_dir)


def test_a_database_that_is_away_is_a_reason_to_try_again(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path / "data", DATABASE_URL="postgresql://nobody@127.0.0.1:9/none")
    done = daemon.command("run", "--port", "0")
    assert done.returncode == 75
    assert done.stderr.splitlines()[-1].startswith("cival: database")
    assert "Traceback" not in done.stderr
    assert is_untouched(daemon.data_dir)


def of_another_version(data_dir: Path) -> None:
    data_dir.mkdir(mode=0o700)
    (data_dir / "version").write_text("99\n")


def of_somebody_else(data_dir: Path) -> None:
    data_dir.mkdir(mode=0o700)
    (data_dir / "thesis.txt").write_text("all of it\n")


def below_a_file(data_dir: Path) -> None:
    data_dir.parent.rmdir()
    data_dir.parent.touch()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (of_another_version, "expected format 1 in"),
        (of_somebody_else, "thesis.txt"),
        (below_a_file, "Not a directory"),
    ],
)
def test_a_folder_that_is_not_ours_is_left_as_it_was(spoil: Callable[[Path], None], says: str, tmp_path: Path) -> None:
    data_dir = tmp_path / "place" / "data"
    data_dir.parent.mkdir()
    spoil(data_dir)
    names = {path.name for path in data_dir.iterdir()} if data_dir.is_dir() else set()
    line = refused(Daemon(data_dir))
    assert line.startswith("cival: data_dir: ")
    assert says in line
    left = {path.name for path in data_dir.iterdir()} if data_dir.is_dir() else set()
    assert left - {"engine.lock"} == names


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    # Root may write anywhere but into what the kernel shows of itself.
    place = closed if os.geteuid() else Path("/sys")
    line = refused(Daemon(place / "cival"))
    assert line.startswith("cival: data_dir: ")
    assert str(place) in line


@pytest.mark.timeout(120)
def test_a_second_engine_names_the_first_and_leaves_it_alone(tmp_path: Path, pg_cluster: Path) -> None:
    with a_daemon(tmp_path / "data", cluster=pg_cluster) as daemon:
        daemon.start()
        assert daemon.process is not None
        line = refused(Daemon(tmp_path / "data"))
        assert f"pid {daemon.process.pid}" in line
        assert daemon.readiness()[0] == 200
        assert daemon.stop() == 0


@pytest.mark.timeout(120)
def test_after_refusals_a_correct_start_works(tmp_path: Path) -> None:
    with a_daemon(tmp_path / "data") as daemon:
        refused(daemon, "--replay", str(tmp_path / "nowhere"))
        refused(daemon, "--host", "0.0.0.0")
        daemon.start()
        assert daemon.stop() == 0
        refused(daemon, "--speed", "never")
        daemon.start()
        assert daemon.stop() == 0


# --- Damaged recordings ---------------------------------------------------------------------------------------------


def frames(count: int) -> list[bytes]:
    """A recording of our own making: best prices, a millisecond apart."""
    start_ns = 1_723_161_255_000_000_000
    quote = (
        '{"stream":"btcusdt@bookTicker","data":{"u":%d,"s":"BTCUSDT","b":"61000.00","B":"1","a":"61000.10","A":"2"}}'
    )
    return [f"{start_ns + n * 1_000_000} {quote % (n + 1)}\n".encode() for n in range(count)]


def cut_in_the_middle(path: Path) -> int:
    whole = gzip.compress(b"".join(frames(2_000)))
    path.write_bytes(whole[: len(whole) // 2])
    return 0


def broken_in_the_middle(path: Path) -> int:
    lines = frames(2_000)
    lines[1_000] = lines[1_000][:60] + b"\n"
    path.write_bytes(b"".join(lines))
    return 1_001


@pytest.mark.timeout(120)
@pytest.mark.parametrize("damage", [cut_in_the_middle, broken_in_the_middle])
def test_a_damaged_recording_is_played_as_far_as_it_goes(
    damage: Callable[[Path], int], tmp_path: Path, pg_cluster: Path
) -> None:
    recording = tmp_path / "btcusdt"
    line = damage(recording)
    with a_daemon(tmp_path / "data", "--replay", str(recording), "--speed", "max", cluster=pg_cluster) as daemon:
        daemon.start()
        daemon.wait_for(lambda: "replay_finished" in daemon.output, "the end", 60)
        bad = [text for text in daemon.output.splitlines() if '"event":"replay_line_bad"' in text]
        assert len(bad) == 1
        assert f'"file":"{recording}","line":{line or ""}' in bad[0]
        finished = daemon.output.rsplit('"event":"replay_finished"', 1)[-1]
        assert '"errors":1' in finished
        assert daemon.readiness()[0] == 200, "the engine stays up and ready"
        assert daemon.stop() == 0

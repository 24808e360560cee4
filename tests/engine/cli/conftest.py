"""One running engine for all tests of the command line in a process: each costs seconds to start."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemon import Daemon, a_daemon


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory, pg_cluster: Path) -> Iterator[Daemon]:
    """Give an engine with the shipped configuration."""
    with a_daemon(tmp_path_factory.mktemp("cli") / "data", cluster=pg_cluster) as daemon:
        daemon.start()
        daemon.wait_for(lambda: daemon.get("/market/tickers")["items"], "prices", 15)
        yield daemon

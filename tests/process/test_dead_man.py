"""An account with a dead-man switch trades, and a clean stop with an open order leaves the switch to the venue."""

from pathlib import Path

import pytest

from tests.process.test_database_away import CONFIG, an_order
from tests.process.test_first_run import cheap
from tests.support.daemon import a_daemon

pytestmark = pytest.mark.slow


@pytest.mark.timeout(90)
def test_a_guarded_account_is_armed_before_its_first_order(tmp_path: Path) -> None:
    with a_daemon(tmp_path / "data", config=CONFIG + 'dead_man = "6s"\n') as daemon:
        daemon.start()
        _, body = daemon.readiness()
        (part,) = (each for each in body["parts"] + body.get("accounts", []) if "dead_man" in str(each))
        assert part["ready"]
        _, placed = daemon.call("POST", "/api/v1/orders?wait=ack", an_order(daemon, cheap(daemon)))
        assert placed["status"] == "open"
        assert daemon.stop() == 0

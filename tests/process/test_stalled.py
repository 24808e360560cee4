"""The engine's loop stands still: the venue's dead-man switch takes its orders away, and nothing is sent late.

The process is stopped and goes on, which is what a loop sees of a long collection, a slow disk or a moved machine.
"""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.support.acceptance import Scene, a_scene

STALLED_S = 10.0
DEAD_MAN_S = 5

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def freeze(scene: Scene, number: int) -> None:
    assert scene.daemon.process is not None
    os.kill(scene.daemon.process.pid, number)


def test_a_loop_that_stalls_lets_the_dead_man_switch_fire_and_finds_out(tmp_path: Path, pg_cluster: Path) -> None:
    with a_scene(tmp_path, cluster=pg_cluster, config=f'dead_man = "{DEAD_MAN_S}s"\n') as scene:
        scene.start()
        order, filled = scene.rest(), scene.rest()
        scene.daemon.wait_for(lambda: scene.venue.heard("ArmDeadMan"), "the switch to be armed", 20)
        time.sleep(DEAD_MAN_S + 1)
        assert scene.order(order)["status"] == "open", "a loop that runs keeps it from firing"

        freeze(scene, signal.SIGSTOP)
        began_ns = time.time_ns()
        scene.venue.fill(filled["venue_client_id"], "0.001")
        time.sleep(STALLED_S)
        at_venue = scene.venue.order(order["venue_client_id"])
        woken_ns = time.time_ns()
        freeze(scene, signal.SIGCONT)
        assert at_venue is not None
        assert not at_venue.order.is_open, "nobody looked after it"

        scene.until(order, status="cancelled")
        scene.until(filled, status="cancelled", filled_quantity="0.001")
        scene.daemon.wait_for(scene.is_ready, "readiness", 30)
        late = [
            each
            for each in scene.venue.heard()
            if each.at_ns >= began_ns and each.kind in {"VenueSubmit", "VenueAmend"}
        ]
        assert late == []
        arms = [
            each.at_ns for each in scene.venue.heard("ArmDeadMan") if began_ns + 1_000_000_000 < each.at_ns < woken_ns
        ]
        assert arms == [], "a loop that stands still says nothing"
        scene.until(scene.place(), status="filled")
        scene.assert_same_books()

"""Every command and question has its points; what only keeps a connection alive has none."""

from connectors.fault_paths import PATHS, pass_point
from engine.messages.remote import RemotePing
from engine.messages.venues import FillsQuery
from engine.runtime.fault_points import FAULT_POINTS, arm
from tests.connectors.remote.support import ACCOUNT


def test_every_path_is_one_that_can_be_armed() -> None:
    assert {f"{path}.{step}" for path in PATHS.values() for step in ("sending", "sent", "answered")} <= FAULT_POINTS


def test_a_message_with_a_path_passes_its_point() -> None:
    heard: list[str] = []
    pass_point(FillsQuery(account_id=ACCOUNT, cursor=None), "sent")
    arm(heard.append)
    try:
        pass_point(FillsQuery(account_id=ACCOUNT, cursor=None), "answered")
        pass_point(RemotePing(at_ns=1), "answered")
    finally:
        arm(None)
    assert heard == ["query.answered"]

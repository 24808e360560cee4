"""An account that has lost its limit of the day stays halted over a restart, until a person resumes it."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.acceptance import Scene, a_scene
from tests.support.daemon import query

LIMIT = Decimal(20)
CONFIG = f"\n[risk]\ndaily_loss = {LIMIT}\n"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def lose(scene: Scene) -> None:
    """Buy and sell until the account is halted: a tenth of a bitcoin costs 6 each time, whatever its price does."""
    for side in ("buy", "sell") * 20:
        status, order = scene.post(scene.body(side=side, quantity="0.1"))
        if status == 422:
            assert order["code"] == "trading_halted", order
            return
        assert status in {201, 202}, (status, order)
        scene.until(order, status="filled")


def has_begun(scene: Scene) -> bool:
    """Whether the account was valued, with which its day begins."""
    return bool(asyncio.run(query(scene.url, "select 1 from risk_days where scope = 'account'")))


def is_halted(scene: Scene) -> bool:
    return [each["state"] for each in scene.daemon.get("/control/state")["scopes"]] == ["halted"]


def test_a_daily_loss_halts_over_a_restart_until_a_person_resumes(tmp_path: Path, pg_cluster: Path) -> None:
    # Only money that does not move with the market: the fees alone decide.
    with a_scene(tmp_path, cluster=pg_cluster, config=CONFIG, rules={"money": {"USDT": "100000"}}) as scene:
        scene.start()
        scene.daemon.wait_for(lambda: has_begun(scene), "the day to begin", 20)
        lose(scene)
        scene.daemon.wait_for(lambda: is_halted(scene), "the halt", 20)
        heard = len(scene.venue.heard("VenueSubmit"))

        scene.daemon.kill()
        scene.start()
        assert is_halted(scene), "a restart is no way out"
        assert scene.post(scene.body())[0] == 422
        assert len(scene.venue.heard("VenueSubmit")) == heard

        resume = {"scope": "account", "scope_id": str(scene.account_id), "reason": "looked at it"}
        assert scene.daemon.call("POST", "/api/v1/control/resume", resume)[0] == 200
        scene.until(scene.place(), status="filled")
        scene.assert_same_books()

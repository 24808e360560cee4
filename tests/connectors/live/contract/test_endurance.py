"""A connector that runs for months keeps nothing of what is over.

`CIVAL_ENDURANCE` says how many requests each venue gets; the usual number finds whatever grows with each request.
`CIVAL_ENDURANCE=100000 pytest tests/connectors/live/contract/test_endurance.py --timeout 3600` is the long run.
"""

import gc
import os
from pathlib import Path

import pytest

from engine.messages.venues import AccountQuery, OrderQuery, VenueAccount, VenueOrderDone
from tests.support.venues.live_desk import LiveDesk
from tests.support.venues.rig import RIG_ACCOUNT, VenueRig

pytestmark = pytest.mark.venue_level("gold")

REQUESTS = int(os.environ.get("CIVAL_ENDURANCE", "2000"))
PER_TURN = 4
WARM_UP = 400
GROWN_MAX = 250 + 3 * min(REQUESTS, 40_000) // PER_TURN
"""Objects beyond those that live after the warm-up: the ids of the newest 10,000 orders may be remembered, no request.
"""


@pytest.mark.asyncio
@pytest.mark.slow
async def test_memory_is_flat_over_many_requests(rig: VenueRig, desk: LiveDesk) -> None:
    before = objects_before = 0
    for turn in range((WARM_UP + REQUESTS) // PER_TURN):
        if turn == WARM_UP // PER_TURN:
            forget(rig, desk)
            objects_before, before = len(gc.get_objects()), resident_kb()
        refill(desk)
        rig.lift_limits()
        submit = await desk.place()
        await desk.ask(OrderQuery(account_id=RIG_ACCOUNT, symbol=submit.symbol, venue_client_id=submit.venue_client_id))
        desk.tell(desk.a_cancel(submit))
        await desk.until(lambda submit=submit: bool(desk.of(VenueOrderDone, submit)), "cancelled")  # type: ignore[misc]
        assert isinstance(await desk.ask(AccountQuery(account_id=RIG_ACCOUNT)), VenueAccount)
        if turn % 25 == 0:
            forget(rig, desk)
    forget(rig, desk)
    grown = len(gc.get_objects()) - objects_before
    print(f"{rig.name}: {REQUESTS} requests, {grown:+} objects, {resident_kb() - before:+} kB resident")
    assert grown < GROWN_MAX
    if REQUESTS >= 50_000:
        assert resident_kb() - before < 20_000


def forget(rig: VenueRig, desk: LiveDesk) -> None:
    """Let go of what the test and the simulator keep, and of what may stay up to a bound."""
    desk.heard.clear()
    desk.permit.asked.clear()
    desk.actor._told_events._keys.clear()
    rig.server.log.clear()
    for number in [number for number, order in rig.account.orders.items() if not order.is_open]:
        del rig.account.orders[number]
    rig.account.nonces.clear()
    gc.collect()


def refill(desk: LiveDesk) -> None:
    """Let the rate limits of a minute be those of a moment."""
    budgets = desk.adapter.wire.bridge.budgets
    for budget in budgets._of_key.values():
        for windows in budget._windows.values():
            for window in windows:
                window._entries.clear()
                window._own = window._foreign = 0


def resident_kb() -> int:
    """Return the resident memory of this process."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))

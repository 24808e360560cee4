"""What tests of Hyperliquid's connector look at: signed requests, fills and ends."""

import json
from typing import Any

from engine.messages.venues import VenueFill, VenueOrderDone, VenueSubmit
from tests.support.venues.hyperliquid_rig import HyperliquidRig
from tests.support.venues.live_desk import LiveDesk


def rig_of(desk: LiveDesk) -> HyperliquidRig:
    assert isinstance(desk.rig, HyperliquidRig)
    return desk.rig


def sent(desk: LiveDesk, kind: str = "order") -> list[dict[str, Any]]:
    """Return the signed requests of a type, as they came."""
    return [json.loads(each.body) for each in rig_of(desk).server.log.requests(rf"POST /exchange#{kind}")]


async def fills_of(desk: LiveDesk, submit: VenueSubmit, count: int) -> list[VenueFill]:
    await desk.until(lambda: len(desk.of(VenueFill, submit)) >= count, f"{count} fills")
    return desk.of(VenueFill, submit)


async def end_of(desk: LiveDesk, submit: VenueSubmit) -> VenueOrderDone:
    await desk.until(lambda: bool(desk.of(VenueOrderDone, submit)), "the end of the order")
    (done,) = desk.of(VenueOrderDone, submit)
    return done

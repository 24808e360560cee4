"""The private sockets of Binance: how their sessions begin, live on, and end."""

import json
from uuid import UUID

import pytest

from connectors.binance.private_parse import PrivateParser
from connectors.binance.symbols import Symbols
from connectors.binance.user_stream import SpotUserPlan, UsdmUserPlan
from connectors.bridge.errors import Unknown
from connectors.bridge.plan import StreamEnded, StreamReady
from engine.domain.identifiers import AccountId
from engine.messages.venues import VenueFill
from tests.support.venues.binance_rig import SpotRig, UsdmRig
from tests.support.venues.live_desk import LiveDesk

PARSER = PrivateParser(venue="binance", account_id=AccountId(UUID(int=7)), symbols=Symbols("usdm"))


class Keys:
    """A venue's listen key."""

    def __init__(self) -> None:
        self.key = "k1"

    async def get(self) -> str:
        return self.key


def a_usdm_plan(keys: Keys) -> UsdmUserPlan:
    return UsdmUserPlan(
        base=lambda: "wss://f", new_key=keys.get, keep_key=keys.get, parser=PARSER, learn=lambda _: None
    )


@pytest.mark.asyncio
async def test_each_dial_makes_sure_of_its_key() -> None:
    keys = Keys()
    plan = a_usdm_plan(keys)
    assert await plan.url() == "wss://f/private/ws?listenKey=k1"
    keys.key = "k2"
    assert await plan.url() == "wss://f/private/ws?listenKey=k2"
    (wish,) = await plan.opening()
    assert json.loads(wish) == {"method": "SUBSCRIBE", "params": ["k2"], "id": 1}
    assert plan.parse(b'{"result":null,"id":1}', 0) == (StreamReady(),)
    assert plan.parse(b'{"error":{"code":2,"msg":"?"},"id":1}', 0) == (StreamReady(),)


@pytest.mark.asyncio
async def test_a_renewal_that_prolongs_another_key_ends_the_connection() -> None:
    keys = Keys()
    plan = a_usdm_plan(keys)
    await plan.url()
    assert await plan.renew() is None
    keys.key = "k2"
    with pytest.raises(Unknown):
        await plan.renew()


@pytest.mark.asyncio
async def test_spot_signs_each_subscription_anew() -> None:
    plan = SpotUserPlan(
        url=lambda: "wss://s", signed=lambda params: {**params, "signature": "x"}, parser=PARSER, learn=lambda _: None
    )
    assert await plan.url() == "wss://s"
    (wish,) = await plan.opening()
    assert json.loads(wish)["method"] == "userDataStream.subscribe.signature"
    assert json.loads(wish)["params"] == {"recvWindow": 5000, "signature": "x"}
    (ended,) = plan.parse(b'{"subscriptionId":0,"event":{"e":"eventStreamTerminated","E":1}}', 0)
    assert isinstance(ended, StreamEnded)


@pytest.mark.asyncio
@pytest.mark.parametrize("rig", [SpotRig, UsdmRig])
async def test_a_session_that_ends_is_followed_by_another_that_hears(rig: type[SpotRig] | type[UsdmRig]) -> None:
    async with rig() as venue, LiveDesk(venue) as desk:
        await desk.ready()
        order = await desk.place()
        assert venue.end_session()
        await desk.until(lambda: len(desk.connections()) >= 3, "away and back")
        await desk.ready()
        venue.server.exchange.fill(order.venue_client_id)
        await desk.until(lambda: bool(desk.of(VenueFill, order)), "the fill on the new session")
        assert len(venue.server.log.dials("private/ws|ws-api")) == 2

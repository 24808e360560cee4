"""The stream over real WebSockets: who may connect, what they get, how they resume."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
import pytest

from actors.stream_client import StreamLimits
from tests.support.api import ADA, ADA_TOKEN, BOB, BOB_TOKEN, ApiRig, running
from tests.support.postgres import PostgresDatabase

pytestmark = pytest.mark.asyncio

ORIGIN = "https://desk.example"


class Stream:
    """A client's end."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def say(self, **op: Any) -> None:
        """Send a request."""
        await self.socket.send_str(msgspec.json.encode(op).decode())

    async def next(self, op: str | None = None) -> dict[str, Any]:
        """Return the next message, or the next of a kind."""
        while True:
            frame = await asyncio.wait_for(self.socket.receive(), 5)
            assert frame.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), frame
            decode = msgspec.json.decode if frame.type is aiohttp.WSMsgType.TEXT else msgspec.msgpack.decode
            message: dict[str, Any] = decode(frame.data)
            if op is None or message["op"] == op:
                return message

    async def close_code(self) -> int:
        """Read until the engine closes, and say how."""
        while True:
            frame = await asyncio.wait_for(self.socket.receive(), 5)
            if frame.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING):
                assert self.socket.close_code is not None
                return self.socket.close_code


@asynccontextmanager
async def connected(
    rig: ApiRig, *, token: str | None = ADA_TOKEN, protocols: tuple[str, ...] = ("cival.v1",), **headers: str
) -> AsyncIterator[Stream]:
    """Connect a client."""
    sent = {"Authorization": f"Bearer {token}"} if token else {}
    async with rig.http.ws_connect(f"{rig.url}/api/v1/stream", protocols=protocols, headers=sent | headers) as socket:
        yield Stream(socket)


async def test_a_client_gets_a_snapshot_and_then_events(rig: ApiRig) -> None:
    async with connected(rig) as stream:
        await stream.say(op="subscribe", id=1, channels=["orders", "balances"])
        subscribed = await stream.next()
        assert (subscribed["op"], subscribed["id"], subscribed["channels"]) == ("subscribed", 1, ["orders", "balances"])
        orders, balances = await stream.next(), await stream.next()
        assert (orders["channel"], orders["data"], orders["seq"]) == ("orders", [], subscribed["seq"])
        assert {row["asset"] for row in balances["data"]} == {"BTC", "USDT"}
        placed = (await rig.place()).json
        event = await stream.next("event")
        assert (event["channel"], event["data"]["id"]) == ("orders", placed["id"])
        assert event["prev"] <= subscribed["seq"] < event["seq"]


async def test_the_events_of_a_channel_form_a_chain(rig: ApiRig) -> None:
    async with connected(rig) as stream:
        await stream.say(op="subscribe", id=1, channels=["orders"], since=0)
        for _ in range(5):
            await rig.place()
        seen = [await stream.next("event") for _ in range(10)]
        assert [event["prev"] for event in seen[1:]] == [event["seq"] for event in seen[:-1]]


async def test_a_client_resumes_where_it_was(rig: ApiRig) -> None:
    async with connected(rig) as stream:
        await stream.say(op="subscribe", id=1, channels=["orders", "balances"], since=0)
        await rig.place()
        first = [await stream.next("event") for _ in range(4)]
    await rig.place()
    async with connected(rig) as stream:
        await stream.say(op="subscribe", id=1, channels=["orders", "balances"], since=first[1]["seq"])
        assert (await stream.next())["op"] == "subscribed"
        again = [await stream.next("event") for _ in range(3)]
    assert again[:2] == first[2:]
    assert again[2]["seq"] > first[3]["seq"]


async def test_a_resume_from_the_future_gets_a_snapshot(rig: ApiRig) -> None:
    async with connected(rig) as stream:
        await stream.say(op="subscribe", id=7, channels=["orders"], since=1_000_000)
        messages = [await stream.next() for _ in range(3)]
    assert [message["op"] for message in messages] == ["subscribed", "error", "snapshot"]
    assert (messages[1]["id"], messages[1]["code"]) == (7, "resume_expired")


async def test_a_client_may_speak_message_pack(rig: ApiRig) -> None:
    async with connected(rig, protocols=("cival.v1.msgpack",)) as stream:
        assert stream.socket.protocol == "cival.v1.msgpack"
        await stream.socket.send_bytes(msgspec.msgpack.encode({"op": "subscribe", "id": 1, "channels": ["positions"]}))
        assert (await stream.next())["op"] == "subscribed"
        assert await stream.next() | {"seq": 0} == {"op": "snapshot", "channel": "positions", "seq": 0, "data": []}


async def test_prices_come_as_they_move(rig: ApiRig) -> None:
    async with connected(rig) as stream:
        await stream.say(op="subscribe", id=1, channels=["tickers:simulated:BTC/USDT"])
        await stream.next("subscribed")
        rig.quote("60100.00", "60100.02")
        update = await stream.next("update")
        assert update["channel"] == "tickers:simulated:BTC/USDT"
        assert (update["data"]["bid_price"], update["data"]["symbol"]) == ("60100.00", "BTC/USDT")


async def test_unsubscribed_channels_are_silent(rig: ApiRig) -> None:
    async with connected(rig) as stream:
        await stream.say(op="subscribe", id=1, channels=["orders", "control"])
        await stream.next("snapshot")
        await stream.say(op="unsubscribe", id=2, channels=["orders"])
        assert (await stream.next("unsubscribed"))["channels"] == ["orders"]
        await rig.place()
        await rig.call("POST", "/control/halt", json={"reason": "test"})
        assert (await stream.next("event"))["channel"] == "control"


async def test_a_request_that_makes_no_sense_is_answered(rig: ApiRig) -> None:
    async with connected(rig) as stream:
        await stream.say(op="dance")
        assert (await stream.next())["code"] == "malformed"
        await stream.say(op="subscribe", id=3, channels=["secrets"])
        answer = await stream.next()
        assert (answer["op"], answer["id"], answer["code"]) == ("error", 3, "unknown_channel")
        await stream.say(op="ping", id=4)
        assert (await stream.next("pong"))["id"] == 4


async def test_no_token_is_closed_with_4401(rig: ApiRig) -> None:
    async with connected(rig, token=None) as stream:
        assert await stream.close_code() == 4401


async def test_a_wrong_token_is_closed_with_4401(rig: ApiRig) -> None:
    async with connected(rig, token="cival_guess") as stream:
        assert await stream.close_code() == 4401


async def test_a_strange_page_is_closed_with_4403(rig: ApiRig) -> None:
    async with connected(rig, Origin="https://evil.example") as stream:
        assert await stream.close_code() == 4403


async def test_a_strangers_events_are_closed_with_4403(rig: ApiRig) -> None:
    async with connected(rig, token=BOB_TOKEN) as stream:
        await stream.say(op="subscribe", id=1, channels=["orders"], user_id=str(ADA))
        assert await stream.close_code() == 4403


async def test_an_admin_follows_a_user(rig: ApiRig) -> None:
    async with connected(rig) as stream:
        await stream.say(op="subscribe", id=1, channels=["orders"], user_id=str(BOB))
        await stream.next("snapshot")
        await rig.place()
        placed = (await rig.place(token=BOB_TOKEN, account_id="00000000-0000-0000-0000-00000000000c")).json
        assert (await stream.next("event"))["data"]["id"] == placed["id"]


async def test_too_many_requests_are_closed_with_4429(rig: ApiRig) -> None:
    async with connected(rig) as stream:
        for number in range(50):
            await stream.say(op="ping", id=number)
        assert await stream.close_code() == 4429


async def test_too_many_connections_are_closed_with_4429(pg_database: PostgresDatabase) -> None:
    async with running(pg_database, limits=StreamLimits(clients_per_user=1)) as rig, connected(rig) as first:
        await first.say(op="ping")
        await first.next("pong")
        async with connected(rig) as second:
            assert await second.close_code() == 4429


async def test_a_ticket_opens_one_stream(pg_database: PostgresDatabase) -> None:
    async with running(pg_database, allowed_origins=(ORIGIN,)) as rig:
        answer = await rig.call("POST", "/stream/ticket", headers={"Origin": ORIGIN})
        protocols = ("cival.v1", f"ticket.{answer.json['ticket']}")
        async with connected(rig, token=None, protocols=protocols, Origin=ORIGIN) as stream:
            await stream.say(op="ping")
            await stream.next("pong")
            assert stream.socket.protocol == "cival.v1"
        async with connected(rig, token=None, protocols=protocols, Origin=ORIGIN) as stream:
            assert await stream.close_code() == 4401


async def test_a_ticket_is_bound_to_its_page(pg_database: PostgresDatabase) -> None:
    async with running(pg_database, allowed_origins=(ORIGIN, "https://other.example")) as rig:
        answer = await rig.call("POST", "/stream/ticket", headers={"Origin": ORIGIN})
        protocols = ("cival.v1", f"ticket.{answer.json['ticket']}")
        async with connected(rig, token=None, protocols=protocols, Origin="https://other.example") as stream:
            assert await stream.close_code() == 4401


async def test_a_revoked_token_ends_its_streams(rig: ApiRig) -> None:
    made = (await rig.call("POST", "/tokens", json={"name": "short"})).json
    async with connected(rig, token=made["token"]) as stream:
        await stream.say(op="ping")
        await stream.next("pong")
        assert (await rig.call("DELETE", f"/tokens/{made['id']}")).status == 204
        assert await stream.close_code() == 4401


async def test_a_stopping_engine_closes_with_1012(rig: ApiRig) -> None:
    async with connected(rig) as stream:
        await stream.say(op="ping")
        await stream.next("pong")
        stopping = asyncio.ensure_future(rig.restart_api())
        assert await stream.close_code() == 1012
        await stopping


async def test_a_client_that_reads_nothing_is_closed_with_4408(pg_database: PostgresDatabase) -> None:
    limits = StreamLimits(queue_frames=20, queue_bytes=20_000)
    async with running(pg_database, limits=limits) as rig, connected(rig) as stream:
        await stream.say(op="subscribe", id=1, channels=["orders"])
        await stream.next("snapshot")
        # One turn of the loop commits more events than the queue may hold; nothing is written in between.
        await asyncio.gather(*(rig.place(quantity="0.001") for _ in range(15)))
        flood = await rig.reads.events_since(ADA, ("orders",), 0)
        rig.flood(flood, times=3)
        assert await stream.close_code() == 4408

"""How a client comes up to the present, beside the hub's own tests: errors, and channels without a past."""

from typing import Any, cast

import pytest

from actors.stream_client import StreamClient
from actors.stream_feed import Feed
from actors.stream_frames import Frame, parse_channel
from actors.stream_replay import Replay
from actors.stream_values import Topic, Topics
from engine.messages.read_ports import Reads
from engine.runtime.bus import Bus
from engine.runtime.clock import VirtualClock
from tests.support.cell_builders import START_NS
from tests.support.stream import USER, Journal, Wire, a_client

pytestmark = pytest.mark.asyncio


class Rig:
    """A replay without a hub."""

    def __init__(self) -> None:
        self.bus = Bus()
        self.journal = Journal(self.bus)
        self.wire = Wire()
        self.client = a_client(self.wire)
        self.feed = Feed(USER)
        self.replay = Replay(
            reads=cast("Reads", self.journal), clock=VirtualClock(START_NS), topics=Topics(self.bus, lambda _: None),
            say=self.say, put=self.put, page_events=500,
        )  # fmt: skip

    def say(self, client: StreamClient, frame: Frame) -> None:
        client.push(frame)

    def put(self, topic: Topic, frames: dict[Any, Frame], clients: list[StreamClient]) -> None:
        for client in clients:
            for key, frame in frames.items():
                client.put((topic.channel.name, key), frame)

    async def begin(self, *names: str, since: int | None = None) -> list[dict[str, Any]]:
        channels = [parse_channel(name) for name in names]
        self.client.channels.update(names)
        lossless = tuple(channel.name for channel in channels if channel.is_lossless)
        catch_up = self.feed.begin(self.client, lossless, since or 0)
        await self.replay.begin(catch_up, channels, request_id=1, since=since)
        self.client.flush()
        return self.wire.messages()


async def test_conflated_channels_read_no_journal() -> None:
    rig = Rig()
    rig.journal.tickers_json = b'[{"price":"1"}]'
    messages = await rig.begin("tickers:simulated:BTC/USDT")
    assert [message["op"] for message in messages] == ["subscribed", "update"]
    assert rig.journal.reads == 1


async def test_worth_has_no_stored_value() -> None:
    rig = Rig()
    assert [message["op"] for message in await rig.begin("pnl")] == ["subscribed"]
    assert rig.journal.reads == 0


async def test_each_lossless_channel_gets_its_snapshot() -> None:
    rig = Rig()
    messages = await rig.begin("orders", "trades")
    assert [(message["op"], message.get("channel")) for message in messages] == [
        ("subscribed", None), ("snapshot", "orders"), ("snapshot", "trades")]  # fmt: skip


async def test_an_error_of_ours_costs_its_own_client() -> None:
    rig = Rig()

    async def broken() -> None:
        raise ZeroDivisionError

    await rig.replay.guard(rig.client, broken())
    assert [code for code, _ in rig.wire.closed] == [1011]


async def test_a_client_that_has_gone_is_left_alone() -> None:
    rig = Rig()
    rig.client.close(1000, "bye")
    await rig.begin("orders", since=0)
    assert rig.journal.reads == 0

"""The hub: no event is missed or repeated, whenever a client comes, and nobody makes the engine wait."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.stream_client import StreamClient, StreamLimits
from actors.stream_hub import Attach, Detach, StreamHub, Subscribe, Unsubscribe
from engine.messages.market import Bar, Ticker
from engine.messages.portfolio import AccountMarked
from engine.messages.venues import VenueConnection
from engine.runtime.bus import Bus
from engine.runtime.clock import VirtualClock
from engine.runtime.metrics import Metrics
from engine.runtime.ref import Ref
from engine.runtime.system import ActorSystem
from tests.support.cell_builders import ACCOUNT, START_NS
from tests.support.stream import USER, Journal, Wire, a_client

MS = 1_000_000


class HubRig:
    """A hub on a clock that is turned by hand."""

    def __init__(self, limits: StreamLimits = StreamLimits()) -> None:  # noqa: B008
        self.clock = VirtualClock(START_NS)
        self.system = ActorSystem(clock=self.clock)
        self.bus = Bus()
        self.journal = Journal(self.bus)
        self.metrics = Metrics()
        self.limits = limits

    async def start(self) -> "HubRig":
        self.hub: Ref[StreamHub] = await self.system.start(
            StreamHub, bus=self.bus, clock=self.clock, reads=self.journal, metrics=self.metrics, limits=self.limits
        )
        return self

    async def join(self, *channels: str, since: int | None = None, **changes: Any) -> tuple[StreamClient, Wire]:
        """Connect a client and subscribe; nothing has been answered yet."""
        wire = Wire()
        client = a_client(wire, **changes)
        self.hub.tell(Attach(client))
        self.hub.tell(Subscribe(client=client, id=1, channels=channels, since=since))
        return client, wire

    async def settle(self, ms: int = 10) -> None:
        """Let everything happen that is due within `ms` milliseconds."""
        for _ in range(6):
            for _ in range(4):
                await asyncio.sleep(0)
            await self.system.advance(self.clock, self.clock.now_ns() + ms * MS // 6)

    def value_of(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"cival_{name}", labels)


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[HubRig]:
    made = await HubRig().start()
    yield made
    await made.system.stop_all()


def seqs(wire: Wire) -> list[int]:
    return [message["seq"] for message in wire.messages("event")]


async def _resume_everywhere(since: int, steps: list[str], page: int) -> None:
    rig = await HubRig(StreamLimits(page_events=page)).start()
    journal = rig.journal
    for number in range(6):
        journal.commit(("orders", "trades")[number % 2])
    client, wire = await rig.join("orders", "trades", since=since)
    for step in steps:
        match step:
            case "commit":
                journal.commit("orders")
            case "other":
                journal.commit("risk")
            case "publish":
                journal.publish()
            case "publish_one":
                journal.publish(1)
            case "turn":
                await asyncio.sleep(0)
            case "settle":
                await rig.settle()
    journal.publish()
    await rig.settle(200)
    wanted = [event.seq for event in journal.events if event.channel != "risk" and event.seq > since]
    assert seqs(wire) == wanted
    heads = [message["seq"] for message in wire.messages("subscribed")]
    assert len(heads) == 1
    last: dict[str, int] = {}
    for message in wire.messages("event"):
        assert message["prev"] <= max(last.get(message["channel"], 0), since)
        last[message["channel"]] = message["seq"]
    assert not client.is_closed
    await rig.system.stop_all()


@settings(max_examples=60)
@given(
    since=st.integers(0, 6),
    steps=st.lists(
        st.sampled_from(["commit", "other", "publish", "publish_one", "turn", "settle"]), min_size=0, max_size=25
    ),
    page=st.sampled_from([1, 2, 500]),
)
def test_a_resume_at_any_seq_misses_and_repeats_nothing(since: int, steps: list[str], page: int) -> None:
    asyncio.run(_resume_everywhere(since, steps, page))


@pytest.mark.asyncio
async def test_without_since_a_snapshot_comes_before_the_events(rig: HubRig) -> None:
    rig.journal.commit()
    rig.journal.publish()
    _, wire = await rig.join("orders")
    await rig.settle()
    rig.journal.commit()
    rig.journal.publish()
    await rig.settle()
    assert [message["op"] for message in wire.messages()] == ["subscribed", "snapshot", "event"]
    assert seqs(wire) == [2]


@pytest.mark.asyncio
async def test_events_that_were_never_published_are_read_from_the_store(rig: HubRig) -> None:
    _, wire = await rig.join("orders", since=0)
    await rig.settle()
    rig.journal.commit()
    rig.journal.publish()
    await rig.settle()
    rig.journal.commit()
    rig.journal.unpublished.clear()  # The writer died between commit and publication.
    rig.journal.commit()
    rig.journal.publish()
    await rig.settle()
    assert seqs(wire) == [1, 2, 3]


@pytest.mark.asyncio
async def test_events_that_come_again_are_sent_once(rig: HubRig) -> None:
    _, wire = await rig.join("orders", since=0)
    await rig.settle()
    event = rig.journal.commit()
    rig.journal.publish()
    rig.journal.unpublished.append(event)
    rig.journal.publish()
    await rig.settle()
    assert seqs(wire) == [1]


@pytest.mark.asyncio
@pytest.mark.parametrize("since", [1, 99])
async def test_a_since_that_is_not_kept_gets_a_snapshot(rig: HubRig, since: int) -> None:
    for _ in range(9):
        rig.journal.commit()
    rig.journal.publish()
    rig.journal.oldest = 5
    _, wire = await rig.join("orders", since=since)
    await rig.settle()
    assert [message["op"] for message in wire.messages()] == ["subscribed", "error", "snapshot"]
    assert wire.messages("error")[0]["code"] == "resume_expired"


@pytest.mark.asyncio
async def test_while_the_store_is_away_a_client_waits_and_then_misses_nothing(rig: HubRig) -> None:
    rig.journal.is_away = True
    _, wire = await rig.join("orders", since=0)
    await rig.settle()
    rig.journal.commit()
    rig.journal.publish()
    await rig.settle()
    assert wire.messages() == []
    rig.journal.is_away = False
    await rig.settle(1_000)
    assert seqs(wire) == [1]


@pytest.mark.asyncio
async def test_a_long_past_waits_for_a_slow_client(rig: HubRig) -> None:
    for _ in range(3_000):
        rig.journal.commit(size=5_000)
    client, wire = await rig.join("orders", since=0)
    wire.is_stuck = True
    await rig.settle(100)
    assert client.queued_bytes <= rig.limits.queue_bytes
    wire.is_stuck = False
    for _ in range(60):
        await rig.settle(100)
    assert len(seqs(wire)) == 3_000
    assert wire.closed == []


@pytest.mark.asyncio
async def test_a_client_that_never_reads_its_past_is_closed(rig: HubRig) -> None:
    for _ in range(2_000):
        rig.journal.commit(size=5_000)
    _, wire = await rig.join("orders", since=0)
    wire.is_stuck = True
    for _ in range(40):
        await rig.settle(1_000)
    assert [code for code, _ in wire.closed] == [4408]


@pytest.mark.asyncio
async def test_a_slow_client_is_closed_and_the_fast_one_gets_everything() -> None:
    rig = await HubRig(StreamLimits(queue_frames=10)).start()
    _, slow = await rig.join("orders")
    _, fast = await rig.join("orders")
    await rig.settle()
    slow.is_stuck = True
    for _ in range(30):
        rig.journal.commit()
        rig.journal.publish()
        await rig.settle()
    assert [code for code, _ in slow.closed] == [4408]
    assert fast.closed == []
    assert seqs(fast) == list(range(1, 31))
    await rig.system.stop_all()


@pytest.mark.asyncio
async def test_a_burst_is_one_write_per_client(rig: HubRig) -> None:
    _, wire = await rig.join("orders")
    await rig.settle()
    wire.written.clear()
    for _ in range(50):
        rig.journal.commit()
    rig.journal.publish()
    await rig.settle()
    assert len(wire.written) == 1
    assert len(seqs(wire)) == 50


@pytest.mark.asyncio
async def test_writes_are_at_least_five_milliseconds_apart(rig: HubRig) -> None:
    _, wire = await rig.join("orders")
    await rig.settle(20)
    wire.written.clear()
    for _ in range(20):
        rig.journal.commit()
        rig.journal.publish()
        await rig.system.advance(rig.clock, rig.clock.now_ns() + MS)
    await rig.settle(10)
    assert 4 <= len(wire.written) <= 6
    assert len(seqs(wire)) == 20


def a_ticker(price: int, symbol: str = "BTC/USDT") -> Ticker:
    return Ticker(venue="simulated", symbol=symbol, ts_event_ns=START_NS, ts_init_ns=START_NS, price=Decimal(price))


def publish(rig: HubRig, value: Ticker | Bar) -> None:
    rig.bus.publish(value, (value.venue, value.symbol))


@pytest.mark.asyncio
async def test_of_many_prices_the_newest_is_sent(rig: HubRig) -> None:
    _, wire = await rig.join("tickers:simulated:BTC/USDT")
    await rig.settle()
    for price in range(100, 200):
        publish(rig, a_ticker(price))
    publish(rig, a_ticker(5, "ETH/USDT"))
    await rig.settle(200)
    updates = wire.messages("update")
    assert [update["data"]["price"] for update in updates] == ["199"]
    assert updates[0]["channel"] == "tickers:simulated:BTC/USDT"


@pytest.mark.asyncio
async def test_a_stuck_client_gets_the_newest_price_once_it_reads(rig: HubRig) -> None:
    _, wire = await rig.join("tickers:simulated:BTC/USDT")
    await rig.settle()
    wire.is_stuck = True
    for price in range(100, 110):
        publish(rig, a_ticker(price))
        await rig.settle(150)
    wire.is_stuck = False
    await rig.settle(150)
    assert [update["data"]["price"] for update in wire.messages("update")] == ["109"]


@pytest.mark.asyncio
async def test_a_newcomer_gets_the_last_price_at_once(rig: HubRig) -> None:
    await rig.join("tickers:simulated:BTC/USDT")
    await rig.settle()
    publish(rig, a_ticker(100))
    await rig.settle(200)
    _, late = await rig.join("tickers:simulated:BTC/USDT")
    await rig.settle()
    assert [update["data"]["price"] for update in late.messages("update")] == ["100"]


@pytest.mark.asyncio
async def test_before_any_price_the_stored_one_is_sent(rig: HubRig) -> None:
    rig.journal.tickers_json = b'[{"symbol":"BTC/USDT","exchange":"simulated","price":"77"}]'
    _, wire = await rig.join("tickers:simulated:BTC/USDT")
    await rig.settle()
    assert [update["data"]["price"] for update in wire.messages("update")] == ["77"]


@pytest.mark.asyncio
async def test_the_hub_listens_only_to_what_somebody_wants(rig: HubRig) -> None:
    key = ("simulated", "BTC/USDT")
    client, _ = await rig.join("tickers:simulated:BTC/USDT", "bars:simulated:BTC/USDT:1m", "bars:simulated:BTC/USDT:5m")
    await rig.settle()
    assert rig.bus.subscribers(Ticker, key) == rig.bus.subscribers(Bar, key) == 1
    rig.hub.tell(Unsubscribe(client=client, id=2, channels=("bars:simulated:BTC/USDT:5m",)))
    await rig.settle()
    assert rig.bus.subscribers(Bar, key) == 1
    rig.hub.tell(Detach(client))
    await rig.settle()
    assert rig.bus.subscribers(Ticker, key) == rig.bus.subscribers(Bar, key) == 0


@pytest.mark.asyncio
async def test_worth_and_venues_are_conflated_by_account_and_venue(rig: HubRig) -> None:
    _, wire = await rig.join("pnl")
    await rig.settle()
    for equity in (1, 2, 3):
        marked = AccountMarked(
            user_id=USER, account_id=ACCOUNT, equity=Decimal(equity), cash=Decimal(0), realized_pnl=Decimal(0),
            unrealized_pnl=Decimal(0), fees=Decimal(0), positions=0, at_ns=START_NS,
        )  # fmt: skip
        rig.bus.publish(marked, USER)
    await rig.settle(200)
    assert [update["data"]["equity"] for update in wire.messages("update")] == ["3"]


@pytest.mark.asyncio
async def test_a_venue_that_goes_away_is_told(rig: HubRig) -> None:
    _, wire = await rig.join("exchanges")
    await rig.settle()
    rig.bus.publish(VenueConnection(venue="simulated", connected=False, reason="gone", at_ns=START_NS), "simulated")
    await rig.settle(200)
    data = wire.messages("update")[0]["data"]
    assert (data["exchange"], data["status"], data["error_message"]) == ("simulated", "offline", "gone")


@pytest.mark.asyncio
async def test_how_one_accounts_connection_stands_is_told_to_nobody_else(rig: HubRig) -> None:
    _, wire = await rig.join("exchanges")
    await rig.settle()
    gone = VenueConnection(venue="simulated", connected=False, at_ns=START_NS, account_id=ACCOUNT)
    rig.bus.publish(gone, ACCOUNT)
    await rig.settle(200)
    assert wire.messages("update") == []


@pytest.mark.asyncio
async def test_heartbeats_say_where_to_resume(rig: HubRig) -> None:
    _, wire = await rig.join("orders", since=0)
    await rig.settle()
    rig.journal.commit()
    rig.journal.commit("risk")
    rig.journal.publish()
    await rig.settle(6_000)
    assert [message["seq"] for message in wire.messages("heartbeat")] == [2]


@pytest.mark.asyncio
async def test_too_many_channels_close_the_client() -> None:
    rig = await HubRig(StreamLimits(channels=2)).start()
    _, wire = await rig.join("orders", "trades", "risk")
    await rig.settle()
    assert [code for code, _ in wire.closed] == [4429]
    await rig.system.stop_all()


@pytest.mark.asyncio
async def test_a_stopping_hub_asks_its_clients_to_come_back(rig: HubRig) -> None:
    _, wire = await rig.join("orders")
    await rig.settle()
    await rig.hub.stop()
    assert [code for code, _ in wire.closed] == [1012]


@pytest.mark.asyncio
async def test_clients_and_closes_are_counted() -> None:
    rig = await HubRig(StreamLimits(clients_per_user=1)).start()
    await rig.join("orders")
    second, wire = await rig.join("orders")
    await rig.settle()
    assert [code for code, _ in wire.closed] == [4429]
    rig.hub.tell(Detach(second))
    await rig.settle()
    assert rig.value_of("stream_clients") == 1
    assert rig.value_of("stream_closed_total", code="4429") == 1
    await rig.system.stop_all()

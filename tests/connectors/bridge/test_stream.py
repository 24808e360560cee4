"""A stream is there always: what ends it, what does not, and what it proves before it says so. On real sockets."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
import pytest_asyncio

from connectors.bridge.errors import BridgeError, NotSent, Unknown
from connectors.bridge.plan import StreamRequest
from connectors.bridge.stream import StreamOwner, VenueStream
from engine.messages.venues import VenueFill
from engine.runtime.clock import NS_PER_S, VirtualClock, WallClock
from engine.runtime.entropy import seeded_rng
from engine.runtime.log import get_logger
from tests.support.venues.core import SimOrder
from tests.support.venues.plain_client import PlainExchange, UserPlan
from tests.support.venues.plain_rig import PlainRig


class Owner:
    """Keeps what a stream says, and its tasks."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.states: list[tuple[bool, str]] = []
        self.unread: list[str] = []
        self.refusals: list[BridgeError] = []
        self.tasks: list[asyncio.Task[Any]] = []

    def parts(self) -> StreamOwner:
        return StreamOwner(
            on_message=self.messages.append,
            on_state=lambda is_ready, why: self.states.append((is_ready, why)),
            on_unread=lambda kind, _why: self.unread.append(kind),
            on_refused=self.refusals.append,
            spawn=self.spawn,
        )

    def spawn(self, coroutine: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        task = asyncio.create_task(coroutine, name=name)
        self.tasks.append(task)
        return task


class Scene:
    """One stream at the made-up venue."""

    def __init__(self, rig: PlainRig, *, clock: Any = None, plan: type[UserPlan] = UserPlan, **options: Any) -> None:
        self.rig = rig
        self.clock: Any = clock or WallClock()
        self.owner = Owner()
        self.exchange: PlainExchange = rig.exchange(self.clock, key=options.pop("key", "good"))
        self.stream = VenueStream(
            plan(self.exchange), self.exchange, self.owner.parts(), clock=self.clock, rng=seeded_rng(1),
            log=get_logger("test"), **options,
        )  # fmt: skip

    async def begin(self) -> None:
        self.owner.spawn(self.stream.run(), "run")

    async def end(self) -> None:
        await self.stream.close()
        if isinstance(self.clock, VirtualClock):
            self.clock.advance(60 * NS_PER_S)
        await asyncio.wait_for(self.owner.tasks[0], 5)
        for task in self.owner.tasks:
            task.cancel()
        await asyncio.gather(*self.owner.tasks, return_exceptions=True)
        await self.exchange.close()

    async def until(self, holds: Callable[[], bool], timeout_s: float = 5.0) -> None:
        async with asyncio.timeout(timeout_s):
            while not holds():  # noqa: ASYNC110 - what a test waits for has no event.
                await asyncio.sleep(0.002)

    async def ready(self, times: int = 1) -> None:
        await self.until(lambda: [each for each, _ in self.owner.states].count(True) >= times)

    def place(self, number: int = 1) -> SimOrder:
        return self.rig.server.exchange.place(
            self.rig.account, symbol="BTCUSDT", side="buy", type="limit", quantity=self.rig.quantity,
            price=self.rig.price, client_id=f"cv-{number:032x}",
        )  # fmt: skip


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[PlainRig]:
    async with PlainRig() as rig:
        yield rig


@pytest.mark.asyncio
async def test_it_is_ready_when_the_venue_has_confirmed_and_hears_every_event(rig: PlainRig) -> None:
    scene = Scene(rig)
    await scene.begin()
    await scene.ready()
    for number in range(20):
        scene.place(number)
    await scene.until(lambda: len(scene.owner.messages) == 20)
    assert scene.owner.states == [(True, "")]
    await scene.end()


@pytest.mark.asyncio
@pytest.mark.parametrize("fault", ["abort", "close"])
async def test_it_comes_back_whenever_the_connection_is_lost(rig: PlainRig, fault: str) -> None:
    scene = Scene(rig)
    await scene.begin()
    for times in range(1, 4):
        await scene.ready(times)
        getattr(rig.server.sockets, fault)()
    await scene.ready(4)
    assert [is_ready for is_ready, _ in scene.owner.states] == [True, False] * 3 + [True]
    await scene.end()


@pytest.mark.asyncio
async def test_frames_that_cannot_be_read_cost_nothing_else(rig: PlainRig) -> None:
    scene = Scene(rig)
    await scene.begin()
    await scene.ready()
    odd = [*rig.odd_frames(), b"\xff\xfe", b"\x00" * 1_000]
    for frame in odd:
        rig.server.sockets.send(frame)
    scene.place()
    await scene.until(lambda: len(scene.owner.messages) == 1)
    assert sum(scene.stream.unread.values()) == len(scene.owner.unread) == len(odd)
    assert scene.stream.dials == 1
    await scene.end()


@pytest.mark.asyncio
async def test_a_defect_of_a_parser_costs_one_frame(rig: PlainRig) -> None:
    class Defect(UserPlan):
        def parse(self, raw: bytes, received_ns: int) -> Any:
            if b"boom" in raw:
                raise ZeroDivisionError
            return super().parse(raw, received_ns)

    scene = Scene(rig, plan=Defect)
    await scene.begin()
    await scene.ready()
    rig.server.sockets.send("boom")
    scene.place()
    await scene.until(lambda: len(scene.owner.messages) == 1)
    assert scene.owner.unread == ["ZeroDivisionError"]
    await scene.end()


@pytest.mark.asyncio
async def test_a_session_that_the_venue_ends_is_replaced(rig: PlainRig) -> None:
    scene = Scene(rig)
    await scene.begin()
    await scene.ready()
    assert rig.end_session()
    await scene.ready(2)
    assert scene.owner.states[1] == (False, "the session has expired")
    scene.place()
    await scene.until(lambda: len(scene.owner.messages) == 1)
    await scene.end()


@pytest.mark.asyncio
async def test_a_key_that_is_refused_is_told_and_tried_seldom(rig: PlainRig) -> None:
    clock = VirtualClock(10**18)
    rig.server.exchange.clock._now_ns = clock.now_ns
    scene = Scene(rig, clock=clock, key="wrong_secret")
    await scene.begin()
    await scene.until(lambda: len(scene.owner.refusals) == 1)
    assert scene.owner.refusals[0].code == "bad_signature"
    await scene.until(lambda: scene.owner.states != [])
    clock.advance(59 * NS_PER_S)
    await asyncio.sleep(0.05)
    assert scene.stream.dials == 1
    clock.advance(2 * NS_PER_S)
    await scene.until(lambda: scene.stream.dials == 2)
    await scene.end()


async def pass_time(scene: Scene, seconds: float, step_s: float = 1.0) -> None:
    """Let virtual time pass in steps, and the sockets do their work in between."""
    for _ in range(round(seconds / step_s)):
        scene.clock.advance(int(step_s * NS_PER_S))
        await asyncio.sleep(0.003)


@pytest.mark.asyncio
async def test_a_silent_venue_is_noticed_within_thirty_seconds(rig: PlainRig) -> None:
    clock = VirtualClock(10**18)
    rig.server.exchange.clock._now_ns = clock.now_ns
    scene = Scene(rig, clock=clock)
    await scene.begin()
    await scene.ready()
    await pass_time(scene, 20)
    assert scene.stream.is_ready  # It answers pings.
    rig.server.sockets.silence()
    await pass_time(scene, 30)
    await scene.until(lambda: len(scene.owner.states) > 1)
    assert scene.owner.states[1] == (False, "silent for 25 s")
    await scene.end()


@pytest.mark.asyncio
async def test_a_day_of_renewals_is_proven_each_time_and_ends_in_a_new_session(rig: PlainRig) -> None:
    clock = VirtualClock(10**18)
    rig.server.exchange.clock._now_ns = clock.now_ns
    scene = Scene(rig, clock=clock)
    await scene.begin()
    await scene.ready()
    await pass_time(scene, 24 * 3600 - 60, step_s=60.0)
    assert len(rig.server.log.frames_in("prolong")) == 47
    assert scene.stream.dials == 1
    await pass_time(scene, 61)
    await scene.ready(2)
    assert scene.owner.states[1] == (False, "session renewal")
    scene.place()
    await scene.until(lambda: len(scene.owner.messages) == 1)
    await scene.end()


@pytest.mark.asyncio
async def test_a_renewal_without_an_answer_ends_the_session(rig: PlainRig) -> None:
    class Unheard(UserPlan):
        renew_ns = 5 * NS_PER_S

        async def renew(self) -> StreamRequest:
            return StreamRequest("never", '{"op": "nothing"}')

    clock = VirtualClock(10**18)
    rig.server.exchange.clock._now_ns = clock.now_ns
    scene = Scene(rig, clock=clock, plan=Unheard)
    await scene.begin()
    await scene.ready()
    await pass_time(scene, 18)
    await scene.until(lambda: len(scene.owner.states) > 1)
    assert "no_answer" in scene.owner.states[1][1]
    await scene.end()


@pytest.mark.asyncio
async def test_a_venue_that_never_confirms_is_given_up(rig: PlainRig) -> None:
    class Mute(UserPlan):
        async def opening(self) -> list[str]:
            return ['{"op": "nothing"}']

    clock = VirtualClock(10**18)
    scene = Scene(rig, clock=clock, plan=Mute)
    await scene.begin()
    await scene.until(lambda: len(rig.server.sockets) == 1)
    await pass_time(scene, 12)
    await scene.until(lambda: scene.owner.states != [])
    assert scene.owner.states == [(False, "not confirmed in 10 s")]
    await scene.end()


@pytest.mark.asyncio
async def test_a_refused_dial_waits_as_long_as_the_venue_asks(rig: PlainRig) -> None:
    clock = VirtualClock(10**18)
    rig.server.exchange.clock._now_ns = clock.now_ns
    rig.server.faults.add("status", "WS /user", status=503, headers={"Retry-After": "45"})
    scene = Scene(rig, clock=clock)
    await scene.begin()
    await scene.until(lambda: scene.owner.states != [])
    clock.advance(44 * NS_PER_S)
    await asyncio.sleep(0.05)
    assert scene.stream.dials == 1
    clock.advance(2 * NS_PER_S)
    await scene.ready()
    await scene.end()


@pytest.mark.asyncio
async def test_a_refused_dial_does_not_tell_the_key_in_its_address(rig: PlainRig) -> None:
    class Keyed(UserPlan):
        async def url(self) -> str:
            return await super().url() + "?listenKey=pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1"

    rig.server.faults.add("status", "WS /user", status=503, times=-1)
    scene = Scene(rig, clock=VirtualClock(10**18), plan=Keyed)
    await scene.begin()
    await scene.until(lambda: scene.owner.states != [])
    assert "503" in scene.stream.why
    assert "pqia91" not in scene.stream.why
    assert all("pqia91" not in why for _, why in scene.owner.states)
    await scene.end()


@pytest.mark.asyncio
async def test_a_request_over_the_socket_gets_its_answer_and_leaves_nothing_behind(rig: PlainRig) -> None:
    scene = Scene(rig)
    await scene.begin()
    await scene.ready()
    for number in range(200):
        request = StreamRequest(f"r{number}", f'{{"op": "prolong", "id": "r{number}"}}')
        assert f'"r{number}"'.encode() in await scene.stream.request(request, NS_PER_S)
    assert scene.stream._answers == {}
    assert scene.stream._client is not None
    assert scene.stream._client.subscriptions == {}
    await scene.end()


@pytest.mark.asyncio
async def test_a_request_that_is_lost_with_its_connection_is_unknown(rig: PlainRig) -> None:
    scene = Scene(rig)
    with pytest.raises(NotSent):
        await scene.stream.request(StreamRequest("early", "{}"), NS_PER_S)
    await scene.begin()
    await scene.ready()
    waiting = asyncio.create_task(scene.stream.request(StreamRequest("lost", '{"op": "nothing"}'), 60 * NS_PER_S))
    await scene.until(lambda: rig.server.log.frames_in("nothing") != [])
    rig.server.sockets.abort()
    with pytest.raises(Unknown, match="connection_lost"):
        await waiting
    await scene.end()


@pytest.mark.asyncio
async def test_ccxt_decoding_gives_the_same_messages(rig: PlainRig) -> None:
    ours, theirs = Scene(rig), Scene(rig, decodes_by_ccxt=True)
    for scene in (ours, theirs):
        await scene.begin()
        await scene.ready()
    order = ours.place()
    rig.server.exchange.fill(order.client_id, "0.001")
    for frame in rig.odd_frames():
        rig.server.sockets.send(frame)
    await asyncio.sleep(0.1)
    for scene in (ours, theirs):
        await scene.until(lambda scene=scene: len(scene.owner.messages) == 2)  # type: ignore[misc]
    assert ours.owner.messages == theirs.owner.messages
    assert isinstance(ours.owner.messages[1], VenueFill)
    assert sum(ours.stream.unread.values()) == sum(theirs.stream.unread.values()) == len(rig.odd_frames())
    for scene in (ours, theirs):
        await scene.end()


@pytest.mark.asyncio
async def test_a_burst_is_heard_whole_in_order_and_others_work_meanwhile(rig: PlainRig) -> None:
    scene = Scene(rig)
    await scene.begin()
    await scene.ready()
    order = scene.place()
    for _ in range(8_000):
        rig.server.exchange.fill(order.client_id, "0.000001")
    await scene.until(lambda: len(scene.owner.messages) == 8_001, 20)
    fills = [each for each in scene.owner.messages if isinstance(each, VenueFill)]
    assert [int(each.external_trade_id) for each in fills] == sorted({trade.id for trade in rig.account.trades})
    await scene.end()

"""Playing a session as the market."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from connectors.base import Progress
from connectors.replay.session import ReplaySession
from connectors.replay.source import ReplaySource
from engine.messages.market import Bar, InstrumentsLoaded, QuoteTick, ReplayCaughtUp, SourceFinished, TradePrint
from engine.messages.system import ReadinessChanged
from engine.runtime.actor import AsyncioActor, handles
from engine.runtime.bus import Bus
from engine.runtime.clock import VirtualClock
from engine.runtime.system import ActorSystem
from tests.support.market import SECOND, MarketStage

DATA = Path(__file__).parents[2] / "data/binance"
AT = 1_700_000_000 * SECOND
TRADE = '{"stream":"btcusdt@trade","data":{"e":"trade","t":%d,"p":"5","q":"1","T":1700000000000,"m":true}}'


def a_session(folder: Path, seconds: list[int | None]) -> ReplaySession:
    """Record one trade for each second given; None is a line that cannot be parsed."""
    lines = []
    at = 0
    for number, each in enumerate(seconds, 1):
        at = at if each is None else each
        lines.append(f"{AT + at * SECOND} {'{' if each is None else TRADE % number}\n")
    path = folder / "session.txt"
    path.write_text("".join(lines))
    return ReplaySession(path, venue="binance")


class Listener(AsyncioActor):
    """Hears trades late: each costs a turn of the loop."""

    def __init__(self, bus: Bus, market: VirtualClock) -> None:
        super().__init__()
        self.bus = bus
        self.market = market
        self.heard: list[tuple[int, int]] = []

    def on_start(self) -> None:
        self.bus.subscribe(TradePrint, self.actor_ref.tell)

    @handles(TradePrint)
    async def on_trade(self, trade: TradePrint) -> None:
        await asyncio.sleep(0)
        self.heard.append((trade.frame, (self.market.now_ns() - AT) // SECOND))


class Play:
    """A system in which only a source and a listener run."""

    def __init__(self) -> None:
        self.market = VirtualClock()
        self.wall = VirtualClock(5 * SECOND)
        self.bus = Bus()
        self.system = ActorSystem(clock=self.wall)
        self.messages: list[Any] = []
        for kind in (InstrumentsLoaded, SourceFinished, ReadinessChanged, TradePrint, QuoteTick):
            self.bus.subscribe(kind, self.messages.append)

    async def source(self, session: ReplaySession, speed: float | None, **settings: Any) -> ReplaySource:
        fields: dict[str, Any] = {"settled": self.system.drain, "wait_settled": self.system.idle} | settings
        ref = await self.system.start(
            ReplaySource, session=session, bus=self.bus, market_clock=self.market, wall_clock=self.wall, speed=speed,
            **fields,
        )  # fmt: skip
        actor = ref.actor_inbox.actor
        assert isinstance(actor, ReplaySource)
        return actor

    def of(self, kind: type) -> list[Any]:
        return [message for message in self.messages if type(message) is kind]

    async def wall_passes(self, seconds: float, step: float = 0.05) -> None:
        """Let wall time pass in steps."""
        for _ in range(round(seconds / step)):
            self.wall.advance(int(step * SECOND))
            for _ in range(20):
                await asyncio.sleep(0)


@pytest_asyncio.fixture
async def play() -> AsyncIterator[Play]:
    made = Play()
    yield made
    await made.system.stop_all(timeout_s=5)


@pytest.mark.asyncio
async def test_at_max_everybody_has_heard_a_frame_before_the_next_comes(play: Play, tmp_path: Path) -> None:
    listener = await play.system.start(Listener, play.bus, play.market)
    await play.source(a_session(tmp_path, [0, 1, 2, 5, 5, 9]), None)
    await play.wall_passes(1)
    heard = listener.actor_inbox.actor
    assert isinstance(heard, Listener)
    assert heard.heard == [(1, 0), (2, 1), (3, 2), (4, 5), (5, 5), (6, 9)]


@pytest.mark.asyncio
async def test_at_max_it_waits_for_units_that_are_not_durable(play: Play, tmp_path: Path) -> None:
    durable = asyncio.Event()

    def settled() -> bool:
        return play.system.drain() and (durable.is_set() or not play.of(TradePrint))

    async def wait_settled() -> None:
        await durable.wait()

    await play.source(a_session(tmp_path, [0, 1, 2]), None, settled=settled, wait_settled=wait_settled)
    await play.wall_passes(1)
    assert len(play.of(TradePrint)) == 1
    durable.set()
    await play.wall_passes(1)
    assert len(play.of(TradePrint)) == 3
    assert len(play.of(SourceFinished)) == 1


@pytest.mark.asyncio
async def test_the_market_is_introduced_first_and_its_end_is_told_once(play: Play, tmp_path: Path) -> None:
    session = a_session(tmp_path, [0, 1, None])
    source = await play.source(session, None)
    await play.wall_passes(1)
    assert [type(message) for message in play.messages] == [
        InstrumentsLoaded, ReadinessChanged, TradePrint, TradePrint, SourceFinished,
    ]  # fmt: skip
    loaded, ready = play.messages[:2]
    assert [each.symbol for each in loaded.instruments] == ["BTC/USDT"]
    assert (ready.part, ready.ready) == ("feed:binance", True)
    assert play.messages[-1] == SourceFinished(venue="binance", session=session.name, frames=3, errors=1)
    progress = source.progress
    assert (progress.frame, progress.frames, progress.errors, progress.percent) == (3, 3, 1, 100)
    assert progress.is_finished


@pytest.mark.asyncio
async def test_events_go_out_under_venue_and_symbol_in_order_of_subscription(play: Play, tmp_path: Path) -> None:
    order: list[str] = []
    play.bus.subscribe(TradePrint, lambda _: order.append("venue"), key=("binance", "BTC/USDT"))
    play.bus.subscribe(TradePrint, lambda _: order.append("market data"))
    play.bus.subscribe(TradePrint, lambda _: order.append("other"), key=("binance", "ETH/USDT"))
    await play.source(a_session(tmp_path, [0]), None)
    await play.wall_passes(0.1)
    assert order == ["venue", "market data"]


@pytest.mark.asyncio
async def test_timers_of_the_market_ring_at_their_own_time(play: Play, tmp_path: Path) -> None:
    rung: list[int] = []
    play.market.advance_to(AT)

    def ring() -> None:
        rung.append((play.market.now_ns() - AT) // SECOND)
        if len(rung) < 4:
            play.market.call_after(2 * SECOND, ring)

    play.market.call_at(AT + SECOND, ring)
    await play.source(a_session(tmp_path, [0, 10]), None)
    await play.wall_passes(0.5)
    assert rung == [1, 3, 5, 7]


@pytest.mark.asyncio
@pytest.mark.parametrize("speed", [1.0, 4.0])
async def test_at_a_pace_frames_come_when_they_are_due(play: Play, tmp_path: Path, speed: float) -> None:
    due: list[float] = []
    began_ns = play.wall.now_ns()
    play.bus.subscribe(TradePrint, lambda _: due.append((play.wall.now_ns() - began_ns) / SECOND * speed))
    await play.source(a_session(tmp_path, [0, 2, 3, 8]), speed)
    await play.wall_passes(8 / speed + 0.5)
    assert due == pytest.approx([0, 2, 3, 8], abs=0.05 * speed + 1e-6)
    assert len(play.of(SourceFinished)) == 1


@pytest.mark.asyncio
async def test_market_time_runs_between_frames_too(play: Play, tmp_path: Path) -> None:
    rung: list[float] = []
    play.market.advance_to(AT)
    began_ns = play.wall.now_ns()
    play.market.call_at(AT + 4 * SECOND, lambda: rung.append((play.wall.now_ns() - began_ns) / SECOND))
    await play.source(a_session(tmp_path, [0, 8]), 2.0)
    await play.wall_passes(3)
    assert rung == pytest.approx([2.0], abs=0.06)
    assert len(play.of(TradePrint)) == 1


@pytest.mark.asyncio
async def test_a_late_source_catches_up_without_leaving_anything_out(play: Play, tmp_path: Path) -> None:
    await play.source(a_session(tmp_path, [0, *range(1, 200)]), 1.0)
    await play.wall_passes(0.2)
    assert len(play.of(TradePrint)) == 1
    play.wall.advance(150 * SECOND)
    await play.wall_passes(0.5)
    assert [trade.frame for trade in play.of(TradePrint)] == list(range(1, 152))


@pytest.mark.asyncio
async def test_after_a_restart_known_frames_come_at_once_and_the_rest_at_its_pace(play: Play, tmp_path: Path) -> None:
    await play.source(a_session(tmp_path, [0, 100, 200, 300, 310]), 1.0, resume_from=4)
    await play.wall_passes(0.2)
    assert [trade.frame for trade in play.of(TradePrint)] == [1, 2, 3, 4]
    await play.wall_passes(9)
    assert len(play.of(TradePrint)) == 4
    await play.wall_passes(1.5)
    assert len(play.of(TradePrint)) == 5


@pytest.mark.asyncio
@pytest.mark.parametrize(("speed", "resume_from"), [(None, 2), (1.0, 2), (None, 4), (None, 9)])
async def test_it_is_told_once_when_what_comes_is_new(
    play: Play, tmp_path: Path, speed: float | None, resume_from: int
) -> None:
    session = a_session(tmp_path, [0, 1, 2, 3])
    play.bus.subscribe(ReplayCaughtUp, play.messages.append, key="binance")
    await play.source(session, speed, resume_from=resume_from)
    await play.wall_passes(4)
    kinds = [type(each) for each in play.messages if not isinstance(each, InstrumentsLoaded)]
    seen = min(resume_from, 4)
    assert kinds == [
        ReadinessChanged, *[TradePrint] * seen, ReplayCaughtUp, ReadinessChanged, *[TradePrint] * (4 - seen),
        SourceFinished,
    ]  # fmt: skip
    told = play.of(ReadinessChanged)
    assert [(each.ready, each.reason) for each in told] == [(False, f"catches up to frame {resume_from}"), (True, "")]
    assert play.of(ReplayCaughtUp) == [ReplayCaughtUp(venue="binance", session=session.name, frame=resume_from)]


@pytest.mark.asyncio
async def test_a_source_that_is_restarted_alone_gives_nothing_twice(play: Play, tmp_path: Path) -> None:
    session = a_session(tmp_path, [0, 1, 2, 3])

    def fail_once(trade: TradePrint) -> None:
        if trade.frame == 2 and not failures:
            failures.append(trade.frame)
            raise RuntimeError("a listener has died")

    failures: list[int] = []
    play.bus.subscribe(TradePrint, fail_once)
    source = await play.source(session, None)
    await play.wall_passes(0.2)
    assert source.actor_stopped.is_set()
    await play.source(session, None)
    await play.wall_passes(0.2)
    assert [trade.frame for trade in play.of(TradePrint)] == [1, 2, 3, 4]
    assert len(play.of(SourceFinished)) == 1


@pytest.mark.asyncio
async def test_after_the_end_it_stays_and_market_time_goes_on(play: Play, tmp_path: Path) -> None:
    source = await play.source(a_session(tmp_path, [0, 5]), None)
    await play.wall_passes(0.2)
    rung: list[int] = []
    play.market.call_after(SECOND, lambda: rung.append(1))
    await play.wall_passes(1.2)
    assert rung == [1]
    assert not source.actor_stopped.is_set()


@pytest.mark.asyncio
async def test_progress_can_be_read_from_outside(play: Play, tmp_path: Path) -> None:
    source = await play.source(a_session(tmp_path, [0, 100]), 1.0)
    await play.wall_passes(0.2)
    asking = asyncio.ensure_future(play_progress(source))
    await play.wall_passes(0.1)
    progress = await asking
    assert (progress.frame, progress.percent, progress.is_finished) == (1, 50.0, False)


async def play_progress(source: ReplaySource) -> Progress:
    progress = await source.actor_ref.proxy().progress
    assert isinstance(progress, Progress)
    return progress


@pytest.mark.asyncio
async def test_a_long_replay_lets_the_loop_turn(play: Play, tmp_path: Path) -> None:
    play.bus.subscribe(TradePrint, lambda _: play.wall.advance(SECOND // 100))
    await play.source(a_session(tmp_path, list(range(50))), None)
    turns = 0
    while not play.of(SourceFinished):
        turns += 1
        play.wall.advance(1)
        await asyncio.sleep(0)
    assert turns > 20


@pytest.mark.asyncio
async def test_the_samples_play_into_market_data(tmp_path: Path) -> None:
    session = ReplaySession(DATA / "spot_frames.txt", venue="binance")
    stage = MarketStage(session.start_ns)
    await stage.start()
    source = (await stage.start_replay(session)).actor_inbox.actor
    await stage.flush(3)
    assert isinstance(source, ReplaySource)
    assert (source.progress.errors, source.progress.ignored, source.progress.frame) == (0, 3, 9)
    assert stage.marks.quote("binance", "BTC/USDT") is not None
    assert stage.of(Bar) == []
    await stage.stop()

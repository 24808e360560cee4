"""`ReplaySource`: plays a session as the market, and turns the market clock with it.

The frames come at the pace of the recording (1), N times as fast, or as fast as everybody can follow (`max`): then the
next frame is given only when no message waits anywhere and every unit of work is durable, so that a run is the same run
every time. Timers of the market clock ring in between, each at its own time.

After a restart everything is given again from the first frame, at full speed up to `resume_from`; whoever has seen a
frame ignores it. At the end the market falls silent, the clock goes on at the pace of the wall, the daemon stays up.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from connectors.base import Pace, Progress, Turns
from connectors.replay.lines import LineError
from connectors.replay.session import Frame, ReplaySession
from engine.messages.market import InstrumentsLoaded, ReplayCaughtUp, SourceFinished
from engine.messages.system import ReadinessChanged
from engine.runtime.actor import AsyncioActor
from engine.runtime.bus import Bus
from engine.runtime.clock import Clock, VirtualClock

LOGGED_ERRORS_MAX: Final = 100
"""Bad lines that are logged one by one; all are counted."""
AFTERWARDS_NS: Final = 50_000_000
"""Wall time between two looks at the clock after the end of the data."""


class ReplaySource(AsyncioActor):
    """Plays one session. Start it last: it publishes as soon as it runs."""

    def __init__(
        self,
        *,
        session: ReplaySession,
        bus: Bus,
        market_clock: VirtualClock,
        wall_clock: Clock,
        speed: float | None,
        settled: Callable[[], bool],
        wait_settled: Callable[[], Awaitable[None]],
        resume_from: int = 0,
    ) -> None:
        """Keep what it works with.

        Args:
            session: What to play.
            bus: Where events go, under (venue, symbol).
            market_clock: Turned by this source and nobody else; it should stand at `session.start_ns`.
            wall_clock: Keeps the pace.
            speed: Factor of the recording's pace, above zero; None is `max`.
            settled: Whether no message waits and no unit is uncommitted; quick, called once for each frame at `max`.
                It may drain the system first (`ActorSystem.drain`).
            wait_settled: Returns when that is so.
            resume_from: Frames up to this number were processed in an earlier life; they are given at full speed.
        """
        super().__init__()
        self.session = session
        self._bus = bus
        self._market = market_clock
        self._wall = wall_clock
        self._speed = speed
        self._settled = settled
        self._wait_settled = wait_settled
        self._resume_from = resume_from
        self._is_past = resume_from > 0
        self._turns = Turns(wall_clock)

    @property
    def progress(self) -> Progress:
        """How far the replay has come."""
        played = self.session.played
        return Progress(
            session=self.session.name,
            frame=played.frame,
            frames=self.session.frames,
            errors=played.errors,
            ignored=played.ignored,
            at_ns=self._market.now_ns(),
            is_finished=played.is_finished,
        )

    def on_start(self) -> None:
        """Begin to play once everybody else has started."""
        if not self.session.played.frame:
            for error in self.session.refused:
                self._report(error)
        self.spawn(self._run(), name="play")

    async def _run(self) -> None:
        session = self.session
        if self._market.now_ns() < session.start_ns:
            self._market.advance_to(session.start_ns)
        self._bus.publish(
            InstrumentsLoaded(venue=session.venue, instruments=session.instruments, at_ns=self._wall.now_ns()),
            session.venue,
        )
        why = f"catches up to frame {self._resume_from}" if self._is_past else ""
        self._bus.publish(ReadinessChanged(part=f"feed:{session.venue}", ready=not self._is_past, reason=why), None)
        self.log.info(
            "replay_started", session=session.name, frames=session.frames, resume_from=self._resume_from,
            symbols=[each.symbol for each in session.instruments], speed=self._speed or "max",
        )  # fmt: skip
        await self._play()
        await self._finish()
        await self._go_on()

    async def _play(self) -> None:
        """Give every frame."""
        pace: Pace | None = None
        # After a restart of this actor alone, everybody else has seen what was given already.
        given = self.session.played.frame
        for frame in self.session.play():
            if frame.number <= given:
                continue
            if self._speed is None or frame.number <= self._resume_from:
                await self._reach_settled(frame.at_ns)
            else:
                if pace is None:
                    pace = Pace(self._wall, self._speed)
                    pace.begin(self._market.now_ns())
                await self._reach_paced(frame.at_ns, pace)
            if self._is_past and frame.number > self._resume_from:
                self._catch_up()
            self._give(frame)
            await self._turns.share()
        if self._speed is None and not self._settled():
            await self._wait_settled()

    def _catch_up(self) -> None:
        """Say that what comes from here on is new to everybody."""
        self._is_past = False
        session = self.session
        caught_up = ReplayCaughtUp(venue=session.venue, session=session.name, frame=self._resume_from)
        self._bus.publish(caught_up, session.venue)
        self._bus.publish(ReadinessChanged(part=f"feed:{session.venue}", ready=True), None)
        self.log.info("replay_caught_up", session=session.name, frame=self._resume_from)

    def _give(self, frame: Frame) -> None:
        """Publish what a frame says."""
        # Counted before it is published: a frame on which a listener failed must not come a second time.
        played = self.session.played
        played.frame = frame.number
        if frame.messages:
            publish, venue = self._bus.publish, self.session.venue
            for message in frame.messages:
                publish(message, (venue, message.symbol))
        elif frame.error is not None:
            self._report(frame.error)
        else:
            played.ignored += 1

    async def _reach_settled(self, at_ns: int) -> None:
        """Turn the clock to `at_ns`; at each timer on the way, and at the end, everybody comes to rest."""
        clock = self._market
        if not self._settled():
            await self._wait_settled()
        while (due_ns := clock.next_timer_ns()) is not None and due_ns <= at_ns:
            clock.advance_to(max(due_ns, clock.now_ns()))
            if not self._settled():
                await self._wait_settled()
        clock.advance_to(at_ns)

    async def _reach_paced(self, at_ns: int, pace: Pace) -> None:
        """Turn the clock to `at_ns` at the given pace, timers included."""
        clock = self._market
        while (due_ns := clock.next_timer_ns()) is not None and due_ns <= at_ns:
            await pace.wait_for(due_ns)
            clock.advance_to(max(due_ns, clock.now_ns()))
            # Whom a timer has woken acts at the timer's time, not at the frame's.
            await self._wall.sleep(0)
        await pace.wait_for(at_ns)
        clock.advance_to(at_ns)

    async def _finish(self) -> None:
        """Say that the data has ended."""
        session, played = self.session, self.session.played
        await self._reach_settled(max(session.end_ns, self._market.now_ns()))
        played.is_finished = True
        if self._is_past:
            self._catch_up()
        self._bus.publish(
            SourceFinished(venue=session.venue, session=session.name, frames=played.frame, errors=played.errors),
            session.venue,
        )
        self.log.info(
            "replay_finished", session=session.name, frames=played.frame, errors=played.errors, ignored=played.ignored
        )

    async def _go_on(self) -> None:
        """Let market time pass, so that what waits for a time still comes to an end."""
        pace = Pace(self._wall, self._speed or 1.0)
        pace.begin(self._market.now_ns())
        while True:
            await self._wall.sleep(AFTERWARDS_NS)
            self._market.advance_to(max(pace.now_ns(), self._market.now_ns()))

    def _report(self, error: LineError) -> None:
        played = self.session.played
        played.errors += 1
        if played.errors <= LOGGED_ERRORS_MAX:
            self.log.warning("replay_line_bad", file=str(error.path), line=error.line, reason=error.reason)
        if played.errors == LOGGED_ERRORS_MAX:
            self.log.warning("replay_lines_bad_more", counted_in="progress and at the end")

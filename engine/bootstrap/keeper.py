"""Starts the embedded database again when it has died under the engine.

Whoever writes finds out that the database is away and tries again by itself; here it is only seen to that there is
something to come back to. A served database is somebody else's to restart.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from engine.domain.errors import CivalError
from engine.messages.system import TimerFired
from engine.messages.writing import StoreStatus
from engine.runtime.actor import AsyncioActor, handles
from engine.runtime.bus import Bus, Subscription
from engine.runtime.clock import Clock
from storage import embedded
from storage.embedded import EmbeddedPostgres

LOOK_AGAIN_NS: Final = 1_000_000_000


class RunningServer(msgspec.Struct, frozen=True):
    """Ask the keeper for the server that runs, or ran last. Reply: `EmbeddedPostgres`."""


class DatabaseKeeper(AsyncioActor):
    """One per engine with an embedded server."""

    def __init__(
        self, *, server: EmbeddedPostgres, data_dir: Path, bus: Bus, clock: Clock, environ: Mapping[str, str]
    ) -> None:
        """Keep what a start needs."""
        super().__init__()
        self._server = server
        self._data_dir = data_dir
        self._bus = bus
        self._clock = clock
        self._environ = environ
        self._is_away = False
        self._subscription: Subscription | None = None

    def on_start(self) -> None:
        """Listen for a database that has gone."""
        self._subscription = self._bus.subscribe(StoreStatus, self.actor_ref.tell)

    def on_stop(self) -> None:
        """Listen no more."""
        if self._subscription is not None:
            self._subscription.cancel()

    @handles(RunningServer)
    def on_query(self, _message: RunningServer) -> EmbeddedPostgres:
        """Say which server there is."""
        return self._server

    @handles(StoreStatus)
    async def on_status(self, message: StoreStatus) -> None:
        """Look after the server while the writer cannot reach it."""
        was_away, self._is_away = self._is_away, not message.available
        if self._is_away and not was_away:
            await self._look()

    @handles(TimerFired)
    async def on_timer(self, _message: TimerFired) -> None:
        """Look again while it is away."""
        if self._is_away:
            await self._look()

    async def _look(self) -> None:
        if not self._server.is_running():
            self.log.warning("postgres_died", pid=self._server.pid)
            try:
                self._server = await embedded.start(self._data_dir, clock=self._clock, environ=self._environ)
            except CivalError as error:
                self.log.exception("postgres_does_not_start", error=str(error))
        self.after(LOOK_AGAIN_NS, TimerFired(name="look"), clock=self._clock)

"""Fetches books anew until they are in sync: never gives up, waits longer after each failure, counts every attempt."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from connectors.live.adapter import PublicAdapter
from connectors.remote.backoff import Backoff
from engine.domain.identifiers import Symbol
from engine.messages.market import BookSnapshot
from engine.runtime.clock import NS_PER_S, Clock
from engine.runtime.entropy import Rng
from engine.runtime.log import Logger

AT_ONCE: Final = 8
"""Books that are fetched at the same time; a venue with hundreds of symbols comes back little by little."""
STREAM_NS: Final = 10 * NS_PER_S
"""How long a venue whose stream brings the books may take to bring one; then its sockets are dialled anew."""

STREAM_MAX_NS: Final = 3_600 * NS_PER_S


class _Running:
    __slots__ = ("attempts", "reason", "task")

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self.attempts = 0
        self.task: asyncio.Task[Any] | None = None


class Resync:
    """The books of one venue that are not in sync."""

    def __init__(
        self,
        adapter: PublicAdapter,
        *,
        publish: Callable[[BookSnapshot], object],
        redial: Callable[[str], object],
        count: Callable[[], object],
        clock: Clock,
        rng: Rng,
        log: Logger,
    ) -> None:
        """Begin with nothing to do, and offline.

        Args:
            adapter: Asked for books.
            publish: Given each book that was fetched while the feed stood.
            redial: Told why the sockets must be dialled anew: where only they bring books.
            count: Called at each attempt.
            clock: Wall clock.
            rng: Jitter.
            log: Of the actor.
        """
        self._adapter = adapter
        self._publish = publish
        self._redial = redial
        self._count = count
        self._clock = clock
        self._rng = rng
        self._log = log
        self._running: dict[Symbol, _Running] = {}
        self._online = asyncio.Event()
        self._connection = 0
        """Number of the connection: a book that was asked for on another one is not published."""
        self._turns = asyncio.Semaphore(AT_ONCE)

    @property
    def attempts(self) -> dict[Symbol, int]:
        """Books that are being fetched -> attempts so far."""
        return {symbol: each.attempts for symbol, each in self._running.items()}

    def online(self) -> None:
        """The feed stands: diffs come."""
        self._connection += 1
        self._online.set()

    def offline(self) -> None:
        """The feed is gone: a book fetched now would grow old unseen."""
        self._online.clear()

    def begin(self, symbol: Symbol, reason: str, spawn: Callable[[Coroutine[Any, Any, Any], str], Any]) -> None:
        """Fetch a book until `end`; harmless while that is being done."""
        if symbol not in self._running:
            running = self._running[symbol] = _Running(reason)
            running.task = spawn(self._fetch(symbol, running), f"resync-{symbol}")

    def end(self, symbol: Symbol) -> None:
        """The book is in sync."""
        running = self._running.pop(symbol, None)
        if running is not None:
            if running.task is not None:
                running.task.cancel()
            self._log.info("book_synced", symbol=symbol, attempts=running.attempts, why=running.reason)

    async def _fetch(self, symbol: Symbol, running: _Running) -> None:
        backoff = Backoff(self._rng)
        while True:
            await self._online.wait()
            running.attempts += 1
            self._count()
            await self._clock.sleep(await self._try(symbol, running, backoff))

    async def _try(self, symbol: Symbol, running: _Running, backoff: Backoff) -> int:
        """Fetch a book once; how long to wait before the next time."""
        connection = self._connection
        try:
            async with self._turns:
                book = await self._adapter.snapshot(symbol)
        except Exception as error:  # noqa: BLE001 - whatever the venue answers, it is asked again.
            running.reason = str(error) or type(error).__name__
            if running.attempts & (running.attempts - 1) == 0:
                self._log.warning("book_not_fetched", symbol=symbol, attempts=running.attempts, why=running.reason)
            return backoff.next_ns()
        if book is None:
            if running.attempts > 1 and self._online.is_set():
                self._redial(f"no book of {symbol}: {running.reason}")
            # A symbol that the venue does not bring at all must not cost the others their sockets again and again.
            return min(STREAM_NS << running.attempts - 1, STREAM_MAX_NS)
        if connection == self._connection and self._online.is_set():
            self._publish(book)
        return backoff.next_ns()

"""Counts what has been given to the writer and is not durable yet, for whoever must wait for it."""

import asyncio


class Backlog:
    """Units that are not committed. The writer counts, a replay waits."""

    def __init__(self) -> None:
        self.outstanding = 0
        """Units on their way, also those that wait for an earlier one."""
        self._waiters: list[asyncio.Future[None]] = []

    def add(self) -> None:
        """Count one more."""
        self.outstanding += 1

    def remove(self, units: int = 1) -> None:
        """Count `units` less: they are committed or refused."""
        self.outstanding -= units
        assert self.outstanding >= 0, f"backlog: expected no less than 0 units, was {self.outstanding}"
        if self.outstanding == 0 and self._waiters:
            waiters, self._waiters = self._waiters, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)

    async def idle(self) -> None:
        """Return when nothing is outstanding."""
        while self.outstanding:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter

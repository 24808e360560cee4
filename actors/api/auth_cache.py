"""Who is asking, remembered for a few seconds: not every request costs a query.

A token or session that was checked within `GRACE_NS` stays good from memory while the database is away, for cancels and
halts only: they must work exactly then.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, Final
from uuid import UUID

from actors.api.auth_tokens import token_hash
from engine.domain.errors import DependencyAway
from engine.domain.ports import Clock
from engine.messages.read_ports import Identity, SessionInfo

FRESH_NS: Final = 5_000_000_000
"""How long an answer of the database counts: a session that is revoked elsewhere ends within this time."""
GRACE_NS: Final = 300_000_000_000
KNOWN_MAX: Final = 10_000
TOKEN_LENGTH_MAX: Final = 200

Quickly = Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]
"""Runs a read, and raises `DependencyAway` where the answer does not come soon."""


class Authenticator:
    """Finds the session of a token."""

    def __init__(self, identity: Identity, clock: Clock, quickly: Quickly) -> None:
        """Start with nothing remembered; `quickly` reads for emergencies."""
        self._identity = identity
        self._clock = clock
        self._quickly = quickly
        self._known: OrderedDict[str, tuple[SessionInfo, int]] = OrderedDict()

    async def check(self, token: str, *, in_emergency: bool = False) -> SessionInfo | None:
        """Return the session of a token, None if there is none.

        Args:
            token: As the client sent it.
            in_emergency: For cancels and halts: what was good within `GRACE_NS` counts while the database is away.

        Raises:
            DependencyAway: The database is away.
        """
        if not token or len(token) > TOKEN_LENGTH_MAX:
            return None
        return await self.check_hash(token_hash(token), in_emergency=in_emergency)

    async def check_hash(self, key: str, *, in_emergency: bool = False) -> SessionInfo | None:
        """As `check`, by the token's hash."""
        now_ns = self._clock.monotonic_ns()
        known = self._known.get(key)
        if known is not None and now_ns - known[1] <= FRESH_NS:
            return self._unexpired(known[0])
        if in_emergency and known is not None and now_ns - known[1] <= GRACE_NS:
            try:
                session: SessionInfo | None = await self._quickly(lambda: self._identity.session(key))
            except DependencyAway:
                return self._unexpired(known[0])
        else:
            session = await self._identity.session(key)
        if session is None:
            self._known.pop(key, None)
            return None
        self._known[key] = (session, now_ns)
        self._known.move_to_end(key)
        if len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)
        return session

    def forget(self, session_id: UUID) -> None:
        """Forget a session that has ended."""
        for key in [key for key, (session, _) in self._known.items() if session.session_id == session_id]:
            del self._known[key]

    def _unexpired(self, session: SessionInfo) -> SessionInfo | None:
        return session if session.expires_at_ns > self._clock.now_ns() else None

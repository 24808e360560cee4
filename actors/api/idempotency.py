"""`Idempotency-Key`: a repeated command is carried out once, and answered as the first time.

The key is durable in the unit of the command. The exact answer is remembered here as well; after a restart it is built
again from the object that the command made. Calls with the same key wait for each other.
"""

import asyncio
import hashlib
import re
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from actors.api.auth_cache import Quickly
from actors.api.problems import Problem
from engine.domain.errors import DependencyAway
from engine.domain.identifiers import UserId
from engine.messages.read_ports import Reads, StoredAnswer
from engine.messages.rows_people import IdempotencyRow

HEADER: Final = "Idempotency-Key"
KEPT_NS: Final = 86_400_000_000_000
REMEMBERED_MAX: Final = 10_000
_KEY = re.compile(r"[\x21-\x7e]{1,200}")


class Once:
    """One command with or without a key."""

    def __init__(self, user_id: UserId, key: str | None, request_hash: str, now_ns: int) -> None:
        """Start without an earlier answer."""
        self.key = key
        self.stored: StoredAnswer | None = None
        """What an earlier call with the key left in the database."""
        self.answer: web.Response | None = None
        """The exact answer of an earlier call."""
        self._user_id = user_id
        self._request_hash = request_hash
        self._now_ns = now_ns

    def row(
        self, status_code: int, *, object_type: str, object_id: object = None, answer: object = None
    ) -> IdempotencyRow | None:
        """Make the row that is committed with the command; None without a key."""
        if self.key is None:
            return None
        return IdempotencyRow(
            user_id=self._user_id, key=self.key, request_hash=self._request_hash, status_code=status_code,
            object_type=object_type, object_id=None if object_id is None else str(object_id), answer=answer,
            created_at=self._now_ns, expires_at=self._now_ns + KEPT_NS,
        )  # fmt: skip


class Answers:
    """First answers by user and key."""

    def __init__(self, reads: Reads, quickly: Quickly) -> None:
        """Start with none remembered; `quickly` reads so that nothing waits for a server that hangs."""
        self._reads = reads
        self._quickly = quickly
        self._remembered: OrderedDict[tuple[UserId, str], tuple[str, int, bytes]] = OrderedDict()
        self._locks: dict[tuple[object, ...], tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def once(self, request: web.Request, raw: bytes, user_id: UserId, now_ns: int) -> AsyncIterator[Once]:
        """Carry out a command: look at `answer` and `stored` first, then give the response to `remember`.

        Raises:
            Problem: The key is malformed, or was used for another request.
        """
        key = request.headers.get(HEADER)
        if key is not None and _KEY.fullmatch(key) is None:
            raise Problem(400, "malformed_idempotency_key", f"{HEADER}: expected 1 to 200 printable characters")
        # How long the caller waits for the answer is not part of what it asks for.
        query = sorted((name, value) for name, value in request.query.items() if name != "wait")
        request_hash = hashlib.sha256(f"{request.method} {request.path} {query}\n".encode() + raw).hexdigest()
        once = Once(user_id, key, request_hash, now_ns)
        if key is None:
            yield once
            return
        async with self.alone(user_id, key):
            await self._find(once, (user_id, key), request_hash)
            yield once

    def remember(self, once: Once, response: web.Response, user_id: UserId) -> web.Response:
        """Keep a final answer of a command with a key; errors of ours may be repeated with another outcome."""
        if once.key is not None and response.status < 500 and isinstance(response.body, bytes):
            answer = (once._request_hash, response.status, response.body)  # noqa: SLF001 - one thing in two classes.
            self._remembered[(user_id, once.key)] = answer
            if len(self._remembered) > REMEMBERED_MAX:
                self._remembered.popitem(last=False)
        return response

    @asynccontextmanager
    async def alone(self, *key: object) -> AsyncIterator[None]:
        """Let calls with the same key wait for each other."""
        lock, users = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks[key]
            if users == 1:
                del self._locks[key]
            else:
                self._locks[key] = (lock, users - 1)

    async def _find(self, once: Once, key: tuple[UserId, str], request_hash: str) -> None:
        remembered = self._remembered.get(key)
        if remembered is not None:
            first_hash, status, body = remembered
            once.answer = web.Response(status=status, body=body, content_type="application/json")
        else:
            try:
                once.stored = await self._quickly(lambda: self._reads.stored_answer(*key))
            except DependencyAway:
                return  # Cancels and halts go on; repeating one does no harm.
            if once.stored is None:
                return
            first_hash = once.stored.request_hash
        if first_hash != request_hash:
            raise Problem(422, "idempotency_key_reused", f"{HEADER}: expected the request that it was first used for")

"""Numbers of signed requests. Hyperliquid takes each number of a signer once, and only near the time in ms.

An order's number is the time in its id, which its intent was stored with: whoever sends it again sends the same bytes,
and the venue refuses the second of them. Two orders of one millisecond get neighbouring numbers, remembered by id.
"""

from typing import Final
from uuid import UUID
from weakref import WeakValueDictionary

NS_PER_MS: Final = 1_000_000
REMEMBERED: Final = 10_000
NEAR_MS: Final = 60_000
"""An id whose time is further from now than this says nothing about when its order was decided."""


class Nonces:
    """The numbers of one signer, shared by everybody in this process who signs with its key (`nonces_of`)."""

    def __init__(self) -> None:
        """Begin; numbers that were used before a restart lie in the past."""
        self._highest = 0
        self._of_order: dict[UUID, int] = {}
        self._used: dict[int, None] = {}

    def of_order(self, order_id: UUID, now_ns: int) -> int:
        """Return the number of an order, always the same one for the same id.

        Args:
            order_id: A UUIDv7, whose first 48 bits are ms since 1970; of another kind the time of now is taken.
            now_ns: Wall clock.
        """
        known = self._of_order.get(order_id)
        if known is not None:
            return known
        now_ms = now_ns // NS_PER_MS
        born_ms = order_id.int >> 80
        is_near = order_id.version == 7 and abs(born_ms - now_ms) <= NEAR_MS
        nonce = self._of_order[order_id] = self._unused(born_ms if is_near else now_ms)
        if len(self._of_order) > REMEMBERED:
            del self._of_order[next(iter(self._of_order))]
        return nonce

    def fresh(self, now_ns: int) -> int:
        """Return a number for a request that is never repeated: a cancel, an amend, the dead man's switch."""
        return self._unused(now_ns // NS_PER_MS)

    def _unused(self, nonce: int) -> int:
        if nonce in self._used:
            nonce = self._highest + 1
        self._highest = max(self._highest, nonce)
        self._used[nonce] = None
        if len(self._used) > REMEMBERED:
            del self._used[next(iter(self._used))]
        return nonce


_shared: "WeakValueDictionary[str, Nonces]" = WeakValueDictionary()


def nonces_of(address: str) -> Nonces:
    """Return the numbers of a signer: two accounts (perpetuals and spot of one address) may have one key."""
    found = _shared.get(address)
    if found is None:
        found = _shared[address] = Nonces()
    return found

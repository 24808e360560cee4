"""ccxt's Hyperliquid behind the guard: addresses and transport are ccxt's; actions, signatures and answers are ours.

Left to itself, ccxt signs a builder's fee, a referrer and a builder on every order before the first order of an
account. Those ways are closed here, and ccxt never sees a key that could sign them.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar, Final, NoReturn

import msgspec

from connectors.bridge.answers import Rule, VenueError
from connectors.bridge.budget import Limit
from connectors.bridge.departure import Departure, Priority
from connectors.bridge.errors import NotSent
from connectors.bridge.exchange import Bridge, Guarded
from connectors.bridge.loading import ccxt_class
from connectors.hyperliquid.refusals import RULES, refusal_in
from engine.runtime.clock import NS_PER_S

WEIGHT: Final = "weight"
LIGHT: Final = frozenset(
    {"l2Book", "allMids", "clearinghouseState", "orderStatus", "spotClearinghouseState", "exchangeStatus"}
)
COST_LIGHT: Final = 2
COST_USUAL: Final = 20
COST_ROLE: Final = 60
ITEMS_PER_UNIT: Final = {"userFillsByTime": 20, "candleSnapshot": 60}
"""Requests whose answers cost a unit more for each so many items."""

NS_PER_MS: Final = 1_000_000

_Ccxt: Any = ccxt_class("hyperliquid")


class _Status(msgspec.Struct, gc=False):
    time: int


_decode_status = msgspec.json.Decoder(_Status).decode


class Hyperliquid(Guarded, _Ccxt):  # type: ignore[misc]  # ccxt has no types.
    """One connection to Hyperliquid."""

    limits: ClassVar[tuple[Limit, ...]] = (Limit(name=WEIGHT, units=1_200, period_ns=60 * NS_PER_S),)
    """Source: Hyperliquid, "Rate limits"."""
    rules: ClassVar[Mapping[str, Rule]] = RULES

    def __init__(self, bridge: Bridge, *, urls: Mapping[str, Any] | None = None) -> None:
        """Make the connection.

        Args:
            bridge: Shared with others at the venue.
            urls: Overrides: `{"api": {"public": ..., "private": ..., "ws": {"public": ...}}}`.
        """
        super().__init__(bridge, {"urls": dict(urls or {})})

    def venue_error(self, status: int, body: bytes) -> VenueError | None:
        """Read a refusal: a sentence, most of them under status 200."""
        return refusal_in(status, body)

    def cost_of(self, path: str, api: Any, method: str, params: Mapping[str, Any]) -> Mapping[str, int]:
        """Return what a request weighs; what its items add is charged when they have come (`charge`)."""
        del api, method
        if path == "exchange":
            return {WEIGHT: 1}
        kind = params.get("type")
        if kind == "userRole":
            return {WEIGHT: COST_ROLE}
        return {WEIGHT: COST_LIGHT if kind in LIGHT else COST_USUAL}

    async def charge(self, kind: str, items: int) -> None:
        """Count what the items of an answer weigh; they have come, so nobody waits for room."""
        extra = items // ITEMS_PER_UNIT[kind]
        if extra:
            with suppress(NotSent):
                await self._budget.take({WEIGHT: extra}, Priority.CANCEL, 1)

    async def venue_time_ns(self) -> int:
        """Ask for the time; it tells milliseconds."""
        return _decode_status(await self.info({"type": "exchangeStatus"})).time * NS_PER_MS

    async def info(self, request: Mapping[str, Any], *, is_bulk: bool = False) -> bytes:
        """Ask a question; the answer as it came.

        Raises:
            BridgeError: No answer.
        """
        return await self.ask(self.publicPostInfo, dict(request), is_bulk=is_bulk)

    async def act(self, request: Mapping[str, Any], departure: Departure) -> bytes:
        """Send a signed action; the answer as it came, which refuses nothing.

        Raises:
            BridgeError: See `Guarded.ask`.
        """
        return await self.ask(self.privatePostExchange, dict(request), departure=departure)

    @property
    def stream_url(self) -> str:
        """Where streams are dialled."""
        return str(self.urls["api"]["ws"]["public"])

    @property
    def is_mainnet(self) -> bool:
        """Whether signatures are for the real chain."""
        return "testnet" not in str(self.urls["api"]["private"])

    # --- Closed ways of ccxt ------------------------------------------------------------------------------------------

    async def initialize_client(self) -> bool:
        """Sign nothing on anybody's behalf."""
        return False

    async def approve_builder_fee(self, builder: str, maxFeeRate: str) -> NoReturn:  # noqa: N803 - ccxt's signature
        """Refuse: nobody has asked for it."""
        raise NotSent("forbidden", f"a fee of {maxFeeRate} for {builder}")

    async def set_ref(self) -> NoReturn:
        """Refuse: nobody has asked for it."""
        raise NotSent("forbidden", "a referrer")

"""ccxt's Binance behind the guard: addresses and signatures are ccxt's; requests, answers and limits are ours.

Importing this module imports ccxt.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import msgspec

from connectors.binance import errors
from connectors.binance.private_wire import ServerTime
from connectors.binance.requests import Request
from connectors.binance.symbols import Market
from connectors.bridge.answers import Rule, VenueError
from connectors.bridge.budget import Limit
from connectors.bridge.departure import Departure
from connectors.bridge.exchange import Bridge, Guarded
from connectors.bridge.loading import ccxt_class
from engine.runtime.clock import NS_PER_S
from engine.runtime.secret import Secret

WEIGHT: Final = "weight"
ORDERS: Final = "orders"
NS_PER_MS: Final = 1_000_000
MINUTE_NS: Final = 60 * NS_PER_S
DAY_NS: Final = 24 * 3600 * NS_PER_S
_REPORTED: Final[Mapping[str, tuple[str, int]]] = {
    "x-mbx-used-weight-1m": (WEIGHT, MINUTE_NS),
    "x-mbx-order-count-10s": (ORDERS, 10 * NS_PER_S),
    "x-mbx-order-count-1m": (ORDERS, MINUTE_NS),
    "x-mbx-order-count-1d": (ORDERS, DAY_NS),
}
"""Header -> window. Source: Binance, "LIMITS"."""

_Ccxt: Any = ccxt_class("binance")
_server_time = msgspec.json.Decoder(ServerTime).decode


class Binance(Guarded, _Ccxt):  # type: ignore[misc]  # ccxt has no types.
    """One connection to one of Binance's markets, of the public or of one key; see `Spot` and `Usdm`."""

    market: ClassVar[Market]
    rules: ClassVar[Mapping[str, Rule]] = errors.RULES

    def __init__(
        self,
        bridge: Bridge,
        *,
        urls: Mapping[str, Any] | None = None,
        key: Secret | None = None,
        secret: Secret | None = None,
    ) -> None:
        """Make the connection.

        Args:
            bridge: Shared with others at this market from this address.
            urls: Overrides of ccxt's, merged deeply.
            key: None for public data.
            secret: HMAC secret, or an RSA or Ed25519 private key as PEM.
        """
        config: dict[str, Any] = {"urls": dict(urls or {}), "options": {"recvWindow": None}}
        if key is not None and secret is not None:
            config |= {"apiKey": key.reveal(), "secret": secret.reveal()}
        super().__init__(bridge, config, budget_key=key.reveal() if key is not None else "")

    async def send(self, request: Request, departure: Departure | None = None, *, is_bulk: bool = False) -> bytes:
        """Send one request and return the body of its answer; `Guarded.ask` says what it raises.

        A request without a timestamp is signed with the moment at which it leaves.
        """

        async def endpoint(params: Any) -> Any:
            return await self.fetch2(request.path, [request.api], request.method, params)

        cost = {WEIGHT: request.weight, ORDERS: request.orders}
        return await self.ask(endpoint, dict(request.params), departure=departure, cost=cost, is_bulk=is_bulk)

    def nonce(self) -> int:
        """Return the venue's time: what requests without a timestamp are signed with."""
        return self.milliseconds()

    def venue_error(self, status: int, body: bytes) -> VenueError | None:
        """Read an error body."""
        return errors.venue_error(status, body)

    def observe(self, headers: Mapping[str, str]) -> None:
        """Follow the weight and the orders that Binance has counted."""
        for name, value in headers.items():
            window = _REPORTED.get(name.lower())
            if window is not None and value.isascii() and value.isdigit():
                self._budget.observe(window[0], window[1], int(value))

    async def venue_time_ns(self) -> int:
        """Ask for the time; it tells milliseconds."""
        raw = await self.send(
            Request(method="GET", api="public" if self.market == "spot" else "fapiPublic", path="time", params={})
        )
        return _server_time(raw).server_time * NS_PER_MS

    @property
    def stream_url(self) -> str:
        """Where streams are dialled, without a path: `wss://stream.binance.com:9443`."""
        url = str(self.urls["api"]["ws"]["spot" if self.market == "spot" else "linear"])
        return url.removesuffix("/ws")

    @property
    def api_url(self) -> str:
        """Where the WebSocket API is dialled."""
        return str(self.urls["api"]["ws"]["ws-api"]["spot" if self.market == "spot" else "linear"])

    def signed_params(self, params: Mapping[str, str | int]) -> dict[str, str | int]:
        """Return parameters of a request of the WebSocket API with key, time and signature.

        Source: Binance spot, WebSocket API, "SIGNED request security": over the parameters sorted by name.
        """
        timed: dict[str, str | int] = {**params, "apiKey": self.apiKey, "timestamp": self.nonce()}
        text = "&".join(f"{name}={timed[name]}" for name in sorted(timed))
        return {**timed, "signature": self._signature(text)}

    def _signature(self, text: str) -> str:
        if "PRIVATE KEY" not in self.secret:
            return hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        if len(self.secret) > 120:
            return str(self.rsa(text, self.secret, "sha256"))
        return str(self.eddsa(text.encode(), self.secret, "ed25519"))


class Spot(Binance):
    """Spot."""

    market = "spot"
    rules: ClassVar[Mapping[str, Rule]] = {**errors.RULES, **errors.SPOT_RULES}
    limits: ClassVar[tuple[Limit, ...]] = (
        Limit(name=WEIGHT, units=6_000, period_ns=MINUTE_NS),
        Limit(name=ORDERS, units=100, period_ns=10 * NS_PER_S, is_per_key=True),
        Limit(name=ORDERS, units=200_000, period_ns=DAY_NS, is_per_key=True),
    )
    """Source: Binance spot, GET /api/v3/exchangeInfo, rateLimits."""


class Usdm(Binance):
    """USD-M futures."""

    market = "usdm"
    limits: ClassVar[tuple[Limit, ...]] = (
        Limit(name=WEIGHT, units=2_400, period_ns=MINUTE_NS),
        Limit(name=ORDERS, units=300, period_ns=10 * NS_PER_S, is_per_key=True),
        Limit(name=ORDERS, units=1_200, period_ns=MINUTE_NS, is_per_key=True),
    )
    """Source: Binance USD-M, GET /fapi/v1/exchangeInfo, rateLimits."""


CLASSES: Final[Mapping[str, type[Binance]]] = {"spot": Spot, "usdm": Usdm}
"""Market -> class."""

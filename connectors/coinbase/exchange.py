"""ccxt's Coinbase behind the guard: addresses and transport are ccxt's; tokens, requests and answers are ours.

ccxt never sees the secret: whatever is signed is signed by `TokenMaker`.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, ClassVar, Final

from connectors.bridge.answers import Rule, VenueError
from connectors.bridge.budget import Limit
from connectors.bridge.exchange import Bridge, Guarded
from connectors.bridge.loading import ccxt_class
from connectors.coinbase import reasons
from connectors.coinbase.history import parse_server_time
from connectors.coinbase.token import TokenMaker
from engine.runtime.clock import NS_PER_S
from engine.runtime.secret import Secret

USER_STREAM: Final = "wss://advanced-trade-ws-user.coinbase.com"
PUBLIC: Final = "public"
PRIVATE: Final = "private"

_SIGNED_ELSEWHERE: Final = "-----BEGIN ... (kept by cival)"
"""Makes ccxt choose the way of cloud keys; it is no key."""

expires_ns: ContextVar[int | None] = ContextVar("coinbase_expires_ns", default=None)
"""Venue time at which the token of the next request of this task ends; None: as late as can be."""

_Ccxt: Any = ccxt_class("coinbase")


class Coinbase(Guarded, _Ccxt):  # type: ignore[misc]  # ccxt has no types.
    """One connection to Coinbase Advanced Trade, of the public or of one key."""

    limits: ClassVar[tuple[Limit, ...]] = (
        Limit(name=PUBLIC, units=10, period_ns=NS_PER_S),
        Limit(name=PRIVATE, units=30, period_ns=NS_PER_S, is_per_key=True),
    )
    """Source: Coinbase Advanced Trade, "REST API Rate Limits"."""
    rules: ClassVar[Mapping[str, Rule]] = reasons.RULES

    def __init__(
        self,
        bridge: Bridge,
        *,
        urls: Mapping[str, Any] | None = None,
        name: Secret | None = None,
        secret: Secret | None = None,
    ) -> None:
        """Make the connection.

        Args:
            bridge: Shared with others at the venue.
            urls: Overrides: `{"api": {"rest": ..., "ws": ..., "ws_user": ...}}`.
            name: The key's name; None for public data.
            secret: The key.
        """
        self.tokens: TokenMaker | None = None
        config: dict[str, Any] = {"urls": dict(urls or {})}
        if name is not None and secret is not None:
            self.tokens = TokenMaker(name, secret, now_ns=bridge.time.now_ns, nonce=lambda: self.random_bytes(16))
            config |= {"apiKey": "organizations/cival", "secret": _SIGNED_ELSEWHERE}
        super().__init__(bridge, config, budget_key=name.reveal() if name is not None else "")

    def create_auth_token(
        self,
        seconds: Any,
        method: str | None = None,
        url: str | None = None,
        useEddsa: bool = False,  # noqa: FBT001, FBT002, N803 - ccxt's signature
    ) -> str:
        """Sign a request with our own key."""
        del seconds, useEddsa
        assert self.tokens is not None, "only connections with a key sign"
        assert method is not None, "ccxt signs requests"
        assert url is not None, "ccxt signs requests"
        return self.tokens.of_request(method, url, expires_ns.get())

    def venue_error(self, status: int, body: bytes) -> VenueError | None:
        """Read an error body."""
        return reasons.venue_error(status, body)

    def cost_of(self, path: str, api: Any, method: str, params: Mapping[str, Any]) -> Mapping[str, int]:
        """Count requests: of the address without a key, of the key with one."""
        del path, method, params
        return {PRIVATE: 1} if PRIVATE in api else {PUBLIC: 1}

    async def venue_time_ns(self) -> int:
        """Ask for the time; it tells milliseconds."""
        return parse_server_time(await self.ask(self.v3PublicGetBrokerageTime))

    @property
    def market_url(self) -> str:
        """Where public streams are dialled."""
        return str(self.urls["api"]["ws"])

    @property
    def user_url(self) -> str:
        """Where the private stream is dialled."""
        return str(self.urls["api"].get("ws_user") or USER_STREAM)

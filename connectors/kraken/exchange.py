"""ccxt's Kraken behind the guard: addresses, signatures and nonces are ccxt's; requests, answers and limits are ours.

A request carries a nonce that must be above the last one of its key; requests that overtake each other on the way are
refused unless the key has a nonce window (`docs/kraken.md`). Source: docs.kraken.com, "Spot REST: authentication",
"rate limits" and "error messages". The text of the refusal of a client id that is taken is not documented: whatever
names such an id proves nothing.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Final, TypedDict

import msgspec

from connectors.bridge import errors as words
from connectors.bridge.answers import Rule, VenueError, Verdict
from connectors.bridge.budget import Limit
from connectors.bridge.exchange import Bridge, Guarded
from connectors.bridge.loading import ccxt_class
from engine.runtime.clock import NS_PER_S
from engine.runtime.secret import Secret

PUBLIC: Final = "public"
COUNTER: Final = "counter"
DUPLICATE: Final = "duplicate_client_id"


class _Said(TypedDict):
    error: list[str]


_Ccxt: Any = ccxt_class("kraken")
_ACCESS: Final = {
    "EAPI:Invalid key": "bad_key", "EAPI:Invalid signature": "bad_signature", "ETrade:User Locked": "account_closed",
    "EGeneral:Permission denied": "no_permission", "EAuth:Account temporary disabled": "account_closed"}  # fmt: skip
_REFUSED: Final = {
    "EQuery:Unknown asset pair": words.UNKNOWN_SYMBOL, "EOrder:Insufficient funds": words.INSUFFICIENT_FUNDS,
    "EOrder:Unknown order": words.UNKNOWN_ORDER, "EOrder:Order minimum not met": words.BAD_QUANTITY,
    "EOrder:Invalid price": words.BAD_PRICE, "EOrder:Tick size check failed": words.BAD_PRICE,
    "EOrder:Cost minimum not met": words.MIN_NOTIONAL, "EOrder:Post only order": words.WOULD_TAKE,
    "EOrder:Orders limit exceeded": words.TOO_MANY_ORDERS, "EService:Market in post_only mode": words.MARKET_CLOSED,
    "EService:Market in cancel_only mode": words.MARKET_CLOSED}  # fmt: skip
_OTHER: Final = {
    "EAPI:Rate limit exceeded": Verdict.LIMITED, "EOrder:Rate limit exceeded": Verdict.LIMITED,
    "EGeneral:Too many requests": Verdict.LIMITED, "EGeneral:Temporary lockout": Verdict.LIMITED,
    "EService:Unavailable": Verdict.MAINTENANCE, "EService:Busy": Verdict.MAINTENANCE,
    "EService:Deadline elapsed": Verdict.UNKNOWN, "EGeneral:Internal error": Verdict.UNKNOWN,
    "EDatabase:Internal error": Verdict.UNKNOWN, DUPLICATE: Verdict.DUPLICATE,
    "EAPI:Invalid nonce": Verdict.CLOCK}  # fmt: skip
"""By the first two parts of an error; any other `E...` is a refusal."""


class Kraken(Guarded, _Ccxt):  # type: ignore[misc]  # ccxt has no types.
    """One connection to Kraken, of the public or of one key."""

    limits: ClassVar[tuple[Limit, ...]] = (
        Limit(name=PUBLIC, units=15, period_ns=15 * NS_PER_S),
        Limit(name=COUNTER, units=20, period_ns=40 * NS_PER_S, is_per_key=True))  # fmt: skip
    """About one public request a second; the private counter of the tier Intermediate (20, and 0.5 less a second).
    Orders and cancels have a limiter of their own per pair, by the age of what is cancelled: it is not counted here,
    `EOrder:Rate limit exceeded` tells of it."""
    rules: ClassVar[Mapping[str, Rule]] = {
        **{code: Rule(Verdict.AUTH, word) for code, word in _ACCESS.items()},
        **{code: Rule(Verdict.REFUSED, word) for code, word in _REFUSED.items()},
        **{code: Rule(verdict) for code, verdict in _OTHER.items()},
    }

    def __init__(
        self, bridge: Bridge, urls: Mapping[str, Any], key: Secret | None = None, secret: Secret | None = None
    ) -> None:
        """Make the connection, of the public where there is no key; `urls` override ccxt's."""
        keys = {"apiKey": key.reveal(), "secret": secret.reveal()} if key and secret else {}
        super().__init__(bridge, {"urls": dict(urls), **keys}, budget_key=keys.get("apiKey", ""))

    def venue_error(self, status: int, body: bytes) -> VenueError | None:  # noqa: ARG002
        """Read an error body; warnings begin with W. They come with status 200 too."""
        try:
            said = () if body.startswith(b'{"error":[]') else msgspec.json.decode(body, type=_Said)["error"]
        except (msgspec.DecodeError, LookupError):
            return None
        text = next((error for error in said if error.startswith("E")), None)
        if text is None:
            return None
        names_id = any(name in text.lower() for name in ("ord_id", "ordid", "client order"))
        return VenueError(DUPLICATE if names_id else ":".join(text.split(":")[:2]), text)

    def cost_of(self, path: str, api: Any, method: str, params: Mapping[str, Any]) -> Mapping[str, int]:  # noqa: ARG002
        """Count a request where Kraken does."""
        private = {} if path in ("AddOrder", "CancelOrder") else {COUNTER: 1 + (path == "TradesHistory")}
        return {PUBLIC: 1} if PUBLIC in api else private

    async def venue_time_ns(self) -> int:
        """Ask for the time; it tells whole seconds, of which the middle is meant."""
        told = msgspec.json.decode(await self.ask(self.publicGetTime))
        return int(told["result"]["unixtime"]) * NS_PER_S + NS_PER_S // 2

"""The live venues that this build can reach, one entry each. Importing this imports none of them.

An entry names where a venue's parts are; `kit_of` imports them, and with them ccxt, when a venue is configured.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from engine.domain.errors import ConfigError

if TYPE_CHECKING:
    from connectors.bridge.budget import Limit
    from connectors.bridge.exchange import Bridge
    from connectors.live.adapter import PrivateAdapter, PrivateSetup, PublicAdapter, PublicSetup
    from engine.runtime.log import Logger

Urls = Mapping[str, Any]
"""Overrides of ccxt's `urls`, merged deeply."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One exchange."""

    markets: tuple[str, ...]
    """What `[venues.NAME] market` may say; the first one where it says nothing."""
    package: str
    """Holds `exchange`, `public` and `private`."""
    exchange: str
    """Name in `exchange`: the guarded class, or a mapping from market to one."""
    public: str
    """Class in `public`."""
    private: str
    """Class in `private`."""
    urls: Callable[[str, str], Urls]
    """(address of REST, address of the streams), one of them may be empty -> overrides."""


def _binance_urls(rest: str, stream: str) -> Urls:
    api: dict[str, Any] = {}
    if rest:
        api |= {
            "public": f"{rest}/api/v3",
            "private": f"{rest}/api/v3",
            "sapi": f"{rest}/sapi/v1",
            "fapiPublic": f"{rest}/fapi/v1",
            "fapiPrivate": f"{rest}/fapi/v1",
            "fapiPrivateV2": f"{rest}/fapi/v2",
            "fapiPrivateV3": f"{rest}/fapi/v3",
        }
    if stream:
        sockets = {"spot": f"{stream}/ws-api/v3", "linear": f"{stream}/ws-fapi/v1"}
        api["ws"] = {"spot": f"{stream}/ws", "linear": f"{stream}/ws", "ws-api": sockets}
    return {"api": api} if api else {}


def _coinbase_urls(rest: str, stream: str) -> Urls:
    api = {"rest": rest} if rest else {}
    if stream:
        api |= {"ws": f"{stream}/ws", "ws_user": f"{stream}/ws-user"}
    return {"api": api} if api else {}


def _hyperliquid_urls(rest: str, stream: str) -> Urls:
    api: dict[str, Any] = {"public": rest, "private": rest} if rest else {}
    if stream:
        api["ws"] = {"public": f"{stream}/ws"}
    return {"api": api} if api else {}


def _kraken_urls(rest: str, stream: str) -> Urls:
    api: dict[str, Any] = {"public": rest, "private": rest} if rest else {}
    if stream:
        api["ws"] = {"publicV2": f"{stream}/ws", "privateV2": f"{stream}/ws-user"}
    return {"api": api} if api else {}


VENUES: Final[Mapping[str, Entry]] = {
    "binance": Entry(
        ("spot", "usdm"), "connectors.binance", "CLASSES", "BinancePublic", "BinancePrivate", _binance_urls
    ),
    "coinbase": Entry(
        ("spot",), "connectors.coinbase", "Coinbase", "CoinbasePublic", "CoinbasePrivate", _coinbase_urls
    ),
    "hyperliquid": Entry(
        ("perp", "spot"), "connectors.hyperliquid", "Hyperliquid", "HyperliquidPublic", "HyperliquidPrivate",
        _hyperliquid_urls,
    ),
    "kraken": Entry(("spot",), "connectors.kraken", "Kraken", "KrakenPublic", "KrakenPrivate", _kraken_urls),
}  # fmt: skip
"""Name in the configuration -> where its parts are."""


@dataclass(frozen=True, slots=True)
class VenueKit:
    """One market of an exchange, imported."""

    market: str
    limits: "tuple[Limit, ...]"
    """The venue's rate limits."""
    public: "Callable[[PublicSetup, Bridge, Logger], PublicAdapter]"
    private: "Callable[[PrivateSetup, Bridge, Logger], PrivateAdapter]"


def entry_of(venue: str) -> Entry:
    """Return the entry of a venue.

    Raises:
        ConfigError: This build knows no such exchange.
    """
    entry = VENUES.get(venue)
    if entry is None:
        raise ConfigError("market.venues", expected=f"exchanges of {', '.join(VENUES)}", was=venue)
    return entry


def market_of(venue: str, market: str | None) -> str:
    """Return which of a venue's markets is meant.

    Raises:
        ConfigError: It has no such market, or there is no such exchange.
    """
    markets = entry_of(venue).markets
    if market is not None and market not in markets:
        raise ConfigError(f"venues.{venue}.market", expected=" or ".join(markets), was=market)
    return market or markets[0]


def kit_of(venue: str, market: str | None) -> VenueKit:
    """Import the parts of a venue. It takes most of a second, since it brings ccxt: before the loop serves.

    Raises:
        ConfigError: There is no such exchange, or it has no such market.
    """
    entry, chosen = entry_of(venue), market_of(venue, market)
    exchange = getattr(import_module(f"{entry.package}.exchange"), entry.exchange)
    return VenueKit(
        market=chosen,
        limits=(exchange[chosen] if isinstance(exchange, Mapping) else exchange).limits,
        public=getattr(import_module(f"{entry.package}.public"), entry.public),
        private=getattr(import_module(f"{entry.package}.private"), entry.private),
    )

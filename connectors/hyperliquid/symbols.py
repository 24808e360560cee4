"""Names of Hyperliquid's markets: `BTC` there is `BTC/USDC:USDC` here, the spot pair `@107` is `HYPE/USDC`.

A perpetual's name says everything. Of a spot pair only spotMeta knows the tokens behind its number; the few with a name
of their own (`PURR/USDC`) are called the same here. Our names are in capitals as those of all assets: `kPEPE`, which is
a thousand PEPE, is `KPEPE`; only a listing leads back to the venue's spelling.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from engine.domain.errors import BadInput
from engine.domain.identifiers import Asset, Symbol
from engine.domain.kinds import InstrumentKind, Side

USDC: Final = "USDC"
SPOT_ASSETS_FROM: Final = 10_000
"""Asset numbers of spot pairs begin here."""
SIDES: Final = {"B": Side.BUY, "A": Side.SELL}
"""Bids and asks."""


class MarketName(msgspec.Struct, frozen=True, gc=False):
    """One market under all its names."""

    symbol: Symbol
    coin: str
    """In streams and queries."""
    asset: int
    """In orders."""
    size_decimals: int
    kind: InstrumentKind


class Symbols:
    """Translates names, both ways."""

    def __init__(self, markets: Iterable[MarketName] = ()) -> None:
        """Know these markets for certain."""
        self._by_coin: dict[str, MarketName] = {}
        self._by_symbol: dict[Symbol, MarketName] = {}
        self._guessed: dict[str, Symbol] = {}
        self.learn(markets)

    def learn(self, markets: Iterable[MarketName]) -> None:
        """Take the names of a listing."""
        for market in markets:
            self._by_coin[market.coin] = market
            self._by_symbol[market.symbol] = market

    def unified(self, coin: str) -> Symbol:
        """Return our name of Hyperliquid's `coin`.

        Raises:
            BadInput: A spot pair by number that no listing has told of, or a market of another exchange that is
                deployed on Hyperliquid (`unit:ES`).
        """
        market = self._by_coin.get(coin)
        if market is not None:
            return market.symbol
        guessed = self._guessed.get(coin)
        if guessed is None:
            guessed = self._guessed[coin] = _guess(coin)
        return guessed

    def market(self, symbol: Symbol) -> MarketName:
        """Return the market behind our name.

        Raises:
            BadInput: No listing has told of it.
        """
        market = self._by_symbol.get(symbol)
        if market is None:
            raise BadInput("symbol", expected="a market that Hyperliquid lists", was=symbol)
        return market

    def coin(self, symbol: Symbol) -> str:
        """Return the venue's name of a symbol; of a perpetual also before a listing has told of it.

        Raises:
            BadInput: A spot pair that no listing has told of.
        """
        market = self._by_symbol.get(symbol)
        if market is not None:
            return market.coin
        base, _, settle = symbol.partition("/")
        if settle != f"{USDC}:{USDC}":
            raise BadInput("symbol", expected="a market that Hyperliquid lists", was=symbol)
        return base

    def kind(self, coin: str) -> InstrumentKind:
        """Tell whether a coin is a spot pair or a perpetual; its spelling says so."""
        return InstrumentKind.SPOT if is_spot(coin) else InstrumentKind.PERPETUAL


def is_spot(coin: str) -> bool:
    """Whether a name is a spot pair's."""
    return coin.startswith("@") or "/" in coin


def perpetual(coin: str) -> Symbol:
    """Return our name of a perpetual, all of which are margined in USDC."""
    return f"{asset_of(coin)}/{USDC}:{USDC}"


def asset_of(token: str) -> Asset:
    """Return our name of a token."""
    return token.upper()


def _guess(coin: str) -> Symbol:
    if coin.startswith("@") or not coin.isascii() or not coin.replace("/", "", 1).isalnum():
        raise BadInput("coin", expected="a market that Hyperliquid lists", was=coin)
    return coin.upper() if "/" in coin else perpetual(coin)


def side_of(side: str) -> Side:
    """Return the side behind `A` or `B`.

    Raises:
        BadInput: Another letter.
    """
    found = SIDES.get(side)
    if found is None:
        raise BadInput("side", expected="A or B", was=side)
    return found

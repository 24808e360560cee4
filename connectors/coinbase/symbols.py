"""Names of Coinbase's products: `BTC-USD` there is `BTC/USD` here.

Books, tickers and trades of most `-USDC` products are those of the `-USD` product: Coinbase lists the one as the alias
of the other and answers under the alias's name. So one product can feed two of our symbols. Orders keep their own name.
Source: Coinbase Advanced Trade, "WebSocket Channels" and GET /brokerage/market/products, fields `alias`, `alias_to`.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from engine.domain.errors import BadInput
from engine.domain.identifiers import Symbol

_PERPETUAL: Final = "-PERP-INTX"


class Symbols:
    """Translates names both ways, and tells whose market data a product's frames are."""

    def __init__(self, aliases: Mapping[str, str] | None = None) -> None:
        """Know aliases from the start; `learn` adds those of a listing."""
        self._aliases: dict[str, str] = dict(aliases or {})
        self._fed: dict[str, tuple[Symbol, ...]] = {}
        self._followed: tuple[Symbol, ...] = ()

    def learn(self, aliases: Mapping[str, str]) -> None:
        """Take (product -> the product whose market data it has) of a listing."""
        self._aliases.update(aliases)
        self.follow(self._followed)

    def follow(self, symbols: Iterable[Symbol]) -> None:
        """Remember which symbols are wanted: frames of a product are given under each that it feeds."""
        self._followed = tuple(symbols)
        fed: dict[str, tuple[Symbol, ...]] = {}
        for symbol in self._followed:
            product = self.feed(symbol)
            if symbol not in fed.get(product, ()):
                fed[product] = (*fed.get(product, ()), symbol)
        self._fed = fed

    def feed(self, symbol: Symbol) -> str:
        """Return the product under which the market data of a symbol come."""
        product = product_of(symbol)
        return self._aliases.get(product, product)

    def fed(self, product: str) -> tuple[Symbol, ...]:
        """Return our symbols that a product's frames are about.

        Raises:
            BadInput: It is no product's name.
        """
        known = self._fed.get(product)
        if known is None:
            known = self._fed[product] = (symbol_of(product),)
        return known


def symbol_of(product: str) -> Symbol:
    """Return our name of a product; a perpetual of Coinbase International is margined and settled in USDC.

    Raises:
        BadInput: It is neither `BASE-QUOTE` nor `BASE-PERP-INTX`.
    """
    if product.endswith(_PERPETUAL):
        base, quote, settle = product.removesuffix(_PERPETUAL), "USDC", ":USDC"
    else:
        base, _, quote = product.partition("-")
        settle = ""
    if not all(part.isascii() and part.isalnum() for part in (base, quote)):
        raise BadInput("product_id", expected="a name such as BTC-USD", was=product)
    return f"{base}/{quote}{settle}"


def product_of(symbol: Symbol) -> str:
    """Return Coinbase's name of `BTC/USD` or `BTC/USDC:USDC`."""
    pair, _, settle = symbol.partition(":")
    return f"{pair.partition('/')[0]}{_PERPETUAL}" if settle else pair.replace("/", "-")

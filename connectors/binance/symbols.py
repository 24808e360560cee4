"""Names of Binance's pairs: `BTCUSDT` there is `BTC/USDT` here, and `BTC/USDT:USDT` on the USD-M futures.

Binance writes base and quote without a separator, so only its exchangeInfo says for certain where to cut. A recording
often comes without one; then the longest known quote asset at the end decides.
"""

from collections.abc import Iterable
from typing import Final, Literal

from engine.domain.errors import BadInput
from engine.domain.identifiers import Symbol
from engine.domain.instrument import Instrument
from engine.domain.kinds import InstrumentKind

Market = Literal["spot", "usdm"]
"""Which of Binance's markets a name belongs to; the same name means another instrument on each."""

QUOTES: Final = (
    "FDUSD", "USDT", "USDC", "BUSD", "TUSD", "USDP", "DAI", "USD1", "USD", "BTC", "ETH", "BNB", "XRP", "SOL", "TRX",
    "DOGE", "DOT", "EUR", "GBP", "TRY", "BRL", "JPY", "AUD", "RUB", "UAH", "ZAR", "PLN", "ARS", "MXN", "NGN", "IDRT",
    "BIDR", "VAI", "PAX", "USDS",
)  # fmt: skip
"""Quote assets of Binance's spot and USD-M pairs. Source: Binance spot and USD-M, GET exchangeInfo, quoteAsset."""

_LONGEST_FIRST: Final = tuple(sorted(QUOTES, key=len, reverse=True))


class Symbols:
    """Translates the names of one market, both ways."""

    def __init__(self, market: Market, instruments: Iterable[Instrument] = ()) -> None:
        """Know `instruments` for certain; other names are cut by their quote asset."""
        self.market: Market = market
        self._by_raw: dict[str, Symbol] = {}
        self.learn(instruments)

    def learn(self, instruments: Iterable[Instrument]) -> None:
        """Take the names of instruments that belong to this market; others are left alone."""
        kind = InstrumentKind.SPOT if self.market == "spot" else InstrumentKind.PERPETUAL
        for instrument in instruments:
            if instrument.kind is kind:
                self._by_raw[raw_name(instrument.symbol)] = instrument.symbol

    def unified(self, raw: str) -> Symbol:
        """Return our name of Binance's `raw`, in any case of letters.

        Raises:
            BadInput: No known quote asset ends the name, or it is a dated future (`BTCUSDT_240927`).
        """
        name = raw.upper()
        known = self._by_raw.get(name)
        if known is not None:
            return known
        base, quote = split_pair(name)
        symbol = f"{base}/{quote}" if self.market == "spot" else f"{base}/{quote}:{quote}"
        self._by_raw[name] = symbol
        return symbol

    def of_account(self, raw: str) -> Symbol:
        """Return our name, or Binance's own where we have none: an account may hold what we do not trade."""
        try:
            return self.unified(raw)
        except BadInput:
            return raw


def split_pair(name: str) -> tuple[str, str]:
    """Cut `BTCUSDT` into ("BTC", "USDT").

    Raises:
        BadInput: The name is not letters and digits, or no known quote asset ends it.
    """
    if name.isascii() and name.isalnum():
        for quote in _LONGEST_FIRST:
            if name.endswith(quote) and len(name) > len(quote):
                return name.removesuffix(quote), quote
    raise BadInput("symbol", expected="a base asset and a known quote asset, such as BTCUSDT", was=name)


def raw_name(symbol: Symbol) -> str:
    """Return Binance's name of `BTC/USDT` or `BTC/USDT:USDT`: `BTCUSDT`."""
    pair, _, _ = symbol.partition(":")
    return pair.replace("/", "")

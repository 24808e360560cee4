"""Binance's exchangeInfo as instruments.

Source: Binance spot, GET /api/v3/exchangeInfo; USD-M, GET /fapi/v1/exchangeInfo. Neither tells fees; they come from the
account's tier, so the caller gives them.
"""

from decimal import Decimal
from typing import Final

import msgspec

from connectors.binance.symbols import Market
from connectors.binance.wire import ExchangeInfo, Filter, PairInfo
from engine.domain.errors import BadInput
from engine.domain.identifiers import Symbol, Venue
from engine.domain.instrument import Instrument
from engine.domain.kinds import InstrumentKind
from engine.domain.values import ZERO

_HUNDRED: Final = Decimal(100)
_decode = msgspec.json.Decoder(ExchangeInfo).decode
_decode_pair = msgspec.json.Decoder(PairInfo).decode


class Fees(msgspec.Struct, frozen=True, gc=False):
    """Rates of a fee tier, as fractions of the notional."""

    maker: Decimal
    taker: Decimal


ENTRY_FEES: Final = {
    "spot": Fees(Decimal("0.001"), Decimal("0.001")),
    "usdm": Fees(Decimal("0.0002"), Decimal("0.0005")),
}
"""Tier 0 of each market. Source: Binance, fee schedule."""


class Listing(msgspec.Struct, frozen=True):
    """What an exchangeInfo lists."""

    instruments: tuple[Instrument, ...]
    refused: tuple[tuple[Symbol, str], ...]
    """(Binance's name, why) of trading pairs whose rules we cannot represent; nobody can trade them here."""
    closed: tuple[Symbol, ...] = ()
    """Our names of pairs of this market that do not trade now."""
    others: int = 0
    """How many were left out because they are of another kind: dated futures."""
    server_time_ms: int = 0


def parse_exchange_info(raw: bytes, *, venue: Venue, market: Market, fees: Fees | None = None) -> Listing:
    """Read the pairs that trade now: spot pairs, or perpetuals; dated futures and halted pairs are left out.

    One pair with impossible rules does not hide the others: it is listed as refused.

    Raises:
        BadInput: The answer as a whole is not an exchangeInfo.
    """
    try:
        info = _decode(raw)
    except (msgspec.DecodeError, ValueError) as error:
        raise BadInput("exchangeInfo", expected=f"a list of symbols ({error})", was=raw) from error
    rates = fees or ENTRY_FEES[market]
    instruments: list[Instrument] = []
    refused: list[tuple[Symbol, str]] = []
    closed: list[Symbol] = []
    others = 0
    for listed in info.symbols:
        pair = _pair(listed)
        if market == "usdm" and pair.contractType != "PERPETUAL":
            others += 1
            continue
        if pair.status != "TRADING":
            closed.append(_symbol(pair, market))
            continue
        try:
            instruments.append(_instrument(pair, venue, market, rates))
        except BadInput as error:
            refused.append((pair.symbol, str(error)))
    return Listing(
        instruments=tuple(instruments),
        refused=tuple(refused),
        closed=tuple(closed),
        others=others,
        server_time_ms=info.serverTime,
    )


def _pair(raw: msgspec.Raw) -> PairInfo:
    try:
        return _decode_pair(raw)
    except (msgspec.DecodeError, ValueError) as error:
        raise BadInput("exchangeInfo", expected=f"a list of symbols ({error})", was=bytes(raw)) from error


def _settle(pair: PairInfo, market: Market) -> str:
    return pair.quoteAsset if market == "spot" else (pair.marginAsset or pair.quoteAsset)


def _symbol(pair: PairInfo, market: Market) -> Symbol:
    symbol = f"{pair.baseAsset}/{pair.quoteAsset}"
    return symbol if market == "spot" else f"{symbol}:{_settle(pair, market)}"


def _instrument(pair: PairInfo, venue: Venue, market: Market, fees: Fees) -> Instrument:
    filters = {rule.filterType: rule for rule in pair.filters}
    lot = filters.get("LOT_SIZE", Filter("LOT_SIZE"))
    return Instrument(
        venue=venue,
        symbol=_symbol(pair, market),
        base=pair.baseAsset,
        quote=pair.quoteAsset,
        settle=_settle(pair, market),
        kind=InstrumentKind.SPOT if market == "spot" else InstrumentKind.PERPETUAL,
        tick_size=_present(filters.get("PRICE_FILTER", Filter("PRICE_FILTER")).tickSize, "PRICE_FILTER.tickSize"),
        step_size=_present(lot.stepSize, "LOT_SIZE.stepSize"),
        min_quantity=_present(lot.minQty, "LOT_SIZE.minQty"),
        max_quantity=_present(lot.maxQty, "LOT_SIZE.maxQty"),
        min_notional=_min_notional(filters),
        maker_fee=fees.maker,
        taker_fee=fees.taker,
        initial_margin=_percent(pair.requiredMarginPercent, 1),
        maintenance_margin=_percent(pair.maintMarginPercent, 0),
    )


def _present(value: Decimal | None, field: str) -> Decimal:
    if value is None:
        raise BadInput(field, expected="a filter with this value", was=None)
    return value


def _min_notional(filters: dict[str, Filter]) -> Decimal:
    """Return the smallest order value: `NOTIONAL` has replaced `MIN_NOTIONAL` on spot; USD-M calls it `notional`."""
    for name in ("NOTIONAL", "MIN_NOTIONAL"):
        rule = filters.get(name)
        if rule is not None:
            return rule.minNotional or rule.notional or ZERO
    return ZERO


def _percent(value: Decimal | None, otherwise: int) -> Decimal:
    return Decimal(otherwise) if value is None else value / _HUNDRED

"""Hyperliquid's meta and spotMeta as instruments.

A price may have five significant figures and 6 (perpetuals) or 8 (spot) less the size's decimals after the point; whole
prices are always allowed. So the tick grows with the price: the instrument has the smallest, and the figures.
Source: Hyperliquid, "Tick and lot size", "Info endpoint" (meta, spotMeta), "Margin tiers", "Fees". Neither answer tells
fees or a largest size; the entry tier's fees are taken, and a size that no order reaches.
"""

from decimal import Decimal
from typing import Final

import msgspec

from connectors.hyperliquid.symbols import SPOT_ASSETS_FROM, USDC, MarketName, asset_of, perpetual
from connectors.hyperliquid.wire import Meta, PerpInfo, SpotInfo, SpotMeta, Token
from engine.domain.errors import BadInput
from engine.domain.identifiers import Symbol, Venue
from engine.domain.instrument import Instrument
from engine.domain.kinds import InstrumentKind
from engine.domain.values import ZERO, divide, round_money_up

PRICE_FIGURES: Final = 5
"""Most significant figures of a price that is not whole."""
PRICE_DECIMALS: Final = {InstrumentKind.PERPETUAL: 6, InstrumentKind.SPOT: 8}
"""Decimals of a price, less those of the size."""
MIN_NOTIONAL: Final = Decimal(10)
"""Smallest order in the quote asset; orders that only reduce may be smaller."""
MAX_QUANTITY: Final = Decimal(10) ** 12
"""Hyperliquid names no largest size."""


class Fees(msgspec.Struct, frozen=True, gc=False):
    """Rates of a fee tier, as fractions of the notional."""

    maker: Decimal
    taker: Decimal


ENTRY_FEES: Final = {
    InstrumentKind.PERPETUAL: Fees(Decimal("0.00015"), Decimal("0.00045")),
    InstrumentKind.SPOT: Fees(Decimal("0.0004"), Decimal("0.0007")),
}
"""Tier 0. Source: Hyperliquid, "Fees"."""

_decode_meta = msgspec.json.Decoder(Meta).decode
_decode_spot = msgspec.json.Decoder(SpotMeta).decode


class MetaListing(msgspec.Struct, frozen=True, kw_only=True):
    """What one of the two answers lists."""

    instruments: tuple[Instrument, ...]
    names: tuple[MarketName, ...]
    """Of everything that is listed, what cannot be traded any more included: old fills name it."""
    closed: tuple[Symbol, ...] = ()
    """Delisted."""
    refused: tuple[tuple[str, str], ...] = ()
    """(Hyperliquid's name, why) of markets that we cannot represent; nobody can trade them here."""


def parse_meta(raw: bytes, *, venue: Venue) -> MetaListing:
    """Read the perpetuals.

    Raises:
        BadInput: The answer as a whole is no meta, or margin is not paid in USDC.
    """
    try:
        meta = _decode_meta(raw)
    except (msgspec.DecodeError, ValueError) as error:
        raise BadInput("meta", expected=f"a universe of perpetuals ({error})", was=raw) from error
    if meta.collateralToken != 0:
        raise BadInput("collateralToken", expected="0, which is USDC", was=meta.collateralToken)
    instruments: list[Instrument] = []
    names: list[MarketName] = []
    closed: list[Symbol] = []
    refused: list[tuple[str, str]] = []
    for asset, info in enumerate(meta.universe):
        symbol = perpetual(info.name)
        if any(known.symbol == symbol for known in names):
            refused.append((info.name, f"a second market of the name {symbol}"))
            continue
        names.append(MarketName(symbol, info.name, asset, info.szDecimals, InstrumentKind.PERPETUAL))
        if info.isDelisted:
            closed.append(symbol)
            continue
        try:
            instruments.append(_perpetual(info, venue))
        except BadInput as error:
            refused.append((info.name, str(error)))
    return MetaListing(instruments=tuple(instruments), names=tuple(names), closed=tuple(closed), refused=tuple(refused))


def parse_spot_meta(raw: bytes, *, venue: Venue) -> MetaListing:
    """Read the spot pairs.

    Raises:
        BadInput: The answer as a whole is no spotMeta.
    """
    try:
        meta = _decode_spot(raw)
    except (msgspec.DecodeError, ValueError) as error:
        raise BadInput("spotMeta", expected=f"a universe of pairs, and tokens ({error})", was=raw) from error
    tokens = {token.index: token for token in meta.tokens}
    instruments: list[Instrument] = []
    names: dict[Symbol, MarketName] = {}
    refused: list[tuple[str, str]] = []
    for info in meta.universe:
        base, quote = (tokens.get(index) for index in info.tokens)
        if base is None or quote is None:
            refused.append((info.name, "a token that spotMeta does not list"))
            continue
        symbol = f"{asset_of(base.name)}/{asset_of(quote.name)}"
        if symbol in names:
            refused.append((info.name, f"a second pair of the name {symbol}"))
            continue
        try:
            instruments.append(_pair(base, quote, venue))
        except BadInput as error:
            refused.append((info.name, str(error)))
            continue
        names[symbol] = _spot_name(info, symbol, base)
    return MetaListing(instruments=tuple(instruments), names=tuple(names.values()), refused=tuple(refused))


def _spot_name(info: SpotInfo, symbol: Symbol, base: Token) -> MarketName:
    return MarketName(symbol, info.name, SPOT_ASSETS_FROM + info.index, base.szDecimals, InstrumentKind.SPOT)


def _perpetual(info: PerpInfo, venue: Venue) -> Instrument:
    if not 1 <= info.maxLeverage <= 1_000:
        raise BadInput("maxLeverage", expected="1 to 1000", was=info.maxLeverage)
    kind = InstrumentKind.PERPETUAL
    fees = ENTRY_FEES[kind]
    leverage = Decimal(info.maxLeverage)
    return Instrument(
        venue=venue,
        symbol=perpetual(info.name),
        base=asset_of(info.name),
        quote=USDC,
        settle=USDC,
        kind=kind,
        tick_size=_unit(PRICE_DECIMALS[kind] - info.szDecimals),
        price_figures=PRICE_FIGURES,
        step_size=_unit(info.szDecimals),
        min_quantity=_unit(info.szDecimals),
        max_quantity=MAX_QUANTITY,
        min_notional=MIN_NOTIONAL,
        maker_fee=fees.maker,
        taker_fee=fees.taker,
        fee_decimals=6,
        # At the highest leverage; an account that has chosen less needs more. Maintenance is half of it.
        initial_margin=_rate(leverage),
        maintenance_margin=_rate(leverage * 2),
    )


def _pair(base: Token, quote: Token, venue: Venue) -> Instrument:
    kind = InstrumentKind.SPOT
    fees = ENTRY_FEES[kind]
    return Instrument(
        venue=venue,
        symbol=f"{asset_of(base.name)}/{asset_of(quote.name)}",
        base=asset_of(base.name),
        quote=asset_of(quote.name),
        settle=asset_of(quote.name),
        kind=kind,
        tick_size=_unit(PRICE_DECIMALS[kind] - base.szDecimals),
        price_figures=PRICE_FIGURES,
        step_size=_unit(base.szDecimals),
        min_quantity=_unit(base.szDecimals),
        max_quantity=MAX_QUANTITY,
        min_notional=MIN_NOTIONAL,
        maker_fee=fees.maker,
        taker_fee=fees.taker,
        maintenance_margin=ZERO,
    )


def _rate(leverage: Decimal) -> Decimal:
    """Return one part of the leverage, rounded up to six decimals: never less margin than the venue takes."""
    return round_money_up(divide(Decimal(1), leverage), 6)


def _unit(decimals: int) -> Decimal:
    """Return one unit of the last of `decimals` decimals.

    Raises:
        BadInput: A size with more decimals than a price may have.
    """
    if not 0 <= decimals <= max(PRICE_DECIMALS.values()):
        raise BadInput("szDecimals", expected="decimals that leave 0 or more to the price", was=decimals)
    return Decimal((0, (1,), -decimals))

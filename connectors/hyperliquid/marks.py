"""Mark price and funding of a perpetual, out of the context that Hyperliquid sends of it, and what was paid before."""

from typing import Final

import msgspec

from connectors.hyperliquid.symbols import Symbols
from connectors.hyperliquid.wire import ActiveAssetCtx, Funding
from engine.domain.errors import BadInput
from engine.domain.identifiers import Symbol, Venue
from engine.messages.market import MarketMessage
from engine.messages.market_live import FundingRate, MarkPrice

HOUR_NS: Final = 3_600_000_000_000
"""Funding is paid at each full hour. Source: Hyperliquid, "Funding"."""
NS_PER_MS: Final = 1_000_000

_decode_history = msgspec.json.Decoder(tuple[Funding, ...]).decode


def context_of(
    data: ActiveAssetCtx, *, venue: Venue, symbol: Symbol, received_ns: int, frame: int = 0
) -> tuple[MarketMessage, ...]:
    """Return the mark price and, of a perpetual, the funding of the running hour. The frame has no time of its own.

    Raises:
        ValueError: A price is not above zero, or the rate is no number.
    """
    ctx = data.ctx
    messages: list[MarketMessage] = []
    if ctx.markPx is not None:
        messages.append(
            MarkPrice(
                venue=venue,
                symbol=symbol,
                ts_event_ns=received_ns,
                ts_init_ns=received_ns,
                frame=frame,
                price=ctx.markPx,
                index_price=ctx.oraclePx,
            )
        )
    if ctx.funding is not None:
        messages.append(
            FundingRate(
                venue=venue,
                symbol=symbol,
                ts_event_ns=received_ns,
                ts_init_ns=received_ns,
                frame=frame,
                rate=ctx.funding,
                next_funding_ns=(received_ns // HOUR_NS + 1) * HOUR_NS,
            )
        )
    return tuple(messages)


def parse_funding_history(raw: bytes, *, venue: Venue, symbols: Symbols, received_ns: int) -> tuple[FundingRate, ...]:
    """Read the answer to fundingHistory: what was paid, oldest first.

    Raises:
        BadInput: It is no such list.
    """
    try:
        return tuple(
            FundingRate(
                venue=venue,
                symbol=symbols.unified(each.coin),
                ts_event_ns=each.time * NS_PER_MS,
                ts_init_ns=received_ns,
                rate=each.fundingRate,
                next_funding_ns=each.time * NS_PER_MS,
            )
            for each in _decode_history(raw)
        )
    except (msgspec.DecodeError, ValueError) as error:
        raise BadInput("fundingHistory", expected=f"rates ({error})", was=raw) from error

"""Mark price and funding of a perpetual, out of the context that Hyperliquid sends of it."""

from typing import Final

from connectors.hyperliquid.wire import ActiveAssetCtx
from engine.domain.identifiers import Symbol, Venue
from engine.messages.market import MarketMessage
from engine.messages.market_live import FundingRate, MarkPrice

HOUR_NS: Final = 3_600_000_000_000
"""Funding is paid at each full hour. Source: Hyperliquid, "Funding"."""


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

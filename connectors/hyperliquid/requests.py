"""Our commands as Hyperliquid's actions: pure, with the order of keys that the signature is made over.

Source: Hyperliquid, "Exchange endpoint". Prices and sizes are texts without trailing zeros. There is no market order:
an immediate limit order at a worst price stands for it. No action names a builder, and none is signed that the engine
was not told to send.
"""

from decimal import Decimal
from typing import Any, Final

from connectors.bridge.errors import BAD_PRICE, BAD_QUANTITY, NotSent
from connectors.hyperliquid.private_wire import Order
from connectors.hyperliquid.symbols import MarketName
from engine.domain.instrument import Instrument
from engine.domain.kinds import PRICED_TYPES, TAKE_PROFIT_TYPES, TRIGGERED_TYPES, OrderType, Side, TimeInForce
from engine.domain.values import add, is_multiple, multiply, subtract, text_of
from engine.messages.venues import VenueAmend, VenueSubmit

Action = dict[str, Any]

SLIPPAGE: Final = Decimal("0.005")
"""How much worse than the best price of the moment a market order may trade."""
STOP_SLIPPAGE: Final = Decimal("0.1")
"""The same, from its trigger, for an order that becomes a market order then; the venue's own page uses 10 % too."""

NS_PER_MS: Final = 1_000_000
UNSUPPORTED: Final = "unsupported"


def worst_price(price: Decimal, side: Side, slippage: Decimal, instrument: Instrument) -> Decimal:
    """Return the limit of an order that should trade at once: `slippage` worse than `price`, never beyond."""
    distance = multiply(price, slippage)
    limit = add(price, distance) if side is Side.BUY else subtract(price, distance)
    return instrument.round_price(limit, side)


def order_action(
    order: VenueSubmit, market: MarketName, instrument: Instrument, *, best: Decimal | None = None
) -> Action:
    """Return the action that places an order.

    Args:
        order: What to place.
        market: Its market.
        instrument: Its rules; prices and sizes must fit them, nothing is rounded here that somebody has decided.
        best: Best price that a market order would meet; needed if it has no worst price of its own.

    Raises:
        NotSent: The venue cannot take it so: a price or size between the steps, FOK.
    """
    if order.time_in_force is TimeInForce.FOK:
        raise NotSent(UNSUPPORTED, "fill or kill")
    _require_size(order.quantity, instrument)
    limit = _limit_of(order, instrument, best)
    wire = _wire(
        market,
        is_buy=order.side is Side.BUY,
        limit=limit,
        size=order.quantity,
        reduce_only=order.reduce_only,
        type_=_type_of(order, instrument),
        cloid=order.venue_client_id,
    )
    return {"type": "order", "orders": [wire], "grouping": "na"}


def cancel_action(market: MarketName, *, cloid: str, oid: int | None) -> Action:
    """Return the action that cancels an order, by cloid where it has one.

    Raises:
        NotSent: It has neither name.
    """
    if cloid:
        return {"type": "cancelByCloid", "cancels": [{"asset": market.asset, "cloid": cloid}]}
    if oid is None:
        raise NotSent("unknown_order", "neither cloid nor number")
    return {"type": "cancel", "cancels": [{"a": market.asset, "o": oid}]}


def amend_action(
    amend: VenueAmend, listed: Order, filled_before: Decimal, market: MarketName, instrument: Instrument
) -> Action:
    """Return the action that puts another order in the place of an open one.

    Args:
        amend: What to change.
        listed: The open order as the venue lists it now.
        filled_before: What was filled under the numbers that it has replaced.
        market: Its market.
        instrument: Its rules.

    Raises:
        NotSent: The new values do not fit the rules, or nothing would be left to trade.
    """
    filled = add(filled_before, subtract(listed.size, listed.sz))
    rest = listed.sz if amend.quantity is None else subtract(amend.quantity, filled)
    if rest <= 0:
        raise NotSent(BAD_QUANTITY, f"filled is {filled}")
    _require_size(rest, instrument)
    limit = listed.limitPx if amend.price is None else amend.price
    _require_price(limit, instrument)
    if listed.isTrigger:
        trigger = listed.triggerPx if amend.stop_price is None else amend.stop_price
        _require_price(trigger, instrument)
        is_market = listed.orderType.endswith("Market")
        if is_market and amend.stop_price is not None:
            side = Side.BUY if listed.side == "B" else Side.SELL
            limit = worst_price(trigger, side, STOP_SLIPPAGE, instrument)
        kind = "tp" if listed.orderType.startswith("Take Profit") else "sl"
        type_: Action = {"trigger": {"isMarket": is_market, "triggerPx": text_of(trigger), "tpsl": kind}}
    else:
        type_ = {"limit": {"tif": listed.tif or "Gtc"}}
    wire = _wire(
        market,
        is_buy=listed.side == "B",
        limit=limit,
        size=rest,
        reduce_only=listed.reduceOnly,
        type_=type_,
        cloid=listed.cloid,
    )
    return {"type": "batchModify", "modifies": [{"oid": listed.oid, "order": wire}]}


def dead_man_action(at_ms: int | None) -> Action:
    """Return the action that lets the venue cancel everything at a time; None takes that back."""
    return {"type": "scheduleCancel"} if at_ms is None else {"type": "scheduleCancel", "time": at_ms}


def expires_ms(valid_until_ns: int) -> int:
    """Return the last millisecond at which the venue may act: never later than we said."""
    return valid_until_ns // NS_PER_MS


def _wire(
    market: MarketName,
    *,
    is_buy: bool,
    limit: Decimal,
    size: Decimal,
    reduce_only: bool,
    type_: Action,
    cloid: str | None,
) -> Action:
    wire: Action = {
        "a": market.asset,
        "b": is_buy,
        "p": text_of(limit),
        "s": text_of(size),
        "r": reduce_only,
        "t": type_,
    }
    if cloid:
        wire["c"] = cloid
    return wire


def _limit_of(order: VenueSubmit, instrument: Instrument, best: Decimal | None) -> Decimal:
    if order.price is not None:
        _require_price(order.price, instrument)
        return order.price
    if order.type in (OrderType.STOP, OrderType.TAKE_PROFIT) and order.stop_price is not None:
        return worst_price(order.stop_price, order.side, STOP_SLIPPAGE, instrument)
    if order.type is OrderType.MARKET and best is not None:
        return worst_price(best, order.side, SLIPPAGE, instrument)
    raise NotSent(BAD_PRICE, "no price, and nobody to trade with")


def _type_of(order: VenueSubmit, instrument: Instrument) -> Action:
    if order.type in TRIGGERED_TYPES:
        if order.stop_price is None:
            raise NotSent(BAD_PRICE, "no trigger")
        _require_price(order.stop_price, instrument)
        is_market = order.type not in PRICED_TYPES
        # The venue judges by the order's side: a buy waits for the price to rise as "sl", for it to fall as "tp".
        kind = "tp" if order.type in TAKE_PROFIT_TYPES else "sl"
        return {"trigger": {"isMarket": is_market, "triggerPx": text_of(order.stop_price), "tpsl": kind}}
    if order.post_only:
        return {"limit": {"tif": "Alo"}}
    is_immediate = order.type is OrderType.MARKET or order.time_in_force is TimeInForce.IOC
    return {"limit": {"tif": "Ioc" if is_immediate else "Gtc"}}


def _require_size(size: Decimal, instrument: Instrument) -> None:
    if not is_multiple(size, instrument.step_size):
        raise NotSent(BAD_QUANTITY, f"{size} is no multiple of {instrument.step_size}")


def _require_price(price: Decimal, instrument: Instrument) -> None:
    if not is_multiple(price, instrument.tick_at(price)):
        raise NotSent(BAD_PRICE, f"{price} is no multiple of {instrument.tick_at(price)}")

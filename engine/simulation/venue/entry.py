"""What the venue refuses, and with which code. The codes are those of the paper venue where both know the case."""

import re
from decimal import Decimal
from typing import Final

from engine.domain.capabilities import DuplicateRule
from engine.domain.instrument import Instrument
from engine.domain.kinds import InstrumentKind, OrderType, PositionSide, Side, TimeInForce
from engine.domain.values import ZERO, add, subtract
from engine.messages.venues import VenueAmend, VenueSubmit
from engine.simulation.venue.money import Account
from engine.simulation.venue.orders import STOP_TYPES, Order
from engine.simulation.venue.rules import VenueRules
from engine.simulation.venue.truth import Truth

UNKNOWN_ACCOUNT: Final = "unknown_account"
UNKNOWN_SYMBOL: Final = "unknown_symbol"
DUPLICATE: Final = "duplicate_client_order_id"
LATE: Final = "valid_until_passed"
MALFORMED: Final = "malformed"
HEDGE_MODE: Final = "position_side_not_supported"
MARGIN_ACCOUNT_NEEDED: Final = "margin_account_needed"
NO_MARKET: Final = "no_market"
POST_ONLY_TYPE: Final = "post_only_not_allowed"
POST_ONLY_TAKES: Final = "post_only_would_take"
STOP_TRIGGERS: Final = "stop_would_trigger"
REDUCE_ONLY: Final = "reduce_only_would_not_reduce"
BALANCE_SHORT: Final = "insufficient_balance"
MARGIN_SHORT: Final = "insufficient_margin"
UNKNOWN_ORDER: Final = "unknown_order"
ALREADY_DONE: Final = "already_done"
AMEND_UNSUPPORTED: Final = "amend_not_supported"
AMEND_TWICE: Final = "duplicate_request"
BELOW_FILLED: Final = "quantity_below_filled"
WRONG_PRICE: Final = "price_not_allowed"

MARGIN: Final = "margin"


def repeats(submit: VenueSubmit, truth: Truth, rules: VenueRules) -> Order | None:
    """Return the order whose client id a submit may not use again; None if it may."""
    first = truth.find(submit.account_id, submit.venue_client_id)
    if first is None or rules.duplicates is DuplicateRule.IGNORES:
        return None
    return None if rules.duplicates is DuplicateRule.REFUSES_WHILE_OPEN and not first.is_open else first


def refusal(submit: VenueSubmit, truth: Truth) -> str | None:
    """Return why an order is refused; None if it is taken. Lateness and repetition are others' business."""
    instrument = truth.instruments.get(submit.symbol)
    if instrument is None:
        return UNKNOWN_SYMBOL
    if not _is_well_formed(submit):
        return MALFORMED
    account, market = truth.accounts[submit.account_id], truth.prices.get(submit.symbol)
    value_at = submit.price or submit.stop_price or market
    return (
        _wrong_kind(submit, account, instrument, market)
        or _broken_rule(submit, instrument, market)
        or _wrong_moment(submit, account, instrument, market)
        or shortage(account, instrument, submit.side, submit.quantity, value_at, submit.reduce_only)
    )


def _wrong_kind(submit: VenueSubmit, account: Account, instrument: Instrument, market: Decimal | None) -> str | None:
    if submit.position_side is not PositionSide.NET:
        return HEDGE_MODE
    if instrument.is_perpetual and account.kind != MARGIN:
        return MARGIN_ACCOUNT_NEEDED
    return NO_MARKET if market is None and submit.type is OrderType.MARKET else None


def _broken_rule(submit: VenueSubmit, instrument: Instrument, market: Decimal | None) -> str | None:
    broken = instrument.check_order(
        type=submit.type,
        quantity=submit.quantity,
        price=submit.price,
        stop_price=submit.stop_price,
        reference_price=market,
        reduce_only=submit.reduce_only,
    )
    return broken[0].code if broken else None


def _is_well_formed(submit: VenueSubmit) -> bool:
    numbers = (submit.quantity, submit.price, submit.stop_price)
    if any(number is not None and not (number.is_finite() and number > ZERO) for number in numbers):
        return False
    return re.fullmatch(r"[!-~]{1,64}", submit.venue_client_id) is not None


def _wrong_moment(submit: VenueSubmit, account: Account, instrument: Instrument, market: Decimal | None) -> str | None:
    is_buy = submit.side is Side.BUY
    if submit.post_only:
        if submit.type is not OrderType.LIMIT or submit.time_in_force is not TimeInForce.GTC:
            return POST_ONLY_TYPE
        if market is not None and submit.price is not None and crosses(submit.side, submit.price, market):
            return POST_ONLY_TAKES
    if submit.type in STOP_TYPES and triggers(submit.side, submit.stop_price, market):
        return STOP_TRIGGERS
    if submit.reduce_only:
        reduces = account.reducible(submit.symbol, submit.side) > ZERO if instrument.is_perpetual else not is_buy
        if not reduces:
            return REDUCE_ONLY
    return None


def crosses(side: Side, limit: Decimal, market: Decimal) -> bool:
    """Tell whether an order at this limit trades with a market at this price."""
    return limit >= market if side is Side.BUY else limit <= market


def triggers(side: Side, stop_price: Decimal | None, market: Decimal | None) -> bool:
    """Tell whether the market is at a stop price or beyond."""
    if stop_price is None or market is None:
        return False
    return market >= stop_price if side is Side.BUY else market <= stop_price


def shortage(
    account: Account,
    instrument: Instrument,
    side: Side,
    quantity: Decimal,
    price: Decimal | None,
    reduce_only: bool,  # noqa: FBT001 - a helper of two callers.
    *,
    held: Decimal = ZERO,
) -> str | None:
    """Return the code if the account cannot pay for an order; None if it can.

    Args:
        account: Whose.
        instrument: What is traded.
        side: Of the order.
        quantity: What may still trade.
        price: What it is valued at; None: a stop without a market, which is taken on trust.
        reduce_only: It only closes.
        held: What is set aside for it already, in the asset that pays.
    """
    if price is None:
        return None
    value = instrument.notional(price, quantity)
    fee = instrument.highest_fee(value)
    if instrument.kind is InstrumentKind.PERPETUAL:
        if reduce_only:
            return None
        holding = account.holding(instrument)
        before = holding.margin
        value_more = subtract(value, held)
        buys = add(holding.open_buys, value_more) if side is Side.BUY else holding.open_buys
        sells = add(holding.open_sells, value_more) if side is Side.SELL else holding.open_sells
        after = instrument.margin(max(add(holding.cost, buys), subtract(sells, holding.cost), ZERO))
        needs = subtract(after, before)
        return MARGIN_SHORT if needs > ZERO and add(needs, fee) > account.free(instrument.settle) else None
    if side is Side.SELL:
        return BALANCE_SHORT if subtract(quantity, held) > account.free(instrument.base) else None
    return BALANCE_SHORT if subtract(add(value, fee), held) > account.free(instrument.quote) else None


def amend_refusal(amend: VenueAmend, order: Order | None, truth: Truth) -> str | None:
    """Return why an amend is refused; None if it is done."""
    if amend.request_id in truth.request_ids:
        return AMEND_TWICE
    if order is None or order.is_forgotten:
        return UNKNOWN_ORDER
    if not order.is_open:
        return ALREADY_DONE
    return _wrong_values(amend, order, truth.instruments[order.symbol]) or _wrong_amend_now(amend, order, truth)


def _wrong_values(amend: VenueAmend, order: Order, instrument: Instrument) -> str | None:
    quantity, price, stop_price = amended(amend, order)
    if quantity <= order.executed:
        return BELOW_FILLED
    has_limit = order.type in (OrderType.LIMIT, OrderType.STOP_LIMIT)
    if (amend.price is not None and not has_limit) or (amend.stop_price is not None and not order.is_waiting):
        return WRONG_PRICE
    broken = instrument.check_order(
        type=order.type, quantity=quantity, price=price, stop_price=stop_price, reduce_only=order.reduce_only
    )
    return broken[0].code if broken else None


def _wrong_amend_now(amend: VenueAmend, order: Order, truth: Truth) -> str | None:
    quantity, price, stop_price = amended(amend, order)
    market = truth.prices.get(order.symbol)
    if order.post_only and price is not None and market is not None and crosses(order.side, price, market):
        return POST_ONLY_TAKES
    if order.is_waiting and triggers(order.side, stop_price, market):
        return STOP_TRIGGERS
    account, instrument = truth.accounts[order.account_id], truth.instruments[order.symbol]
    rest, value_at = subtract(quantity, order.executed), price or stop_price
    return shortage(account, instrument, order.side, rest, value_at, order.reduce_only, held=order.held)


def amended(amend: VenueAmend, order: Order) -> tuple[Decimal, Decimal | None, Decimal | None]:
    """Return (quantity, price, stop price) of an order after an amend."""
    return (
        order.quantity if amend.quantity is None else amend.quantity,
        order.price if amend.price is None else amend.price,
        order.stop_price if amend.stop_price is None else amend.stop_price,
    )

"""What the paper venue refuses, each with its code.

The codes of the instrument's own rules come from `Instrument.check_order` (`min_quantity`, `max_quantity`, `step_size`,
`price_missing`, `price_not_allowed`, `price_range`, `tick_size`, `min_notional`, and the same for the stop price).
"""

from collections.abc import Sequence
from copy import copy
from decimal import Decimal
from typing import Final

from connectors.paper.accounts import MARGIN, ExitOf, Holding, PaperAccount, reservation
from connectors.paper.fees import highest_fee
from connectors.paper.matching import Market
from connectors.paper.order import PaperOrder
from engine.domain.book import Level
from engine.domain.errors import BadInput
from engine.domain.instrument import Instrument
from engine.domain.kinds import Liquidity, OrderType, PositionSide, Side, TimeInForce
from engine.domain.values import ZERO, add, parse_decimal, subtract
from engine.messages.venues import VenueSubmit

UNKNOWN_ACCOUNT: Final = "unknown_account"
UNKNOWN_SYMBOL: Final = "unknown_symbol"
DUPLICATE: Final = "duplicate_client_order_id"
"""This client id was used before. It says nothing about the first order, which may be open: ask for it."""
EXPIRED: Final = "valid_until_passed"
FENCED: Final = "not_sent_fenced"
"""The sender's lease is lost or about to expire."""
MARGIN_ACCOUNT_NEEDED: Final = "margin_account_needed"
MALFORMED: Final = "malformed"
"""A number that is not finite, a quantity of zero or less, or more digits or letters than can be stored."""
HEDGE_MODE: Final = "position_side_not_supported"
POST_ONLY_TYPE: Final = "post_only_not_allowed"
"""Only a limit order that may rest can be post-only."""
POST_ONLY_TAKES: Final = "post_only_would_take"
STOP_TRIGGERS: Final = "stop_would_trigger"
"""The market is at the trigger of a stop or a take-profit, or beyond it, already."""
NO_MARKET: Final = "no_market"
"""A market order before the first price."""
REDUCE_ONLY: Final = "reduce_only_would_not_reduce"
BALANCE_SHORT: Final = "insufficient_balance"
MARGIN_SHORT: Final = "insufficient_margin"

DUPLICATE_REQUEST: Final = "duplicate_request"
BELOW_FILLED: Final = "amend_below_filled"
"""The whole quantity afterwards would not be more than what is filled."""
UNCHANGED: Final = "unchanged"

UNKNOWN_ORDER: Final = "unknown_order"
ALREADY_DONE: Final = "already_done"

# Members of an enum cost a look-up each time; these are asked for with every order.
_NET: Final = PositionSide.NET
_BUY: Final = Side.BUY
_MARKET: Final = OrderType.MARKET

SYMBOL_LENGTH_MAX: Final = 50
CLIENT_ID_LENGTH_MAX: Final = 255


def refusal(submit: VenueSubmit, account: PaperAccount, market: Market) -> str | None:
    """Return why the venue refuses an order before it looks at money; None if it does not."""
    if not _is_finite(submit):
        return MALFORMED
    if submit.position_side is not _NET:
        return HEDGE_MODE
    if market.instrument.is_perpetual and account.kind != MARGIN:
        return MARGIN_ACCOUNT_NEEDED
    is_buy = submit.side is _BUY
    touch = market.depth.best(is_ask=is_buy)
    if touch is None and submit.type is _MARKET:
        return NO_MARKET
    broken = market.instrument.check_order(
        type=submit.type,
        quantity=submit.quantity,
        price=submit.price,
        stop_price=submit.stop_price,
        reference_price=touch,
        reduce_only=submit.reduce_only,
    )
    return broken[0].code if broken else _wrong_moment(submit, account, market, touch)


def _is_finite(submit: VenueSubmit) -> bool:
    # NaN would raise in the first comparison.
    price, stop_price = submit.price, submit.stop_price
    return (
        submit.quantity.is_finite()
        and (price is None or price.is_finite())
        and (stop_price is None or stop_price.is_finite())
    )


def is_storable(submit: VenueSubmit) -> bool:
    """Tell whether a refused order fits the columns of `paper.orders`; one that is taken always does."""
    if len(submit.symbol) > SYMBOL_LENGTH_MAX or len(submit.venue_client_id) > CLIENT_ID_LENGTH_MAX:
        return False
    try:
        for number in (submit.quantity, submit.price, submit.stop_price):
            if number is not None:
                parse_decimal(number, field="number")
    except BadInput:
        return False
    return submit.quantity > ZERO


def _wrong_moment(submit: VenueSubmit, account: PaperAccount, market: Market, touch: Decimal | None) -> str | None:
    """Return what is wrong with a well-formed order as the market and the position are now."""
    is_buy = submit.side is _BUY
    price = submit.price
    if submit.post_only:
        if submit.type is not OrderType.LIMIT or submit.time_in_force is not TimeInForce.GTC:
            return POST_ONLY_TYPE
        if touch is not None and price is not None and (price >= touch if is_buy else price <= touch):
            return POST_ONLY_TAKES
    if market.is_triggered(submit.type, submit.stop_price, is_buy=is_buy):
        return STOP_TRIGGERS
    if submit.reduce_only and not _would_reduce(market.instrument, account, is_buy=is_buy):
        return REDUCE_ONLY
    return None


def _would_reduce(instrument: Instrument, account: PaperAccount, *, is_buy: bool) -> bool:
    # On spot a sale can only reduce: nobody owes an asset there.
    return bool(account.reducible(instrument.symbol, is_buy=is_buy)) if instrument.is_perpetual else not is_buy


def shortage(order: PaperOrder, instrument: Instrument, plan: Sequence[Level] | None, exit_of: ExitOf) -> str | None:
    """Return `insufficient_balance` or `insufficient_margin` if the account cannot pay for an order; else None.

    Args:
        order: Not yet reserved for.
        instrument: What it trades.
        plan: What it takes at once, for an order without a limit; None where it is valued at its own price.
        exit_of: Prices at which open positions could be closed.
    """
    if instrument.is_perpetual:
        return None if order.reduce_only or _has_margin(order, instrument, plan, exit_of) else MARGIN_SHORT
    return None if _has_balance(order, instrument, plan) else BALANCE_SHORT


def _has_balance(order: PaperOrder, instrument: Instrument, plan: Sequence[Level] | None) -> bool:
    if not order.is_buy:
        return order.account.balance(instrument.base).free >= order.remaining
    if plan is None:
        needs = reservation(order, instrument)
    else:
        needs = ZERO
        for price, quantity in plan:
            notional = instrument.notional(price, quantity)
            needs = add(needs, add(notional, instrument.fee(notional, Liquidity.TAKER)))
    return order.account.balance(instrument.quote).free >= needs


def _has_margin(order: PaperOrder, instrument: Instrument, plan: Sequence[Level] | None, exit_of: ExitOf) -> bool:
    account = order.account
    if plan is None:
        value = reservation(order, instrument)
    else:
        value = ZERO
        for price, quantity in plan:
            value = add(value, instrument.notional(price, quantity))
    balance = account.balance(instrument.settle)
    available = subtract(subtract(balance.total, balance.required), highest_fee(instrument, value))
    available = add(available, account.unrealized_loss(exit_of, instrument.settle))
    # An order asks at most for the margin of its own value; mostly that is enough to know.
    if instrument.margin(value) <= available:
        return True
    holding = account.holding(instrument)
    if plan is None:
        after = holding.margin(more_buys=value) if order.is_buy else holding.margin(more_sells=value)
    else:
        later = Holding(account.id, copy(holding.position))
        later.open_buys, later.open_sells = holding.open_buys, holding.open_sells
        for price, quantity in plan:
            later.position.apply_fill(order.side, price, quantity)
        after = later.margin()
    # What shrinks a position passes also where nothing is left: it is the way out.
    return after <= holding.required or subtract(after, holding.required) <= available

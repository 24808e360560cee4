"""Which orders a simulated exchange takes, and what a fill costs."""

from collections.abc import Mapping
from decimal import Decimal

from tests.support.venues.core import SimAccount, SimMarket, SimOrder, SimRefusal
from tests.support.venues.settle import check_funds


def check_order(market: SimMarket, account: SimAccount, order: SimOrder, markets: Mapping[str, SimMarket]) -> None:
    """Refuse what the market's rules, the book or the account's money forbid.

    Raises:
        SimRefusal: With the first reason.
    """
    if market.status != "TRADING":
        raise SimRefusal("market_closed", market.symbol)
    if not market.min_quantity <= order.quantity <= market.max_quantity or order.quantity % market.step:
        raise SimRefusal("lot_size", str(order.quantity))
    for price in (order.price, order.stop_price):
        if price is not None and (price <= 0 or price % market.tick):
            raise SimRefusal("price_filter", str(price))
    value = (order.price or order.stop_price or market.last) * order.quantity
    if value < market.min_notional and not order.reduce_only:
        raise SimRefusal("min_notional", str(value))
    if order.state == "waiting" and is_triggered(market, order):
        raise SimRefusal("would_trigger", str(order.stop_price))
    if order.post_only and crosses(market, order):
        raise SimRefusal("would_take", str(order.price))
    check_funds(account, market, order, markets)


def crosses(market: SimMarket, order: SimOrder) -> bool:
    """Whether the order would trade with the street's book at once."""
    best = market.best("ask" if order.side == "buy" else "bid")
    if best is None or order.price is None:
        return best is not None
    return best <= order.price if order.side == "buy" else best >= order.price


def is_triggered(market: SimMarket, order: SimOrder) -> bool:
    """Whether the last price has reached the order's trigger."""
    assert order.stop_price is not None, "only conditional orders have a trigger"
    return market.last <= order.stop_price if order.stop_below else market.last >= order.stop_price


def fee_of(
    market: SimMarket, asset: str, price: Decimal, quantity: Decimal, *, is_maker: bool, worth: Mapping[str, Decimal]
) -> Decimal:
    """Return the fee in `asset`; `worth` prices, in the quote asset, what is neither base nor quote."""
    rate = market.maker_fee if is_maker else market.taker_fee
    if asset == market.base:
        fee = quantity * rate
    elif asset == market.quote:
        fee = price * quantity * rate
    else:
        fee = price * quantity * rate / worth[asset]
    return fee.quantize(Decimal("1E-8"))

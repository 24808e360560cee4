"""What an order and a fill do to an account's money: spot assets, and margined positions."""

import dataclasses
from collections.abc import Mapping
from decimal import Decimal

from tests.support.venues.core import (
    ZERO,
    SimAccount,
    SimBalance,
    SimMarket,
    SimOrder,
    SimPosition,
    SimRefusal,
    SimTrade,
)


def _price_of(market: SimMarket, order: SimOrder) -> Decimal:
    best = market.best("ask" if order.side == "buy" else "bid")
    return order.price or order.stop_price or best or market.last


def _pays_with(market: SimMarket, order: SimOrder) -> tuple[str, Decimal]:
    """Return the asset that a spot order pays with, and how much of it the rest takes."""
    if order.side == "sell":
        return market.base, order.remaining
    return market.quote, order.remaining * _price_of(market, order)


def available(account: SimAccount, asset: str, markets: Mapping[str, SimMarket]) -> Decimal:
    """Return what new margined orders may still bind: the wallet less the margins of positions and orders."""
    bound = ZERO
    for (symbol, _side), position in account.positions.items():
        market = markets[symbol]
        if market.quote == asset:
            bound += abs(position.size) * position.entry * market.initial_margin
    for order in account.open_orders():
        market = markets[order.symbol]
        if market.is_margined and market.quote == asset:
            bound += order.locked
    return account.balance(asset).total - bound


def check_funds(account: SimAccount, market: SimMarket, order: SimOrder, markets: Mapping[str, SimMarket]) -> None:
    """Refuse what the account cannot pay, and what cannot reduce.

    Raises:
        SimRefusal: `insufficient_balance` or `reduce_only`.
    """
    if not market.is_margined:
        asset, amount = _pays_with(market, order)
        if account.balance(asset).free < amount:
            raise SimRefusal("insufficient_balance", asset)
        return
    position = account.position(market.symbol, order.position_side)
    shrinks = position.size < 0 if order.side == "buy" else position.size > 0
    if order.reduce_only and (not shrinks or order.quantity > abs(position.size)):
        raise SimRefusal("reduce_only", f"{order.side} {order.quantity} with a position of {position.size}")
    closing = min(abs(position.size), order.quantity) if shrinks else ZERO
    needed = (order.remaining - closing) * _price_of(market, order) * market.initial_margin
    if needed > available(account, market.quote, markets):
        raise SimRefusal("insufficient_balance", market.quote)


def lock(account: SimAccount, market: SimMarket, order: SimOrder) -> None:
    """Reserve what an order that may rest will pay; market orders pay as they trade."""
    if market.is_margined:
        order.locked = ZERO if order.reduce_only else order.remaining * _price_of(market, order) * market.initial_margin
        return
    if order.price is None and order.stop_price is None:
        return
    asset, amount = _pays_with(market, order)
    balance = account.balance(asset)
    balance.free -= amount
    balance.locked += amount
    order.locked = amount


def release(account: SimAccount, market: SimMarket, order: SimOrder) -> None:
    """Give back what is still reserved."""
    if not market.is_margined:
        balance = account.balance(_pays_with(market, order)[0])
        balance.free += order.locked
        balance.locked -= order.locked
    order.locked = ZERO


def book_fill(account: SimAccount, market: SimMarket, order: SimOrder, trade: SimTrade) -> None:
    """Move the money of one fill, fee included, and count it on the order."""
    value = trade.price * trade.quantity
    share = order.locked * trade.quantity / order.remaining if order.remaining > 0 else ZERO
    if trade.quantity >= order.remaining:
        share = order.locked
    if market.is_margined:
        order.locked -= share
        trade.realized = _move_position(account, order, trade)
        account.balance(market.quote).free += trade.realized
    else:
        paid, got = (market.quote, market.base) if order.side == "buy" else (market.base, market.quote)
        cost, gain = (value, trade.quantity) if order.side == "buy" else (trade.quantity, value)
        order.locked -= share
        account.balance(paid).locked -= share
        account.balance(paid).free += share - cost
        account.balance(got).free += gain
    account.balance(trade.fee_asset).free -= trade.fee
    order.filled += trade.quantity
    order.spent += value
    order.fee += trade.fee


def _move_position(account: SimAccount, order: SimOrder, trade: SimTrade) -> Decimal:
    """Change a position by a fill; return the profit that it has realized."""
    position = account.position(order.symbol, order.position_side)
    change = trade.quantity if order.side == "buy" else -trade.quantity
    before = position.size
    position.size += change
    if before == 0 or (before > 0) == (change > 0):
        position.entry = (abs(before) * position.entry + trade.quantity * trade.price) / abs(position.size)
        return ZERO
    closed = min(abs(before), trade.quantity)
    realized = closed * (trade.price - position.entry) * (1 if before > 0 else -1)
    if position.size == 0:
        position.entry = ZERO
    elif (position.size > 0) != (before > 0):
        position.entry = trade.price
    return realized


def touched(
    account: SimAccount, market: SimMarket, fee_asset: str | None
) -> tuple[dict[str, SimBalance], tuple[SimPosition, ...]]:
    """Return copies of the balances and positions that trading in this market moves."""
    assets = {market.quote} if market.is_margined else {market.base, market.quote}
    if fee_asset is not None:
        assets.add(fee_asset)
    balances = {asset: dataclasses.replace(account.balance(asset)) for asset in sorted(assets)}
    positions = tuple(
        dataclasses.replace(position) for position in account.positions.values() if position.symbol == market.symbol
    )
    return balances, positions

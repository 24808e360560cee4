"""The truth written out for whoever judges an engine, and a proof that the venue's own books add up."""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

import msgspec

from engine.domain.identifiers import AccountId, Asset, OrderId, Symbol, Venue
from engine.domain.kinds import Side
from engine.domain.values import ZERO, add, multiply, subtract
from engine.messages.venues import VenueBalance, VenueFill, VenueOrder, VenuePosition
from engine.simulation.venue.facts import RequestSeen
from engine.simulation.venue.money import Account
from engine.simulation.venue.orders import Order, listed, reported, total_of
from engine.simulation.venue.truth import Truth


class TrueOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One order, open or done, as it is."""

    account_id: AccountId
    order_id: OrderId | None
    """Of the engine; None: placed by hand."""
    external_ids: tuple[str, ...]
    """All that it ever had, oldest first."""
    executed: Decimal
    """What it traded, taken back or not."""
    placed_at_ns: int
    """True time."""
    is_forgotten: bool
    order: VenueOrder


class TrueTrade(msgspec.Struct, frozen=True, kw_only=True):
    """One trade as it is."""

    at_ns: int
    """True time."""
    is_void: bool
    is_hidden: bool
    fill: VenueFill


class TrueAccount(msgspec.Struct, frozen=True, kw_only=True):
    """One account as it is."""

    account_id: AccountId
    balances: tuple[VenueBalance, ...]
    positions: tuple[VenuePosition, ...]


class VenueSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is so at one moment."""

    orders: tuple[TrueOrder, ...]
    """As they were placed."""
    trades: tuple[TrueTrade, ...]
    """As they happened."""
    accounts: tuple[TrueAccount, ...]
    requests: tuple[RequestSeen, ...]
    """Submits, cancels and amends that arrived, with what was decided."""


class Arrivals(NamedTuple):
    """How often submits of one client id, or of one order of the engine, came."""

    arrived: int
    accepted: int


def snapshot(truth: Truth, venue: Venue) -> VenueSnapshot:
    """Write the truth out."""
    return VenueSnapshot(
        orders=tuple(
            TrueOrder(
                account_id=order.account_id,
                order_id=order.order_id,
                external_ids=tuple(str(number) for number in order.numbers),
                executed=order.executed,
                placed_at_ns=order.placed_at_ns,
                is_forgotten=order.is_forgotten,
                order=listed(order),
            )
            for order in orders_of(truth)
        ),
        trades=tuple(
            TrueTrade(at_ns=trade.at_ns, is_void=trade.is_void, is_hidden=trade.is_hidden, fill=reported(trade, venue))
            for trade in truth.trades
        ),
        accounts=tuple(
            TrueAccount(account_id=each.id, balances=each.balances(), positions=each.positions())
            for each in truth.accounts.values()
        ),
        requests=tuple(truth.requests),
    )


def orders_of(truth: Truth) -> Iterator[Order]:
    """Go through all orders, each once, as they were placed."""
    # A replacement stands under each of its numbers.
    return iter({order.placed: order for order in truth.orders.values()}.values())


def arrivals_by_client_id(truth: Truth) -> dict[tuple[AccountId, str], Arrivals]:
    """Count the submits of each client id: more than one accepted is an order doubled."""
    found: dict[tuple[AccountId, str], Arrivals] = {}
    for seen in truth.requests:
        if seen.request == "submit":
            arrived, accepted = found.get((seen.account_id, seen.venue_client_id), Arrivals(0, 0))
            is_new = seen.outcome == "accepted"
            found[seen.account_id, seen.venue_client_id] = Arrivals(arrived + 1, accepted + is_new)
    return found


def arrivals_by_order_id(truth: Truth) -> dict[OrderId, Arrivals]:
    """Count the submits of each order of the engine, whatever client ids it used."""
    found: dict[OrderId, Arrivals] = {}
    for seen in truth.requests:
        if seen.request == "submit":
            arrived, accepted = found.get(seen.order_id, Arrivals(0, 0))
            found[seen.order_id] = Arrivals(arrived + 1, accepted + (seen.outcome == "accepted"))
    return found


# --- Proof -----------------------------------------------------------------------------------------------------------


def problems(truth: Truth) -> list[str]:
    """Recount everything from the trades and say what does not add up; empty: the books are right."""
    found: list[str] = []
    for account in truth.accounts.values():
        expected = _recounted(truth, account)
        for asset in sorted(account.totals.keys() | expected.keys()):
            total, counted = account.totals.get(asset, ZERO), expected.get(asset, ZERO)
            if total != counted:
                found.append(f"{account.id} {asset}: total {total}, recounted {counted}")
        for asset, held in account.held.items():
            waiting = total_of(order.held for order in account.open_orders.values() if _pays(truth, order) == asset)
            if held != waiting:
                found.append(f"{account.id} {asset}: held {held}, by open orders {waiting}")
    for order in orders_of(truth):
        if order.is_open != ((order.symbol, order.number) in truth.accounts[order.account_id].open_orders):
            found.append(f"{order.symbol} {order.number}: open {order.is_open}, listed otherwise")
        if order.executed != total_of(trade.quantity for trade in order.trades):
            found.append(f"{order.symbol} {order.number}: executed {order.executed} is not the sum of its trades")
    return found


def _recounted(truth: Truth, account: Account) -> dict[Asset, Decimal]:
    """Sum up an account from its beginning: what is in positions counts as spent, and comes back at their cost."""
    totals = dict(account.starting)

    def move(asset: Asset, amount: Decimal) -> None:
        totals[asset] = add(totals.get(asset, ZERO), amount)

    for asset, amount in account.moves:
        move(asset, amount)
    for trade in truth.trades_of[account.id]:
        if trade.is_void:
            continue
        instrument = truth.instruments[trade.symbol]
        sign = Decimal(trade.order.side.sign)
        move(trade.fee_asset, trade.fee.copy_negate())
        move(instrument.quote, multiply(sign, instrument.notional(trade.price, trade.quantity)).copy_negate())
        if not instrument.is_perpetual:
            move(instrument.base, multiply(sign, trade.quantity))
    for holding in account.holdings.values():
        if holding.size or holding.cost:
            move(holding.instrument.settle, holding.cost)
    return totals


def _pays(truth: Truth, order: Order) -> Asset | None:
    instrument = truth.instruments[order.symbol]
    if instrument.is_perpetual:
        return None
    return instrument.quote if order.side is Side.BUY else instrument.base


def position_by_trades(truth: Truth, account_id: AccountId, symbol: Symbol) -> Decimal:
    """Return the signed sum of the trades of a symbol that hold."""
    size = ZERO
    for trade in truth.trades_of.get(account_id, []):
        if trade.symbol == symbol and not trade.is_void:
            size = add(size, trade.quantity) if trade.order.side is Side.BUY else subtract(size, trade.quantity)
    return size

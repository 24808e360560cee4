"""Compares the engine's books with a venue's truth once nothing moves any more."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from engine.messages.rows import DiscrepancyRow, OrderRow, TradeRow
from engine.simulation.auditor_books import Books
from engine.simulation.auditor_findings import ZERO, minus, plus, times, total
from engine.simulation.auditor_orders import Orders
from engine.simulation.auditor_venue import VenueFacts
from engine.simulation.venue.orders import Order, Trade

Difference = tuple[str, str]
"""Invariant, and how it is broken."""
DECIMALS: Final = 9
"""Average prices are rounded; what positions have cost is compared to so many decimals."""

Content = tuple[str, str, str, Decimal, Decimal, Decimal, str]


def differences(
    facts: VenueFacts, orders: Orders, books: Books, discrepancies: Iterable[DiscrepancyRow]
) -> Iterator[Difference]:
    """Tell what is not the same on both sides; nothing when everything is at rest and right.

    Args:
        facts: The venue.
        orders: All that is committed, of this venue and of others.
        books: The same.
        discrepancies: As they are stored, open and closed.
    """
    accounts = facts.truth.accounts
    mine = [row for row in orders.rows.values() if row.account_id in accounts]
    yield from _orders(facts, orders, mine)
    yield from _requests(orders, accounts)
    yield from _trades(facts, orders, mine)
    yield from _money(facts, books, list(discrepancies))


# --- Orders -----------------------------------------------------------------------------------------------------------


def _orders(facts: VenueFacts, orders: Orders, mine: list[OrderRow]) -> Iterator[Difference]:
    for row in mine:
        theirs = facts.truth.find(row.account_id, row.venue_client_id)  # type: ignore[arg-type]  # The same id.
        wrong = _wrong(row, theirs)
        if wrong is not None:
            yield "I6", f"order {row.id}: we say {row.status} ({row.status_detail or row.lifecycle}), {wrong}"
    for (account_id, client_id), known in facts.truth.by_client_id.items():
        if orders.of_client_id(account_id, client_id) is None:
            order = known[-1]
            # Nobody can know of a stranger's order that came and went without a trade.
            if order.is_open or order.filled or not order.is_external:
                yield "I1", f"the venue has {client_id} ({order.side} {order.quantity} {order.symbol}), we do not"


def _wrong(row: OrderRow, theirs: Order | None) -> str | None:
    """Say what the venue thinks else of an order; None if it thinks the same."""
    if row.lifecycle in ("created", "submitting", "unknown"):
        return "and that is not settled"
    if theirs is None:
        was_there = bool(row.external_order_id or row.filled_quantity)
        is_ours_alone = row.done_reason in ("denied", "never_existed", "cancelled", "rejected")
        return None if is_ours_alone and not was_there else "the venue does not have it"
    filled = theirs.filled
    if row.filled_quantity != filled:
        return f"{row.filled_quantity} filled, the venue {filled}"
    if theirs.is_open:
        return None if row.lifecycle == "working" else "the venue has it open"
    if row.lifecycle != "done":
        return f"the venue has ended it: {theirs.reason}"
    return None if row.done_reason in _ends(row, theirs) else f"the venue says {theirs.reason}"


def _ends(row: OrderRow, order: Order) -> tuple[str, ...]:
    """Return the reasons that are true of an order's end: trades outweigh what is said of it."""
    if order.is_forgotten and not row.external_order_id:
        # Whoever had not heard of it before the venue forgot it cannot tell its end from its absence.
        return ("never_existed", str(order.reason))
    if order.executed >= order.quantity:
        return ("filled", str(order.reason))
    return (str(order.reason),)


def _requests(orders: Orders, accounts: Any) -> Iterator[Difference]:
    for request in orders.requests.values():
        if request.account_id not in accounts:
            continue
        row = orders.rows.get(request.order_id)
        is_over = row is None or row.lifecycle == "done"
        if request.state == "requested" or (request.state == "unknown" and is_over):
            yield "I15", f"{request.kind} request {request.id} of order {request.order_id} is {request.state}"


# --- Trades -----------------------------------------------------------------------------------------------------------


def _trades(facts: VenueFacts, orders: Orders, mine: list[OrderRow]) -> Iterator[Difference]:
    counting = [row for row in orders.trade_ids.values() if row.id not in orders.voided]
    booked = [row for row in counting if row.account_id in facts.truth.accounts]
    ours = {_content(row): row for row in booked if not row.inferred}
    inferred: dict[UUID, Decimal] = {}
    for row in booked:
        if row.inferred:
            inferred[row.order_id] = plus(inferred.get(row.order_id, ZERO), row.quantity)
    hidden: dict[tuple[UUID, str], Decimal] = {}
    for trade in facts.truth.trades:
        if trade.is_void:
            continue
        if trade.is_hidden:
            key = (trade.account_id, trade.order.client_id)
            hidden[key] = plus(hidden.get(key, ZERO), trade.quantity)
        elif ours.pop(_content_at_venue(trade), None) is None:
            yield (
                "I6",
                f"trade {trade.number} of {trade.order.client_id} ({trade.quantity} at {trade.price}) is missing",
            )
    for row in ours.values():
        yield "I6", f"trade {row.external_trade_id} of order {row.order_id} is not the venue's: {row.quantity}"
    for order in mine:
        known = hidden.get((order.account_id, order.venue_client_id), ZERO)
        guessed = inferred.get(order.id, ZERO)
        if guessed != known:
            yield "I6", f"order {order.id}: {guessed} is inferred, {known} is hidden"


def _content(row: TradeRow) -> Content:
    fee_asset = row.fee_asset or ""
    return row.symbol, row.external_trade_id, row.side, row.quantity, row.price, row.fees, fee_asset


def _content_at_venue(trade: Trade) -> Content:
    side, number = trade.order.side.value, str(trade.number)
    return trade.symbol, number, side, trade.quantity, trade.price, trade.fee, trade.fee_asset


# --- Money ------------------------------------------------------------------------------------------------------------


def _money(facts: VenueFacts, books: Books, discrepancies: list[DiscrepancyRow]) -> Iterator[Difference]:
    """Sizes are the same; so is the money, less what open positions have cost; less transfers that nobody told us."""
    open_rows = {
        # A trade that is not listed tells of a hole in a list, or of a void that nobody has heard.
        (row.account_id, row.asset): row
        for row in discrepancies
        if row.state == "open" and row.kind != "trade"
    }
    for account_id, account in facts.truth.accounts.items():
        ours = {asset: row.total for (held_by, asset), row in books.balances.items() if held_by == account_id}
        theirs: dict[str, Decimal] = dict(account.totals)
        sizes = {symbol: row for (held_by, symbol), row in books.positions.items() if held_by == account_id}
        for symbol, instrument in facts.truth.instruments.items():
            if not instrument.is_perpetual:
                continue
            held, row = account.holdings.get(symbol), sizes.get(symbol)
            our_size, their_size = ZERO if row is None else row.size, ZERO if held is None else held.size
            if our_size != their_size:
                yield "I6", f"position in {symbol} of {account_id} is {our_size}, at the venue {their_size}"
            settle = instrument.settle
            if row is not None and row.size:
                cost = times(times(row.size, row.average_price), instrument.contract_size)
                ours[settle] = minus(ours.get(settle, ZERO), cost)
            if held is not None:
                theirs[settle] = minus(theirs.get(settle, ZERO), held.cost)
        for asset in dict.fromkeys((*ours, *theirs)):
            missing = round(minus(theirs.get(asset, ZERO), ours.get(asset, ZERO)), DECIMALS)
            moves = facts.moved.get((account_id, asset), [])
            unknown = round(_fees_unknown(facts, account_id, asset), DECIMALS)
            row_of = open_rows.pop((account_id, asset), None)
            yield from _transfer(account_id, asset, missing, moves, row_of, unknown)
    for (owner, name), left in open_rows.items():
        if owner in facts.truth.accounts:
            yield "I6", f"an open discrepancy in {name} of {owner}: ours {left.ours}, the venue's {left.venue}"


def _fees_unknown(facts: VenueFacts, account_id: UUID, asset: str) -> Decimal:
    """Return the fees of hidden trades: of an order that is still listed they can be told, of others only guessed."""
    amount = ZERO
    for trade in facts.truth.trades_of.get(account_id, []):  # type: ignore[call-overload]  # An id by another name.
        if trade.is_hidden and trade.fee_asset == asset:
            amount = plus(amount, trade.fee)
    return amount


def _transfer(
    account_id: UUID,
    asset: str,
    missing: Decimal,
    moves: list[Decimal],
    row: DiscrepancyRow | None,
    unknown: Decimal = ZERO,
) -> Iterator[Difference]:
    """A difference is right if it is what came and went since the books were opened, and is told as a discrepancy."""
    explained = {round(total(moves[start:]), DECIMALS) for start in range(len(moves) + 1)}
    if all(abs(minus(missing, each)) > unknown for each in explained):
        yield "I6", f"{asset} of {account_id}: {missing} of the venue's is not in our books (transfers: {moves})"
    elif missing and row is None:
        yield "I6", f"{asset} of {account_id}: nobody tells that the venue has {missing} more"
    elif not missing and row is not None and not unknown:
        # With a trade that nobody shows profits are made in another order, and the money comes at another time.
        yield "I6", f"{asset} of {account_id}: a discrepancy is open, but both sides agree"

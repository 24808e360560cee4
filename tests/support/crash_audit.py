"""Compares the stores of a cell at rest, and its memory with them, by arithmetic of its own.

It shares no code with the engine beyond row classes. An empty list is the proof.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

from engine.domain.kinds import Scope
from engine.messages.rows import (
    BalanceRow,
    DiscrepancyRow,
    LedgerLineRow,
    OrderRequestRow,
    OrderRow,
    PositionRow,
    SignalRow,
    TradeRow,
)
from engine.messages.rows_paper import PaperBalanceRow, PaperOrderRow, PaperPositionRow, PaperTradeRow
from tests.support.cell import CellRig
from tests.support.cell_builders import ACCOUNT, USER

ZERO = Decimal(0)
SAME_END = ("filled", "cancelled", "expired", "rejected")


def violations(rig: CellRig, *, is_in_order: bool = True) -> list[str]:
    """Return what does not add up; the rig must be at rest.

    Args:
        rig: The cell.
        is_in_order: Whether the fills came as they happened. Otherwise an open position may have realised more or less
            than at the venue, and cost as much more or less, until it is flat.
    """
    return [
        *_orders(rig),
        *_trades(rig),
        *_books(rig),
        *(_same_books(rig) if is_in_order else _same_worth(rig)),
        *_journal(rig),
        *_decisions(rig),
        *_memory(rig),
    ]


def _orders(rig: CellRig) -> Iterator[str]:
    """Both sides know the same orders, each intent has one, and all of them are settled."""
    ours = {row.venue_client_id: row for row in rig.rows(OrderRow)}
    theirs: dict[str, PaperOrderRow] = {row.venue_client_id: row for row in rig.paper_store.tables.rows(PaperOrderRow)}
    for client_id in theirs.keys() - ours.keys():
        yield f"the venue has an order that we do not know: {theirs[client_id]}"
    for key, count in Counter(row.intent_key for row in ours.values()).items():
        if count > 1:
            yield f"{count} orders for intent {key}"
    for client_id, row in ours.items():
        wrong = _wrong(row, theirs.get(client_id))
        if wrong is not None:
            yield f"order {row.id}: we say {row.status} ({row.status_detail}), {wrong}"
    done = {row.id for row in ours.values() if row.lifecycle == "done"}
    for request in rig.rows(OrderRequestRow):
        if request.state == "requested" or (request.order_id in done and request.state == "unknown"):
            yield f"a cancel without an answer: {request}"


def _wrong(row: OrderRow, venue: PaperOrderRow | None) -> str | None:
    """Say what the venue thinks else of an order; None if it thinks the same."""
    if row.lifecycle in ("created", "submitting", "unknown"):
        return "and that is not settled"
    if venue is None:
        is_ours_alone = row.done_reason in ("denied", "never_existed", "cancelled", "rejected")
        was_there = bool(row.external_order_id or row.filled_quantity)
        return None if is_ours_alone and not was_there else "the venue does not know it"
    if row.filled_quantity != venue.filled_quantity:
        return f"{row.filled_quantity} filled, the venue {venue.filled_quantity}"
    is_over = venue.state in SAME_END
    expected = (venue.state,) if is_over else ("open", "partial")
    is_same = row.status in expected and (row.lifecycle == "done") is is_over
    return None if is_same else f"the venue {venue.state}"


def _trades(rig: CellRig) -> Iterator[str]:
    ours = rig.rows(TradeRow)
    theirs = list(rig.paper_store.tables.rows(PaperTradeRow))
    left = Counter(
        (t.external_trade_id, t.symbol, t.side, t.quantity, t.price, t.fees, t.fee_asset, t.executed_at) for t in ours
    )
    left.subtract(
        (t.external_trade_id, t.symbol, t.side, t.quantity, t.price, t.fee, t.fee_asset, t.executed_at) for t in theirs
    )
    for trade, count in left.items():
        if count:
            yield f"trade {trade[0]}: {'we' if count > 0 else 'the venue'} have it {abs(count)} times more"
    sums: dict[UUID, Decimal] = defaultdict(Decimal)
    for trade_row in ours:
        sums[trade_row.order_id] += trade_row.quantity
    for row in rig.rows(OrderRow):
        if row.filled_quantity != sums[row.id]:
            yield f"order {row.id}: filled {row.filled_quantity}, trades {sums[row.id]}"


def _books(rig: CellRig) -> Iterator[str]:
    """Balances are sums of ledger lines, positions are sums of trades."""
    cash: dict[str, Decimal] = defaultdict(Decimal)
    for line in rig.rows(LedgerLineRow):
        if line.ledger_account == "assets:cash":
            cash[line.asset] += line.amount
    ours = {row.asset: row for row in rig.rows(BalanceRow)}
    for asset in ours.keys() | cash.keys():
        total = ours[asset].free + ours[asset].locked if asset in ours else ZERO
        if total != cash[asset]:
            yield f"balance of {asset} {total}, ledger {cash[asset]}"
    sizes: dict[str, Decimal] = defaultdict(Decimal)
    for trade in rig.rows(TradeRow):
        sizes[trade.symbol] += trade.quantity if trade.side == "buy" else -trade.quantity
    positions = {row.symbol: row.size for row in rig.rows(PositionRow)}
    for symbol in sizes.keys() | positions.keys():
        if positions.get(symbol, ZERO) != sizes[symbol]:
            yield f"position in {symbol} {positions.get(symbol)}, trades {sizes[symbol]}"


def _same_books(rig: CellRig) -> Iterator[str]:
    """The venue says the same of balances, locks, positions and their cost."""
    ours = {row.asset: (row.free, row.locked) for row in rig.rows(BalanceRow)}
    theirs = {row.asset: (row.free, row.locked) for row in rig.paper_store.tables.rows(PaperBalanceRow)}
    yield from _same("balances", ours, theirs)
    positions = {row.symbol: (row.size, row.average_price) for row in rig.rows(PositionRow) if ":" in row.symbol}
    venue = {row.symbol: (row.size, row.entry_price) for row in rig.paper_store.tables.rows(PaperPositionRow)}
    yield from _same("positions", positions, venue)
    for row in rig.rows(DiscrepancyRow):
        yield f"discrepancy, {row.state}: {row.kind} {row.asset} ours {row.ours} venue {row.venue}"


def _same_worth(rig: CellRig) -> Iterator[str]:
    """The venue says the same of sizes, and of money less what open positions have cost."""
    sizes = {row.symbol: row.size for row in rig.rows(PositionRow) if ":" in row.symbol}
    venue = {row.symbol: row.size for row in rig.paper_store.tables.rows(PaperPositionRow)}
    yield from _same("positions", _nonzero(sizes), _nonzero(venue))
    ours = {row.asset: row.total for row in rig.rows(BalanceRow)}
    theirs = {row.asset: row.free + row.locked for row in rig.paper_store.tables.rows(PaperBalanceRow)}
    for row in rig.rows(PositionRow):
        if ":" in row.symbol:
            ours[row.symbol.rpartition(":")[2]] -= row.size * row.average_price
    for held in rig.paper_store.tables.rows(PaperPositionRow):
        theirs[held.symbol.rpartition(":")[2]] -= held.size * held.entry_price
    rounded = [{asset: round(total, 9) for asset, total in each.items() if total} for each in (ours, theirs)]
    yield from _same("worth", *rounded)


def _journal(rig: CellRig) -> Iterator[str]:
    heads: dict[str, int] = defaultdict(int)
    shown: dict[str, str] = {}
    for place, event in enumerate(rig.events(), start=1):
        if event.seq != place or event.prev != heads[event.channel]:
            yield f"event {place}: seq {event.seq}, prev {event.prev} on {event.channel} after {heads[event.channel]}"
        heads[event.channel] = event.seq
        if event.channel == "orders":
            data = json.loads(event.data)
            if "lifecycle" in data:
                shown[data["id"]] = data["status"]
    for row in rig.rows(OrderRow):
        if shown.get(str(row.id)) != row.status:
            yield f"order {row.id}: the row says {row.status}, the stream {shown.get(str(row.id))}"


def _decisions(rig: CellRig) -> Iterator[str]:
    inputs = Counter((row.agent_id, row.symbol, row.metadata["count"]) for row in rig.rows(SignalRow))
    for (agent_id, symbol, count), times in inputs.items():
        if times > 1:
            yield f"agent {agent_id} decided {times} times on input {count} of {symbol}"
    signals = {row.id for row in rig.rows(SignalRow)}
    for row in rig.rows(OrderRow):
        if row.agent_id is not None and row.signal_id not in signals:
            yield f"order {row.id} without its signal"


def _memory(rig: CellRig) -> Iterator[str]:
    """The gate, the coordinator, the ledger and the router know what a start from the stores would tell them."""
    rows = rig.rows(OrderRow)
    living = {row.id: row.quantity - row.filled_quantity for row in rows if row.lifecycle != "done"}
    exposures = _actor(rig.gate)._exposures
    agents = {row.id: row.agent_id for row in rows}
    scopes: list[tuple[Scope, UUID, dict[UUID, Decimal]]] = [
        (Scope.USER, USER, living),
        (Scope.ACCOUNT, ACCOUNT, living),
    ]
    for agent in rig.agents:
        own = {order_id: left for order_id, left in living.items() if agents[order_id] == agent.id}
        scopes.append((Scope.AGENT, agent.id, own))
        yield from _same(
            f"pending of {agent.name}",
            {oid: abs(each.remaining) for oid, each in _slot(rig, agent.id).holding.pending.items()},
            own,
        )
        held: dict[str, Decimal] = defaultdict(Decimal)
        for trade in rig.rows(TradeRow):
            if agents[trade.order_id] == agent.id:
                held[trade.symbol] += trade.quantity if trade.side == "buy" else -trade.quantity
        known = {symbol: each.size for symbol, each in _slot(rig, agent.id).holding.positions.items()}
        yield from _same(f"positions of {agent.name}", _nonzero(known), _nonzero(held))
        book = exposures.book(agent.id)
        yield from _same(f"gate's positions of {agent.name}", _sizes(book), _nonzero(held))
    for scope, scope_id, expected in scopes:
        yield from _same(f"reserved for {scope}", dict(exposures.reserved(scope_id)), expected)
    stored = {row.symbol: row.size for row in rig.rows(PositionRow) if row.size}
    yield from _same("gate's positions of the account", _sizes(exposures.book(ACCOUNT)), stored)
    yield from _same("gate's positions of the user", _sizes(exposures.book(USER)), stored)
    totals = {row.asset: row.total for row in rig.rows(BalanceRow)}
    yield from _same("gate's totals", {asset: exposures.total(ACCOUNT, asset) for asset in totals}, totals)
    router = _actor(rig.router)
    yield from _same(
        "living orders of the router",
        {each.row.id: each.state.quantity - each.state.filled_quantity for each in router.memory.living()},
        living,
    )
    if len(router.outbox) or router._waiting or router._gathered is not None:
        yield f"the router still holds {len(router.outbox)} sends, {len(router._waiting)} strangers"
    books = _actor(rig.ledger)._books
    yield from _same(
        "ledger's balances",
        {each.asset: (each.free, each.locked) for each in books.balances() if each.total},
        {row.asset: (row.free, row.locked) for row in rig.rows(BalanceRow) if row.total},
    )


def _same(what: str, was: dict[Any, Any], expected: dict[Any, Any]) -> Iterable[str]:
    if was != expected:
        yield f"{what}: expected {expected}, was {was}"


def _nonzero(sizes: dict[str, Decimal]) -> dict[str, Decimal]:
    return {symbol: size for symbol, size in sizes.items() if size}


def _sizes(book: Any) -> dict[str, Decimal]:
    return {symbol: position.size for symbol, position in book.positions.items() if position.size}


def _slot(rig: CellRig, agent_id: Any) -> Any:
    return _actor(rig.coordinator)._runner.slots[agent_id]


def _actor(ref: Any) -> Any:
    return ref.actor_inbox.actor

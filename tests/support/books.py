"""Compares what the engine's database holds with what the lying venue holds: orders, trades, money, positions.

It shares no code with the engine: rows by SQL on one side, the venue's truth from its own process on the other.
Whatever differs is a line of text; no line is the proof. The account trades at one venue, and
nobody trades beside the engine.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from engine.simulation.venue.audit import VenueSnapshot
from tests.support.audit import CHECKS

ZERO = Decimal(0)
_OWN_CHECKS = {name: sql for name, sql in CHECKS.items() if "paper." not in sql}
"""What can be said without the paper venue's tables."""

_QUERIES = {
    "orders": """
        select client_order_id, venue_client_id, external_order_id, status, lifecycle, filled_quantity, quantity
        from orders where account_id = $1
    """,
    "trades": """
        select symbol, external_trade_id, side, quantity, price, fees, fee_asset, inferred from trades
        where account_id = $1 and voided_by is null
    """,
    "balances": "select asset, total, locked from balances where account_id = $1",
    "positions": "select symbol, size from positions where account_id = $1 and symbol like '%:%' and size <> 0",
}


class Books(NamedTuple):
    """Both sides at one moment."""

    rows: Mapping[str, list[dict[str, Any]]]
    broken: dict[str, list[str]]
    """Checks of the database in itself that fail."""
    venue: VenueSnapshot

    def orders_by_id(self) -> dict[str, dict[str, Any]]:
        """Return the engine's orders by the venue client id."""
        return {row["venue_client_id"]: row for row in self.rows["orders"]}


async def _read(url: str, account_id: UUID) -> tuple[dict[str, list[dict[str, Any]]], dict[str, list[str]]]:
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            rows = {
                name: [dict(row) for row in await connection.fetch(sql, account_id)] for name, sql in _QUERIES.items()
            }
            broken = {}
            for name, sql in _OWN_CHECKS.items():
                if found := await connection.fetch(f"select * from ({sql}) broken limit 10"):
                    broken[name] = [str(dict(row)) for row in found]
            return rows, broken
    finally:
        await connection.close()


def read_books(url: str, account_id: UUID, venue: VenueSnapshot) -> Books:
    """Read the engine's side of an account.

    Args:
        url: Of a role that sees all rows.
        account_id: Whose books.
        venue: The other side, taken before.
    """
    return Books(*asyncio.run(_read(url, account_id)), venue)


# --- What may never be ------------------------------------------------------------------------------------------------


def lost(books: Books) -> list[str]:
    """Return orders that only one side knows: at the venue and not in the database, or believed to be there."""
    ours = books.orders_by_id()
    theirs = {each.order.venue_client_id for each in books.venue.orders}
    found = [f"{client_id}: at the venue, and unknown to the engine" for client_id in sorted(theirs - ours.keys())]
    for client_id, row in ours.items():
        believed = row["external_order_id"] or row["lifecycle"] == "working" or row["filled_quantity"]
        if believed and client_id not in theirs:
            found.append(f"{client_id}: {row['status']} here, and unknown to the venue")
    return found


def doubled(books: Books) -> list[str]:
    """Return orders of which there is more than one for one wish."""
    wishes = Counter(row["client_order_id"] for row in books.rows["orders"])
    found = [f"{name}: {count} orders in the database" for name, count in wishes.items() if count > 1]
    placed = Counter(each.order.venue_client_id for each in books.venue.orders)
    found += [f"{client_id}: {count} orders at the venue" for client_id, count in placed.items() if count > 1]
    taken = Counter(
        seen.venue_client_id for seen in books.venue.requests if seen.request == "submit" and seen.outcome == "accepted"
    )
    found += [f"{client_id}: taken {count} times" for client_id, count in taken.items() if count > 1]
    return found


# --- What must agree at rest ------------------------------------------------------------------------------------------


def unlike(books: Books) -> list[str]:
    """Return everything in which the two sides differ, and every sum in the database that does not hold."""
    sums = [f"{name}: {rows}" for name, rows in books.broken.items()]
    return [*_unlike_orders(books), *_unlike_trades(books), *_unlike_money(books), *sums]


def _unlike_orders(books: Books) -> Iterator[str]:
    ours = books.orders_by_id()
    for client_id, row in ours.items():
        if row["lifecycle"] in {"created", "submitting", "unknown"}:
            yield f"{client_id}: {row['lifecycle']}"
    for each in books.venue.orders:
        found = ours.get(each.order.venue_client_id)
        if found is None:
            continue  # `lost` tells.
        filled = each.order.filled_quantity
        status = ("partial" if filled else "open") if each.order.is_open else str(each.order.done_reason)
        if (found["status"], found["filled_quantity"], found["quantity"]) != (status, filled, each.order.quantity):
            yield (
                f"{each.order.venue_client_id}: {found['status']} {found['filled_quantity']} of {found['quantity']}, "
                f"at the venue {status} {filled} of {each.order.quantity}"
            )


def _unlike_trades(books: Books) -> Iterator[str]:
    ours = Counter(
        (row["symbol"], row["external_trade_id"], row["side"], row["quantity"], row["price"], row["fees"])
        for row in books.rows["trades"]
    )
    theirs = Counter(
        (fill.symbol, fill.external_trade_id, fill.side.value, fill.quantity, fill.price, fill.fee)
        for fill in (trade.fill for trade in books.venue.trades if not trade.is_void and not trade.is_hidden)
    )
    yield from (f"trade {trade}: only here" for trade in ours - theirs)
    yield from (f"trade {trade}: only at the venue" for trade in theirs - ours)


def _unlike_money(books: Books) -> Iterator[str]:
    for account in books.venue.accounts:
        ours = {row["asset"]: (row["total"], row["locked"]) for row in books.rows["balances"]}
        theirs = {each.asset: (each.free + each.locked, each.locked) for each in account.balances}
        for asset in sorted(ours.keys() | theirs.keys()):
            if ours.get(asset, (ZERO, ZERO)) != theirs.get(asset, (ZERO, ZERO)):
                yield f"{asset}: (total, locked) {ours.get(asset)}, at the venue {theirs.get(asset)}"
        sizes = {row["symbol"]: row["size"] for row in books.rows["positions"]}
        held = {each.symbol: each.size for each in account.positions if each.size}
        if sizes != held:
            yield f"positions {sizes}, at the venue {held}"

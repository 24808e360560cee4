"""Accounts and what is in them: trades, positions, balances, ledger, portfolio."""

from uuid import UUID

import msgspec
from aiohttp import web

from actors.api.call import Call, json_answer
from actors.api.decode import Listed, Query, path_id, read_query, time_ns, wrong
from actors.api.problems import not_found
from actors.api.routing import get
from config.settings import SymbolText
from engine.domain.identifiers import AccountId, OrderId
from engine.messages.read_ports import LedgerFilter, TradeFilter

POINTS_MAX = 5_000


class InAccount(Query, frozen=True, kw_only=True):
    """Query of what an account holds."""

    account_id: UUID | None = None


class PositionsQuery(InAccount, frozen=True, kw_only=True):
    """`GET /positions`."""

    symbol: SymbolText | None = None
    flat: bool = False


class TradesQuery(Listed, frozen=True, kw_only=True):
    """`GET /trades`."""

    account_id: UUID | None = None
    symbol: SymbolText | None = None
    order_id: UUID | None = None
    since: str | None = None
    until: str | None = None


class LedgerQuery(Listed, frozen=True, kw_only=True):
    """`GET /ledger/entries`."""

    account_id: UUID | None = None
    order_id: UUID | None = None
    since: str | None = None
    until: str | None = None


class PerformanceQuery(InAccount, frozen=True, kw_only=True):
    """`GET /portfolio/performance`."""

    since: str | None = None
    until: str | None = None
    limit: int = 500
    """Points per account; the range is thinned evenly."""


class _AccountRow(msgspec.Struct):
    id: UUID
    exchange: str


async def list_accounts(call: Call) -> web.Response:
    """Read accounts, oldest first."""
    page = await call.ports.reads.accounts(call.user_id, read_query(call.request, Listed).page)
    for row in msgspec.json.decode(page.items, type=list[_AccountRow]):
        call.context.venues[(call.user_id, AccountId(row.id))] = row.exchange
    return json_answer(page.body)


async def get_account(call: Call) -> web.Response:
    """Read one account."""
    row = await call.ports.reads.account(call.user_id, AccountId(path_id(call.request)))
    if row is None:
        raise not_found("account")
    return json_answer(row)


async def list_trades(call: Call) -> web.Response:
    """Read our executions, newest first."""
    query = read_query(call.request, TradesQuery)
    where = TradeFilter(
        account_id=account_of(query.account_id),
        symbol=query.symbol,
        order_id=order_of(query.order_id),
        since_ns=time_ns(query.since, "since"),
        until_ns=time_ns(query.until, "until"),
    )
    return json_answer((await call.ports.reads.trades(call.user_id, where, query.page)).body)


async def list_positions(call: Call) -> web.Response:
    """Read positions; flat ones only on demand."""
    query = read_query(call.request, PositionsQuery)
    account_id = account_of(query.account_id)
    page = await call.ports.reads.positions(call.user_id, account_id, query.symbol, flat=query.flat)
    return json_answer(page.body)


async def list_balances(call: Call) -> web.Response:
    """Read balances."""
    query = read_query(call.request, InAccount)
    return json_answer((await call.ports.reads.balances(call.user_id, account_of(query.account_id))).body)


async def list_ledger_entries(call: Call) -> web.Response:
    """Read double entries with their lines, newest first."""
    query = read_query(call.request, LedgerQuery)
    where = LedgerFilter(
        account_id=account_of(query.account_id),
        order_id=order_of(query.order_id),
        since_ns=time_ns(query.since, "since"),
        until_ns=time_ns(query.until, "until"),
    )
    return json_answer((await call.ports.reads.ledger_entries(call.user_id, where, query.page)).body)


async def get_portfolio(call: Call) -> web.Response:
    """Read the newest value of everything."""
    read_query(call.request, Query)
    return json_answer(await call.ports.reads.portfolio(call.user_id))


async def list_snapshots(call: Call) -> web.Response:
    """Read the daily portfolio snapshots, newest first."""
    page = read_query(call.request, Listed).page
    return json_answer((await call.ports.reads.snapshots(call.user_id, page)).body)


async def get_performance(call: Call) -> web.Response:
    """Read the accounts' value over time, oldest first."""
    query = read_query(call.request, PerformanceQuery)
    if not 1 <= query.limit <= POINTS_MAX:
        raise wrong("limit", f"1 to {POINTS_MAX}")
    since_ns, until_ns = time_ns(query.since, "since"), time_ns(query.until, "until")
    account_id = account_of(query.account_id)
    page = await call.ports.reads.equity_points(call.user_id, account_id, since_ns, until_ns, query.limit)
    return json_answer(page.body)


def account_of(value: UUID | None) -> AccountId | None:
    """Return an account's id as its own type."""
    return None if value is None else AccountId(value)


def order_of(value: UUID | None) -> OrderId | None:
    """Return an order's id as its own type."""
    return None if value is None else OrderId(value)


ROUTES = (
    get("/accounts", list_accounts),
    get("/accounts/{id}", get_account),
    get("/trades", list_trades),
    get("/positions", list_positions),
    get("/balances", list_balances),
    get("/ledger/entries", list_ledger_entries),
    get("/portfolio", get_portfolio),
    get("/portfolio/snapshots", list_snapshots),
    get("/portfolio/performance", get_performance),
)

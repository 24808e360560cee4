"""Reads everything that a cell needs to continue, in one moment of the database, as the daemon."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import Any, Final, TypeVar
from uuid import UUID

import asyncpg
import orjson

from engine.domain.errors import DependencyAway
from engine.domain.identifiers import AgentId, Symbol, UserId, Venue
from engine.domain.kinds import Side
from engine.domain.values import ZERO, add, divide, multiply
from engine.messages import rows, rows_executors, rows_halts, rows_losses, rows_people, rows_trades
from engine.messages.archive import OrderLoad
from engine.messages.load import AccountState, AgentHolding, AgentState, CellState
from engine.messages.rows import Row
from storage.load_executors import executor_states
from storage.pool import OUTCOME_UNKNOWN, Connection, Pool
from storage.row_decode import columns_of, decode
from storage.sql import statements

RECENT_ORDERS: Final = 1_000
"""Orders whose intent keys a gate knows without a look into the past."""

RECENT_TRADES: Final = 500
"""Trades of a symbol that can be taken back exactly (`engine.domain.position_history`)."""
TOMBSTONES_MAX: Final = 10_000
"""Reports without an order that are remembered, over all accounts of a user."""

INFERRED_AGE: Final = timedelta(days=7)
"""How long the trades behind an inferred fill are asked for after a restart."""
AGENT_TRADES: Final = 1_000
"""Trades of an agent and symbol that are looked at first, the newest."""
DECODED_AT_ONCE: Final = 500
"""Rows that become structs before the loop, and with it the next statement, has a turn: about 5 ms."""

R = TypeVar("R", bound=Row)
_COLUMNS = re.compile(r"\{columns:(\w+)\}")


@cache
def load_statements() -> Mapping[str, str]:
    """Return the statements of `load.sql` with the row structs' columns filled in."""

    def columns(mark: re.Match[str]) -> str:
        module = next(
            each
            for each in (rows_executors, rows_halts, rows_losses, rows_trades, rows_people, rows)
            if hasattr(each, mark[1])
        )
        return columns_of(getattr(module, mark[1]))

    return {name: _COLUMNS.sub(columns, text) for name, text in statements("load").items()}


class CellLoader:
    """Reads cells."""

    def __init__(self, pool: Pool) -> None:
        """Read through a pool of the daemon's role."""
        self._pool = pool
        self._sql = load_statements()

    async def users(self) -> list[UserId]:
        """Return who has an account in use.

        Raises:
            DependencyAway: The database is away. A failed read is never "nobody".
        """
        records = await self._fetch("users")
        return [UserId(_uuid(record["id"])) for record in records]

    async def cell(self, user_id: UserId) -> CellState | None:
        """Read one user's cell, all of one moment; None if the user is gone or not active.

        Raises:
            DependencyAway: The database is away.
        """
        try:
            async with (
                self._pool.acquire() as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                return await self._cell(connection, user_id)
        except OUTCOME_UNKNOWN as error:
            raise DependencyAway("database", why=type(error).__name__) from error

    async def frames(self, session: str) -> list[int]:
        """Return the frames up to which whoever is known has processed a replay session."""
        return [record["frame"] for record in await self._fetch("replay_positions", session)]

    async def last_prices(self, venue: Venue) -> dict[Symbol, Decimal]:
        """Return the newest known price of each instrument of a venue."""
        return {record["symbol"]: record["price"] for record in await self._fetch("last_prices", venue)}

    async def _fetch(self, name: str, *arguments: object) -> list[asyncpg.Record]:
        try:
            return await self._pool.fetch(self._sql[name], *arguments)
        except OUTCOME_UNKNOWN as error:
            raise DependencyAway("database", why=type(error).__name__) from error

    async def _cell(self, connection: Connection, user_id: UserId) -> CellState | None:
        sql = self._sql
        time_zone = await connection.fetchval(sql["user"], user_id)
        if time_zone is None:
            return None
        recent = await connection.fetch(sql["recent_orders"], user_id, RECENT_ORDERS)
        last_day = await connection.fetchrow(sql["last_day"], user_id)
        accounts = await connection.fetch(sql["accounts"], user_id)
        ids = [record["id"] for record in accounts]
        open_orders = await connection.fetch(sql["open_orders"], ids, INFERRED_AGE)
        # The database sums what agents hold, the longest statement of all, while orders become structs here.
        agents, orders = await asyncio.gather(
            self._agents(connection, user_id), _rows_in_turns(rows.OrderRow, open_orders)
        )
        return CellState(
            time_zone=time_zone,
            accounts=await self._accounts(connection, accounts, orders),
            agents=agents,
            limits=_rows(rows_people.LimitRow, await connection.fetch(sql["limits"], user_id)),
            states=_rows(rows.TradingStateRow, await connection.fetch(sql["states"], user_id)),
            halts=_rows(rows_halts.HaltRow, await connection.fetch(sql["halts"], user_id)),
            risk_days=_rows(rows_losses.RiskDayRow, await connection.fetch(sql["risk_days"], user_id)),
            trips=_rows(rows_losses.LimitTripRow, await connection.fetch(sql["trips"], user_id)),
            executors=await executor_states(connection, user_id, sql),
            recent_orders=_rows(rows.OrderRow, reversed(recent)),
            last_day=None if last_day is None else decode(rows.PortfolioSnapshotRow, last_day),
        )

    async def _accounts(
        self, connection: Connection, records: Sequence[asyncpg.Record], orders: Sequence[rows.OrderRow]
    ) -> tuple[AccountState, ...]:
        sql = self._sql
        ids = [record["id"] for record in records]
        loads = _by_account(await order_loads(connection, orders), lambda load: load.row)
        positions = _by_account(_rows(rows.PositionRow, await connection.fetch(sql["positions"], ids)))
        balances = _by_account(_rows(rows.BalanceRow, await connection.fetch(sql["balances"], ids)))
        newest = _rows(rows.TradeRow, await connection.fetch(sql["recent_trades"], ids, RECENT_TRADES))
        recent = _by_account(newest)
        made_of = await connection.fetch(sql["lots"], ids, [trade.id for trade in newest])
        lots = _by_account(_rows(rows_trades.LotRow, made_of))
        values = _by_account(_rows(rows.EquityPointRow, await connection.fetch(sql["last_values"], ids)))
        kept = await connection.fetch(sql["tombstones"], ids, TOMBSTONES_MAX)
        tombstones = _by_account(_rows(rows_trades.TradeEvidenceRow, kept))
        open_ones = await connection.fetch(sql["discrepancies"], ids)
        discrepancies = _by_account(_rows(rows.DiscrepancyRow, open_ones))
        return tuple(
            AccountState(
                row=decode(rows_people.AccountRow, record),
                orders=loads[_uuid(record["id"])],
                positions=positions[_uuid(record["id"])],
                balances=balances[_uuid(record["id"])],
                discrepancies=discrepancies[_uuid(record["id"])],
                recent_trades=recent[_uuid(record["id"])],
                lots=lots[_uuid(record["id"])],
                tombstones=tombstones[_uuid(record["id"])],
                is_opened=record["is_opened"],
                last_value=next(iter(values[_uuid(record["id"])]), None),
                watermark=record["watermark"],
            )
            for record in records
        )

    async def _agents(self, connection: Connection, user_id: UserId) -> tuple[AgentState, ...]:
        records = await connection.fetch(self._sql["agents"], user_id)
        holdings = holdings_of(await self._agent_trades(connection, user_id))
        return tuple(
            AgentState(
                row=decode(rows.AgentRow, record),
                version=record["version"],
                state=None if record["state"] is None else orjson.loads(record["state"]),
                input_position=record["input_position"],
                holdings=tuple(each for each in holdings if each.agent_id == _uuid(record["id"])),
            )
            for record in records
        )

    async def _agent_trades(self, connection: Connection, user_id: UserId) -> list[asyncpg.Record]:
        """Read what agents hold: mostly the newest trades tell where a position began."""
        sql = self._sql["agent_trades"]
        records = await connection.fetch(sql, user_id, AGENT_TRADES)
        if any(record["total"] and record["side"] is None for record in records):
            records = await connection.fetch(sql, user_id, None)
        return records


async def order_loads(connection: Connection, orders: Sequence[rows.OrderRow]) -> list[OrderLoad]:
    """Read what belongs to some orders: all trades, requests that are not answered, and evidence."""
    sql = load_statements()
    ids = [order.id for order in orders]
    trades: dict[UUID, list[rows.TradeRow]] = defaultdict(list)
    for trade in _rows(rows.TradeRow, await connection.fetch(sql["trades_of_orders"], ids)):
        trades[trade.order_id].append(trade)
    requests: dict[UUID, list[rows.OrderRequestRow]] = defaultdict(list)
    for request in _rows(rows.OrderRequestRow, await connection.fetch(sql["requests_of_orders"], ids)):
        requests[request.order_id].append(request)
    evidence: dict[UUID, list[rows_trades.TradeEvidenceRow]] = defaultdict(list)
    for report in _rows(rows_trades.TradeEvidenceRow, await connection.fetch(sql["evidence_of_orders"], ids)):
        if report.order_id is not None:
            evidence[report.order_id].append(report)
    return [
        OrderLoad(
            row=order,
            trades=tuple(trades[order.id]),
            requests=tuple(requests[order.id]),
            evidence=tuple(evidence[order.id]),
        )
        for order in orders
    ]


def _rows(row_class: type[R], records: Iterable[asyncpg.Record]) -> tuple[R, ...]:
    return tuple(decode(row_class, record) for record in records)


async def _rows_in_turns(row_class: type[R], records: Sequence[asyncpg.Record]) -> tuple[R, ...]:
    decoded: list[R] = []
    for start in range(0, len(records), DECODED_AT_ONCE):
        await asyncio.sleep(0)  # noqa: TID251 - no time passes, the loop gets a turn.
        decoded += _rows(row_class, records[start : start + DECODED_AT_ONCE])
    return tuple(decoded)


def _by_account(items: Iterable[Any], row_of: Any = lambda item: item) -> defaultdict[UUID, tuple[Any, ...]]:
    groups: defaultdict[UUID, list[Any]] = defaultdict(list)
    for item in items:
        groups[row_of(item).account_id].append(item)
    return defaultdict(tuple, {account_id: tuple(group) for account_id, group in groups.items()})


def holdings_of(records: Iterable[Any]) -> list[AgentHolding]:
    """Turn the trades since each position began into its average price.

    What was realised follows from the whole: realised = cash flow + size x average price.
    """
    groups: dict[tuple[UUID, Symbol], list[Any]] = defaultdict(list)
    for record in records:
        groups[_uuid(record["agent_id"]), record["symbol"]].append(record)
    return [_holding(AgentId(agent_id), symbol, group) for (agent_id, symbol), group in groups.items()]


def _holding(agent_id: AgentId, symbol: Symbol, group: Sequence[Any]) -> AgentHolding:
    size = cost = ZERO
    for record in group:
        if record["side"] is None:
            continue  # It is flat: no trade belongs to it.
        quantity = record["quantity"] if record["side"] == Side.BUY else -record["quantity"]
        if record["is_first"]:
            # Only what went past flat is part of the position that began here.
            size, cost = record["size"], multiply(record["size"], record["price"])
        elif record["size"] == 0:
            size = cost = ZERO
        elif size * quantity > 0:
            size, cost = add(size, quantity), add(cost, multiply(quantity, record["price"]))
        else:
            cost = multiply(divide(cost, size), record["size"])
            size = record["size"]
    average = ZERO if size == 0 else divide(cost, size)
    return AgentHolding(
        agent_id=agent_id,
        symbol=symbol,
        size=size,
        average_price=average,
        realized_pnl=add(group[0]["cash_flow"], cost),
        fees=group[0]["fees"],
    )


def _uuid(value: UUID) -> UUID:
    # asyncpg's own UUID class compares equal and hashes alike, but JSON encoders refuse it.
    return UUID(int=value.int)

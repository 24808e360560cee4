"""What tests of the read side share: the reads over a pool, and rows with only the fields that matter to a test."""

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec

from engine.domain.identifiers import UserId
from engine.messages.read_ports import Page
from engine.messages.rows import OrderRow, TradeRow
from storage.pool import Connection, Pool, open_pool
from storage.reads import PostgresReads
from storage.roles import DatabaseRole
from tests.support.postgres import PostgresDatabase
from tests.support.tenants import Tenant, insert_tenant

ANN, BOB = Tenant(1), Tenant(2)
ANN_ID, BOB_ID = UserId(ANN.user), UserId(BOB.user)
START_NS = 1_768_478_400_000_000_000
"""2026-01-15T12:00:00Z, the time of what `insert_tenant` inserts."""
S = 1_000_000_000


class World(msgspec.Struct):
    """Two tenants with a row in every table, the reads, and the daemon's connection to write with."""

    reads: PostgresReads
    daemon: Connection
    pool: Pool


@contextlib.asynccontextmanager
async def opened_world(database: PostgresDatabase) -> AsyncIterator[World]:
    """Give the world; a test makes what it needs beyond."""
    daemon = await database.connect()
    for tenant in (ANN, BOB):
        await insert_tenant(daemon, tenant)
    pool = await open_pool(database.endpoints, DatabaseRole.API, size=2)
    try:
        yield World(PostgresReads(pool), daemon, pool)
    finally:
        pool.terminate()
        await daemon.close()


def items(page: Page) -> list[dict[str, Any]]:
    """Decode a page."""
    found: list[dict[str, Any]] = json.loads(page.items)
    return found


def values(page: Page, column: str) -> list[Any]:
    """Return one column of a page."""
    return [item[column] for item in items(page)]


def an_order(number: int, tenant: Tenant = ANN, **changes: Any) -> OrderRow:
    """Return a working order to buy; `number` makes its id, its keys and the second in which it was created."""
    fields: dict[str, Any] = {
        "id": tenant.id(1_000 + number), "user_id": tenant.user, "account_id": tenant.account,
        "external_order_id": None, "client_order_id": f"mine-{number}", "venue_client_id": f"cv-{number}",
        "intent_key": f"key-{number}", "symbol": "BTC/USDT", "side": "buy", "type": "limit", "quantity": "0.1",
        "price": "100", "stop_price": None, "time_in_force": "GTC", "post_only": False, "reduce_only": False,
        "position_side": "net", "status": "open", "status_detail": None, "lifecycle": "working", "done_reason": None,
        "filled_quantity": "0", "average_price": None, "fees": "0", "fee_asset": None, "exchange": "simulated",
        "origin": "api", "agent_id": None, "strategy_id": None, "executor_id": None, "signal_id": None,
        "correlation_id": tenant.id(2_000 + number), "fence": 1, "send_by": None,
        "created_at": START_NS + number * S, "updated_at": START_NS + number * S,
    }  # fmt: skip
    return msgspec.convert(fields | changes, OrderRow, strict=False)


def a_trade(number: int, order: OrderRow, **changes: Any) -> TradeRow:
    """Return an execution of an order; `number` makes its ids and the second in which it happened."""
    fields: dict[str, Any] = {
        "id": UUID(int=order.user_id.int + 3_000 + number), "order_id": order.id, "user_id": order.user_id,
        "account_id": order.account_id, "external_trade_id": f"t-{number}", "symbol": order.symbol, "side": order.side,
        "quantity": "0.05", "price": "100", "fees": "0.01", "fee_asset": "USDT", "liquidity": "maker",
        "inferred": False, "realized_pnl": "0", "exchange": order.exchange, "correlation_id": order.correlation_id,
        "executed_at": START_NS + number * S, "created_at": START_NS + number * S,
    }  # fmt: skip
    return msgspec.convert(fields | changes, TradeRow, strict=False)

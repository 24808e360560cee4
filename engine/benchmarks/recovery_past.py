"""Fills a data directory's database with a long past, on both sides: the engine's and its paper venue's.

Rows are made by the database itself from a series of numbers, in minutes for a million orders.
"""

from typing import Any, Final

from storage.pool import open_pool
from storage.roles import DatabaseRole, Endpoints
from storage.sql import statements

_ACCOUNT: Final = ("id", "user_id")
_VENUE: Final = (*_ACCOUNT, "exchange")
STEPS: Final[dict[str, tuple[str, ...]]] = {
    "agent": _ACCOUNT,
    "past_orders": (*_VENUE, "past"),
    "open_orders": (*_VENUE, "past", "open"),
    "trades": (),
    "entries": (),
    "lines": (),
    "position": (*_VENUE, "past"),
    "balances": (),
    "watermark": _ACCOUNT,
    "paper_orders": (),
    "paper_trades": (),
    "paper_balances": (),
    "paper_position": ("exchange", "past", "open"),
}
"""Statement -> what it takes; in the order in which one builds on the other."""


async def fill(endpoints: Endpoints, *, past: int, still_open: int) -> None:
    """Write the past of the one account that there is.

    Args:
        endpoints: Of an embedded server whose engine does not run; it has started once, without trading.
        past: Orders that are done, a multiple of 4; half of them have a trade.
        still_open: Orders that rest.
    """
    sql = statements("bench")
    pool = await open_pool(endpoints, DatabaseRole.ADMIN, size=1, command_timeout_s=None)
    try:
        async with pool.acquire() as connection:
            account = await connection.fetchrow(sql["account"])
            assert account is not None, "expected one account"
            await connection.execute(sql["fast"])
            values = {**account, "past": past, "open": still_open}
            for step, names in STEPS.items():
                await connection.execute(sql[step], *[values[name] for name in names])
        for command in ("VACUUM ANALYZE", "CHECKPOINT"):
            await pool.execute(command)
    finally:
        await pool.close()


async def found(endpoints: Endpoints, *, past: int, still_open: int) -> dict[str, Any]:
    """Return what the newest comparison found, and under `unlike` how many orders are not as they were."""
    sql = statements("bench")
    pool = await open_pool(endpoints, DatabaseRole.READER, size=1, command_timeout_s=None)
    try:
        run = await pool.fetchrow(sql["last_run"])
        assert run is not None, "expected a comparison"
        return {**run, "unlike": await pool.fetchval(sql["unlike"], still_open, past)}
    finally:
        await pool.close()

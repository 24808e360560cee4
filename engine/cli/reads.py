"""Commands that read a running engine over HTTP."""

import click

from engine.cli.client import Client
from engine.cli.options import Target, target_options
from engine.cli.output import print_json, print_object, print_rows

COLUMNS = {
    "orders": (
        "created_at",
        "symbol",
        "side",
        "type",
        "quantity",
        "price",
        "filled_quantity",
        "status",
        "origin",
        "id",
    ),
    "trades": ("executed_at", "symbol", "side", "quantity", "price", "fees", "fee_asset", "realized_pnl", "liquidity"),
    "positions": ("symbol", "position_side", "size", "average_price", "mark_price", "unrealized_pnl", "realized_pnl"),
    "balances": ("asset", "free", "locked", "total", "usd_value", "exchange"),
    "agents": ("name", "agent_type", "status", "symbols", "last_decision_at", "id"),
    "alerts": ("created_at", "severity", "alert_type", "message", "id"),
}
PATHS = {"alerts": "risk/alerts"}
"""Where a list is that is not at its own name."""
LIMIT = click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="Rows at most.")
SYMBOL = click.option("--symbol", help="Only this symbol.")
ACCOUNT = click.option("--account", "account_id", help="Only this account id.")


def _list(target: Target, what: str, empty: str, **query: object) -> None:
    answer = Client.find(target).get(f"/{PATHS.get(what, what)}", **query)
    if target.as_json:
        print_json(answer)
    else:
        print_rows(answer["items"], COLUMNS[what], empty=empty)


@click.command()
@target_options
def status(target: Target) -> None:
    """Show readiness, trading state and portfolio of a running engine."""
    client = Client.find(target)
    value = {
        "url": client.url,
        "ready": client.call("GET", "/readyz"),
        "control": client.get("/control/state"),
        "portfolio": client.get("/portfolio"),
    }
    if target.as_json:
        print_json(value)
    else:
        print_object(value)


@click.command()
@target_options
@ACCOUNT
@SYMBOL
@click.option("--status", "state", help="Only this one: pending, open, partial, filled, cancelled, rejected, expired.")
@LIMIT
def orders(target: Target, account_id: str | None, symbol: str | None, state: str | None, limit: int) -> None:
    """List orders, newest first."""
    _list(target, "orders", "No orders.", account_id=account_id, symbol=symbol, status=state, limit=limit)


@click.command()
@target_options
@ACCOUNT
@SYMBOL
@LIMIT
def trades(target: Target, account_id: str | None, symbol: str | None, limit: int) -> None:
    """List executions, newest first."""
    _list(target, "trades", "No trades.", account_id=account_id, symbol=symbol, limit=limit)


@click.command()
@target_options
def positions(target: Target) -> None:
    """List open positions."""
    _list(target, "positions", "No open positions.")


@click.command()
@target_options
def balances(target: Target) -> None:
    """List balances."""
    _list(target, "balances", "No balances.")


@click.command()
@target_options
def agents(target: Target) -> None:
    """List agents."""
    _list(target, "agents", "No agents.")


@click.command()
@target_options
@LIMIT
def alerts(target: Target, limit: int) -> None:
    """List risk alerts, newest first."""
    _list(target, "alerts", "No alerts.", limit=limit)

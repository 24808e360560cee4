"""Executors of a running engine: durable plans that place and follow orders of their own."""

from typing import Any
from uuid import UUID

import click

from engine.cli.client import Client
from engine.cli.control import only_account
from engine.cli.options import Target, target_options
from engine.cli.output import print_json, print_object, print_rows

KINDS = click.Choice(["bracket", "twap", "grid", "dca", "chase"])
COLUMNS = ["id", "kind", "symbol", "side", "status", "status_reason", "generation", "realized_pnl", "created_at"]
ORDER_COLUMNS = ["intent_key", "side", "type", "quantity", "filled_quantity", "price", "stop_price", "status"]


@click.group()
def executor() -> None:
    """Brackets, TWAPs, grids, DCAs and chases: they go on over restarts until they are done."""


@executor.command()
@target_options
@click.argument("kind", type=KINDS)
@click.option("--account", "account_id", help="Account id; may be left out by who has one account.")
@click.option("--symbol", required=True, help="Such as BTC/USDT.")
@click.option("--side", type=click.Choice(["buy", "sell"]), required=True, help="Of the entry.")
@click.option("--quantity", required=True, help="Base units; of a grid per level.")
@click.option("-p", "--param", "params", multiple=True, metavar="NAME=VALUE", help="A setting of the kind; repeatable.")
def start(
    target: Target, kind: str, account_id: str | None, symbol: str, side: str, quantity: str, params: tuple[str, ...]
) -> None:
    """Start an executor, such as `start twap ... -p duration=3600 -p slices=12`.

    Settings: bracket (entry_price, stop_price, take_price, entry_timeout), twap (duration, slices, limit_price), grid
    (lower_price, upper_price, levels, stop_price), dca (safety_orders, step_percent, step_scale, size_scale,
    take_percent, stop_percent), chase (repeg_ticks, max_distance_percent, timeout, then). Times are seconds.
    """
    configuration = {"side": side, "quantity": quantity} | dict(map(_setting, params))
    client = Client.find(target)
    account_id = account_id or only_account(client)
    body = {"account_id": account_id, "kind": kind, "symbol": symbol, "configuration": configuration}
    answer = client.call("POST", "/api/v1/executors", body=body)
    _show(target, answer, f"{answer['kind']} {answer['id']}: {answer['status']}")


@executor.command("list")
@target_options
@click.option("--status", help="Only this one: active, paused, stopping, done, cancelled, error.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="Rows.")
def list_(target: Target, status: str | None, limit: int) -> None:
    """List executors, newest first."""
    query = {"limit": str(limit)} | ({} if status is None else {"status": status})
    answer = Client.find(target).call("GET", "/api/v1/executors", query=query)
    if target.as_json:
        print_json(answer)
    else:
        print_rows(answer["items"], COLUMNS, empty="No executors.")


@executor.command()
@target_options
@click.argument("executor_id", type=click.UUID)
def show(target: Target, executor_id: UUID) -> None:
    """Show one executor with its newest orders."""
    answer = Client.find(target).call("GET", f"/api/v1/executors/{executor_id}")
    if target.as_json:
        print_json(answer)
        return
    orders = answer.pop("orders")
    print_object(answer)
    print_rows(orders, ORDER_COLUMNS, empty="No orders.")


@executor.command()
@target_options
@click.argument("executor_id", type=click.UUID)
@click.option("--flatten", is_flag=True, help="Close at the market what it holds.")
def stop(target: Target, executor_id: UUID, *, flatten: bool) -> None:
    """Cancel everything that an executor has open, and end it."""
    query = {"flatten": "true"} if flatten else {}
    answer = Client.find(target).call("DELETE", f"/api/v1/executors/{executor_id}", query=query)
    _show(target, answer, f"{answer['kind']} {executor_id}: {answer['status']}")


@executor.command()
@target_options
@click.argument("executor_id", type=click.UUID)
def pause(target: Target, executor_id: UUID) -> None:
    """Cancel what an executor has open but its protective stops, and place nothing new."""
    _command(target, executor_id, "pause")


@executor.command()
@target_options
@click.argument("executor_id", type=click.UUID)
def resume(target: Target, executor_id: UUID) -> None:
    """Let a paused or failed executor go on."""
    _command(target, executor_id, "resume")


def _command(target: Target, executor_id: UUID, verb: str) -> None:
    answer = Client.find(target).call("POST", f"/api/v1/executors/{executor_id}/{verb}")
    _show(target, answer, f"{answer['kind']} {executor_id}: {answer['status']}")


def _setting(text: str) -> tuple[str, str]:
    """Read `name=value`."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.BadParameter(f"expected NAME=VALUE, was {text!r}", param_hint="--param")
    return name, value


def _show(target: Target, answer: Any, line: str) -> None:
    if target.as_json:
        print_json(answer)
    else:
        click.echo(line)

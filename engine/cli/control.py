"""Commands that act on a running engine over HTTP."""

from typing import Any
from uuid import UUID

import click

from engine.cli.client import Client, Refused
from engine.cli.options import Target, target_options
from engine.cli.output import print_json, print_object, print_rows
from engine.domain.kinds import OrderType

SCOPE = click.option(
    "--scope",
    type=click.Choice(["engine", "user", "account", "agent"]),
    default="user",
    show_default=True,
    help="How wide.",
)
SCOPE_ID = click.option("--id", "scope_id", type=click.UUID, help="The account or agent.")
REASON = click.option("--reason", required=True, help="Why; kept in the audit log.")


def _done(target: Target, answer: Any, line: str) -> None:
    if target.as_json:
        print_json(answer)
    else:
        click.echo(line)


@click.command()
@target_options
@SCOPE
@SCOPE_ID
@REASON
@click.option("--flatten", is_flag=True, help="Close the positions too, with orders that can only reduce.")
@click.option("--wait", type=click.FloatRange(0, 25), default=15.0, show_default=True, help="Seconds for the proof.")
def halt(target: Target, scope: str, scope_id: UUID | None, reason: str, *, flatten: bool, wait: float) -> None:
    """Stop new orders and cancel open ones, until somebody resumes. Fails if not all of it is proven in time."""
    body = {"scope": scope, "scope_id": scope_id, "reason": reason, "flatten": flatten}
    answer = Client.find(target).call("POST", "/api/v1/control/halt", body=body, query={"wait": str(wait)})
    report = answer.get("report") or {"state": "unknown"}
    if target.as_json:
        print_json(answer)
    else:
        click.echo(f"halted: {scope}, cancels requested: {answer.get('cancels_requested', 0)}")
        _print_proof(report)
    if report["state"] != "proven":
        raise click.exceptions.Exit(1)


def _print_proof(report: dict[str, Any]) -> None:
    """Print what is proven and what is not."""
    rows = [
        {"what": "order", "which": each["order_id"], "symbol": each["symbol"], "outcome": each["outcome"], "why": ""}
        for each in report.get("orders", [])
    ]
    rows += [
        {"what": "position", "which": each["account_id"], "symbol": each["symbol"],
         "outcome": f"{each['outcome']} {each['size']}", "why": each["why"]}
        for each in report.get("positions", [])
    ]  # fmt: skip
    rows += [
        {"what": "account", "which": each.get("account_id", each.get("user_id")), "symbol": "",
         "outcome": each["outcome"], "why": each["why"]}
        for each in report.get("accounts", [])
    ]  # fmt: skip
    print_rows(rows, ["what", "which", "symbol", "outcome", "why"], empty="nothing was open")
    click.echo(f"proof: {report['state']}")


@click.command()
@target_options
@SCOPE
@SCOPE_ID
@REASON
def resume(target: Target, scope: str, scope_id: UUID | None, reason: str) -> None:
    """Allow new orders again."""
    body = {"scope": scope, "scope_id": scope_id, "reason": reason}
    answer = Client.find(target).call("POST", "/api/v1/control/resume", body=body)
    _done(target, answer, f"active: {scope}")


@click.group()
def order() -> None:
    """Place and cancel orders."""


@order.command("place")
@target_options
@click.argument("side", type=click.Choice(["buy", "sell"]))
@click.argument("quantity")
@click.argument("symbol")
@click.option("--type", type=click.Choice([each.value for each in OrderType]), default="market")
@click.option("--price", help="Limit price.")
@click.option("--stop-price", help="Trigger price of a stop or take-profit.")
@click.option("--tif", "time_in_force", type=click.Choice(["GTC", "IOC", "FOK"]), help="Time in force.")
@click.option("--post-only", is_flag=True, default=None, help="Never take.")
@click.option("--reduce-only", is_flag=True, default=None, help="Only shrink a position.")
@click.option("--account", "account_id", help="Account id; may be left out by who has one account.")
def place(target: Target, **given: object) -> None:
    """Place an order: cival order place buy 0.01 BTC/USDT --type limit --price 60000."""
    client = Client.find(target)
    body = {key: value for key, value in given.items() if value is not None}
    if "account_id" not in body:
        body["account_id"] = only_account(client)
    answer = client.call("POST", "/api/v1/orders", body=body, query={"wait": "ack"})
    if target.as_json:
        print_json(answer)
    else:
        print_object({key: answer.get(key) for key in ("id", "status", "filled_quantity", "average_price")})


def only_account(client: Client) -> str:
    """Return the id of the one account that there is.

    Raises:
        click.UsageError: There is none, or more than one.
    """
    accounts = client.get("/accounts")["items"]
    if len(accounts) != 1:
        names = ", ".join(f"{account['name']} {account['id']}" for account in accounts)
        raise click.UsageError(f"--account: expected one of {names or 'no accounts'}")
    return str(accounts[0]["id"])


@order.command("cancel")
@target_options
@click.argument("order_id", type=click.UUID)
def cancel(target: Target, order_id: UUID) -> None:
    """Ask the venue to cancel one order."""
    answer = Client.find(target).call("DELETE", f"/api/v1/orders/{order_id}")
    _done(target, answer, f"cancel requested: {order_id}")


@order.command("amend")
@target_options
@click.argument("order_id", type=click.UUID)
@click.option("--quantity", help="The whole quantity afterwards, what is filled included.")
@click.option("--price")
@click.option("--stop-price")
def amend(target: Target, order_id: UUID, *, quantity: str | None, price: str | None, stop_price: str | None) -> None:
    """Ask the venue to change an open order; what is not given stays."""
    given = {"quantity": quantity, "price": price, "stop_price": stop_price}
    body = {name: value for name, value in given.items() if value is not None}
    answer = Client.find(target).call("PATCH", f"/api/v1/orders/{order_id}", body=body)
    _done(target, answer, f"amend requested: {order_id}")


@order.command("cancel-all")
@target_options
@click.option("--account", "account_id", help="Only this account id.")
@click.option("--symbol", help="Only this symbol.")
def cancel_all(target: Target, account_id: str | None, symbol: str | None) -> None:
    """Ask for every open order that matches to be cancelled."""
    query = {"account_id": account_id, "symbol": symbol}
    answer = Client.find(target).call("DELETE", "/api/v1/orders", query=query) or {}
    _done(target, answer, f"cancels requested: {len(answer.get('order_ids', []))}")


@click.group()
def agent() -> None:
    """Start, pause and stop agents."""


def _agent_command(verb: str, help_text: str) -> click.Command:
    @click.command(verb, help=help_text)
    @target_options
    @click.argument("name_or_id")
    def command(target: Target, name_or_id: str) -> None:
        client = Client.find(target)
        answer = client.call("POST", f"/api/v1/agents/{_agent_id(client, name_or_id)}/{verb}")
        _done(target, answer, f"{name_or_id}: {answer.get('status')}")

    return command


def _agent_id(client: Client, name_or_id: str) -> str:
    found = [row for row in client.get("/agents")["items"] if name_or_id in (row["name"], row["id"])]
    if not found:
        raise Refused(404, {"code": "not_found", "detail": f"no agent is called {name_or_id}"})
    return str(found[0]["id"])


agent.add_command(_agent_command("start", "Let an agent trade."))
agent.add_command(_agent_command("pause", "Let an agent watch, without signals."))
agent.add_command(_agent_command("stop", "Stop an agent and cancel its open orders."))

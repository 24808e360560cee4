"""Commands that compare accounts with their venues, over HTTP."""

from typing import Any
from uuid import UUID

import click

from engine.cli.client import Client
from engine.cli.options import Target, target_options
from engine.cli.output import print_json, print_object, print_rows

COLUMNS = ("created_at", "state", "kind", "asset", "ours", "venue", "guess", "id")
SHOWN = ("outcome", "reason", "matched", "adopted", "late_fills", "inferred", "absent", "cannot_tell", "discrepancies")
STATES = ("open", "explained", "written_off", "all")


@click.command()
@target_options
@click.argument("account_id", type=click.UUID)
@click.option("--deep", is_flag=True, help="Fetch far back, and ask for every open order one by one.")
def reconcile(target: Target, account_id: UUID, deep: bool) -> None:  # noqa: FBT001 - as click calls it.
    """Compare an account with its venue now."""
    answer = Client.find(target).call("POST", f"/api/v1/accounts/{account_id}/reconcile", body={"deep": deep})
    if target.as_json:
        print_json(answer)
    else:
        print_object({name: answer.get(name) for name in SHOWN if answer.get(name) != ""})
    if answer.get("outcome") == "failed":
        raise SystemExit(1)


@click.group(invoke_without_command=True)
@target_options
@click.option("--account", "account_id", type=click.UUID, help="Only this account id.")
@click.option("--state", type=click.Choice(STATES), default="open", show_default=True, help="Which.")
@click.pass_context
def discrepancies(context: click.Context, target: Target, account_id: UUID | None, state: str) -> None:
    """List differences to venues, or write one off."""
    if context.invoked_subcommand is not None:
        return
    client = Client.find(target)
    accounts = [str(account_id)] if account_id else [str(row["id"]) for row in client.get("/accounts")["items"]]
    query = {} if state == "all" else {"state": state}
    items: list[dict[str, Any]] = []
    for each in accounts:
        items += client.get(f"/accounts/{each}/discrepancies", **query)["items"]
    if target.as_json:
        print_json({"items": items})
    else:
        print_rows(items, COLUMNS, empty="No discrepancies.")


def _settler(name: str, help_text: str) -> click.Command:
    @click.command(name, help=help_text)
    @target_options
    @click.argument("account_id", type=click.UUID)
    @click.argument("discrepancy_id", type=click.UUID)
    @click.option("--reason", required=True, help="Why; kept in the audit log.")
    def command(target: Target, account_id: UUID, discrepancy_id: UUID, reason: str) -> None:
        path = f"/api/v1/accounts/{account_id}/discrepancies/{discrepancy_id}/{name}"
        answer = Client.find(target).call("POST", path, body={"reason": reason})
        if target.as_json:
            print_json(answer)
        else:
            click.echo(f"{answer['state']}: {answer['asset']}")

    return command


discrepancies.add_command(_settler("write-off", "Book a difference as an adjustment."))
discrepancies.add_command(_settler("take-back", "Reverse the adjustment of a write-off."))

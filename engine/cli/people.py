"""`cival user` and `cival token`: identity, written straight to the database, whether an engine runs or not."""

import sys
from pathlib import Path

import click

from engine.bootstrap.people import add_user, create_token, list_users
from engine.cli.database import with_database
from engine.cli.options import config_option, data_dir_option, json_option
from engine.cli.output import print_json, print_rows
from engine.domain.kinds import Role
from engine.runtime.secret import Secret


@click.group()
def user() -> None:
    """Add and list users."""


@user.command("add")
@config_option
@data_dir_option
@json_option
@click.argument("email")
@click.option("--role", type=click.Choice([role.value for role in Role]), default=Role.TRADER.value, show_default=True)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input; else one is made.")
def add(
    *, config_file: Path | None, data_dir: Path | None, as_json: bool, email: str, role: str, password_stdin: bool
) -> None:
    """Add a user. Without --password-stdin a password is made and printed once."""
    given = _read_password() if password_stdin else None
    added = with_database(config_file, data_dir, lambda db: add_user(db, email, Role(role), given))
    if as_json:
        print_json({"id": added.user_id, "email": email, "role": role, "password": added.password})
    else:
        click.echo(f"{email}: {role}, id {added.user_id}")
        if added.password is not None:
            click.echo(f"password (shown once): {added.password}")


def _read_password() -> Secret:
    if sys.stdin.isatty():
        return Secret(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return Secret(sys.stdin.readline().rstrip("\n"))


@user.command("list")
@config_option
@data_dir_option
@json_option
def listing(*, config_file: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """List users, oldest first."""
    people = with_database(config_file, data_dir, list_users)
    if as_json:
        print_json({"items": people, "next_cursor": None})
    else:
        print_rows(people, ("email", "role", "is_active", "time_zone", "created_at", "id"), empty="No users.")


@click.group()
def token() -> None:
    """Create API tokens."""


@token.command("create")
@config_option
@data_dir_option
@json_option
@click.argument("email")
@click.option("--ttl", default="30d", show_default=True, help="How long it is good: 12h, 30d.")
@click.option("--name", default="cli", show_default=True, help="What it is for.")
def create(*, config_file: Path | None, data_dir: Path | None, as_json: bool, email: str, ttl: str, name: str) -> None:
    """Create a bearer token for a user and print it once."""
    made = with_database(config_file, data_dir, lambda db: create_token(db, email, ttl, name))
    if as_json:
        print_json({"token": made.token, "email": email, "expires_at": made.expires_at})
    else:
        click.echo(made.token)

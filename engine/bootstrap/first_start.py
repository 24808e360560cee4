"""Writes what the configuration adds to the database, and the identities by which people get in."""

import asyncio
from typing import Any, Final
from uuid import UUID, uuid5

from actors.api.auth_passwords import hash_password
from actors.api.auth_tokens import new_password, new_token, token_hash
from config.settings import Settings, duration_ns
from engine.bootstrap.configure import Configurator, Plan, user_rows
from engine.bootstrap.local import LocalFiles
from engine.bootstrap.stores import Stores
from engine.domain.identifiers import UserId, Venue
from engine.domain.ports import Clock, Ids
from engine.messages.rows import Row
from engine.messages.rows_people import UserSessionRow
from engine.messages.writing import unit_without_cell
from engine.runtime.ref import Ref
from storage.applied import Applied, read_applied

LOCAL_TOKEN_TTL: Final = "365d"  # noqa: S105 - a duration.


async def apply_configuration(
    settings: Settings, stores: Stores, venue: Venue, *, clock: Clock, ids: Ids, local: LocalFiles
) -> Plan:
    """Bring users, accounts, agents and limits of the file into the database, in one unit of work.

    New users get a password; the first admin's is kept in the data directory until the first login.

    Raises:
        ConfigError: An agent's type or parameters are wrong; nothing was written.
        DependencyAway: The database is away.
    """
    applied = await read_applied(stores.daemon_pool)
    plan = Configurator(settings, applied, venue, clock=clock, ids=ids).plan()
    hashes = {}
    for email in plan.new_users:
        password = new_password()
        hashes[email] = await asyncio.to_thread(hash_password, password)
        if email == plan.first_admin:
            local.keep_first_login(email, password)
    rows: list[Row] = user_rows(plan, hashes, clock.now_ns()) + plan.rows
    if rows:
        await _write(stores.writer, ids, rows)
    return plan


async def keep_local_token(stores: Stores, *, clock: Clock, ids: Ids, local: LocalFiles, node_id: UUID) -> None:
    """Make a new admin token for the command line of this data directory; the one before it ends."""
    applied = await read_applied(stores.daemon_pool)
    admin = await _first_admin(stores, applied)
    if admin is None:
        return
    token = new_token()
    now_ns = clock.now_ns()
    row = UserSessionRow(
        # One row for each data directory: a start replaces the token of the start before, and no other engine's.
        id=uuid5(admin, f"local-token/{node_id}"),
        user_id=admin,
        token_hash=token_hash(token),
        kind="token",
        name="this machine",
        expires_at=now_ns + duration_ns(LOCAL_TOKEN_TTL),
        revoked_at=None,
        created_at=now_ns,
    )
    await _write(stores.writer, ids, [row])
    local.keep_token(token)


async def _first_admin(stores: Stores, applied: Applied) -> UserId | None:
    for item in sorted(applied.users.values(), key=lambda each: each.created_at_ns):
        person = await stores.identity.person(UserId(item.id))
        if person is not None and person.is_active and person.role == "admin":
            return person.user_id
    return None


async def _write(writer: Ref[Any], ids: Ids, rows: list[Row]) -> None:
    await writer.ask(unit_without_cell(ids, tuple(rows)))

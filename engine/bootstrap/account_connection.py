"""Chooses who takes the orders of an account: a connection of its own, or the connector that its venue's share.

Real orders must never reach a paper venue, nor paper orders an exchange: an account for which there is nobody is left
alone, with the reason in the readiness table.
"""

from typing import Any, Protocol

from actors.readiness import Readiness
from connectors.paper.venue import PaperVenue
from engine.bootstrap.parts import VenueParts
from engine.domain.errors import ConfigError
from engine.domain.identifiers import UserId, Venue
from engine.messages.rows_people import AccountRow
from engine.runtime.ref import Ref
from engine.runtime.system import ActorSystem


class OwnConnections(Protocol):
    """Puts together the connections of accounts that have one of their own."""

    def parts(self, account: AccountRow, user_id: UserId) -> VenueParts | None:
        """Return the connection of an account, ready to be started; None if it shares its venue's.

        Raises:
            ConfigError: It should have one, but there is no key for it.
        """


class Connectors(Protocol):
    """The connectors that accounts share."""

    def get(self, venue: Venue, /) -> Ref[Any] | None:
        """Return who takes orders for a venue."""


async def connect(
    account: AccountRow,
    user_id: UserId,
    *,
    system: ActorSystem,
    readiness: Readiness,
    shared: Connectors,
    own: OwnConnections | None,
    started: list[Ref[Any]],
) -> Ref[Any] | None:
    """Return who takes the orders of an account; None if nobody does, which readiness then says.

    Args:
        account: Which one.
        user_id: Whose lease lets its commands leave.
        system: Starts what is its own.
        readiness: Told that the account is expected, or why not.
        shared: Connectors of venues.
        own: Connections of accounts.
        started: Gets what was started.
    """
    part = f"account:{account.id}"
    try:
        parts = None if own is None else own.parts(account, user_id)
    except ConfigError as error:
        readiness.report(part, ready=False, reason=str(error))
        return None
    if parts is not None:
        readiness.expect(part)
        connector: Ref[Any] = await system.start(parts.actor_class, name=parts.name, **parts.collaborators)
        started.append(connector)
        return connector
    found = shared.get(account.exchange)
    if found is None:
        readiness.report(part, ready=False, reason=f"venue {account.exchange} does not run here")
    elif account.mode == "live" and found.actor_class is PaperVenue:
        readiness.report(part, ready=False, reason=f"it is live, and {account.exchange} is played on paper here")
    else:
        readiness.expect(part)
        return found
    return None

"""Which venue an account is at: needed by every order, never changes."""

import msgspec

from actors.api.call import Call
from actors.api.problems import not_found
from engine.domain.identifiers import AccountId, Venue


class _Account(msgspec.Struct):
    exchange: str


async def venue_of(call: Call, account_id: AccountId) -> Venue:
    """Return the venue of one of the user's accounts.

    Raises:
        Problem: 404: there is no such account, or it belongs to somebody else.
    """
    venues = call.context.venues
    venue = venues.get((call.user_id, account_id))
    if venue is None:
        row = await call.ports.reads.account(call.user_id, account_id)
        if row is None:
            raise not_found("account")
        venue = venues[(call.user_id, account_id)] = msgspec.json.decode(row, type=_Account).exchange
    return venue

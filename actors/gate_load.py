"""Rebuilds what a gate must know before it opens: positions, balances and reservations, from rows."""

from collections.abc import Iterable
from typing import Any

import msgspec

from actors.cell import AgentLoad, Instruments
from actors.exposures import Exposures
from engine.domain.capabilities import Capabilities
from engine.domain.identifiers import AccountId, Venue
from engine.domain.ports import Marks
from engine.domain.position import Position
from engine.messages.orders import OrderChanged
from engine.messages.rows import BalanceRow, PositionRow
from engine.runtime.ref import Ref


class GateAccount(msgspec.Struct, frozen=True, kw_only=True):
    """One account as the gate finds it."""

    account_id: AccountId
    venue: Venue
    router: Ref[Any]
    capabilities: Capabilities | None = None
    """Of its venue; None where the connector does not say: then nothing is refused for what the venue cannot do."""
    is_guarded: bool = False
    """It opens no risk before its dead-man switch is armed."""
    positions: tuple[PositionRow, ...] = ()
    balances: tuple[BalanceRow, ...] = ()
    open_orders: tuple[OrderChanged, ...] = ()
    """All orders that are not done."""


def rebuild(
    exposures: Exposures,
    accounts: Iterable[GateAccount],
    agents: Iterable[AgentLoad],
    *,
    instruments: Instruments,
    marks: Marks,
) -> None:
    """Fill empty exposures.

    Reservations are not rows: every order that is not done, those of unknown outcome included, reserves again.

    Args:
        exposures: Filled here.
        accounts: All of the user.
        agents: For what each of them holds.
        instruments: All that may be traded.
        marks: Value market orders that are on their way.
    """
    venues: dict[AccountId, Venue] = {}
    for account in accounts:
        venues[account.account_id] = account.venue
        exposures.own(account.account_id, [(row.asset, row.total) for row in account.balances])
        for row in account.positions:
            instrument = instruments[account.venue, row.symbol]
            position = Position.restored(instrument, size=row.size, average_price=row.average_price)
            exposures.hold_for_account(account.account_id, position)
        for change in account.open_orders:
            exposures.change(change, marks.price(change.venue, change.symbol))
    for agent in agents:
        venue = venues.get(AccountId(agent.row.account_id))
        for held in agent.positions:
            if venue is not None:
                instrument = instruments[venue, held.symbol]
                position = Position.restored(instrument, size=held.size, average_price=held.average_price)
                exposures.hold(agent.row.id, position)

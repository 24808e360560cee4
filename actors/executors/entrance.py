"""Which plans a desk takes: new ones that can work, and those of an earlier life that have not ended."""

from collections.abc import Mapping

import msgspec

from actors.cell import Instruments
from actors.executors.running import PENDING, Running
from engine.domain.errors import BadInput
from engine.domain.identifiers import AccountId, Venue
from engine.messages.load import ExecutorState
from engine.messages.rows_executors import ExecutorRow


class Entrance:
    """The accounts and instruments of one user."""

    __slots__ = ("_instruments", "_venues")

    def __init__(self, venues: Mapping[AccountId, Venue], instruments: Instruments) -> None:
        """Take account -> venue, and all that may be traded."""
        self._venues = dict(venues)
        self._instruments = instruments

    def admit(self, row: ExecutorRow, now_ns: int) -> Running:
        """Check a new plan; it begins at market time `now_ns`.

        Raises:
            BadInput: The account, the symbol or a setting is wrong.
        """
        venue = self._venues.get(AccountId(row.account_id))
        if venue is None:
            raise BadInput("account_id", expected="an account of this user", was=str(row.account_id))
        instrument = self._instruments.get((venue, row.symbol))
        if instrument is None:
            raise BadInput("symbol", expected=f"an instrument of {venue}", was=row.symbol)
        running = Running(msgspec.structs.replace(row, created_at=now_ns, updated_at=now_ns), venue, instrument)
        running.settings.check(instrument)
        return running

    def restore(self, load: ExecutorState) -> Running | None:
        """Take up a plan as it was left; None if it has ended, or its account or instrument is not here now."""
        venue = self._venues.get(AccountId(load.row.account_id))
        instrument = None if venue is None else self._instruments.get((venue, load.row.symbol))
        if venue is None or instrument is None or load.row.status not in PENDING:
            return None
        return Running.restored(load, venue, instrument)

"""Compares the books of an account with what its venue says.

The first time, what the venue has beyond our entries was there before us: it becomes opening balances and positions.
Later a difference has no such excuse. It is a discrepancy: a row with both numbers that stays open until they agree
again or a person explains it. Nothing is overwritten and no trade is invented.
"""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from actors.books import AccountBooks
from actors.cell import Cell
from engine.domain.identifiers import AccountId, Asset, Symbol
from engine.domain.journal import Entry, opening_balance, opening_position
from engine.domain.kinds import Side
from engine.domain.values import ZERO, add, subtract
from engine.messages.rows import DiscrepancyRow
from engine.messages.venues import VenueAccount
from engine.messages.writing import JournalEvent

BALANCE = "balance"
POSITION = "position"


class Found(msgspec.Struct, frozen=True):
    """What a comparison adds to the books."""

    entries: list[tuple[Entry, str]] = []
    """Opening entries, each with a memo."""
    discrepancies: list[DiscrepancyRow] = []
    events: list[JournalEvent] = []
    assets: list[Asset] = []
    """Assets whose balance has changed."""
    symbols: list[Symbol] = []
    """Symbols whose position has changed."""


class Comparison:
    """The comparisons of one account."""

    __slots__ = ("_account_id", "_books", "_cell", "_is_opened", "_open")

    def __init__(
        self,
        *,
        cell: Cell,
        account_id: AccountId,
        books: AccountBooks,
        discrepancies: Iterable[DiscrepancyRow],
        is_opened: bool,
    ) -> None:
        """Start with what is stored.

        Args:
            cell: What the cell shares.
            account_id: Whose books.
            books: Changed by opening entries.
            discrepancies: Those that are open.
            is_opened: Whether the books hold anything.
        """
        self._cell = cell
        self._account_id = account_id
        self._books = books
        self._is_opened = is_opened
        self._open = {(row.kind, row.asset): row for row in discrepancies}

    def compare(self, account: VenueAccount, now_ns: int, wall_ns: int) -> Found:
        """Open the books, or note where they differ.

        Args:
            account: The venue's numbers, of the same moment as the books.
            now_ns: Market time.
            wall_ns: Wall time, for the discrepancies.
        """
        found = Found(entries=[], discrepancies=[], events=[], assets=[], symbols=[])
        theirs = {each.asset: add(each.free, each.locked) for each in account.balances}
        ours = {each.asset: each.total for each in self._books.balances()}
        for asset in dict.fromkeys((*theirs, *ours)):
            self._one(found, BALANCE, asset, ours.get(asset, ZERO), theirs.get(asset, ZERO))
        sizes = {each.symbol: each for each in account.positions}
        held = {
            symbol: position.size
            for symbol, position in self._books.positions.items()
            if position.instrument.is_perpetual
        }
        for symbol in dict.fromkeys((*sizes, *held)):
            venue = sizes.get(symbol)
            entry_price = ZERO if venue is None else venue.entry_price
            size = ZERO if venue is None else venue.size
            self._one(found, POSITION, symbol, held.get(symbol, ZERO), size, entry_price)
        self._is_opened = self._is_opened or bool(found.entries)
        self._stamp(found, now_ns, wall_ns)
        return found

    def _one(
        self, found: Found, kind: str, name: str, ours: Decimal, theirs: Decimal, entry_price: Decimal = ZERO
    ) -> None:
        difference = subtract(theirs, ours)
        if not difference:
            known = self._open.pop((kind, name), None)
            if known is not None:
                found.discrepancies.append(
                    msgspec.structs.replace(known, ours=ours, venue=theirs, state="explained", guess="agrees again")
                )
        elif not self._is_opened and kind == BALANCE:
            entry = opening_balance(name, difference)
            self._books.apply(entry)
            found.entries.append((entry, "balance before the first entry"))
            found.assets.append(name)
        elif not self._is_opened and entry_price > ZERO:
            self._open_position(found, name, difference, entry_price)
        else:
            known = self._open.get((kind, name))
            if known is None or (known.ours, known.venue) != (ours, theirs):
                found.discrepancies.append(self._note(known, kind, name, ours, theirs))

    def _open_position(self, found: Found, symbol: Symbol, size: Decimal, entry_price: Decimal) -> None:
        instrument = self._books.instrument(symbol)
        self._books.position(symbol).apply_fill(Side.BUY if size > ZERO else Side.SELL, entry_price, size.copy_abs())
        self._books.history(symbol).forget()  # It was before every fill that we know.
        found.entries.append((opening_position(instrument, size), "position before the first entry"))
        found.symbols.append(symbol)

    def _note(
        self, known: DiscrepancyRow | None, kind: str, name: str, ours: Decimal, theirs: Decimal
    ) -> DiscrepancyRow:
        if known is not None:
            row = msgspec.structs.replace(known, ours=ours, venue=theirs)
        else:
            row = DiscrepancyRow(
                id=self._cell.ids.uuid(),
                user_id=self._cell.user_id,
                account_id=self._account_id,
                kind=kind,
                asset=name,
                ours=ours,
                venue=theirs,
                guess=None,
                state="open",
                created_at=0,
                updated_at=0,
            )
        self._open[kind, name] = row
        return row

    def _stamp(self, found: Found, now_ns: int, wall_ns: int) -> None:
        """Give the rows their times, and each an event."""
        for place, row in enumerate(found.discrepancies):
            stamped = msgspec.structs.replace(row, created_at=row.created_at or wall_ns, updated_at=wall_ns)
            found.discrepancies[place] = stamped
            if stamped.state == "open":
                self._open[stamped.kind, stamped.asset] = stamped
            found.events.append(
                JournalEvent(
                    channel="alerts",
                    type="DiscrepancyFound" if stamped.state == "open" else "DiscrepancyExplained",
                    data=stamped,
                    at_ns=now_ns,
                    account_id=self._account_id,
                )
            )

    @property
    def open_count(self) -> int:
        """Differences that nobody has explained."""
        return len(self._open)

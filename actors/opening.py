"""Compares the books of an account with what its venue says.

The first time, what the venue has beyond our entries was there before us, or is older than what the venue still shows:
it becomes opening balances and positions. Later a difference has no such excuse. It is a discrepancy: a row with both
numbers that stays open until they agree again or a person writes it off. Nothing is overwritten and no trade is
invented.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from actors.books import AccountBooks
from actors.cell import Cell
from actors.missing_trades import TRADE, MissingTrades
from actors.write_offs import WrittenOff, take_back, write_off
from engine.domain.discrepancy import BALANCE, POSITION, Context, Difference, balance_step, guesses, matters
from engine.domain.identifiers import AccountId, Asset, Symbol
from engine.domain.instrument import Instrument
from engine.domain.journal import Entry, opening_balance, opening_position
from engine.domain.kinds import Side
from engine.domain.values import ZERO, add
from engine.messages.orders import Fill
from engine.messages.portfolio import FillListing, WriteOffDiscrepancy
from engine.messages.rows import DiscrepancyRow, Row, WatermarkRow
from engine.messages.rows_people import RiskAlertRow
from engine.messages.venues import VenueAccount
from engine.messages.writing import JournalEvent

OPENED: Final = "opened"
"""Kind of the watermark that says that an account was compared once: from then on a difference is no opening."""
FEES_KEPT: Final = 50
"""Fees of the newest fills, which may explain a difference."""


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
    marks: list[WatermarkRow] = []
    """Of the first comparison: that it has been."""
    alerts: list[RiskAlertRow] = []


class Comparison:
    """The comparisons of one account."""

    __slots__ = (
        "_account_id",
        "_books",
        "_cell",
        "_entry_prices",
        "_fees",
        "_instruments",
        "_is_opened",
        "_missing",
        "_open",
        "_price_of",
        "_touched",
    )

    def __init__(
        self,
        *,
        cell: Cell,
        account_id: AccountId,
        books: AccountBooks,
        discrepancies: Iterable[DiscrepancyRow],
        is_opened: bool,
        instruments: Sequence[Instrument] = (),
        price_of: Callable[[Symbol], Decimal | None] = lambda _: None,
    ) -> None:
        """Start with what is stored.

        Args:
            cell: What the cell shares.
            account_id: Whose books.
            books: Changed by opening entries.
            discrepancies: Those that are open.
            is_opened: Whether the account was compared before.
            instruments: All that the account may trade.
            price_of: Symbol -> market price, None if nobody knows.
        """
        self._cell = cell
        self._account_id = account_id
        self._books = books
        self._is_opened = is_opened
        rows = tuple(discrepancies)
        self._open = {(row.kind, row.asset): row for row in rows if row.kind != TRADE}
        self._missing = MissingTrades(cell=cell, account_id=account_id, rows=[row for row in rows if row.kind == TRADE])
        self._instruments = tuple(instruments)
        self._price_of = price_of
        self._fees: deque[tuple[Decimal, Asset]] = deque(maxlen=FEES_KEPT)
        self._touched: set[str] = set()
        """Assets and symbols that fills have moved since the last comparison."""
        self._entry_prices: dict[Symbol, Decimal] = {}
        """Of the venue's positions, as last seen."""

    def booked(self, fills: Sequence[Fill]) -> None:
        """Take note of what was booked: it may explain a difference."""
        self._missing.booked(fills)
        for fill in fills:
            instrument = self._books.instrument(fill.symbol)
            self._fees.append((fill.fee, fill.fee_asset))
            self._touched.update((fill.symbol, instrument.base, instrument.quote, fill.fee_asset))

    def compare(self, account: VenueAccount, now_ns: int, wall_ns: int, listing: FillListing | None = None) -> Found:
        """Open the books, or note where they differ.

        Args:
            account: The venue's numbers, of the same moment as the books.
            now_ns: Market time.
            wall_ns: Wall time, for the discrepancies.
            listing: What the venue lists of the fills, where that was read.
        """
        found = Found(entries=[], discrepancies=[], events=[], assets=[], symbols=[], marks=[], alerts=[])
        self._entry_prices = {each.symbol: each.entry_price for each in account.positions}
        differences = self._differences(account)
        if not self._is_opened:
            differences = [each for each in differences if not self._open_with(found, each, now_ns)]
            self._is_opened = True
            found.marks.append(self._mark(wall_ns))
        differences = [each for each in differences if matters(each.amount, self._step(each))]
        self._explain_others(found, differences)
        self._note(found, differences)
        found.discrepancies.extend(self._missing.compare(listing, self._books.deals()))
        self._touched.clear()
        self._stamp(found, now_ns, wall_ns)
        return found

    def _differences(self, account: VenueAccount) -> list[Difference]:
        theirs = {each.asset: add(each.free, each.locked) for each in account.balances}
        ours = {each.asset: each.total for each in self._books.balances()}
        sizes = {each.symbol: each.size for each in account.positions}
        held = {
            symbol: position.size
            for symbol, position in self._books.positions.items()
            if position.instrument.is_perpetual
        }
        compared = [
            Difference(kind=kind, name=name, ours=mine.get(name, ZERO), venue=its.get(name, ZERO))
            for kind, mine, its in ((BALANCE, ours, theirs), (POSITION, held, sizes))
            for name in dict.fromkeys((*its, *mine))
        ]
        return [each for each in compared if each.amount]

    def _step(self, difference: Difference) -> Decimal:
        if difference.kind == POSITION:
            return self._books.instrument(difference.name).step_size
        return balance_step(difference.name, self._instruments)

    # --- Opening ------------------------------------------------------------------------------------------------------

    def _open_with(self, found: Found, difference: Difference, now_ns: int) -> bool:
        """Book what was there before us; False where nobody can say what it has cost."""
        if difference.kind == BALANCE:
            entry = opening_balance(difference.name, difference.amount)
            self._books.apply(entry)
            found.entries.append((entry, "balance before the first entry"))
            found.assets.append(difference.name)
            return True
        entry_price = self._entry_prices.get(difference.name, ZERO)
        if entry_price <= ZERO:
            return False
        symbol, size = difference.name, difference.amount
        instrument = self._books.instrument(symbol)
        side = Side.BUY if size > ZERO else Side.SELL
        self._books.history(symbol).adopt(self._cell.ids.uuid(), side, entry_price, size.copy_abs(), now_ns)
        found.entries.append((opening_position(instrument, size), "position before the first entry"))
        found.symbols.append(symbol)
        return True

    def _mark(self, wall_ns: int) -> WatermarkRow:
        return WatermarkRow(
            account_id=self._account_id, user_id=self._cell.user_id, kind=OPENED, cursor=None, updated_at=wall_ns
        )

    # --- Differences --------------------------------------------------------------------------------------------------

    def _explain_others(self, found: Found, differences: Sequence[Difference]) -> None:
        """Close what agrees again."""
        still = {(each.kind, each.name) for each in differences}
        for key in [key for key in self._open if key not in still]:
            known = self._open.pop(key)
            by = "a fill that came late" if key[1] in self._touched else "agrees again"
            ours = self._ours(*key)
            detail = {**(known.detail or {}), "explained_by": by}
            found.discrepancies.append(
                msgspec.structs.replace(known, ours=ours, venue=ours, state="explained", detail=detail)
            )

    def _ours(self, kind: str, name: str) -> Decimal:
        if kind == BALANCE:
            return self._books.total(name)
        position = self._books.positions.get(name)
        return ZERO if position is None else position.size

    def _note(self, found: Found, differences: Sequence[Difference]) -> None:
        """Keep what is new or has changed."""
        looks = guesses(differences, self._context()) if differences else {}
        for each in differences:
            key = (each.kind, each.name)
            known = self._open.get(key)
            if known is not None and (known.ours, known.venue) == (each.ours, each.venue):
                continue
            row = self._new(each) if known is None else known
            row = msgspec.structs.replace(row, ours=each.ours, venue=each.venue, guess=looks.get(key))
            self._open[key] = row
            found.discrepancies.append(row)

    def _new(self, difference: Difference) -> DiscrepancyRow:
        return DiscrepancyRow(
            id=self._cell.ids.uuid(),
            user_id=self._cell.user_id,
            account_id=self._account_id,
            kind=difference.kind,
            asset=difference.name,
            ours=difference.ours,
            venue=difference.venue,
            guess=None,
            state="open",
            created_at=0,
            updated_at=0,
        )

    def _context(self) -> Context:
        held = [
            (position.instrument.settle, position.cost)
            for position in self._books.positions.values()
            if position.size and position.instrument.is_perpetual
        ]
        return Context(instruments=self._instruments, price_of=self._price_of, fees=tuple(self._fees), held=tuple(held))

    def _stamp(self, found: Found, now_ns: int, wall_ns: int) -> None:
        """Give the rows their times, and each an event."""
        for place, row in enumerate(found.discrepancies):
            is_open = row.state == "open"
            stamped = msgspec.structs.replace(
                row,
                created_at=row.created_at or wall_ns,
                updated_at=wall_ns,
                resolved_at=None if is_open else wall_ns,
            )
            found.discrepancies[place] = stamped
            if is_open and row.kind == TRADE:
                self._missing.open[row.id] = stamped
                alert = self._missing.alert(stamped)
                found.alerts.append(alert)
                found.events.append(self._event("TradeMissing", alert, now_ns))
            elif is_open:
                self._open[stamped.kind, stamped.asset] = stamped
            found.events.append(self._event("DiscrepancyFound" if is_open else "DiscrepancyExplained", stamped, now_ns))

    def _event(self, kind: str, row: Row, now_ns: int) -> JournalEvent:
        return JournalEvent(channel="alerts", type=kind, data=row, at_ns=now_ns, account_id=self._account_id)

    @property
    def open(self) -> tuple[DiscrepancyRow, ...]:
        """Differences that nobody has explained."""
        return (*self._open.values(), *self._missing.open.values())

    # --- By a person --------------------------------------------------------------------------------------------------

    def write_off(
        self, message: WriteOffDiscrepancy, now_ns: int, wall_ns: int
    ) -> tuple[WrittenOff, JournalEvent] | None:
        """Book a difference away, or take that back; None if there is nothing to do.

        Args:
            message: What a person wishes.
            now_ns: Market time, of the event.
            wall_ns: Wall time, of the row.
        """
        settled = self._settle_trade(message, wall_ns)
        if settled is not None:
            row = settled.row
            return settled, self._event(
                "WriteOffTakenBack" if message.takes_back else "DiscrepancyWrittenOff", row, now_ns
            )
        how: dict[str, Any] = {"entry_id": self._cell.ids.uuid(), "reason": message.reason, "by": message.by}
        if message.takes_back is not None:
            row = message.takes_back
            if row.state != "written_off" or (row.kind, row.asset) in self._open:
                return None
            written = take_back(row, self._books, at_ns=wall_ns, **how)
            self._open[row.kind, row.asset] = written.row
            return written, self._event("WriteOffTakenBack", written.row, now_ns)
        known = next((row for row in self._open.values() if row.id == message.discrepancy_id), None)
        if known is None:
            return None
        del self._open[known.kind, known.asset]
        entry_price = self._entry_prices.get(known.asset, ZERO) if known.kind == POSITION else ZERO
        written = write_off(known, self._books, entry_price, at_ns=wall_ns, **how)
        return written, self._event("DiscrepancyWrittenOff", written.row, now_ns)

    def _settle_trade(self, message: WriteOffDiscrepancy, wall_ns: int) -> WrittenOff | None:
        """Do the same with a trade that the venue does not list: nothing is booked for it."""
        row = message.takes_back
        if row is None:
            row = self._missing.settle(message.discrepancy_id, reason=message.reason, by=message.by, at_ns=wall_ns)
        elif row.kind == TRADE and row.state == "written_off":
            row = self._missing.reopen(row, wall_ns)
        else:
            return None
        return None if row is None else WrittenOff(row=row, entry=None, entry_id=row.id, memo="")

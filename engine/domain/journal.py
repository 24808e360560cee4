"""Double entry: every change of money is an entry whose lines sum to zero per asset.

A line is above zero for what the account holds or has spent, below zero for where it came from. The chart of accounts:

============================  =======================================================================
`assets:cash`                 what the account owns, free or locked; balances are its sum per asset
`positions:SYMBOL`            units held in a perpetual, in its base asset; no money
`trading:SYMBOL`              the other side of every trade: a spot fill moves base and quote against it
`income:realized_pnl`         profit of perpetuals (below zero: a profit)
`income:funding`              funding payments received (below zero) and paid
`expenses:fees`               fees paid (above zero) and rebates
`equity:opening`              what was there before the first entry
`equity:transfers`            deposits and withdrawals
`equity:adjustments`          differences to the venue that a person has explained or written off
============================  =======================================================================

So for every symbol the base asset in `trading:SYMBOL` is minus the sum of all fills, and the quote asset in it (spot)
is minus their cash flow: SQL can compare trades, positions and ledger.
"""

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from engine.domain.errors import BadInput, InvariantBroken
from engine.domain.identifiers import Asset, Symbol
from engine.domain.instrument import Instrument
from engine.domain.kinds import Side
from engine.domain.values import ZERO, add, require_decimal, text_of

CASH: Final = "assets:cash"
POSITIONS: Final = "positions:"
TRADING: Final = "trading:"
REALIZED_PNL: Final = "income:realized_pnl"
FUNDING: Final = "income:funding"
FEES: Final = "expenses:fees"
OPENING: Final = "equity:opening"
TRANSFERS: Final = "equity:transfers"
ADJUSTMENTS: Final = "equity:adjustments"


class EntryKind(StrEnum):
    """What happened."""

    OPENING = "opening"
    FILL = "fill"
    FUNDING = "funding"
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    ADJUSTMENT = "adjustment"
    REVERSAL = "reversal"


class Line(msgspec.Struct, frozen=True, gc=False):
    """One side of a movement."""

    ledger_account: str
    asset: Asset
    amount: Decimal
    """Never zero."""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A balanced movement; an unbalanced one cannot be made."""

    kind: EntryKind
    lines: tuple[Line, ...]

    def __post_init__(self) -> None:
        """Refuse lines that do not sum to zero per asset, or that move nothing.

        Raises:
            InvariantBroken: The books would not add up; whoever built this entry is wrong.
        """
        sums: dict[Asset, Decimal] = {}
        for line in self.lines:
            if not line.amount.is_finite() or not line.amount:
                raise InvariantBroken("a ledger line moves something", expected="an amount", was=line)
            sums[line.asset] = add(sums.get(line.asset, ZERO), line.amount)
        for asset, total in sums.items():
            if total:
                raise InvariantBroken(f"a {self.kind} entry sums to zero in {asset}", expected="0", was=text_of(total))


def trading_account(symbol: Symbol) -> str:
    """Name the ledger account on the other side of a symbol's trades."""
    return TRADING + symbol


def positions_account(symbol: Symbol) -> str:
    """Name the ledger account of units held in a perpetual."""
    return POSITIONS + symbol


def spot_fill(
    instrument: Instrument, *, side: Side, price: Decimal, quantity: Decimal, fee: Decimal, fee_asset: Asset
) -> Entry:
    """Move base and quote between cash and the symbol's trading account, and the fee from cash to expenses.

    Args:
        instrument: A spot pair.
        side: Of the fill.
        price: Above zero.
        quantity: Above zero.
        fee: Above zero is paid, below zero a rebate.
        fee_asset: Base, quote or any third asset.
    """
    base, quote = quantity, instrument.notional(price, quantity)
    if side is Side.BUY:
        quote = quote.copy_negate()
    else:
        base = base.copy_negate()
    trading = trading_account(instrument.symbol)
    lines = (*_move(CASH, trading, instrument.base, base), *_move(CASH, trading, instrument.quote, quote))
    return Entry(EntryKind.FILL, lines + _move(FEES, CASH, fee_asset, fee) if fee else lines)


def perpetual_fill(
    instrument: Instrument, *, side: Side, quantity: Decimal, realized_pnl: Decimal, fee: Decimal, fee_asset: Asset
) -> Entry:
    """Move units into or out of the position, realised profit into cash, and the fee out of it.

    Args:
        instrument: A perpetual.
        side: Of the fill.
        quantity: Above zero.
        realized_pnl: What `Position.apply_fill` returned, in the settle asset.
        fee: Above zero is paid, below zero a rebate.
        fee_asset: Mostly the settle asset.
    """
    symbol = instrument.symbol
    units = quantity if side is Side.BUY else quantity.copy_negate()
    lines = _move(positions_account(symbol), trading_account(symbol), instrument.base, units)
    if realized_pnl:
        lines += _move(CASH, REALIZED_PNL, instrument.settle, realized_pnl)
    if fee:
        lines += _move(FEES, CASH, fee_asset, fee)
    return Entry(EntryKind.FILL, lines)


def opening_balance(asset: Asset, amount: Decimal) -> Entry:
    """Book what an account held before we knew it."""
    return _checked(EntryKind.OPENING, OPENING, asset, amount)


def opening_position(instrument: Instrument, size: Decimal) -> Entry:
    """Book the units of a perpetual that an account held before we knew it; `size` is signed."""
    _require_amount(size)
    symbol = instrument.symbol
    lines = _move(positions_account(symbol), trading_account(symbol), instrument.base, size)
    return Entry(EntryKind.OPENING, lines)


def transfer(asset: Asset, amount: Decimal) -> Entry:
    """Book a deposit (above zero) or a withdrawal (below zero)."""
    return _checked(EntryKind.DEPOSIT if amount > ZERO else EntryKind.WITHDRAWAL, TRANSFERS, asset, amount)


def funding(asset: Asset, amount: Decimal) -> Entry:
    """Book a funding payment that was received (above zero) or paid (below zero)."""
    return _checked(EntryKind.FUNDING, FUNDING, asset, amount)


def adjustment(asset: Asset, amount: Decimal) -> Entry:
    """Book a difference to the venue that a person has explained or written off."""
    return _checked(EntryKind.ADJUSTMENT, ADJUSTMENTS, asset, amount)


def position_adjustment(instrument: Instrument, size: Decimal) -> Entry:
    """Book units of a perpetual that differ from the venue and that a person has written off; `size` is signed."""
    _require_amount(size)
    account = positions_account(instrument.symbol)
    return Entry(EntryKind.ADJUSTMENT, _move(account, ADJUSTMENTS, instrument.base, size))


def reversal(entry: Entry) -> Entry:
    """Take an entry back, line by line."""
    lines = tuple(Line(line.ledger_account, line.asset, line.amount.copy_negate()) for line in entry.lines)
    return Entry(EntryKind.REVERSAL, lines)


def sums_of(entries: Iterable[Entry]) -> dict[tuple[str, Asset], Decimal]:
    """Sum the lines of entries per (ledger account, asset), without zeros."""
    sums: dict[tuple[str, Asset], Decimal] = {}
    for entry in entries:
        for line in entry.lines:
            key = line.ledger_account, line.asset
            sums[key] = add(sums.get(key, ZERO), line.amount)
    return {key: total for key, total in sums.items() if total}


def _move(into: str, out_of: str, asset: Asset, amount: Decimal) -> tuple[Line, ...]:
    return Line(into, asset, amount), Line(out_of, asset, amount.copy_negate())


def _checked(kind: EntryKind, against: str, asset: Asset, amount: Decimal) -> Entry:
    _require_amount(amount)
    return Entry(kind, _move(CASH, against, asset, amount))


def _require_amount(amount: Decimal) -> None:
    require_decimal(amount, field="amount")
    if not amount:
        raise BadInput("amount", expected="anything but zero", was=amount)

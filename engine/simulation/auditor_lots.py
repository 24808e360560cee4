"""Judges the lots: of each position they add up to its size and to the cash that its trades have moved."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final
from uuid import UUID

from engine.domain.instrument import Instrument
from engine.messages.rows_trades import LotRow
from engine.simulation.auditor_findings import ZERO, Findings, minus, plus, times

BUY: Final = "buy"
Held = tuple[UUID, str]
"""Account and symbol."""
_NOTHING: Final = (ZERO, ZERO, ZERO)


class MadeOf:
    """The lots that are committed."""

    __slots__ = ("_findings", "_instruments", "_open", "_rows", "_sums", "_touched")

    def __init__(self, findings: Findings) -> None:
        """Know of none."""
        self._findings = findings
        self._instruments: Mapping[str, Instrument] = {}
        self._rows: dict[UUID, LotRow] = {}
        self._open: dict[Held, dict[UUID, str]] = {}
        """Lots with a rest, and their sides."""
        self._sums: dict[Held, tuple[Decimal, Decimal, Decimal]] = {}
        """Size, cost and gain of all lots."""
        self._touched: dict[Held, None] = {}

    def use(self, instruments: Mapping[str, Instrument]) -> None:
        """Take over what is traded, by symbol."""
        self._instruments = instruments

    def row(self, row: LotRow) -> None:
        """Take a lot as it is shown."""
        held = (row.account_id, row.symbol)
        before = self._rows.get(row.id)
        was = _NOTHING if before is None else self._value(before)
        self._sums[held] = tuple(  # type: ignore[assignment]
            plus(total, minus(new, old))
            for total, new, old in zip(self._sums.get(held, _NOTHING), self._value(row), was, strict=True)
        )
        self._rows[row.id] = row
        rests = self._open.setdefault(held, {})
        if row.remaining:
            rests[row.id] = row.side
        else:
            rests.pop(row.id, None)
        self._touched[held] = None

    @property
    def is_touched(self) -> bool:
        """Whether the unit holds a lot."""
        return bool(self._touched)

    def end_of_unit(self, moved: Iterable[Held], sizes: Mapping[Held, Decimal], flows: Mapping[Held, Decimal]) -> None:
        """Compare the lots of what the unit has moved.

        Args:
            moved: Positions that are not what they were; judged if there has been any lot of them.
            sizes: Account and symbol -> sum of the trades.
            flows: Account and symbol -> value of all buys less that of all sells, where nothing else has moved it.
        """
        touched, self._touched = self._touched, {}
        touched |= {held: None for held in moved if held in self._sums}
        for held in touched:
            size, cost, gain = self._sums[held]
            name = f"lots of {held[1]} of {held[0]}"
            if size != sizes.get(held, ZERO):
                self._findings.broken("I17", f"{name} sum to {size}, the trades to {sizes.get(held, ZERO)}")
            elif len(set(self._open[held].values())) > 1 or (not size and self._open[held]):
                self._findings.broken("I17", f"{name} sum to {size} and are open on both sides")
            if held in flows and minus(cost, gain) != flows[held]:
                self._findings.broken("I17", f"{name} cost {cost} and gained {gain}, the trades paid {flows[held]}")

    def _value(self, row: LotRow) -> tuple[Decimal, Decimal, Decimal]:
        units = row.remaining if row.side == BUY else minus(ZERO, row.remaining)
        instrument = self._instruments.get(row.symbol)
        cost = times(units, row.price)
        return units, cost if instrument is None else times(cost, instrument.contract_size), row.realized_pnl

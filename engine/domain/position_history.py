"""A position with the fills that it was last made of, so that one can be taken back, or come late, exactly.

With average prices the order of fills decides what each of them realises: to take the opposite of a fill at the end
would leave the size right and the profit wrong. So the newest fills of a symbol are kept in the order of their
execution. To take one back, or to put one in between, the position is wound back to before it and the later ones are
applied again; each may then realise something else than it did.

Winding back needs no earlier states. Whatever a fill did, it changed the cost by its notional and by what it realised::

    cost before == cost after - realised - signed notional

so the position and the profit of each fill, which their rows hold, are enough after a restart as well. The lots are
wound back with it.
"""

from bisect import insort
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Final
from uuid import UUID

import msgspec

from engine.domain.kinds import Side
from engine.domain.lots import Lots
from engine.domain.position import Position
from engine.domain.values import ZERO, subtract

KEPT_MAX: Final = 500
"""Fills of a symbol that can be taken back exactly; one that is older is taken out of what was before them."""

_BUY: Final = Side.BUY
Key = tuple[int, int, str]


class Deal(msgspec.Struct, kw_only=True, gc=False):
    """One fill in a position's history. `realized_pnl` changes when what came before it does."""

    row_id: UUID
    """Of the trade."""
    trade_id: str
    """The venue's; breaks ties of time, the shorter first, since most venues count."""
    at_ns: int
    """Execution time, whole microseconds as they are stored."""
    side: Side
    price: Decimal
    quantity: Decimal
    realized_pnl: Decimal = ZERO

    @property
    def key(self) -> Key:
        """Where it stands in the history."""
        return self.at_ns, len(self.trade_id), self.trade_id


class Effect(msgspec.Struct, frozen=True, gc=False):
    """What adding a deal, or taking one out, has done."""

    realized_pnl: Decimal
    """Change of the position's realised profit, that of later deals included; quote units."""
    own: Decimal = ZERO
    """What the deal itself realised; 0 for one that is taken out."""
    revalued: tuple[Deal, ...] = ()
    """Later deals that now realise something else."""


class PositionHistory:
    """A position and its newest deals."""

    __slots__ = ("_deals", "_newest", "lots", "position")

    def __init__(self, position: Position, deals: Iterable[Deal] = (), lots: Lots | None = None) -> None:
        """Continue a position.

        Args:
            position: As it is now; changed in place from now on.
            deals: Its newest ones with what each realised, in any order.
            lots: Of the same size; None if there are none yet.
        """
        self.position = position
        self.lots = Lots(position.instrument) if lots is None else lots
        self._deals = sorted(deals, key=_key_of)
        self._newest: Key | None = self._deals[-1].key if self._deals else None

    @property
    def deals(self) -> Sequence[Deal]:
        """The newest deals, oldest first."""
        return self._deals

    def __len__(self) -> int:
        return len(self._deals)

    def forget(self) -> None:
        """Forget the deals: the position was changed by something that is none."""
        self._deals.clear()
        self._newest = None

    def adopt(self, lot_id: UUID, side: Side, price: Decimal, quantity: Decimal, at_ns: int) -> None:
        """Take in what was there before every deal that is known; `lot_id`: of the lot that it may open."""
        self.forget()
        self.position.apply_fill(side, price, quantity)
        self.lots.apply(lot_id, side, price, quantity, at_ns)

    def complete(self, new_id: Callable[[], UUID], at_ns: int) -> bool:
        """Give what no lot is known of a lot at the average price; whether there was such."""
        position, lots = self.position, self.lots
        missing = subtract(position.size, lots.size)
        if missing:
            lots.write_off(new_id(), missing, position.average_price, at_ns)
        return bool(missing)

    def add(self, deal: Deal) -> Effect:
        """Book a deal where its execution time puts it; mostly that is the end."""
        key = deal.key
        if self._newest is None or key >= self._newest:
            realized = self._apply(deal)
            deal.realized_pnl = realized
            self._deals.append(deal)
            self._newest = key
            if len(self._deals) >= 2 * KEPT_MAX:
                del self._deals[:KEPT_MAX]
            return Effect(realized, realized)
        before = self.position.realized_pnl
        later = self._wind_back(key)
        deal.realized_pnl = self._apply(deal)
        revalued = self._apply_again(later)
        insort(self._deals, deal, key=_key_of)
        return Effect(subtract(self.position.realized_pnl, before), deal.realized_pnl, revalued)

    def remove(self, deal: Deal) -> Effect:
        """Take a deal out, as if it had never been; one that is not kept any more was before all that are."""
        before = self.position.realized_pnl
        key = deal.key
        known = next((each for each in reversed(self._deals) if each.row_id == deal.row_id), None)
        if known is None:
            later = self._wind_back((0, 0, ""))
            self.position.apply_fill(deal.side.opposite, deal.price, deal.quantity)
            self.lots.take_out(deal.row_id, deal.side, deal.price, deal.quantity, deal.at_ns)
        else:
            later = self._wind_back(key, known)
            self._unapply(known)
            self._deals.remove(known)
            self._newest = self._deals[-1].key if self._deals else None
        revalued = self._apply_again(later)
        return Effect(subtract(self.position.realized_pnl, before), ZERO, revalued)

    def _wind_back(self, key: Key, stop: Deal | None = None) -> list[Deal]:
        """Undo every deal behind a key, or behind one deal; return them, oldest first."""
        later: list[Deal] = []
        for deal in reversed(self._deals):
            if deal is stop or (stop is None and deal.key <= key):
                break
            self._unapply(deal)
            later.append(deal)
        later.reverse()
        return later

    def _apply(self, deal: Deal) -> Decimal:
        row_id, side, price, quantity = deal.row_id, deal.side, deal.price, deal.quantity
        self.lots.apply(row_id, side, price, quantity, deal.at_ns, row_id)
        return self.position.apply_fill(side, price, quantity)

    def _unapply(self, deal: Deal) -> None:
        self.lots.undo(deal.row_id, deal.side, deal.price, deal.quantity, deal.at_ns)
        position = self.position
        notional = position.instrument.notional(deal.price, deal.quantity)
        quantity = deal.quantity
        if deal.side is not _BUY:
            notional, quantity = notional.copy_negate(), quantity.copy_negate()
        position.size = subtract(position.size, quantity)
        position.cost = subtract(subtract(position.cost, deal.realized_pnl), notional)
        position.realized_pnl = subtract(position.realized_pnl, deal.realized_pnl)

    def _apply_again(self, later: list[Deal]) -> tuple[Deal, ...]:
        revalued = []
        for deal in later:
            realized = self._apply(deal)
            if realized != deal.realized_pnl:
                deal.realized_pnl = realized
                revalued.append(deal)
        return tuple(revalued)


def _key_of(deal: Deal) -> Key:
    return deal.key

"""The bracket: an entry, and the two ways out of whatever of it has filled."""

from decimal import Decimal
from typing import Final

from actors.executors.exits import STOP, TAKE, exits, unprotected
from actors.executors.plan import NS_PER_S, Plan, View, Wanted, tradable
from actors.executors.settings import BracketSettings
from engine.domain.kinds import OrderType
from engine.domain.values import ZERO, add, subtract

ENTRY: Final = "entry"


class Bracket:
    """Policy of a bracket."""

    def __init__(self, settings: BracketSettings) -> None:
        """Work by these settings, which were checked."""
        self._settings = settings

    @property
    def needs_market(self) -> bool:
        """A target beside a resting stop is watched; a stop may come too late to rest."""
        return True

    def plan(self, view: View) -> Plan:
        """Say what is wanted now."""
        settings = self._settings
        entry = view.slot(ENTRY)
        left = add(view.slot(STOP).filled, view.slot(TAKE).filled)
        held = subtract(entry.filled, left)
        wanted: dict[str, Wanted] = {}
        rest = tradable(view.instrument, subtract(settings.quantity, entry.filled), settings.entry_price)
        if self._wants_entry(view) and not left and (rest or entry.living is not None):
            wanted[ENTRY] = self._entry(view, rest)
        if held > ZERO:
            wanted |= exits(view, settings.side, held, settings.stop_price, settings.take_price)
        is_over = not wanted and bool(entry.generation) and all(slot.living is None for slot in view.slots.values())
        return Plan(
            wanted=wanted,
            needs_market=held > ZERO,
            wake_at_ns=self._timeout_ns(view),
            unprotected=unprotected(view, held, settings.stop_price) if held > ZERO else ZERO,
            finished=_reason(view, held) if is_over else None,
        )

    def _wants_entry(self, view: View) -> bool:
        """An entry is made once; what ended it, its fill or somebody's cancel, is final."""
        timeout_ns = self._timeout_ns(view)
        return not view.slot(ENTRY).is_over and (timeout_ns is None or view.now_ns < timeout_ns)

    def _timeout_ns(self, view: View) -> int | None:
        timeout = self._settings.entry_timeout
        return None if timeout is None else view.started_ns + timeout * NS_PER_S

    def _entry(self, view: View, rest: Decimal) -> Wanted:
        living = view.slot(ENTRY).living
        if living is not None:
            return living.keep()
        settings = self._settings
        price = settings.entry_price
        return Wanted(
            side=settings.side,
            type=OrderType.MARKET if price is None else OrderType.LIMIT,
            quantity=rest,
            price=None if price is None else view.instrument.round_price(price, settings.side),
        )


def _reason(view: View, held: object) -> str:
    if not view.slot(ENTRY).filled:
        return "not_entered"
    if held:
        return "rest_too_small_to_close"
    return "stopped" if view.slot(STOP).filled else "target_reached"

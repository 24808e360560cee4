"""Lies that begin at a time: what each does to the venue."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from engine.simulation.venue.faults import Strike
from engine.simulation.venue.hand import Hand
from engine.simulation.venue.kinds import FaultKind
from engine.simulation.venue.rules import SECOND

if TYPE_CHECKING:
    from engine.simulation.venue.venue import HostileVenue

LASTS_MAX_NS: Final = {
    FaultKind.RATE_LIMIT: 20 * SECOND,
    FaultKind.MAINTENANCE: 30 * SECOND,
    FaultKind.REFUSED_CONNECT: 20 * SECOND,
    FaultKind.SILENT_PUSHES: 60 * SECOND,
}
CLOCK_JUMP_MAX_NS: Final = 20 * SECOND
FORGETS_AFTER_MAX_NS: Final = 60 * SECOND


class Happenings:
    """Lets them happen."""

    def __init__(self, venue: "HostileVenue", hand: Hand) -> None:
        """Keep what they happen to."""
        self._venue = venue
        self._effects: dict[FaultKind, Callable[[Strike], None]] = {
            FaultKind.HALF_OPEN: self._half_open,
            FaultKind.LINK_RESET: self._link_reset,
            FaultKind.CLOCK_JUMP: self._clock_jump,
            FaultKind.RESTART: self._restart,
            FaultKind.VOID: hand.void_some,
            FaultKind.EXTERNAL_ORDER: hand.place_some,
            FaultKind.TRANSFER: hand.transfer_some,
        }

    def happen(self, strike: Strike) -> None:
        """Let a timed lie begin."""
        lasts_ns = LASTS_MAX_NS.get(strike.kind)
        if lasts_ns is not None:
            self._venue.faults.begin(strike.kind, self._venue.recorder.now_ns + strike.share_of(lasts_ns))
        else:
            self._effects[strike.kind](strike)

    def _half_open(self, strike: Strike) -> None:
        link = self._venue.links.chosen(strike.strength)
        if link is not None:
            link.gives = False
            link.takes = strike.strength % 2 == 1
            self._venue.speaker.drop(link.id)

    def _link_reset(self, strike: Strike) -> None:
        link = self._venue.links.chosen(strike.strength)
        if link is not None:
            self._venue.break_link(link)

    def _clock_jump(self, strike: Strike) -> None:
        # Half of them ahead, half of them behind.
        self._venue.hand.set_clock(strike.share_of(2 * CLOCK_JUMP_MAX_NS) - CLOCK_JUMP_MAX_NS)

    def _restart(self, strike: Strike) -> None:
        venue = self._venue
        venue.drop_pending()
        venue.break_links()
        venue.hand.forget(venue.recorder.now_ns - strike.share_of(FORGETS_AFTER_MAX_NS))

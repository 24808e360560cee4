"""The move that all simulated pairs share, in spells: the market ranges, rises, falls or storms.

Everything here is a float: it is the model of a market, not money.
"""

import math
from typing import Final

import msgspec

from engine.domain.ports import Rng


class Spell(msgspec.Struct, frozen=True):
    """How the market behaves for some minutes."""

    name: str
    drift: float
    """Change of the logarithm per second."""
    volatility: float
    """Standard deviation of the logarithm over one second."""
    pull: float
    """Share of the distance from where the spell began that is taken back each second."""
    haste: float
    """How many times as often books change."""


RANGING: Final = Spell("ranging", 0.0, 6e-5, 0.03, 1.0)
RISING: Final = Spell("rising", 1.6e-5, 9e-5, 0.0, 1.1)
FALLING: Final = Spell("falling", -1.6e-5, 9e-5, 0.0, 1.2)
STORMY: Final = Spell("stormy", 0.0, 2.4e-4, 0.0, 2.0)

_NEXT: Final = ((RANGING, 0.45), (RISING, 0.23), (FALLING, 0.23), (STORMY, 0.09))
SPELL_SECONDS: Final = 150.0
"""Mean length of a spell."""
HOME_PULL: Final = 2e-6
"""Share of the distance from the starting price taken back each second, so that days do not lead to absurd prices."""


class Tide:
    """The logarithm of the shared move; 0 at the start."""

    __slots__ = ("_anchor", "_at_s", "_ends_s", "_rng", "level", "spell")

    def __init__(self, rng: Rng) -> None:
        """Begin in a range; `rng` decides everything that follows."""
        self._rng = rng
        self._at_s = 0.0
        self._anchor = 0.0
        self.level = 0.0
        self.spell = RANGING
        self._ends_s = self._length()

    def advance(self, at_s: float) -> None:
        """Move on to `at_s`, seconds since the start; an earlier time changes nothing."""
        while self._ends_s < at_s:
            self._drift(self._ends_s)
            self._turn()
        self._drift(at_s)

    def _drift(self, at_s: float) -> None:
        passed = at_s - self._at_s
        if passed <= 0:
            return
        spell = self.spell
        pulled = (self._anchor - self.level) * (1.0 - math.exp(-spell.pull * passed))
        home = -self.level * (1.0 - math.exp(-HOME_PULL * passed))
        self.level += spell.drift * passed + pulled + home
        self.level += spell.volatility * math.sqrt(passed) * self._rng.gauss(0.0, 1.0)
        self._at_s = at_s

    def _turn(self) -> None:
        """Begin the next spell where the market stands."""
        draw = self._rng.random()
        for spell, share in _NEXT:
            self.spell = spell
            draw -= share
            if draw < 0:
                break
        self._anchor = self.level
        self._ends_s += self._length()

    def _length(self) -> float:
        return 20.0 + self._rng.expovariate(1.0 / SPELL_SECONDS)

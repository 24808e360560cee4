"""When to lie: by script, or as a seed draws it.

Each kind has a stream of chance of its own and counts its opportunities, so an occurrence has a name, `late_answer/17`,
that stays the same while others are taken away. That is how a failing run is made small: forbid names, run again.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import msgspec

from engine.runtime.entropy import Rng, seeded_rng
from engine.simulation.venue.kinds import BREAKING, DRAWABLE, RARE, TIMED, FaultKind

MILLION: Final = 1_000_000
MINUTE_NS: Final = 60_000_000_000
RARE_MAX: Final = {
    FaultKind.OVERFILL: 40_000,
    FaultKind.PHANTOM_REJECT: 40_000,
    FaultKind.LATE_FILL: 60_000,
    FaultKind.HIDDEN_TRADE: 40_000,
    FaultKind.SLOW_TRADE: 100_000,
    FaultKind.TRUNCATED_PAGE: 100_000,
}
"""Strikes per million opportunities at most, of those that a seed seldom draws."""
LOG_MAX: Final = 100_000
"""Occurrences remembered."""


class Strike(NamedTuple):
    """One occurrence."""

    name: str
    """`kind/opportunity`; scripted ones have `kind/script`."""
    kind: FaultKind
    at_ns: int
    strength: int
    """0 to 999,999: how long or how much, out of what the kind may do."""
    about: str
    """What it hit."""

    def share_of(self, most: int) -> int:
        """Return a part of `most` by strength, at least 1."""
        return max(1, most * (self.strength + 1) // MILLION)


class Scripted(msgspec.Struct, kw_only=True):
    """A lie that was asked for."""

    kind: FaultKind
    after: int = 0
    """Opportunities that pass before it strikes."""
    times: int = 1
    """How often it strikes; below 0: without end."""
    until_ns: int | None = None
    """True time of its end."""
    strength: int = MILLION - 1
    about: str = ""
    """Strikes only where this text occurs in what it would hit: a message name, a client id; empty: anything."""


class Faults:
    """Decides each time. Chance is drawn at each opportunity, whether or not the lie exists in this seed."""

    def __init__(
        self,
        seed: int | str = 0,
        rates: Mapping[FaultKind, int] | None = None,
        *,
        forbidden: Iterable[str] = (),
    ) -> None:
        """Start to decide.

        Args:
            seed: Of all chance here.
            rates: Strikes per million opportunities; of the kinds in `TIMED`, strikes per thousand minutes.
            forbidden: Names of occurrences that must not happen.
        """
        self.rates = dict(rates or {})
        self.forbidden = frozenset(forbidden)
        self.log: list[Strike] = []
        self.is_calm = False
        self._scripts: list[Scripted] = []
        self._rng: dict[FaultKind, Rng] = {kind: seeded_rng(f"{seed}/{kind}") for kind in FaultKind}
        self._count: dict[FaultKind, int] = dict.fromkeys(FaultKind, 0)
        self._until_ns: dict[FaultKind, int] = {}
        self._next_ns: dict[FaultKind, int] = {}

    # --- At an opportunity -------------------------------------------------------------------------------------------

    def strike(self, kind: FaultKind, at_ns: int, about: str = "") -> Strike | None:
        """Decide whether a lie strikes here. One that begins by time strikes here only by script.

        Args:
            kind: The lie.
            at_ns: True time.
            about: What it would hit, for scripts and the log.
        """
        scripted = self._scripted(kind, at_ns, about) if self._scripts else None
        if kind not in self.rates or kind in TIMED:
            return self._note_script(scripted, at_ns, about)
        rng, number = self._rng[kind], self._count[kind]
        self._count[kind] = number + 1
        chance, strength = rng.randrange(MILLION), rng.randrange(MILLION)
        if scripted is not None:
            return self._note_script(scripted, at_ns, about)
        name = f"{kind}/{number}"
        if self.is_calm or chance >= self.rates[kind] or name in self.forbidden:
            return None
        return self._note(Strike(name, kind, at_ns, strength, about))

    def script(self, script: Scripted) -> None:
        """Ask for a lie; scripts are tried before chance, oldest first, also in calm."""
        self._scripts.append(script)

    def _scripted(self, kind: FaultKind, at_ns: int, about: str) -> Scripted | None:
        for script in self._scripts:
            if script.kind is not kind or script.about not in about or script.times == 0:
                continue
            if script.until_ns is not None and at_ns >= script.until_ns:
                continue
            if script.after > 0:
                script.after -= 1
                continue
            script.times -= 1
            return script
        return None

    # --- By time -----------------------------------------------------------------------------------------------------

    def due(self, at_ns: int) -> list[Strike]:
        """Return the timed lies whose time has come, in order; draws when each strikes next."""
        found: list[Strike] = []
        for kind in TIMED_IN_ORDER:
            rate = self.rates.get(kind, 0)
            if not rate or self.is_calm:
                continue
            if kind not in self._next_ns:
                self._next_ns[kind] = at_ns + self._pause_ns(kind, rate)
            while self._next_ns[kind] <= at_ns:
                number = self._count[kind]
                self._count[kind] = number + 1
                strike = Strike(f"{kind}/{number}", kind, self._next_ns[kind], self._rng[kind].randrange(MILLION), "")
                self._next_ns[kind] += self._pause_ns(kind, rate)
                if strike.name not in self.forbidden:
                    found.append(self._note(strike))
        return found

    def next_due_ns(self) -> int | None:
        """Return the true time at which `due` has something; None if nothing is planned."""
        if self.is_calm:
            return None
        return min((at_ns for kind, at_ns in self._next_ns.items() if self.rates.get(kind)), default=None)

    def _pause_ns(self, kind: FaultKind, rate: int) -> int:
        # Uniform between nothing and twice the mean: integers only, so that every machine draws the same.
        return self._rng[kind].randrange(2 * 1_000 * MINUTE_NS // rate) + 1

    def begin(self, kind: FaultKind, until_ns: int) -> None:
        """Let a lie be on until a true time."""
        self._until_ns[kind] = max(self._until_ns.get(kind, 0), until_ns)

    def end(self, kind: FaultKind) -> None:
        """Let a lie be over, and take back its scripts."""
        self._until_ns.pop(kind, None)
        self._scripts = [script for script in self._scripts if script.kind is not kind]

    def is_on(self, kind: FaultKind, at_ns: int) -> bool:
        """Tell whether a lie that lasts is on."""
        return at_ns < self._until_ns.get(kind, 0)

    def until_ns(self, kind: FaultKind) -> int:
        """Return the true time at which a lie that lasts is over; 0 if it never was on."""
        return self._until_ns.get(kind, 0)

    def calm(self) -> None:
        """End all chance, everything that lasts, and all scripts."""
        self.is_calm = True
        self._until_ns.clear()
        self._scripts.clear()

    def counts(self) -> dict[FaultKind, int]:
        """Count the occurrences by kind."""
        found: dict[FaultKind, int] = {}
        for strike in self.log:
            found[strike.kind] = found.get(strike.kind, 0) + 1
        return found

    def _note_script(self, script: Scripted | None, at_ns: int, about: str) -> Strike | None:
        if script is None:
            return None
        return self._note(Strike(f"{script.kind}/script", script.kind, at_ns, script.strength, about))

    def _note(self, strike: Strike) -> Strike:
        if len(self.log) < LOG_MAX:
            self.log.append(strike)
        return strike


TIMED_IN_ORDER: Final = tuple(kind for kind in FaultKind if kind in TIMED)


def drawn_faults(
    seed: int | str,
    *,
    among: Iterable[FaultKind] = DRAWABLE,
    force: int = 100,
    forbidden: Iterable[str] = (),
) -> Faults:
    """Let a seed draw which lies exist and how strong they are.

    About half of the kinds exist in a seed, so that each is also seen without the others.

    Args:
        seed: Of this and of all later chance.
        among: Kinds that may exist; with one of `BREAKING` the venue no longer keeps what it declares.
        force: Percent of the usual rates.
        forbidden: As `Faults`.
    """
    rng = seeded_rng(f"{seed}/swarm")
    allowed = frozenset(among)
    rates: dict[FaultKind, int] = {}
    for kind in FaultKind:
        exists, strength = rng.randrange(2), rng.randrange(MILLION)
        if exists and kind in allowed:
            rates[kind] = max(1, _most(kind) * (strength + 1) // MILLION * force // 100)
    return Faults(seed, rates, forbidden=forbidden)


def rare_rates(seed: int | str) -> dict[FaultKind, int]:
    """Let a seed draw which lies beyond what is declared exist, each in one of six; return their rates.

    They have a stream of their own: the others stay as they were.
    """
    rng = seeded_rng(f"{seed}/rare")
    rates: dict[FaultKind, int] = {}
    for kind in RARE:
        exists, strength = rng.randrange(6) == 0, rng.randrange(MILLION)
        if exists:
            rates[kind] = RARE_MAX[kind] * (strength + 1) // MILLION + RARE_MAX[kind] // 10
    return rates


def _most(kind: FaultKind) -> int:
    """Return the highest rate that is drawn of a kind."""
    if kind in TIMED:
        # Strikes per thousand minutes.
        return 300 if kind is FaultKind.RESTART else 1_500
    if kind in BREAKING:
        return 20_000
    if kind is FaultKind.GARBAGE:
        # Each ends a link: whoever reads noise hangs up.
        return 10_000
    return 300_000 if kind in (FaultKind.STALE_LIST, FaultKind.PARTIAL_PAGE) else 120_000

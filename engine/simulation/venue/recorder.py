"""Makes facts: into the journal, into the truth, to whoever listens, in this order."""

from collections.abc import Callable

from engine.simulation.venue.facts import Fact, Journal, decode_fact, encode_fact
from engine.simulation.venue.truth import Truth


class Recorder:
    """The one way to make something so."""

    def __init__(self, truth: Truth, journal: Journal) -> None:
        """Let the truth be what the journal holds.

        Args:
            truth: Empty; afterwards as it was when the last life ended.
            journal: Of this venue.
        """
        self.truth = truth
        self.now_ns = 0
        """True time of what happens now; whoever drives the venue sets it."""
        self.listeners: list[Callable[[Fact], None]] = []
        self._journal = journal
        self._is_dirty = False
        for record in journal.read():
            fact = decode_fact(record)
            truth.apply(fact)
            self.now_ns = max(self.now_ns, fact.at_ns)

    def record(self, fact: Fact) -> None:
        """Let a fact be so; nothing of it may leave before `commit`."""
        self._journal.append(encode_fact(fact))
        self._is_dirty = True
        self.truth.apply(fact)
        for listener in self.listeners:
            listener(fact)

    def commit(self) -> None:
        """Make everything recorded durable."""
        if self._is_dirty:
            self._journal.commit()
            self._is_dirty = False

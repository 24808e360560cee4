"""Notices a private stream that has gone silent: questions find fills that the venue should have pushed.

A fill may be found by a question a moment before it is pushed. So one that was found is a suspicion, and only if
nothing was pushed until the next look the stream counts as silent.
"""

from typing import Final

PATIENCE_NS: Final = 3_000_000_000
"""Wall time that a push may take after a question has found its fill."""


class PrivateSilence:
    """What one account's stream owes. Times are wall time."""

    __slots__ = ("_pushed_ns", "_suspected_ns", "count", "is_silent")

    def __init__(self) -> None:
        """Believe in the stream."""
        self._pushed_ns = -1
        self._suspected_ns: int | None = None
        self.is_silent = False
        self.count = 0
        """How often it has gone silent."""

    def pushed(self, now_ns: int) -> None:
        """Take note that something was pushed; whatever was suspected is not so."""
        self._pushed_ns = now_ns
        self._suspected_ns = None
        self.is_silent = False

    def connected(self) -> None:
        """Believe in a new connection."""
        self._suspected_ns = None
        self.is_silent = False

    def looked(self, now_ns: int, *, news: int, is_first: bool = False) -> bool:
        """Judge after a look.

        Args:
            now_ns: When the look ended.
            news: Fills that it found.
            is_first: Nobody has listened before, so nothing was owed.

        Returns:
            Whether the stream has just turned out to be silent.
        """
        suspected_ns = self._suspected_ns
        if suspected_ns is not None and now_ns - suspected_ns >= PATIENCE_NS:
            self._suspected_ns = None
            if not self.is_silent:
                self.is_silent = True
                self.count += 1
                self._suspect(now_ns, news)
                return True
        elif not news and suspected_ns is None:
            # Nothing is owed: nobody can tell, so do not keep the account shut.
            self.is_silent = False
        if not is_first:
            self._suspect(now_ns, news)
        return False

    def _suspect(self, now_ns: int, news: int) -> None:
        if news and self._suspected_ns is None:
            self._suspected_ns = now_ns

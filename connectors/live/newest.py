"""What was told of the newest things of a venue, whose updates tell only what has changed."""

from typing import Any, Final

NEWEST_MAX: Final = 10_000


class Newest:
    """Remembers fields by an id, of so many things; the one that was told of longest ago is forgotten first."""

    def __init__(self, limit: int = NEWEST_MAX) -> None:
        """Remember `limit` things."""
        self._limit = limit
        self._known: dict[str, dict[str, Any]] = {}

    def told(self, name: str, /, **news: Any) -> dict[str, Any]:
        """Take what is new of a thing; return all that is known of it."""
        merged = self._known[name] = {**self._known.pop(name, {}), **news}
        if len(self._known) > self._limit:
            del self._known[next(iter(self._known))]
        return merged

    def __contains__(self, name: str) -> bool:
        """Tell whether a thing is known."""
        return name in self._known

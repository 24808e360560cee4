"""What `cival check` answers."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer."""

    level: Level
    what: str
    text: str
    is_away: bool = False
    """Of an error: it may pass by itself, since somebody was not there."""

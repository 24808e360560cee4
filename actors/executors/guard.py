"""Watches that every position that must be protected is, and says so when it is not."""

from decimal import Decimal
from typing import Final

from actors.executors.paper_trail import PaperTrail
from actors.executors.plan import NS_PER_S
from actors.executors.running import Running
from engine.domain.values import text_of

GRACE_NS: Final = 5 * NS_PER_S
"""Market time that a stop may take to reach the venue, or to be replaced by one of another size."""
_SINCE: Final = "unprotected_since"
_ALARMED: Final = "unprotected_alarm"


class Guard:
    """The alarm of one desk. What it knows of an executor is in the executor's row and survives a restart."""

    __slots__ = ("_trail",)

    def __init__(self, trail: PaperTrail) -> None:
        """Write alerts here."""
        self._trail = trail

    def look(self, running: Running, unprotected: Decimal, now_ns: int) -> None:
        """Compare what should be guarded with what is; alarm once for each time that it lasts too long."""
        state = running.state
        if not unprotected:
            if state.pop(_ALARMED, False):
                self._trail.alert(running, "position_protected", "low", {})
            state.pop(_SINCE, None)
            return
        since_ns = state.setdefault(_SINCE, now_ns)
        if now_ns >= since_ns + GRACE_NS and not state.get(_ALARMED):
            state[_ALARMED] = True
            self._trail.alert(running, "position_unprotected", "critical", {"quantity": text_of(unprotected)})

    def due_ns(self, running: Running) -> int | None:
        """Return when to look again; None if nothing is pending."""
        since_ns = running.state.get(_SINCE)
        return None if since_ns is None or running.state.get(_ALARMED) else int(since_ns) + GRACE_NS

"""What becomes of a slot whose orders are refused: it waits longer each time, and in the end somebody gives up."""

from typing import Final

from actors.executors.closing import SLOTS
from actors.executors.plan import NS_PER_S
from actors.executors.running import Running, Slot, SlotOrder

REFUSALS_MAX: Final = 5
"""Orders of one slot refused in a row after which its executor fails; protective ones are tried for ever."""
RETRY_FIRST_NS: Final = NS_PER_S
RETRY_MAX_NS: Final = 60 * NS_PER_S
NOTHING_TO_CLOSE: Final = frozenset({"reduce_only", "reduce_only_would_not_reduce", "balance", "insufficient_balance"})
"""Refusals that say the account no longer has what the executor would close: somebody else has closed it."""


def wait(slot: Slot, now_ns: int) -> None:
    """Let a slot that was refused wait before its next order."""
    slot.retry_at_ns = now_ns + min(RETRY_FIRST_NS << min(slot.refusals - 1, 10), RETRY_MAX_NS)


def why_given_up(running: Running, order: SlotOrder, code: str | None) -> str | None:
    """Return why nothing more comes of a slot; None if it is tried again.

    Args:
        running: The executor.
        order: Its order that was just refused.
        code: Why.
    """
    refusals = running.slot(order.slot).refusals
    if refusals < REFUSALS_MAX:
        return None
    reason = f"{order.slot}: refused {refusals} times, {code or 'by the venue'}"
    if order.slot in SLOTS:
        return reason if code in NOTHING_TO_CLOSE else None
    return None if running.row.status != "active" or order.terms.is_protective else reason

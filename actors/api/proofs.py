"""Waits for what is proven of a halt, over all the cells that it covers."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from actors.api.cells import CellRefs
from actors.api.commands import ask
from actors.api.problems import Problem
from engine.domain.identifiers import UserId
from engine.messages.risk import HaltQuery, HaltReport
from engine.runtime.clock import Clock

POLL_NS: Final = 100_000_000
NS_PER_S: Final = 1_000_000_000
PROVEN: Final = "proven"
UNPROVEN: Final = "unproven"
UNKNOWN: Final = "unknown"
"""State of a halt of which a cell knows nothing, or that does not answer."""


async def proof_of(
    clock: Clock, cells: Sequence[tuple[UserId, CellRefs]], halt_id: UUID, wait_s: float
) -> dict[str, Any]:
    """Return state and report of a halt as soon as it is proven, or cannot be in time.

    Args:
        clock: Monotonic time, for the wait.
        cells: Those that it covers.
        halt_id: The same in all of them.
        wait_s: Longest wait, seconds; 0 looks once.
    """
    until_ns = clock.monotonic_ns() + int(wait_s * NS_PER_S)
    while True:
        reports = [(user_id, await _report(refs, user_id, halt_id)) for user_id, refs in cells]
        states = {UNKNOWN if report is None else report.state for _, report in reports}
        if states <= {PROVEN, UNPROVEN} or clock.monotonic_ns() >= until_ns:
            return _joined(reports, states)
        await clock.sleep(POLL_NS)


async def _report(refs: CellRefs, user_id: UserId, halt_id: UUID) -> HaltReport | None:
    try:
        report: HaltReport | None = await ask(refs.gate, HaltQuery(user_id=user_id, halt_id=halt_id))
    except Problem:
        return None  # Its cell is starting again: nothing is proven now.
    return report


def _joined(reports: Sequence[tuple[UserId, HaltReport | None]], states: set[str]) -> dict[str, Any]:
    worst = next((each for each in (UNKNOWN, UNPROVEN, "requested", "verifying") if each in states), PROVEN)
    joined: dict[str, Any] = {"state": worst, "orders": [], "positions": [], "accounts": []}
    for user_id, report in reports:
        if report is None:
            joined["accounts"].append(
                {"user_id": str(user_id), "outcome": "not_heard", "why": "its cell does not answer"}
            )
            continue
        for part in ("orders", "positions", "accounts"):
            joined[part] += report.report.get(part, [])
    return joined

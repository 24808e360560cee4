"""Fault points around a commit: one per event that a unit holds."""

from collections.abc import Sequence
from typing import Literal

from engine.messages.writing import WriteUnit
from engine.runtime.fault_points import fault_point, is_armed


def pass_points(when: Literal["committing", "committed"], units: Sequence[WriteUnit]) -> None:
    """Pass `when.TYPE` for every event in these units; see `engine.runtime.fault_points`."""
    if is_armed():
        for unit in units:
            for event in unit.events:
                fault_point(f"{when}.{event.type}")

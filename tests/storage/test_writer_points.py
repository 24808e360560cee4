"""The points around a commit name the events of its units, in order, and only while somebody listens."""

import pytest

from engine.runtime.fault_points import arm
from storage.writer_points import pass_points
from tests.support.units import TestCell, UnitMaker


@pytest.mark.parametrize("when", ["committing", "committed"])
def test_each_event_has_its_point(when: str) -> None:
    heard: list[str] = []
    make = UnitMaker()
    cell = TestCell(make)
    order = make.order(cell.account)
    events = (make.event(order), make.event(order, type="OrderAccepted"))
    units = [cell.unit(order, events=events), cell.unit()]
    pass_points(when, units)  # type: ignore[arg-type]
    arm(heard.append)
    try:
        pass_points(when, units)  # type: ignore[arg-type]
    finally:
        arm(None)
    assert heard == [f"{when}.OrderSubmitting", f"{when}.OrderAccepted"]

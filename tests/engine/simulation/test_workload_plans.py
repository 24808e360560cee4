"""Every plan that is drawn can be started, and the kinds all come."""

import pytest

from engine.domain.instrument import Instrument
from engine.runtime.entropy import seeded_rng
from engine.simulation.street import PRICES
from engine.simulation.workload_plans import KINDS, draw_plan, ends_by_itself
from engine.simulation.workload_setting import instruments


@pytest.mark.parametrize("instrument", instruments(), ids=lambda each: each.symbol)
def test_every_plan_passes_its_own_check(instrument: Instrument) -> None:
    rng = seeded_rng(1)
    plans = [draw_plan(rng, instrument, PRICES[instrument.base]) for _ in range(300)]
    for plan in plans:
        plan.check(instrument)
    assert {plan.kind for plan in plans} == KINDS.keys()
    assert len({plan.side for plan in plans}) == 2


@pytest.mark.parametrize(
    ("kind", "configuration", "ends"),
    [("twap", {}, True), ("chase", {"timeout": 5}, True), ("chase", {"timeout": None}, False), ("grid", {}, False)],
)
def test_only_some_plans_end_without_a_market(kind: str, configuration: dict[str, int], *, ends: bool) -> None:
    assert ends_by_itself(kind, configuration) is ends

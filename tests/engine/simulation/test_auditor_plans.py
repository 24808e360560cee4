"""What a plan allows, kind by kind, as an auditor reads it from the configuration."""

from decimal import Decimal
from typing import Any

import pytest

from engine.messages.rows_executors import ExecutorRow
from engine.simulation.auditor_plans import Amounts, limits_of, wants_guard
from tests.support.cell_builders import ACCOUNT, START_NS, USER, an_id

D = Decimal


def a_plan(kind: str, **configuration: Any) -> ExecutorRow:
    return ExecutorRow(
        id=an_id(1), user_id=USER, account_id=ACCOUNT, kind=kind, symbol="BTC/USDT", side="buy",
        configuration={"quantity": "1"} | configuration, status="active", intent_key="plan", realized_pnl=D(0),
        correlation_id=an_id(1), created_at=START_NS, updated_at=START_NS,
    )  # fmt: skip


def opened(used: str, net: str | None = None) -> Amounts:
    return Amounts(True, D(net or used), D(net or used), D(used))


def closed(used: str, net: str = "0") -> Amounts:
    return Amounts(False, D(net), D(net), D(used))


def broken(plan: ExecutorRow, **slots: Amounts) -> list[str]:
    """Return what exceeds its limit; `__` in a name stands for a colon."""
    named = {name.replace("__", ":"): each for name, each in slots.items()}
    return [what for what, used, most in limits_of(plan, named) if used > most]


@pytest.mark.parametrize("kind", ["bracket", "twap", "chase"])
def test_a_simple_plan_orders_its_quantity_over_all_slots(kind: str) -> None:
    plan = a_plan(kind)
    assert broken(plan, one=opened("0.5"), two=opened("0.5")) == []
    assert broken(plan, one=opened("0.5"), two=opened("0.6")) == ["opening"]


def test_nothing_closes_more_than_has_entered() -> None:
    plan = a_plan("bracket")
    assert broken(plan, entry=opened("1", "0.5"), stop=closed("0.5")) == []
    assert broken(plan, entry=opened("1", "0.5"), stop=closed("0.3"), flatten=closed("0.3")) == ["closing"]


def test_closing_by_the_other_side_is_no_part_of_the_plan() -> None:
    slots = {"entry": opened("1"), "flatten": closed("1", "1")}
    assert broken(a_plan("bracket"), **slots, flatten__back=opened("1")) == []
    assert broken(a_plan("bracket"), **slots, flatten__back=opened("1.1")) == ["taking back"]


def test_a_grid_counts_each_cell_round_by_round() -> None:
    plan = a_plan("grid")
    assert broken(plan, open__0=opened("3", "3"), close__0=closed("2", "2")) == []
    assert broken(plan, open__0=opened("3.5", "3"), close__0=closed("2", "2")) == ["open:0"]
    assert "closing of open:0" in broken(plan, open__0=opened("1"), close__0=closed("2", "0.5"), open__1=opened("1"))


def test_a_deeper_order_is_larger_by_the_factor_and_there_are_only_so_many() -> None:
    plan = a_plan("dca", safety_orders=2, size_scale="1.5")
    assert broken(plan, base=opened("1"), safety__0=opened("1.5"), safety__1=opened("2.25")) == []
    assert broken(plan, base=opened("1.1"), safety__1=opened("2.26")) == ["base", "safety:1"]
    steps = {f"safety__{number}": opened("0.1") for number in range(3)}
    assert broken(plan, base=opened("1"), **steps) == ["orders"]


@pytest.mark.parametrize(
    ("plan", "wants"),
    [
        (a_plan("bracket", stop_price="1"), True),
        (a_plan("bracket", stop_price=None), False),
        (a_plan("dca", stop_percent="1"), True),
        (a_plan("grid", stop_price="1"), False),
    ],
)
def test_a_stop_guards_a_bracket_and_an_average(plan: ExecutorRow, *, wants: bool) -> None:
    assert wants_guard(plan) is wants

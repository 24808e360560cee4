"""What a cell is told of its past."""

from typing import Any

import pytest

from engine.messages.load import AccountState, AgentHolding, CellState
from engine.messages.rows_people import AccountRow


def an_account(**changes: Any) -> AccountRow:
    fields: dict[str, Any] = dict.fromkeys(AccountRow.__struct_fields__)
    return AccountRow(**(fields | changes))


def test_a_user_without_a_past_has_an_empty_cell() -> None:
    state = CellState(time_zone="UTC")
    assert (state.accounts, state.agents, state.limits, state.states, state.recent_orders) == ((), (), (), (), ())
    assert state.last_day is None


def test_an_account_that_was_never_compared_has_no_watermark_and_no_books() -> None:
    state = AccountState(row=an_account(name="paper-1"))
    assert (state.watermark, state.is_opened, state.orders) == (None, False, ())


def test_what_is_loaded_cannot_be_changed() -> None:
    state = CellState(time_zone="UTC")
    with pytest.raises(AttributeError):
        state.time_zone = "Europe/Berlin"  # type: ignore[misc]
    assert AgentHolding.__struct_config__.frozen

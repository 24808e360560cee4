"""What a ledger tells itself waits for every unit."""

import pytest

from actors.ledger_turns import MARK_DUE, PROJECT_LATE, VALUE_DUE


@pytest.mark.parametrize("turn", [MARK_DUE, PROJECT_LATE, VALUE_DUE])
def test_it_waits_behind_every_unit(turn: object) -> None:
    assert turn.__lane__ == "market"  # type: ignore[attr-defined]

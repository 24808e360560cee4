"""What stores answer."""

import random
from uuid import UUID

from engine.domain.identifiers import UserId
from engine.messages.ports import PaperState, UnitResult
from engine.messages.writing import UnitNumbers
from engine.runtime.clock import VirtualClock
from engine.runtime.entropy import Ids


def test_a_refused_unit_has_no_answer_and_no_events() -> None:
    unit = UnitNumbers(UserId(UUID(int=1)), 1, Ids(VirtualClock(1), random.Random(1))).open()
    result = UnitResult(unit=unit, answer=None, refused="fenced")
    assert result.events == ()


def test_a_new_paper_venue_knows_nobody() -> None:
    state = PaperState()
    assert (state.accounts, state.open_orders, state.last_cursor, state.mark) == ((), (), 0, None)

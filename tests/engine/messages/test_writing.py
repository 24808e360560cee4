"""The unit of work and the counter of a cell."""

import random
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from engine.domain.identifiers import NO_USER, CorrelationId, UserId
from engine.messages.rows_people import AuditRow, IdempotencyRow, ReplayPositionRow
from engine.messages.writing import CommandRecord, JournalEvent, UnitNumbers, unit_without_cell
from engine.runtime.clock import VirtualClock
from engine.runtime.entropy import Ids
from tests.support.messages import instances

USER = UserId(UUID(int=7))


def some_ids() -> Ids:
    return Ids(VirtualClock(1), random.Random(1))


def a_row(frame: int = 1) -> ReplayPositionRow:
    return ReplayPositionRow(user_id=USER, session="s", frame=frame, updated_at=1)


def test_units_are_numbered_without_holes_under_one_fence() -> None:
    numbers = UnitNumbers(USER, 5, some_ids())
    units = [numbers.open() for _ in range(3)]
    assert [(unit.n, unit.fence, unit.user_id) for unit in units] == [(1, 5, USER), (2, 5, USER), (3, 5, USER)]
    assert len({unit.id for unit in units}) == 3


def test_adding_to_a_unit_keeps_its_identity_and_the_order() -> None:
    numbers = UnitNumbers(USER, 1, some_ids())
    first = numbers.open(CorrelationId(UUID(int=3)), rows=(a_row(1),))
    event = JournalEvent(channel="orders", type="OrderFilled", data={}, at_ns=1)
    second = first.plus(rows=(a_row(2),), events=(event,))
    assert (second.id, second.n, second.fence, second.correlation_id) == (first.id, 1, 1, UUID(int=3))
    assert second.rows == (a_row(1), a_row(2))
    assert second.events == (event,)
    assert first.rows == (a_row(1),)


def test_a_unit_outside_a_cell_has_no_number_and_no_fence() -> None:
    unit = unit_without_cell(some_ids(), (a_row(),))
    assert (unit.n, unit.fence, unit.user_id) == (None, None, NO_USER)


@given(audit=instances(AuditRow), idempotency=instances(IdempotencyRow))
def test_a_command_leaves_an_audit_row_and_with_a_key_an_idempotency_row(
    audit: AuditRow, idempotency: IdempotencyRow
) -> None:
    assert CommandRecord(audit=audit).rows == (audit,)
    assert CommandRecord(audit=audit, idempotency=idempotency).rows == (audit, idempotency)


@given(st.integers(1, 50))
def test_a_new_fence_starts_a_new_count(opened: int) -> None:
    ids = some_ids()
    old = UnitNumbers(USER, 1, ids)
    for _ in range(opened):
        old.open()
    assert UnitNumbers(USER, 2, ids).open().n == 1

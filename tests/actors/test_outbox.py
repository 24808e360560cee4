from typing import Any

import pytest

from actors.outbox import Outbox
from engine.messages.writing import UnitNumbers, UnitsCommitted
from engine.runtime.bus import Bus
from engine.runtime.clock import VirtualClock
from engine.runtime.entropy import Ids, seeded_rng
from tests.support.cell_builders import USER

FENCE = 7


class Owner:
    """Takes the place of an actor's ref: hands commits to the outbox at once."""

    def __init__(self) -> None:
        self.outbox: Outbox | None = None

    def tell(self, message: UnitsCommitted) -> None:
        assert self.outbox is not None
        self.outbox.release(message)


@pytest.fixture
def bus() -> Bus:
    return Bus()


@pytest.fixture
def outbox(bus: Bus) -> Outbox:
    owner: Any = Owner()
    numbers = UnitNumbers(USER, FENCE, Ids(VirtualClock(), seeded_rng(1)))
    owner.outbox = Outbox(numbers, bus, owner)
    return owner.outbox  # type: ignore[no-any-return]


def commit(bus: Bus, n: int, fence: int = FENCE) -> None:
    bus.publish(UnitsCommitted(user_id=USER, fence=fence, n=n), key=USER)


def test_nothing_leaves_before_its_unit_is_durable(outbox: Outbox, bus: Bus) -> None:
    sent: list[str] = []
    outbox.hold(2, lambda: sent.append("second"))
    commit(bus, 1)
    assert sent == []
    commit(bus, 2)
    assert sent == ["second"]


def test_sends_leave_in_the_order_of_their_units(outbox: Outbox, bus: Bus) -> None:
    sent: list[int] = []
    for n in (3, 1, 2):
        outbox.hold(n, lambda n=n: sent.append(n))  # type: ignore[misc]
    commit(bus, 3)
    assert sent == [1, 2, 3]


def test_two_sends_of_one_unit_keep_their_order(outbox: Outbox, bus: Bus) -> None:
    sent: list[str] = []
    outbox.hold(1, lambda: sent.append("a"))
    outbox.hold(1, lambda: sent.append("b"))
    commit(bus, 1)
    assert sent == ["a", "b"]


def test_a_commit_under_another_fence_proves_nothing(outbox: Outbox, bus: Bus) -> None:
    sent: list[str] = []
    outbox.hold(1, lambda: sent.append("x"))
    commit(bus, 5, fence=FENCE + 1)
    assert sent == []
    assert len(outbox) == 1


def test_what_is_durable_already_leaves_at_once(outbox: Outbox, bus: Bus) -> None:
    outbox.hold(4, lambda: None)
    commit(bus, 4)
    sent: list[str] = []
    outbox.hold(3, lambda: sent.append("x"))
    assert sent == ["x"]


def test_a_closed_outbox_sends_nothing_any_more(outbox: Outbox, bus: Bus) -> None:
    sent: list[str] = []
    outbox.hold(1, lambda: sent.append("before"))
    outbox.close()
    outbox.hold(2, lambda: sent.append("after"))
    commit(bus, 9)
    assert sent == []
    assert bus.subscribers(UnitsCommitted, USER) == 0

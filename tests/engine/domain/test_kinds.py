"""Closed lists of words."""

from itertools import pairwise

from engine.domain.kinds import DoneReason, Lifecycle, OrderStatus, Side


def test_the_sides_are_opposite_and_signed() -> None:
    assert Side.BUY.opposite is Side.SELL
    assert Side.SELL.opposite is Side.BUY
    assert (Side.BUY.sign, Side.SELL.sign) == (1, -1)


def test_the_ranks_of_a_life_rise() -> None:
    order = ["CREATED", "SUBMITTING", "UNKNOWN", "WORKING", "DONE"]
    ranks = [Lifecycle[name] for name in order]
    assert len(Lifecycle) == len(order)
    assert all(a < b for a, b in pairwise(ranks))


def test_cancelled_has_two_l() -> None:
    assert {OrderStatus.CANCELLED.value, DoneReason.CANCELLED.value} == {"cancelled"}

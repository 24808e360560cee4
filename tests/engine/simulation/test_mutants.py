"""Deliberate bugs: switched on for a while, and gone without a trace afterwards."""

from typing import Any

import pytest

from actors.order_router import OrderRouter
from actors.outbox import Outbox
from engine.messages.venues import VenueCancelRefused
from engine.simulation import mutants_check
from engine.simulation.mutants import MUTANTS, Swaps, active, answers, what_it_breaks

PARTS = mutants_check.PARTS


def test_there_are_enough_of_them_and_each_says_what_it_breaks() -> None:
    assert len(MUTANTS) >= 18
    assert all(what_it_breaks(name).endswith(".") for name in MUTANTS)
    assert len({what_it_breaks(name) for name in MUTANTS}) == len(MUTANTS)


def test_a_handler_that_is_swapped_takes_the_messages() -> None:
    before = OrderRouter._actor_direct[VenueCancelRefused]
    with active("cancel timeout means cancelled"):
        assert OrderRouter._actor_direct[VenueCancelRefused] is not before
    assert OrderRouter._actor_direct[VenueCancelRefused] is before


def test_without_a_name_nothing_is_swapped() -> None:
    hold: Any = Outbox.hold
    with active(None):
        assert Outbox.hold is hold


def test_what_raises_is_undone_too() -> None:
    hold: Any = Outbox.hold
    with pytest.raises(RuntimeError), active("send before persist"):
        raise RuntimeError
    assert Outbox.hold is hold


def test_a_mutant_whose_target_is_gone_says_so() -> None:
    with pytest.raises(KeyError):
        Swaps().swap(Outbox, "no_such_method", answers(None))

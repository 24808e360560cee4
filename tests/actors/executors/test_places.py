"""A place names one order, and can be read back from it."""

from uuid import UUID

import pytest

from actors.executors.places import intent_key, slot_of


@pytest.mark.parametrize(("slot", "generation"), [("entry", 1), ("open:3", 12), ("slice:0", 100)])
def test_an_intent_key_names_the_place(slot: str, generation: int) -> None:
    executor = UUID(int=7)
    assert slot_of(intent_key(executor, slot, generation)) == (str(executor), slot, generation)

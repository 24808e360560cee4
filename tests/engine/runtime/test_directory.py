"""Look-ups, as pykka's registry documents them."""

from typing import Any

import pytest

from engine.runtime.actor import AsyncioActor
from engine.runtime.errors import StartFailed
from engine.runtime.system import ActorSystem

pytestmark = pytest.mark.asyncio


class Base(AsyncioActor):
    """Keeps what it hears."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        self.heard.append(message)
        return self.heard


class Special(Base):
    """A subclass."""


async def test_look_ups_by_name_urn_class_and_class_name(system: ActorSystem) -> None:
    base = await system.start(Base, name="one")
    special = await system.start(Special, name="two")
    directory = system.directory
    assert directory.get("one") is base
    assert directory.get("three") is None
    assert directory.get_by_urn(special.actor_urn) is special
    assert directory.get_by_urn("urn:uuid:unknown") is None
    assert directory.get_all() == [base, special]
    assert directory.get_by_class(Base) == [base, special]
    assert directory.get_by_class(Special) == [special]
    assert directory.get_by_class_name("Base") == [base]
    assert len(directory) == 2


async def test_a_stopped_actor_is_gone_and_its_name_is_free(system: ActorSystem) -> None:
    first = await system.start(Base, name="one")
    with pytest.raises(StartFailed, match="expected one that is free, was 'one'"):
        await system.start(Base, name="one")
    await first.stop()
    assert system.directory.get("one") is None
    system.directory.remove(first)
    second = await system.start(Base, name="one")
    assert system.directory.get("one") is second


async def test_a_broadcast_reaches_all_or_a_class_or_a_class_name(system: ActorSystem) -> None:
    base, special = await system.start(Base), await system.start(Special)
    system.directory.broadcast("all")
    system.directory.broadcast("bases", Base)
    system.directory.broadcast("named", "Special")
    assert await base.ask("?") == ["all", "bases", "?"]
    assert await special.ask("?") == ["all", "bases", "named", "?"]

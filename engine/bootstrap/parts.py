"""An actor that is put together in one place and started in another."""

from dataclasses import dataclass
from typing import Any

from engine.runtime.actor import AsyncioActor


@dataclass(frozen=True, slots=True)
class VenueParts:
    """An actor that is ready to be started."""

    actor_class: type[AsyncioActor]
    name: str
    collaborators: dict[str, Any]

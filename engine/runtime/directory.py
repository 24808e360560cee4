"""Who is running: look-ups by name, URN and class in one system.

pykka's own registry is one list for the whole process that every look-up scans. Ours answers by name and URN at once
and remembers the order of start, which `stop_all` turns round.
"""

from typing import Any, TypeVar

from pykka._actor import Actor

from engine.runtime.errors import StartFailed
from engine.runtime.ref import Ref

A = TypeVar("A", bound=Actor)


class Directory:
    """The running actors of one system, in order of start."""

    def __init__(self) -> None:
        self._by_name: dict[str, Ref[Any]] = {}
        self._by_urn: dict[str, Ref[Any]] = {}

    def __len__(self) -> int:
        return len(self._by_urn)

    def add(self, ref: Ref[Any]) -> None:
        """Remember a started actor.

        Raises:
            StartFailed: its name is taken.
        """
        self.require_free(ref.name)
        self._by_name[ref.name] = ref
        self._by_urn[ref.actor_urn] = ref

    def require_free(self, name: str) -> None:
        """Refuse a name that is taken.

        Raises:
            StartFailed: an actor of this name runs.
        """
        if name in self._by_name:
            raise StartFailed(f"actor name: expected one that is free, was {name!r} of {self._by_name[name]}")

    def remove(self, ref: Ref[Any]) -> None:
        """Forget a stopped actor; harmless when repeated."""
        if self._by_urn.pop(ref.actor_urn, None) is not None:
            del self._by_name[ref.name]

    def get(self, name: str) -> Ref[Any] | None:
        """Return the running actor of this name."""
        return self._by_name.get(name)

    def get_all(self) -> list[Ref[Any]]:
        """Return all running actors, first started first."""
        return list(self._by_urn.values())

    def get_by_urn(self, actor_urn: str) -> Ref[Any] | None:
        """Return the running actor of this URN."""
        return self._by_urn.get(actor_urn)

    def get_by_class(self, actor_class: type[A]) -> list[Ref[A]]:
        """Return the running actors of this class and its subclasses."""
        return [ref for ref in self._by_urn.values() if issubclass(ref.actor_class, actor_class)]

    def get_by_class_name(self, name: str) -> list[Ref[Any]]:
        """Return the running actors whose class has exactly this name."""
        return [ref for ref in self._by_urn.values() if ref.actor_class.__name__ == name]

    def broadcast(self, message: Any, target_class: str | type[Actor] | None = None) -> None:
        """Tell all actors, or those of a class (with subclasses) or of a class name."""
        if target_class is None:
            targets = self.get_all()
        elif isinstance(target_class, str):
            targets = self.get_by_class_name(target_class)
        else:
            targets = self.get_by_class(target_class)
        for ref in targets:
            ref.tell(message)

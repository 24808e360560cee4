"""Deliberate bugs, switched on one at a time without touching the product: each must be found by the auditor.

A mutant swaps methods of product classes for the length of a run. What it breaks stands in its docstring, in the words
of the table in `docs/simulation.md`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Final

from engine.runtime.actor import AsyncioActor
from engine.runtime.handlers import tables_of

Make = Callable[[Callable[..., Any]], Callable[..., Any]]
"""Original method -> what takes its place."""


def answers(value: Any) -> Make:
    """Return the maker of a method that always answers this."""

    def make(_original: Callable[..., Any]) -> Callable[..., Any]:
        def always(*_arguments: Any, **_named: Any) -> Any:
            return value

        return always

    return make


class Swaps:
    """Methods that are swapped now."""

    def __init__(self) -> None:
        """Start with none."""
        self._undo: list[tuple[type, str, Any]] = []

    def swap(self, owner: type, name: str, make: Make) -> None:
        """Put another method in the place of one that `owner` itself defines.

        Raises:
            KeyError: `owner` does not define it (any more): the mutant must follow the product.
        """
        original = vars(owner)[name]
        plain = original.__func__ if isinstance(original, staticmethod | classmethod) else original
        replacement: Any = wraps(plain)(make(plain))
        if isinstance(original, staticmethod | classmethod):
            replacement = type(original)(replacement)
        self._undo.append((owner, name, original))
        setattr(owner, name, replacement)
        _refresh(owner)

    def undo(self) -> None:
        """Put everything back, the last first."""
        while self._undo:
            owner, name, original = self._undo.pop()
            setattr(owner, name, original)
            _refresh(owner)


def _refresh(owner: type) -> None:
    """Work out again which method takes which message, for the class and all that derive from it."""
    if issubclass(owner, AsyncioActor):
        owner._actor_direct, owner._actor_coroutines = tables_of(owner)  # noqa: SLF001 - as the runtime does once.
    subclasses: list[type] = type.__subclasses__(owner)
    for derived in subclasses:
        _refresh(derived)


Mutant = Callable[[Swaps], None]

MUTANTS: Final[dict[str, Mutant]] = {}
"""Every mutant by name, in the order of the table."""


def mutant(function: Mutant) -> Mutant:
    """Add a mutant to the list; its name is the function's, with spaces."""
    MUTANTS[function.__name__.strip("_").replace("_", " ")] = function
    return function


@contextmanager
def active(name: str | None) -> Iterator[None]:
    """Run with a mutant switched on; None: with the product as it is."""
    if name is None:
        yield
        return
    swaps = Swaps()
    try:
        MUTANTS[name](swaps)
        yield
    finally:
        swaps.undo()


def what_it_breaks(name: str) -> str:
    """Return the sentence that says what a mutant does."""
    return " ".join((MUTANTS[name].__doc__ or "").split())

"""`@handles`: which method of an actor takes which message, worked out once per class."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

_ATTRIBUTE = "__handles__"

Table = dict[type, Callable[[Any, Any], Any]]


def handles(*message_types: type) -> Callable[[F], F]:
    """Mark a method as the handler of messages of exactly these types; `async def` for actors at the rim."""
    assert message_types, "@handles: expected message types, was none"
    assert all(isinstance(kind, type) for kind in message_types), f"@handles: expected types, was {message_types!r}"

    def mark(method: F) -> F:
        setattr(method, _ATTRIBUTE, message_types)
        return method

    return mark


def tables_of(actor_class: type) -> tuple[Table, Table]:
    """Return the synchronous and the coroutine handlers of a class by message type, inherited ones included.

    A method that overrides a handler takes its messages, marked again or not.

    Raises:
        TypeError: one class names two handlers for one message type.
    """
    name_of: dict[type, str] = {}
    for base in reversed(actor_class.__mro__):
        here: dict[type, str] = {}
        for name, method in vars(base).items():
            for kind in getattr(method, _ATTRIBUTE, ()) if callable(method) else ():
                if kind in here:
                    raise TypeError(
                        f"{base.__name__}: expected one handler of {kind.__name__}, was {here[kind]} and {name}"
                    )
                here[kind] = name
        name_of.update(here)
    direct: Table = {}
    coroutine: Table = {}
    for kind, name in name_of.items():
        method = getattr(actor_class, name)
        (coroutine if inspect.iscoroutinefunction(method) else direct)[kind] = method
    return direct, coroutine

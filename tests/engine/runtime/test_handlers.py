"""Which method takes which message."""

from typing import Any

import pytest

from engine.runtime.handlers import handles, tables_of


class First:
    """A message."""


class Second:
    """Another."""


class Special(First):
    """A subclass of a message."""


class Base:
    @handles(First, Second)
    def on_both(self, _: Any) -> str:
        return "base"


class Override(Base):
    def on_both(self, _: Any) -> str:
        return "override"


class Moved(Base):
    @handles(Second)
    async def on_second(self, _: Any) -> str:
        return "moved"


def test_a_method_may_take_several_types_and_a_subclass_of_one_is_not_taken() -> None:
    direct, coroutine = tables_of(Base)
    assert direct == {First: Base.on_both, Second: Base.on_both}
    assert coroutine == {}
    assert Special not in direct


def test_an_override_takes_the_messages_without_a_mark() -> None:
    assert tables_of(Override)[0] == {First: Override.on_both, Second: Override.on_both}


def test_a_subclass_may_give_a_type_to_another_method_and_coroutines_are_kept_apart() -> None:
    direct, coroutine = tables_of(Moved)
    assert direct == {First: Base.on_both}
    assert coroutine == {Second: Moved.on_second}


def test_two_handlers_of_one_type_in_one_class_are_refused() -> None:
    class Twice:
        @handles(First)
        def on_first(self, _: Any) -> None:
            pass

        @handles(First)
        def on_first_again(self, _: Any) -> None:
            pass

    with pytest.raises(TypeError, match="Twice: expected one handler of First, was on_first and on_first_again"):
        tables_of(Twice)


def test_what_is_no_type_is_refused() -> None:
    with pytest.raises(AssertionError, match="was none"):
        handles()
    with pytest.raises(AssertionError, match="expected types"):
        handles("First")  # type: ignore[arg-type]

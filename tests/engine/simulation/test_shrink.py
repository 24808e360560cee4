"""A failing run is made small: what it does not need is taken away, and only that."""

from collections.abc import Collection

import msgspec

from engine.simulation.faults import is_forbidden
from engine.simulation.run import Result
from engine.simulation.shrink import broken_of, shrink

NAMES = ("crash/0", "crash/1", "freeze/0", "north:void/3", "north:void/7", "south:garbage/1")
EMPTY = Result(
    seed=7, digest="", violations=(), orders=0, fills=0, crashes=0, boots=0, commits=0, faults={}, counts={}, probes={},
    simulated_ns=0, steps=0,
)  # fmt: skip


class Engine:
    """Fails while all of `needed` happen."""

    def __init__(self, *needed: str, otherwise: str = "") -> None:
        self.needed = needed
        self.otherwise = otherwise
        self.runs = 0

    def __call__(self, forbidden: Collection[str]) -> Result:
        self.runs += 1
        left = tuple(name for name in NAMES if not is_forbidden(name, forbidden))
        broken = (f"I6: {len(left)} faults",) if set(self.needed) <= set(left) else ()
        return msgspec.structs.replace(
            EMPTY, violations=broken or tuple(filter(None, [self.otherwise])), fault_names=left
        )


def test_only_what_is_needed_stays() -> None:
    engine = Engine("crash/1", "north:void/7")
    small = shrink(engine(()), engine)
    assert small.left == ("crash/1", "north:void/7")
    assert small.result.violations == ("I6: 2 faults",)
    assert engine(small.forbidden).violations == small.result.violations
    assert small.runs == engine.runs - 2


def test_what_fails_without_any_fault_needs_none() -> None:
    assert shrink(Engine()(()), Engine()).left == ()


def test_another_failure_is_not_the_one_that_is_looked_for() -> None:
    engine = Engine("crash/0", otherwise="I20: something else")
    assert shrink(engine(()), engine).left == ("crash/0",)


def test_it_costs_no_more_than_it_may() -> None:
    engine = Engine(*NAMES)
    small = shrink(engine(()), engine, runs_max=3)
    assert small.left == NAMES
    assert small.runs == 3


def test_invariants_are_compared_and_not_their_words() -> None:
    assert broken_of(msgspec.structs.replace(EMPTY, violations=("I6: a", "I6: b", "I3: c"))) == {"I6", "I3"}

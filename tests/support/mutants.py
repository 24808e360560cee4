"""Looks into mutants: which methods they swap, and that everything is as before afterwards."""

from types import ModuleType

from engine.simulation.mutants import MUTANTS, Swaps


def names_of(module: ModuleType) -> list[str]:
    """Return the names of the mutants of a module; there are some."""
    names = [name for name, mutant in MUTANTS.items() if mutant.__module__ == module.__name__]
    assert names, f"{module.__name__}: expected mutants"
    return names


def assert_swaps_and_undoes(name: str) -> None:
    """Switch a mutant on and off: methods of the product are others in between, and the same again at the end."""
    swaps = Swaps()
    MUTANTS[name](swaps)
    before = list(swaps._undo)
    swapped = [vars(owner)[method] for owner, method, _ in before]
    assert before
    assert all(now is not original for now, (_, _, original) in zip(swapped, before, strict=True))
    swaps.undo()
    assert all(vars(owner)[method] is original for owner, method, original in before)

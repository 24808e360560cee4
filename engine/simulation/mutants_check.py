"""Runs every mutant until it is found, and the unmutated engine beside them: proof that the auditor sees."""

import concurrent.futures
from collections.abc import Callable, Iterable, Sequence
from multiprocessing import get_context
from typing import Final

import msgspec

from engine.simulation import mutants_executors, mutants_money, mutants_orders, mutants_rim
from engine.simulation.cast import usual_cast
from engine.simulation.mutants import MUTANTS, active, what_it_breaks
from engine.simulation.run import Result, run_seed

SEEDS_MAX: Final = 200
CONTROL_SEEDS: Final = 20
QUICK: Final = (
    "send before persist",
    "status moves back",
    "fill sets no quantity",
    "halt not persisted",
)
"""Found within a seed or two: what the normal test suite can afford."""
FEW_SEEDS: Final = (
    *QUICK,
    "reservation never released",
    "intent key ignored",
    "halt not obeyed",
    "watermark stored before the fills",
    "fees not booked",
    "drop trade dedup",
    "resend the same id on timeout",
    "timeout means rejected",
    "cancel timeout means cancelled",
    "late fill dropped",
    "unknown commit means failed",
    "lost commit counts as done",
    "no fence check in the store",
    "units out of order",
)
"""Found within a few seeds: what each change can afford."""
COLLECTED: Final = "Task was destroyed"
PARTS: Final = (mutants_orders, mutants_money, mutants_rim, mutants_executors)
"""Importing them fills the list."""


class Hunt(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one mutant."""

    name: str
    what: str
    seeds: int
    """Runs until it was found; all of them if it was not."""
    symptom: str = ""
    """The first violation; empty if it was not found."""

    @property
    def is_found(self) -> bool:
        """Whether the auditor has seen it."""
        return bool(self.symptom)


def hunt(name: str, first_seed: int = 1, seeds_max: int = SEEDS_MAX) -> Hunt:
    """Run seeds with a mutant switched on until one fails that passes without it.

    Args:
        name: Of the mutant.
        first_seed: Where to begin.
        seeds_max: At most so many.
    """
    for number in range(seeds_max):
        seed = first_seed + number
        with active(name):
            result = run_seed(seed, usual_cast)
        symptoms = _evidence(result)
        # A seed that fails without the bug as well proves nothing about it.
        if symptoms and not _evidence(run_seed(seed, usual_cast)):
            return Hunt(name=name, what=what_it_breaks(name), seeds=number + 1, symptom=symptoms[0])
    return Hunt(name=name, what=what_it_breaks(name), seeds=seeds_max)


def _evidence(result: Result) -> list[str]:
    """Return what the auditor has found; when a dead task is collected is the doing of memory, not of a bug."""
    return [each for each in result.violations if COLLECTED not in each]


def control(first_seed: int = 1, seeds: int = CONTROL_SEEDS) -> list[str]:
    """Run the product as it is; return what is wrong with it, which must be nothing."""
    results = [run_seed(first_seed + number, usual_cast) for number in range(seeds)]
    return [f"seed {result.seed}: {result.violations[0]}" for result in results if not result.is_good]


def check(
    names: Iterable[str] | None = None,
    *,
    jobs: int = 1,
    first_seed: int = 1,
    seeds_max: int = SEEDS_MAX,
    tell: Callable[[Hunt], None] = lambda _: None,
) -> list[Hunt]:
    """Hunt mutants, each in a run of its own.

    Args:
        names: Which; None for all.
        jobs: Processes at the same time.
        first_seed: Where each begins.
        seeds_max: Seeds for each at most.
        tell: Called with each as soon as it is over.

    Returns:
        What came of them, in the order of the list.
    """
    wanted = list(MUTANTS) if names is None else list(names)
    if jobs == 1:
        found = []
        for name in wanted:
            found.append(hunt(name, first_seed, seeds_max))
            tell(found[-1])
        return found
    by_name: dict[str, Hunt] = {}
    with concurrent.futures.ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for done in concurrent.futures.as_completed(
            [pool.submit(hunt, name, first_seed, seeds_max) for name in wanted]
        ):
            by_name[done.result().name] = done.result()
            tell(done.result())
    return [by_name[name] for name in wanted]


def table(hunts: Sequence[Hunt]) -> str:
    """Return the table of `docs/simulation.md`: each bug, the seeds that it took, the first symptom."""
    lines = ["| bug | what is broken | seeds | first symptom |", "| --- | --- | ---: | --- |"]
    for each in hunts:
        seeds = str(each.seeds) if each.is_found else f"not in {each.seeds}"
        lines.append(f"| {each.name} | {each.what} | {seeds} | {_short(each.symptom)} |")
    return "\n".join(lines)


def _short(symptom: str) -> str:
    """Return a symptom in one cell: without ids, which differ from run to run."""
    words = [word for word in symptom.partition(" Traceback")[0].replace("|", "/").split() if not _is_id(word)]
    text = " ".join(words)
    return text if len(text) <= 110 else f"{text[:107]}..."


def _is_id(word: str) -> bool:
    return word.count("-") == 4 and len(word.strip("().,:;")) == 36

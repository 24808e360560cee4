"""`cival simulate --mutants`: deliberate bugs, each of which the auditor must find. No command of its own."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.cli.output import print_json

if TYPE_CHECKING:
    from engine.simulation.mutants_check import Hunt

BEGIN = "<!-- mutants: begin -->"
END = "<!-- mutants: end -->"


def run_mutants(
    *,
    jobs: int,
    first: int,
    seeds: int | None,
    table: Path | None,
    as_json: bool,
    names: tuple[str, ...] = (),
    is_quick: bool = False,
) -> int:
    """Hunt mutants and run the product beside them; return the exit code.

    Args:
        jobs: Processes.
        first: The first seed of each.
        seeds: At most so many for each; None for the usual number.
        table: A Markdown file with the two marks, between which the table goes.
        as_json: Print JSON instead of a line for each.
        names: Which; none for all.
        is_quick: Only those that are found within a few seeds.

    Raises:
        click.UsageError: A name that is none, or a table of a part of them.
    """
    from engine.runtime.log import set_level
    from engine.simulation import mutants_check
    from engine.simulation.mutants import MUTANTS

    set_level("critical")
    unknown = sorted(set(names) - set(MUTANTS))
    if unknown:
        raise click.UsageError(f"expected one of {', '.join(MUTANTS)}, was {', '.join(unknown)}")
    if table is not None and (names or is_quick):
        raise click.UsageError("expected all mutants for the table")
    wanted = names or (mutants_check.FEW_SEEDS if is_quick else None)

    def tell(hunt: "Hunt") -> None:
        if not as_json:
            seen = f"{hunt.seeds} seeds" if hunt.is_found else f"NOT FOUND in {hunt.seeds} seeds"
            click.echo(f"{hunt.name:42} {seen:24} {hunt.symptom[:100]}")

    seeds_max = mutants_check.SEEDS_MAX if seeds is None else seeds
    hunts = mutants_check.check(wanted, jobs=jobs, first_seed=first, seeds_max=seeds_max, tell=tell)
    wrong = mutants_check.control(first)
    survivors = [hunt.name for hunt in hunts if not hunt.is_found]
    if table is not None:
        table.write_text(with_table(table.read_text(), mutants_check.table(hunts)))
    facts: dict[str, Any] = {
        "mutants": len(hunts),
        "found": len(hunts) - len(survivors),
        "not_found": survivors,
        "control_seeds": mutants_check.CONTROL_SEEDS,
        "control_failures": wrong,
    }
    if as_json:
        print_json({**facts, "seeds": {hunt.name: hunt.seeds for hunt in hunts}})
    else:
        click.echo(f"found {facts['found']} of {len(hunts)}; without a bug {len(wrong)} failures")
        for line in wrong:
            click.echo(f"  {line}")
    return 1 if survivors or wrong else 0


def with_table(text: str, table: str) -> str:
    """Return a page with another table between its marks.

    Raises:
        click.UsageError: It has no marks.
    """
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise click.UsageError(f"expected the lines {BEGIN} and {END} in the page")
    return f"{head}{begin}\n{table}\n{end}{tail}"

"""`cival simulate`: the whole engine in virtual time against everything that goes wrong, one run per seed."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import click

from engine.cli.mutants import run_mutants
from engine.cli.options import json_option
from engine.cli.output import print_json, print_object

if TYPE_CHECKING:
    from engine.simulation.campaign import Done, Options, Summary

NS_PER_S = 1_000_000_000
FAILURES_SHOWN = 5


@click.command()
@click.option("--seeds", type=click.IntRange(1), help="How many seeds. Default: 100, or as many as the time allows.")
@click.option("--seed", "first", type=click.IntRange(0), default=1, show_default=True, help="The first seed.")
@click.option("--hours", type=click.FloatRange(0), default=0.0, help="Begin no further seed after so long.")
@click.option("--minutes", type=click.FloatRange(0), default=0.0, help="As --hours; both add up.")
@click.option("--storm", type=click.IntRange(1), default=60, show_default=True, help="Simulated seconds of each storm.")
@click.option("--resume", type=click.Path(dir_okay=False, path_type=Path), help="Keep finished seeds here and go on.")
@click.option("--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes.")
@click.option("--without", default="", help="Faults that must not happen: names with commas, as a failure prints them.")
@click.option("--no-shrink", is_flag=True, help="Show a failure as it is.")
@click.option("--mutants", is_flag=True, help="Switch on deliberate bugs instead, one at a time: each must be found.")
@click.option("--mutant", "names", multiple=True, metavar="NAME", help="Only this bug of them; may be repeated.")
@click.option("--quick", is_flag=True, help="With --mutants: only those that are found within a few seeds.")
@click.option(
    "--table",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Page that gets the mutants' table.",
)
@json_option
def simulate(  # noqa: PLR0913 - one for each option.
    *,
    seeds: int | None,
    first: int,
    hours: float,
    minutes: float,
    storm: int,
    resume: Path | None,
    jobs: int,
    without: str,
    no_shrink: bool,
    mutants: bool,
    names: tuple[str, ...],
    quick: bool,
    table: Path | None,
    as_json: bool,
) -> int:
    """Crash, freeze and deceive the whole engine in virtual time, and audit its books after every step.

    Each seed is one run: a storm, then quiet until everything is settled. The same seed is the same run.
    Exit code 1: an invariant broke, or a seed did not repeat itself.
    """
    if mutants or names:
        return run_mutants(
            jobs=jobs, first=first, seeds=seeds, table=table, as_json=as_json, names=names, is_quick=quick
        )
    from engine.simulation.campaign import Options, run_campaign

    time_ns = round((hours * 3600 + minutes * 60) * NS_PER_S) or None
    options = Options(
        first=first,
        seeds=100 if seeds is None and time_ns is None else seeds,
        time_ns=time_ns,
        jobs=jobs,
        resume=resume,
        storm_ns=storm * NS_PER_S,
        forbidden=tuple(name for name in without.split(",") if name),
    )
    failures: list[Done] = []
    with _Bar(options, is_quiet=as_json) as bar:

        def tell(done: "Done", summary: "Summary") -> None:
            if not done.result.is_good and len(failures) < FAILURES_SHOWN:
                failures.append(done)
            bar.show(summary)

        summary = run_campaign(options, tell)
    reports = [_explain(done, options, shrinks=not no_shrink and number == 0) for number, done in enumerate(failures)]
    if as_json:
        print_json({**_facts(summary), "failures": reports})
    else:
        _print(summary, reports)
    return 0 if summary.is_good else 1


class _Bar:
    """Shows how far it is, on a terminal."""

    def __init__(self, options: "Options", *, is_quiet: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            disable=is_quiet or not Console(stderr=True).is_terminal,
        )
        self._task = self._progress.add_task("seeds", total=options.seeds)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._progress.stop()

    def show(self, summary: "Summary") -> None:
        """Show the newest count."""
        text = f"seeds, {summary.orders} orders, {len(summary.failed)} failed"
        self._progress.update(self._task, completed=summary.seeds, description=text)


def _facts(summary: "Summary") -> dict[str, Any]:
    return {
        "seeds": summary.seeds,
        "violations": len(summary.failed),
        "failed_seeds": summary.failed[:100],
        "not_repeated": summary.differing,
        "run_twice": summary.twice,
        "orders": summary.orders,
        "fills": summary.fills,
        "crashes": summary.crashes,
        "boots": summary.boots,
        "commits": summary.commits,
        "simulated_hours": round(summary.simulated_ns / NS_PER_S / 3600, 2),
        "orders_per_minute_and_core": round(summary.orders_per_minute),
        "faults": dict(sorted(summary.faults.items())),
        "probes": dict(sorted(summary.probes.items())),
        "probes_not_reached": summary.missing_probes(),
    }


def _print(summary: "Summary", reports: list[dict[str, Any]]) -> None:
    facts = _facts(summary)
    for name in ("faults", "probes"):
        counts = facts.pop(name)
        facts[name] = f"{sum(counts.values())} of {len(counts)} kinds"
        click.echo(f"{name}:")
        for key, count in counts.items():
            click.echo(f"  {count:9d}  {key}")
    facts["probes_not_reached"] = ", ".join(facts["probes_not_reached"]) or "none"
    facts["failed_seeds"] = ", ".join(map(str, facts["failed_seeds"])) or "none"
    facts["not_repeated"] = ", ".join(map(str, facts["not_repeated"])) or "none"
    print_object(facts)
    for report in reports:
        click.echo("")
        click.echo(report["command"])
        for violation in report["violations"]:
            click.echo(f"  {violation}")
        if report["faults_left"]:
            click.echo("  faults: " + ", ".join(report["faults_left"]))
        for event in report["events"]:
            click.echo(f"    {event}")


def _explain(done: "Done", options: "Options", *, shrinks: bool) -> dict[str, Any]:
    """Say how a failure is repeated, with as few faults as it takes."""
    from engine.simulation.cast import usual_cast
    from engine.simulation.run import run_seed
    from engine.simulation.shrink import shrink

    result, forbidden = done.result, options.forbidden
    if shrinks:
        small = shrink(
            result,
            lambda names: run_seed(
                result.seed, usual_cast, storm_ns=options.storm_ns, forbidden=(*options.forbidden, *names)
            ),
        )
        result, forbidden = small.result, (*options.forbidden, *small.forbidden)
    command = f"cival simulate --seeds 1 --seed {result.seed}"
    if options.storm_ns != 60 * NS_PER_S:
        command += f" --storm {options.storm_ns // NS_PER_S}"
    if forbidden:
        command += f" --without '{','.join(forbidden)}'"
    return {
        "command": command,
        "violations": list(result.violations),
        "faults_left": list(result.fault_names),
        "events": list(result.events),
    }

"""`cival bench`: how fast the engine is, as ratios against references measured in the same run."""

from importlib import import_module

import click

from engine.cli.options import json_option
from engine.cli.output import print_json

NAMES = ("runtime", "path", "storage", "stream", "frames", "orders", "instruments", "recovery")


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(NAMES))
@click.option("--rounds", type=click.IntRange(1, 100), default=5, show_default=True, help="Interleaved rounds.")
@json_option
def bench(*, names: tuple[str, ...], rounds: int, as_json: bool) -> None:
    """Run benchmarks; without a name all: runtime, path, storage, stream, frames, orders, instruments, recovery."""
    harness = import_module("engine.benchmarks.harness")
    reports = [harness.run_benchmark(name, rounds=rounds) for name in names or NAMES]
    if as_json:
        print_json([report.as_json() for report in reports])

"""`cival bench`."""

import json

import pytest
from click.testing import CliRunner

from engine.cli.bench import NAMES, bench


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_benchmark_prints_ratios_for_machines() -> None:
    result = CliRunner().invoke(bench, ["runtime", "--rounds", "1", "--json"], standalone_mode=False)
    assert result.exception is None, result.output
    (report,) = json.loads(result.stdout)
    assert report["benchmark"] == "runtime"
    assert report["results"]


def test_only_benchmarks_that_exist_are_offered() -> None:
    assert CliRunner().invoke(bench, ["nonsense"]).exit_code == 2
    assert NAMES == ("runtime", "path", "storage", "stream", "frames", "orders", "instruments", "recovery")

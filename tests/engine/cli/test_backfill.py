"""`cival backfill`: what is refused before anything is reached. What it does is in test_record.py, with a venue."""

import pytest
from click.testing import CliRunner

from engine.cli.backfill import backfill


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--from", "2024-01-02", "--to", "2024-01-01"], "--from must be before --to, and in the past"),
        (["--from", "2999-01-01"], "--from must be before --to, and in the past"),
        (["--from", "soon"], "expected a date such as 2024-01-31"),
        (["--from", "2024-01-01", "--timeframe", "2m"], "'2m' is not one of"),
        ([], "Missing option '--from'"),
    ],
)
def test_a_range_that_makes_no_sense_is_refused(words: list[str], says: str) -> None:
    report = CliRunner().invoke(backfill, ["--venue", "binance", "--symbols", "BTC/USDT", *words])
    assert report.exit_code == 2
    assert says in report.output

"""`cival simulate`: what it prints, and what it exits with."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from engine.cli.simulate import simulate
from engine.simulation import campaign
from engine.simulation.campaign import Done, Options
from tests.engine.simulation.test_shrink import EMPTY


def call(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(simulate, list(arguments), standalone_mode=False, catch_exceptions=False)
    return int(result.return_value), result.stdout


def test_it_runs_seeds_and_sums_them_up(tmp_path: Path) -> None:
    file = tmp_path / "seeds"
    code, said = call("--seeds", "2", "--storm", "10", "--resume", str(file), "--json", "--no-shrink")
    facts = json.loads(said)
    assert facts["seeds"] == 2
    assert facts["orders"] > 0
    assert code == (1 if facts["failed_seeds"] else 0)
    assert len(file.read_text().split()) >= 2
    again = json.loads(call("--seeds", "2", "--storm", "10", "--resume", str(file), "--json", "--no-shrink")[1])
    assert again == facts


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every seed fail."""

    def run_one(seed: int, options: Options) -> Done:
        failed: Any = msgspec.structs.replace(
            EMPTY, seed=seed, violations=("I3: sent too early",), fault_names=("crash/0",), events=("1.0 s  boot  a1",)
        )
        return Done(result=failed, took_ns=1)

    monkeypatch.setattr(campaign, "run_one", run_one)


@pytest.mark.usefixtures("broken")
def test_a_failure_says_how_to_repeat_it() -> None:
    code, said = call("--seeds", "1", "--seed", "17", "--no-shrink", "--without", "freeze/0,north:void/*")
    assert code == 1
    assert "cival simulate --seeds 1 --seed 17 --without 'freeze/0,north:void/*'\n" in said
    assert "I3: sent too early" in said
    assert "faults: crash/0" in said
    assert "boot  a1" in said

"""The two commands that a reader of the README types are the ones that CI runs."""

import os
import shutil
import subprocess

import pytest

from tests.support.source import ROOT

CI = ROOT / ".ci/run"


STARTED = (".ci/run", *(f"scripts/{name}" for name in ("run", "test", "lock", "image-build", "kill-matrix")))


@pytest.mark.parametrize("name", STARTED)
def test_it_can_be_started(name: str) -> None:
    assert os.access(ROOT / name, os.X_OK)
    shell = (ROOT / name).read_text().splitlines()[0].split()[-1].rsplit("/", maxsplit=1)[-1]
    assert subprocess.run([shutil.which(shell) or shell, "-n", ROOT / name], check=False).returncode == 0


def test_ci_runs_the_command_that_the_readme_names() -> None:
    assert "./scripts/test" in (ROOT / "README.md").read_text()
    assert "./scripts/test" in CI.read_text()


def test_the_readme_names_the_command_that_starts_the_engine() -> None:
    assert "./scripts/run" in (ROOT / "README.md").read_text()

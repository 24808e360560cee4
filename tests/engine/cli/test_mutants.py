"""`cival simulate --mutants`: every bug is hunted, the product beside it, and the page gets the table."""

import json
from pathlib import Path
from typing import Any

import click
import pytest

from engine.cli.mutants import BEGIN, END, run_mutants, with_table
from engine.simulation import mutants_check
from engine.simulation.mutants_check import Hunt

FOUND = Hunt(name="send before persist", what="Sends too early.", seeds=1, symptom="I3: not stored")
MISSED = Hunt(name="harmless", what="Does nothing.", seeds=3)


@pytest.fixture
def hunts(monkeypatch: pytest.MonkeyPatch) -> list[Hunt]:
    """Let the hunt end with these."""
    found = [FOUND]

    def check(_: object, *, tell: object, **__: object) -> list[Hunt]:
        for hunt in found:
            tell(hunt)  # type: ignore[operator]  # A function.
        return found

    monkeypatch.setattr(mutants_check, "check", check)
    monkeypatch.setattr(mutants_check, "control", lambda _: [])
    return found


def test_all_found_is_success_and_the_page_gets_the_table(
    hunts: list[Hunt], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Page\n{BEGIN}\nold\n{END}\nend\n")
    assert run_mutants(jobs=1, first=1, seeds=3, table=page, as_json=False) == 0
    assert "send before persist" in capsys.readouterr().out
    assert "| send before persist | Sends too early. | 1 | I3: not stored |" in page.read_text()
    assert "old" not in page.read_text()
    assert page.read_text().endswith("end\n")


def test_one_that_was_missed_is_failure(hunts: list[Hunt], capsys: pytest.CaptureFixture[str]) -> None:
    hunts.append(MISSED)
    assert run_mutants(jobs=1, first=1, seeds=3, table=None, as_json=True) == 1
    facts = json.loads(capsys.readouterr().out)
    assert facts["not_found"] == ["harmless"]
    assert facts["found"] == 1


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(click.UsageError):
        with_table("# Page\n", "table")


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, None),
        ({"is_quick": True}, mutants_check.FEW_SEEDS),
        ({"names": ("fees not booked", "void ignored")}, ("fees not booked", "void ignored")),
    ],
)
def test_a_part_of_them_can_be_hunted(
    options: dict[str, Any], wanted: tuple[str, ...] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def check(names: Any, **_: object) -> list[Hunt]:
        asked.append(names)
        return [FOUND]

    monkeypatch.setattr(mutants_check, "check", check)
    monkeypatch.setattr(mutants_check, "control", lambda _: [])
    assert run_mutants(jobs=1, first=1, seeds=3, table=None, as_json=True, **options) == 0
    assert asked == [wanted]


def test_a_name_that_is_none_is_refused_and_so_is_the_table_of_a_part(tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match="was harmless"):
        run_mutants(jobs=1, first=1, seeds=3, table=None, as_json=True, names=("harmless",))
    with pytest.raises(click.UsageError, match="all mutants"):
        run_mutants(jobs=1, first=1, seeds=3, table=tmp_path / "page.md", as_json=True, is_quick=True)

"""The README says of each live venue what its contract suite proves: no more, no less.

The suite itself runs with all other tests, so a level that no longer holds fails there.
"""

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.venue_levels import (
    BEGIN,
    CATALOGUED,
    COMMAND,
    END,
    LEVELS,
    NONE,
    ROOT,
    ROWS,
    SUITE,
    Levels,
    Proof,
    Row,
    as_table,
    in_table,
    merged,
    row_of,
    with_table,
)

README = (ROOT / "README.md").read_text(encoding="utf-8")
MARKED = re.compile(r"^pytestmark = .*pytest\.mark\.venue_level\(\"(\w+)\"\)", re.MULTILINE)

UNPROVEN = re.compile(r"\bpytest\.(mark\.)?(skip|skipif|xfail|importorskip)\b")


def suite() -> list[Path]:
    return sorted((ROOT / SUITE).glob("test_*.py"))


def test_the_readme_says_what_the_suite_proves() -> None:
    with_a_rig = {row_of(rig.name) for rig in CATALOGUED}
    expected = {row: LEVELS[-1] if row in with_a_rig else NONE for row in ROWS}
    assert in_table(README) == expected, f"run {COMMAND}"
    assert as_table(expected) in README


def test_every_module_of_the_suite_proves_a_level_and_leaves_nothing_out() -> None:
    found = {path.name: MARKED.findall(path.read_text(encoding="utf-8")) for path in suite()}
    assert [name for name, levels in found.items() if len(levels) != 1] == []
    assert {levels[0] for levels in found.values()} == set(LEVELS)
    # What is skipped or may fail proves nothing, and the table would not show it.
    assert [path.name for path in suite() if UNPROVEN.search(path.read_text("utf-8"))] == []


def test_no_simulator_gives_platinum() -> None:
    assert "platinum" not in LEVELS
    assert "platinum" not in README.partition(BEGIN)[2].partition(END)[0]
    assert "simulators only" in README


def test_a_level_needs_all_levels_below_it() -> None:
    assert Proof().level == NONE
    assert Proof(passed=Counter(silver=3, gold=3)).level == NONE
    assert Proof(passed=Counter(bronze=1)).level == "bronze"
    assert Proof(passed=Counter(bronze=1, gold=1)).level == "bronze"
    assert Proof(passed=Counter(bronze=1, silver=1, gold=1)).level == "gold"
    assert Proof(passed=Counter(bronze=1, silver=5, gold=1), failed={"silver": ["one"]}).level == "bronze"


def test_a_test_that_was_skipped_proves_nothing() -> None:
    levels = Levels()
    row = ROWS[0]
    levels._of["a"] = row, "bronze"
    for when in ("setup", "call"):
        levels.pytest_runtest_logreport(a_report("passed", when))
    assert levels.proofs[row].level == "bronze"
    levels.pytest_runtest_logreport(a_report("skipped", "setup"))
    assert levels.proofs[row].level == NONE


def a_report(outcome: str, when: str) -> pytest.TestReport:
    kwargs: dict[str, Any] = {"nodeid": "a", "location": ("", 0, ""), "keywords": {}, "longrepr": None}
    return pytest.TestReport(outcome=outcome, when=when, **kwargs)  # type: ignore[arg-type]


def test_a_rig_is_a_market_of_the_catalogue() -> None:
    assert row_of("binance") == Row("binance", "spot")
    assert row_of("binance_usdm") == Row("binance", "usdm")
    for made_up in ("plain", "binance_moon"):
        with pytest.raises(KeyError):
            row_of(made_up)


def test_a_table_is_read_as_it_was_written() -> None:
    levels = {Row("a", "spot"): "silver", Row("b", "perp"): NONE}
    page = with_table(f"before\n{BEGIN}\nold\n{END}\nafter\n", as_table(levels))
    assert in_table(page) == levels
    assert page.startswith("before\n")
    assert page.endswith("\nafter\n")
    assert "| a | spot | silver | yes | yes | no | not yet |" in page
    with pytest.raises(ValueError, match="expected the lines"):
        with_table("no marks", "table")


def test_a_run_of_one_venue_leaves_the_others_as_they_were() -> None:
    first, second, *others = ROWS
    levels = merged({first: "silver", Row("gone", "spot"): "gold"}, {second: "gold"})
    assert levels == {first: "silver", second: "gold", **dict.fromkeys(others, NONE)}


@pytest.mark.slow
def test_the_levels_come_from_a_run() -> None:
    command = [sys.executable, "-m", "tests.support.venue_levels", "--json", "-k", "tells_its_time and coinbase"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    found = {(each["venue"], each["market"]): each for each in json.loads(done.stdout)}
    assert found["coinbase", "spot"]["level"] == "bronze", done.stderr
    assert found["coinbase", "spot"]["passed"] == {"bronze": 1}
    assert {each["level"] for key, each in found.items() if key != ("coinbase", "spot")} == {NONE}
    assert done.returncode == 1

"""How far each live connector has proven itself: `python -m tests.support.venue_levels --readme README.md`.

`--json` prints what was found as data; `--only kraken` runs one venue and leaves the others as the page says.

It runs the contract suite of live connectors. A test says by `@pytest.mark.venue_level("silver")` which level it
proves; a venue has the highest level of which, and of all levels below, there are tests and every one has passed. The
suite runs against simulators, so nothing here can give platinum: that is days at the real venue.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from connectors.catalogue import VENUES
from tests.support.venues.rig import VenueRig
from tests.support.venues.rigs import RIGS

ROOT: Final = Path(__file__).resolve().parents[2]
SUITE: Final = "tests/connectors/live/contract"
COMMAND: Final = "python -m tests.support.venue_levels --readme README.md"
BEGIN: Final = "<!-- venue levels: begin -->"
END: Final = "<!-- venue levels: end -->"
LEVELS: Final = ("bronze", "silver", "gold")
"""What the suite can prove, each including those before it: reads, recovers, trades."""
NONE: Final = "none"


class Row(NamedTuple):
    """One market of one venue of the catalogue."""

    venue: str
    market: str


ROWS: Final = tuple(Row(venue, market) for venue, entry in VENUES.items() for market in entry.markets)


def row_of(rig: str) -> Row:
    """Return which market a rig stands for: `binance` the venue's first one, `binance_usdm` another.

    Raises:
        KeyError: The catalogue has no such market: the rig is of a venue that was made up.
    """
    venue, _, market = rig.partition("_")
    row = Row(venue, market or VENUES[venue].markets[0])
    if row not in ROWS:
        raise KeyError(rig)
    return row


def _is_catalogued(rig: str) -> bool:
    try:
        row_of(rig)
    except KeyError:
        return False
    return True


CATALOGUED: Final[tuple[type[VenueRig], ...]] = tuple(rig for rig in RIGS if _is_catalogued(rig.name))
"""The rigs of the catalogue's venues."""


@dataclass
class Proof:
    """What the suite has shown of one market."""

    passed: Counter[str] = field(default_factory=Counter)
    """Level -> tests that have passed."""
    failed: dict[str, list[str]] = field(default_factory=dict)
    """Level -> tests that have not, skipped ones among them."""

    @property
    def level(self) -> str:
        """The highest level that is proven."""
        reached = NONE
        for level in LEVELS:
            if not self.passed[level] or self.failed.get(level):
                break
            reached = level
        return reached


class Levels:
    """A plugin of pytest that listens to the suite."""

    def __init__(self) -> None:
        self.proofs: dict[Row, Proof] = {row: Proof() for row in ROWS}
        self.unmarked: list[str] = []
        """Tests of the suite that prove no level; there should be none."""
        self._of: dict[str, tuple[Row, str]] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Note what each test is to prove, and about whom."""
        names = {rig.name: row_of(rig.name) for rig in CATALOGUED}
        for item in items:
            level = level_of(item)
            if level is None:
                self.unmarked.append(item.nodeid)
            rig = getattr(getattr(item, "callspec", None), "params", {}).get("rig")
            row = names.get(getattr(rig, "name", ""))
            if level is not None and row is not None:
                self._of[item.nodeid] = row, level

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test: what was skipped has not been proven, and neither has what failed while it was put away."""
        if report.nodeid not in self._of:
            return
        row, level = self._of[report.nodeid]
        if not report.passed:
            self.proofs[row].failed.setdefault(level, []).append(report.nodeid)
        elif report.when == "call":
            self.proofs[row].passed[level] += 1


def level_of(item: pytest.Item) -> str | None:
    """Return the level that a test proves: the nearest marker's, so a function may differ from its module.

    Raises:
        ValueError: There is no such level, or none that a simulator could prove.
    """
    marker = item.get_closest_marker("venue_level")
    if marker is None:
        return None
    if marker.args[0] not in LEVELS:
        raise ValueError(f"{item.nodeid}: expected one of {LEVELS}, was {marker.args[0]!r}")
    return str(marker.args[0])


def as_table(levels: Mapping[Row, str]) -> str:
    """Return the table of the README."""
    lines = [
        "| venue | market | level | reads | recovers | trades | soaked |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row, level in levels.items():
        has = [level in LEVELS[number:] for number in range(len(LEVELS))]
        cells = ("yes" if each else "no" for each in has)
        lines.append(f"| {row.venue} | {row.market} | {level} | {' | '.join(cells)} | not yet |")
    return "\n".join(lines)


def in_table(page: str) -> dict[Row, str]:
    """Return what a page says: market -> level."""
    table = page.partition(BEGIN)[2].partition(END)[0]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if line.startswith("|")]
    return {Row(venue, market): level for venue, market, level, *_ in cells[2:]}


def with_table(page: str, table: str) -> str:
    """Return a page with another table between its marks.

    Raises:
        ValueError: It has no marks.
    """
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"expected the lines {BEGIN} and {END} in the page")
    return f"{head}{begin}\n{table}\n{end}{tail}"


def merged(before: Mapping[Row, str], found: Mapping[Row, str]) -> dict[Row, str]:
    """Return the level of each market of the catalogue: as found, else as before."""
    return {row: found.get(row, before.get(row, NONE)) for row in ROWS}


def as_json(proofs: Mapping[Row, Proof]) -> list[dict[str, Any]]:
    """Return plain data."""
    return [
        {**row._asdict(), "level": proof.level, "passed": dict(proof.passed), "failed": proof.failed}
        for row, proof in proofs.items()
    ]


def run(arguments: Iterable[str] = ()) -> Levels:
    """Run the suite and return what it has shown."""
    levels = Levels()
    pytest.main([str(ROOT / SUITE), "-q", "-p", "no:cacheprovider", *arguments], plugins=[levels])
    return levels


def main() -> int:
    """Run the suite, print the levels, write the table if asked to; 1 if a catalogued market has no level."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="Print data instead of the table.")
    parser.add_argument("--readme", type=Path, help="A page whose table is replaced.")
    parser.add_argument("--only", choices=sorted(VENUES), help="Run one venue; the page keeps the others' levels.")
    wish, others = parser.parse_known_args()
    out, sys.stdout = sys.stdout, sys.stderr
    levels = run([*others, *(("-k", wish.only) if wish.only else ())])
    proofs = {row: proof for row, proof in levels.proofs.items() if wish.only in (None, row.venue)}
    found = {row: proof.level for row, proof in proofs.items()}
    print(json.dumps(as_json(proofs), indent=2) if wish.json else as_table(found), file=out)
    if wish.readme is not None:
        page = wish.readme.read_text(encoding="utf-8")
        wish.readme.write_text(with_table(page, as_table(merged(in_table(page), found))), encoding="utf-8")
    return int(NONE in found.values() or bool(levels.unmarked))


if __name__ == "__main__":
    raise SystemExit(main())

"""Kills the released engine at every step, again and again, and counts what is lost and doubled.

`scripts/kill-matrix [--repeat 20] [--points PART] [--json]`: one data directory and one lying venue live through all of
it. Per repetition: a life without faults prepares an order; the next one has its fault point armed, is asked for
something and dies (its exit code must be -9); the one after it must come up and agree with the venue. An order that is
UNKNOWN by then may stay so until its validity is over, so orders lost and doubled are counted after every single kill,
money and states compared when everything has come to rest.

The engine's process is forked from one that has imported everything; `--cold` starts Python anew each time, which takes
six times as long.
"""

import argparse
import contextlib
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from engine.runtime.fault_points import VARIABLE
from tests.support.acceptance import Scene, a_scene, settled_differences
from tests.support.books import doubled, lost
from tests.support.kill_steps import STEPS, Step
from tests.support.warm_daemon import WarmLauncher

REST_AFTER = 20
"""Kills between two comparisons of money and states."""
EARLY_MAX = 20
"""Kills at one point before anything was asked for, after which the step makes no sense."""
DEATH_S = 10.0
"""Within which a point must be reached."""
SUMS_S = 30.0
"""Within which every order must have settled: its validity ends after five seconds."""


@dataclass
class Row:
    """What came of one step."""

    step: str
    kills: int = 0
    early: int = 0
    """Kills at the same point before anything was asked for, while the engine still recovered."""
    missed: int = 0
    """Lives in which the point was not reached."""
    orders: int = 0
    """Placed for this step."""
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    """What did not agree when the step was through."""
    seconds: float = 0.0

    @property
    def is_right(self) -> bool:
        """Whether every kill happened and nothing was wrong after it."""
        return not (self.missed or self.lost or self.doubled or self.differences) and self.kills > 0


class Matrix:
    """Goes through steps with one scene, whose engine runs between two of them."""

    def __init__(self, scene: Scene, say: Callable[[str], None] = lambda _text: None) -> None:
        """Take a scene; `say` hears how far it is."""
        self._scene = scene
        self._say = say
        self._number = 0
        self._kills = 0

    def run(self, steps: Iterable[Step], repeat: int) -> list[Row]:
        """Take every step so often; the engine comes to rest every `REST_AFTER` kills, and at the end."""
        self._scene.start()
        rows: list[Row] = []
        for step in steps:
            if self._kills >= REST_AFTER:
                self._rest(rows[-1])
            rows.append(self._step(step, repeat))
        if rows:
            self._rest(rows[-1])
        return rows

    def _step(self, step: Step, repeat: int) -> Row:
        began = time.monotonic()
        row = Row(step.name)
        before = len(self._scene.books().rows["orders"])
        for turn in range(repeat):
            self._say(f"{step.name} {turn + 1}/{repeat}")
            self._kill_once(step, row)
        row.orders = len(self._scene.books().rows["orders"]) - before
        row.seconds = time.monotonic() - began
        return row

    def _rest(self, row: Row) -> None:
        """Let every order end, and compare everything; what differs is noted with the newest step."""
        began = time.monotonic()
        self._cancel_all()
        row.differences = settled_differences(self._scene.books, SUMS_S)
        row.seconds += time.monotonic() - began
        self._kills = 0

    def _kill_once(self, step: Step, row: Row) -> None:
        scene = self._scene
        self._number += 1
        self._kills += 1
        name = f"{step.point}-{self._number}"
        order = step.prepare(scene, name)
        scene.daemon.kill()
        if step.is_at_start:
            step.act(scene, order, name)
            scene.spawn({VARIABLE: f"{step.point}:1"})
        else:
            while not self._is_up_with(step):
                row.early += 1
                assert row.early < EARLY_MAX, f"{step.name}: it always dies before anything is asked for"
            step.act(scene, order, name)
        if self._has_died():
            row.kills += 1
        else:
            row.missed += 1
            scene.daemon.kill()
        scene.start()
        books = scene.books()
        row.lost += lost(books)
        row.doubled += doubled(books)

    def _is_up_with(self, step: Step) -> bool:
        """Start with the point armed; False if it was reached before the account was ready."""
        try:
            self._scene.start({VARIABLE: f"{step.point}:1"})
        except AssertionError:
            if self._scene.exit_code != -signal.SIGKILL:
                raise
            return False
        return True

    def _has_died(self) -> bool:
        process = self._scene.daemon.process
        assert process is not None
        try:
            code = process.wait(DEATH_S)
        except subprocess.TimeoutExpired:
            return False
        assert code == -signal.SIGKILL, f"the engine ended with {code}:\n{self._scene.daemon.output[-4000:]}"
        return True

    def _cancel_all(self) -> None:
        """Leave no order open, so that the next step begins with free money."""
        scene = self._scene

        def are_done() -> bool:
            open_ones = [each for each in scene.daemon.get("/orders?limit=500")["items"] if each["lifecycle"] != "done"]
            for order in open_ones:
                if order["lifecycle"] == "working":
                    scene.cancel(order)
            return not open_ones

        scene.daemon.wait_for(are_done, "the end of every order", SUMS_S)


# --- For a person -----------------------------------------------------------------------------------------------------

HEAD = ("step", "kills", "early", "missed", "orders", "lost", "doubled", "sums", "s")


def table(rows: Sequence[Row]) -> str:
    """Write the matrix out in Markdown."""
    cells = [
        (
            row.step,
            row.kills,
            row.early,
            row.missed,
            row.orders,
            len(row.lost),
            len(row.doubled),
            "differ" if row.differences else "hold",
            f"{row.seconds:.0f}",
        )
        for row in rows
    ]
    numbers = [list(map(str, line)) for line in cells]
    totals = [str(sum(int(line[place]) for line in numbers)) for place in range(1, 7)]
    is_wrong = any(row.differences for row in rows)
    lines = [*numbers, ["all", *totals, "differ" if is_wrong else "hold", f"{sum(row.seconds for row in rows):.0f}"]]
    widths = [max(len(line[place]) for line in [list(HEAD), *lines]) for place in range(len(HEAD))]

    def line_of(line: Sequence[str]) -> str:
        padded = [
            text.ljust(width) if not place else text.rjust(width)
            for place, (text, width) in enumerate(zip(line, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |"

    rule = f"|{'|'.join('-' * (width + 1) + ('-' if not place else ':') for place, width in enumerate(widths))}|"
    return "\n".join([line_of(HEAD), rule, *map(line_of, lines)])


def problems(rows: Iterable[Row]) -> list[str]:
    """Say everything that was not right."""
    found = []
    for row in rows:
        found += [f"{row.step}: the point was not reached in {row.missed} lives"] * bool(row.missed)
        found += [f"{row.step}: {text}" for text in (*row.lost, *row.doubled, *row.differences)]
    return found


@contextlib.contextmanager
def forked(scene: Scene, is_forked: bool = True) -> Iterator[None]:
    """Let the engine of a scene be forked."""
    if not is_forked:
        yield
        return
    launcher = WarmLauncher()
    scene.daemon.launch = launcher
    try:
        yield
    finally:
        if scene.exit_code is None and scene.daemon.process is not None:
            scene.daemon.kill()
        launcher.close()


def chosen(parts: Sequence[str]) -> list[Step]:
    """Return the steps whose name contains one of these texts; all without any."""
    return [step for step in STEPS if not parts or any(part in step.name for part in parts)]


def main(arguments: Sequence[str]) -> int:
    """Run the matrix; 0 if everything was right."""
    parser = argparse.ArgumentParser(description="Kill the engine at every step and look what is lost or doubled.")
    parser.add_argument("--repeat", type=int, default=20, help="kills per step (default 20)")
    parser.add_argument("--points", nargs="*", default=[], metavar="TEXT", help="only steps whose name contains this")
    parser.add_argument("--json", action="store_true", dest="as_json", help="print the rows as JSON")
    parser.add_argument("--cold", action="store_true", help="start Python anew each time")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    steps = chosen(options.points)
    total, done = len(steps) * options.repeat, 0

    def say(text: str) -> None:
        nonlocal done
        done += 1
        if sys.stderr.isatty():
            filled = 30 * done // max(total, 1)
            print(f"\r[{'#' * filled}{'.' * (30 - filled)}] {done}/{total} {text:<60.60}", end="", file=sys.stderr)
        else:
            print(f"{done}/{total} {text}", file=sys.stderr)

    with (
        tempfile.TemporaryDirectory(prefix="kill-matrix") as folder,
        a_scene(Path(folder)) as scene,
        forked(scene, not options.cold),
    ):
        rows = Matrix(scene, say).run(steps, options.repeat)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    print(json.dumps([asdict(row) for row in rows], indent=2) if options.as_json else table(rows))
    wrong = problems(rows)
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong or not rows else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

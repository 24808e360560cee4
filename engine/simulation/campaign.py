"""Many runs: on several processes, against a clock, and in pieces.

What is finished stands in a file, one line a seed, so that a campaign which was cut off goes on where it was.
"""

import multiprocessing
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import count, islice
from pathlib import Path
from typing import Final

import msgspec

from engine.runtime.clock import WallClock
from engine.simulation.cast import usual_cast
from engine.simulation.probes import never_reached
from engine.simulation.run import STORM_NS, Result, run_seed

TWICE_EVERY: Final = 20
"""Of so many seeds one is run twice, and must come to the same."""
AHEAD: Final = 4
"""Seeds per process that are given out before their turn."""
NS_PER_S: Final = 1_000_000_000


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be run."""

    first: int = 1
    seeds: int | None = 100
    """None: until the time is over."""
    time_ns: int | None = None
    """After so much real time no further seed begins."""
    jobs: int = 1
    resume: Path | None = None
    storm_ns: int = STORM_NS
    forbidden: tuple[str, ...] = ()


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """A finished seed."""

    result: Result
    took_ns: int
    """Real time of one process."""
    differs: bool = False
    """It was run twice, and the two were not the same."""


class Summary(msgspec.Struct, kw_only=True):
    """What has come of a campaign so far."""

    seeds: int = 0
    orders: int = 0
    fills: int = 0
    crashes: int = 0
    boots: int = 0
    commits: int = 0
    twice: int = 0
    """Seeds that were run twice."""
    simulated_ns: int = 0
    took_ns: int = 0
    faults: Counter[str] = msgspec.field(default_factory=Counter)
    probes: Counter[str] = msgspec.field(default_factory=Counter)
    counts: Counter[str] = msgspec.field(default_factory=Counter)
    failed: list[int] = msgspec.field(default_factory=list)
    differing: list[int] = msgspec.field(default_factory=list)

    def add(self, done: Done) -> None:
        """Count a seed."""
        result = done.result
        self.seeds += 1
        self.orders += result.orders
        self.fills += result.fills
        self.crashes += result.crashes
        self.boots += result.boots
        self.commits += result.commits
        self.twice += is_run_twice(result.seed)
        self.simulated_ns += result.simulated_ns
        self.took_ns += done.took_ns
        self.faults.update(result.faults)
        self.probes.update(result.probes)
        self.counts.update(result.counts)
        if done.differs:
            self.differing.append(result.seed)
        if not result.is_good:
            self.failed.append(result.seed)

    @property
    def is_good(self) -> bool:
        """Whether nothing was violated and every run could be repeated."""
        return not self.failed and not self.differing

    @property
    def orders_per_minute(self) -> float:
        """Orders per minute of one core."""
        return self.orders / max(self.took_ns, 1) * 60 * NS_PER_S

    def missing_probes(self) -> list[str]:
        """Name the rare states that no seed has reached."""
        return never_reached(self.probes)


def is_run_twice(seed: int) -> bool:
    """Tell whether a seed is one of those that are run twice."""
    return seed % TWICE_EVERY == 0


def run_one(seed: int, options: Options) -> Done:
    """Run a seed, or twice; in whatever process."""
    clock = WallClock()
    began_ns = clock.monotonic_ns()
    result = run_seed(seed, usual_cast, storm_ns=options.storm_ns, forbidden=options.forbidden)
    took_ns = clock.monotonic_ns() - began_ns
    differs = False
    if is_run_twice(seed):
        again = run_seed(seed, usual_cast, storm_ns=options.storm_ns, forbidden=options.forbidden)
        differs = again.digest != result.digest
    return Done(result=result, took_ns=took_ns, differs=differs)


def run_campaign(options: Options, tell: Callable[[Done, Summary], None]) -> Summary:
    """Run seeds until all are done or the time is over.

    Args:
        options: Which.
        tell: Told of every seed, those of the file first.
    """
    summary = Summary()
    known = list(read_done(options.resume))
    for done in known:
        summary.add(done)
        tell(done, summary)
    seeds = _seeds(options, {done.result.seed for done in known})
    for done in _run_all(seeds, options):
        append_done(options.resume, done)
        summary.add(done)
        tell(done, summary)
    return summary


def _seeds(options: Options, known: Collection[int]) -> Iterator[int]:
    clock = WallClock()
    until_ns = None if options.time_ns is None else clock.monotonic_ns() + options.time_ns
    numbers: Iterable[int] = count(options.first)
    if options.seeds is not None:
        numbers = range(options.first, options.first + options.seeds)
    for seed in numbers:
        if until_ns is not None and clock.monotonic_ns() >= until_ns:
            return
        if seed not in known:
            yield seed


def _run_all(seeds: Iterator[int], options: Options) -> Iterator[Done]:
    if options.jobs == 1:
        for seed in seeds:
            yield run_one(seed, options)
        return
    # A fresh interpreter for each process: nothing of ours is forked half-way.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.jobs, context) as pool:
        running: set[Future[Done]] = set()
        while True:
            room = options.jobs * AHEAD - len(running)
            running |= {pool.submit(run_one, seed, options) for seed in islice(seeds, room)}
            if not running:
                return
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                yield future.result()


# --- The file ---------------------------------------------------------------------------------------------------------

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Done)


def read_done(path: Path | None) -> Iterator[Done]:
    """Return what a file says is finished; a last line that was torn by a kill does not count."""
    if path is None or not path.exists():
        return
    seen: set[int] = set()
    for line in path.read_bytes().split(b"\n"):
        try:
            done = _decoder.decode(line)
        except msgspec.MsgspecError:
            continue
        if done.result.seed not in seen:
            seen.add(done.result.seed)
            yield done


def append_done(path: Path | None, done: Done) -> None:
    """Note a finished seed, without what only a failure needs."""
    if path is None:
        return
    kept = done
    if done.result.is_good:
        kept = msgspec.structs.replace(done, result=msgspec.structs.replace(done.result, fault_names=()))
    with path.open("ab") as file:
        # Behind a line that was torn.
        file.write((b"\n" if file.tell() else b"") + _encoder.encode(kept))

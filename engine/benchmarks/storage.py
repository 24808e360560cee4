"""S1 and S2: what it costs to have an intent on the disk before it is sent, and to write rows in numbers.

An embedded server of its own is started in a temporary folder, with every safety on. What waits for a disk or a server
is measured in wall time, always beside its reference in the same round.
"""

import asyncio
import gc
import os
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median

import uvloop

from engine.benchmarks.harness import Result, cpu_seconds, gauge
from engine.benchmarks.storage_rows import Maker, Owner, a_bar, an_intent, an_order
from engine.messages.rows import OrderRow
from engine.messages.rows_market import OhlcvRow
from engine.runtime.bus import Bus
from engine.runtime.clock import WallClock
from engine.runtime.ref import Ref
from engine.runtime.system import ActorSystem
from storage import embedded, migrate
from storage.bulk import PostgresBulkStore
from storage.lease import Leases
from storage.pg_binaries import find_binaries
from storage.postgres_facts import PostgresFactStore
from storage.roles import DatabaseRole, Endpoints
from storage.tables import encode_rows, newest_per_key, table_of
from storage.writer import StorageWriter

BLOCKS = 10
"""Parts of a round: intents and syncs take turns, so that both meet the same neighbours on the disk."""
INTENTS = 30
"""Durable intents per block, one after another."""
SYNCS = 10
"""Per block."""
PRODUCERS = 32
INTENTS_EACH = 40
"""Of each producer, per round."""
ENCODED_ROWS = 20_000
BARS = 10_000
"""Rows of one bulk write."""
PIECE = 250
"""Rows of one statement, as in the bulk store."""
STALL_ROWS = 5_000
BLOCK = 8_192
"""Bytes of one page of the write-ahead log."""
NS_PER_MS = 1_000_000


@dataclass(slots=True)
class Bench:
    """A server, and what is measured on it."""

    folder: Path
    endpoints: Endpoints
    clock: WallClock
    make: Maker
    owners: list[Owner] = field(default_factory=list)
    bars: int = 0
    """Bars written so far: every one has a minute of its own."""

    def next_bars(self, count: int) -> list[OhlcvRow]:
        """Return bars that are not in the table yet."""
        first = self.bars
        self.bars += count
        return [a_bar(self.make, number) for number in range(first, first + count)]


def run(rounds: int) -> list[Result]:
    """Measure everything; `rounds`: pairs per ratio."""
    with (
        tempfile.TemporaryDirectory(prefix="cival-bench-") as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        return runner.run(_run(Path(folder), rounds))


async def _run(folder: Path, rounds: int) -> list[Result]:
    clock = WallClock()
    server = await embedded.start(folder, clock=clock, environ=os.environ, dies_with_parent=True)
    try:
        await migrate.migrate(server.endpoints(), clock=clock)
        bench = Bench(folder, server.endpoints(), clock, Maker(clock))
        return [*await _durable_intents(bench, rounds), *_python_per_row(bench, rounds), *await _bulk(bench, rounds)]
    finally:
        await server.stop()


# --- S1 ---------------------------------------------------------------------------------------------------------


async def _durable_intents(bench: Bench, rounds: int) -> list[Result]:
    store = PostgresFactStore(bench.endpoints)
    others = [PostgresFactStore(bench.endpoints) for _ in range(PRODUCERS)]
    await _begin_cells(bench, store)
    system = ActorSystem(clock=bench.clock)
    writer = await system.start(StorageWriter, store=store, clock=bench.clock, bus=Bus())
    try:
        await _intents_ns(bench, writer, 3 * INTENTS)
        for other, owner in zip(others, bench.owners, strict=True):
            await _commit_alone(bench, other, owner, 3)
        against_disk, milliseconds, against_connections, rates = [], [], [], []
        for _ in range(rounds):
            latency_ms, sync_ms = await _intents_and_syncs_ms(bench, writer)
            against_disk.append(latency_ms / (1.5 * sync_ms + 0.2))
            milliseconds.append(latency_ms)
            ours = await _together(bench, [partial(_ask_alone, bench, writer, owner) for owner in bench.owners])
            theirs = await _together(
                bench,
                [
                    partial(_commit_alone, bench, other, owner)
                    for other, owner in zip(others, bench.owners, strict=True)
                ],
            )
            against_connections.append(ours / theirs)
            rates.append((ours, theirs))
    finally:
        await system.stop_all()
        for each in (store, *others):
            await each.close()
    return [
        gauge("S1 durable intent, p50 against 1.5 syncs + 0.2 ms", against_disk, unit="of the limit", goal=1.0),
        gauge("S1 durable intent, p50", milliseconds, unit="ms"),
        Result(
            name=f"S1 {PRODUCERS} producers on one connection",
            unit="intents per second",
            goal=4.0,
            direction="at_least",
            values=tuple(against_connections),
            ours="one writer, one connection",
            ours_value=median(ours for ours, _ in rates),
            reference=f"{PRODUCERS} connections",
            reference_value=median(theirs for _, theirs in rates),
        ),
    ]


async def _begin_cells(bench: Bench, store: PostgresFactStore) -> None:
    """Make the producers: a user with an account and a lease each."""
    bench.owners = [Owner.new(bench.make) for _ in range(PRODUCERS)]
    results = await store.commit([owner.birth(bench.make) for owner in bench.owners])
    assert all(result.answer is not None for result in results), "every owner is there"
    leases = Leases(bench.make.id(), bench.clock, ttl_ns=3_600_000 * NS_PER_MS)
    users = [owner.user.id for owner in bench.owners]
    fences = await store.run(lambda connection: leases.acquire(connection, users))
    for owner in bench.owners:
        owner.fence = fences[owner.user.id]


async def _intents_and_syncs_ms(bench: Bench, writer: Ref[StorageWriter]) -> tuple[float, float]:
    """Return the median times of an intent, from ask to answer, and of one `fdatasync` of a page, in ms."""
    intents_ns: list[int] = []
    syncs_ns: list[int] = []
    for _ in range(BLOCKS):
        intents_ns += await _intents_ns(bench, writer, INTENTS)
        syncs_ns += _syncs_ns(bench, SYNCS)
    return median(intents_ns) / NS_PER_MS, median(syncs_ns) / NS_PER_MS


async def _intents_ns(bench: Bench, writer: Ref[StorageWriter], count: int) -> list[int]:
    owner, took_ns = bench.owners[0], []
    for _ in range(count):
        unit = an_intent(bench.make, owner)
        began_ns = bench.clock.monotonic_ns()
        answer = await writer.ask(unit)
        took_ns.append(bench.clock.monotonic_ns() - began_ns)
        assert answer.first_seq is not None, "an intent has an event"
    return took_ns


def _syncs_ns(bench: Bench, count: int) -> list[int]:
    """Time `fdatasync` on the disk of the server, on pages that are there already, as those of its log are."""
    took_ns = []
    descriptor = os.open(bench.folder / "syncs", os.O_RDWR | os.O_CREAT)
    try:
        for page in [*range(count), *range(count)]:
            os.pwrite(descriptor, bytes(BLOCK), page * BLOCK)
            began_ns = bench.clock.monotonic_ns()
            os.fdatasync(descriptor)
            took_ns.append(bench.clock.monotonic_ns() - began_ns)
    finally:
        os.close(descriptor)
    return took_ns[count:]


async def _together(bench: Bench, producers: Sequence[Callable[[], Awaitable[None]]]) -> float:
    """Run producers side by side, each waiting for its own; return intents per second."""
    began_ns = bench.clock.monotonic_ns()
    await asyncio.gather(*(produce() for produce in producers))
    return len(producers) * INTENTS_EACH * 1e9 / (bench.clock.monotonic_ns() - began_ns)


async def _ask_alone(bench: Bench, writer: Ref[StorageWriter], owner: Owner) -> None:
    for _ in range(INTENTS_EACH):
        await writer.ask(an_intent(bench.make, owner, is_numbered=False))


async def _commit_alone(bench: Bench, store: PostgresFactStore, owner: Owner, count: int = 0) -> None:
    for _ in range(count or INTENTS_EACH):
        [result] = await store.commit([an_intent(bench.make, owner, is_numbered=False)])
        assert result.answer is not None, result.detail


# --- S2 ---------------------------------------------------------------------------------------------------------


def _python_per_row(bench: Bench, rounds: int) -> list[Result]:
    owner = bench.owners[0]
    orders = [an_order(bench.make, owner) for _ in range(ENCODED_ROWS)]
    bars = [a_bar(bench.make, number) for number in range(ENCODED_ROWS)]
    results = []
    for name, row_class, rows in (("order", OrderRow, orders), ("bar", OhlcvRow, bars)):
        table = table_of(row_class)
        pieces = [rows[start : start + PIECE] for start in range(0, len(rows), PIECE)]

        def encode(table: object = table, pieces: Sequence[Sequence[OrderRow | OhlcvRow]] = pieces) -> None:
            for piece in pieces:
                encode_rows(newest_per_key(table, piece))  # type: ignore[arg-type]

        encode()
        values = [cpu_seconds(encode) / ENCODED_ROWS * 1e6 for _ in range(rounds)]
        results.append(gauge(f"S2 Python per {name} row", values, unit="us of CPU", goal=1.0))
    return results


async def _bulk(bench: Bench, rounds: int) -> list[Result]:
    store = PostgresBulkStore(bench.endpoints)
    psql = _psql()
    try:
        await store.write(bench.next_bars(BARS))
        ratios, rates, stalls = [], [], []
        for _ in range(rounds):
            ours = await _timed(bench, store.write, bench.next_bars(BARS))
            if psql is not None:
                rows = bench.next_bars(BARS)
                # Makes their months: psql does not, and a row in the default partition is in the way of a new month.
                await store.write([rows[0], rows[-1]])
                theirs = _psql_rate(bench, psql, rows)
                ratios.append(ours / theirs)
                rates.append((ours, theirs))
            stalls.append(await _longest_stall_ms(bench, store))
    finally:
        await store.close()
    stall = gauge(f"S2 longest stall of the loop, {STALL_ROWS:,} rows", stalls, unit="ms of CPU", goal=2.0)
    if psql is None:
        return [stall]
    server_bound = Result(
        name="S2 rows written against the same statement",
        unit="rows per second",
        goal=0.8,
        direction="at_least",
        values=tuple(ratios),
        ours="bulk store",
        ours_value=median(ours for ours, _ in rates),
        reference="psql",
        reference_value=median(theirs for _, theirs in rates),
    )
    return [server_bound, stall]


def _psql() -> str | None:
    program = find_binaries(os.environ).program("psql")
    return program if Path(program).exists() else None


async def _timed(
    bench: Bench, write: Callable[[Sequence[OhlcvRow]], Awaitable[None]], rows: Sequence[OhlcvRow]
) -> float:
    began_ns = bench.clock.monotonic_ns()
    await write(rows)
    return len(rows) * 1e9 / (bench.clock.monotonic_ns() - began_ns)


def _psql_rate(bench: Bench, psql: str, rows: Sequence[OhlcvRow]) -> float:
    """Return rows per second of psql with the same statement and pieces, less its own start-up."""
    script = bench.folder / "bars.sql"
    begin = "SET synchronous_commit = off;\nPREPARE w(text) AS " + table_of(OhlcvRow).statement("$1::text") + ";\n"
    script.write_text(begin)
    command = [
        psql,
        "-X",
        "-q",
        "-v",
        "ON_ERROR_STOP=1",
        "-f",
        str(script),
        bench.endpoints.of(DatabaseRole.DAEMON).url,
    ]
    empty_ns = _run_ns(bench, command)
    script.write_text(begin + "".join(f"EXECUTE w('{piece}');\n" for piece in _pieces(rows)))
    return len(rows) * 1e9 / max(_run_ns(bench, command) - empty_ns, 1)


def _pieces(rows: Sequence[OhlcvRow]) -> Iterator[str]:
    for start in range(0, len(rows), PIECE):
        yield encode_rows(rows[start : start + PIECE])


def _run_ns(bench: Bench, command: Sequence[str]) -> int:
    began_ns = bench.clock.monotonic_ns()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - the server's own psql.
    return bench.clock.monotonic_ns() - began_ns


async def _longest_stall_ms(bench: Bench, store: PostgresBulkStore) -> float:
    """Return the longest turn of the loop while rows were written, in ms of CPU: others share the machine."""
    rows = bench.next_bars(STALL_ROWS)
    is_done = False
    longest_s = 0.0

    async def write() -> None:
        nonlocal is_done
        await store.write(rows)
        is_done = True

    async def watch() -> None:
        nonlocal longest_s
        seen_s = time.process_time()
        while not is_done:
            await bench.clock.sleep(0)
            now_s = time.process_time()
            longest_s, seen_s = max(longest_s, now_s - seen_s), now_s

    gc.disable()
    try:
        await asyncio.gather(watch(), write())
    finally:
        gc.enable()
    return longest_s * 1e3

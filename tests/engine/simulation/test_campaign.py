"""Many runs: each seed once, on as many processes as wished, in pieces where somebody pulls the plug."""

from pathlib import Path

from engine.simulation.campaign import (
    Done,
    Options,
    Summary,
    append_done,
    is_run_twice,
    read_done,
    run_campaign,
    run_one,
)
from engine.simulation.run import Result
from tests.engine.simulation.test_shrink import EMPTY

S = 1_000_000_000


def seeds_of(options: Options) -> tuple[list[int], Summary]:
    told: list[int] = []
    summary = run_campaign(options, lambda done, _: told.append(done.result.seed))
    return told, summary


def test_each_seed_is_run_once_and_counted(tmp_path: Path) -> None:
    told, summary = seeds_of(Options(first=19, seeds=2, storm_ns=10 * S))
    assert told == [19, 20]
    assert (summary.seeds, summary.twice) == (2, 1)
    assert summary.differing == []
    assert summary.orders > 0
    assert summary.orders_per_minute > 0


def test_a_campaign_goes_on_where_it_was_cut_off(tmp_path: Path) -> None:
    file = tmp_path / "seeds"
    options = Options(seeds=2, storm_ns=10 * S, resume=file)
    _, first = seeds_of(options)
    with file.open("ab") as torn:
        torn.write(b'\n{"result": {"seed": 3, "dig')
    told, again = seeds_of(Options(seeds=3, storm_ns=10 * S, resume=file))
    assert told == [1, 2, 3]
    assert again.seeds == 3
    assert again.orders >= first.orders
    assert [done.result.seed for done in read_done(file)] == [1, 2, 3]


def test_a_clock_ends_it() -> None:
    told, _ = seeds_of(Options(seeds=None, time_ns=1, storm_ns=10 * S))
    assert told == []


def results_of(options: Options) -> dict[int, Result]:
    found: dict[int, Result] = {}

    def tell(done: Done, _: Summary) -> None:
        found[done.result.seed] = done.result

    run_campaign(options, tell)
    return found


def test_processes_come_to_the_same() -> None:
    alone = results_of(Options(seeds=3, storm_ns=10 * S))
    assert results_of(Options(seeds=3, storm_ns=10 * S, jobs=2)) == alone
    assert len(alone) == 3


def test_a_seed_that_does_not_repeat_itself_is_a_failure() -> None:
    assert not run_one(20, Options(storm_ns=5 * S)).differs
    summary = Summary()
    summary.add(Done(result=EMPTY, took_ns=S, differs=True))
    assert not summary.is_good
    assert summary.failed == []
    assert is_run_twice(20)
    assert not is_run_twice(21)


def test_probes_that_nobody_reached_are_named() -> None:
    assert "a partial fill" in Summary().missing_probes()


def test_a_file_that_does_not_exist_has_nothing(tmp_path: Path) -> None:
    assert list(read_done(tmp_path / "none")) == []
    assert list(read_done(None)) == []
    append_done(None, Done(result=EMPTY, took_ns=1))

"""The book of a simulated pair."""

from hypothesis import given
from hypothesis import strategies as st

from connectors.simulated.ladder import DEPTH, Side


def move(side: Side, best: int, *, gap: int = 2) -> None:
    side.move_best_to(best, lots_at=lambda place: place + 1, gap=lambda: gap)


def test_a_side_fills_up_away_from_its_best() -> None:
    bids, asks = Side(-1), Side(+1)
    move(bids, 1_000)
    move(asks, 1_001)
    assert bids.ordered()[:3] == [1_000, 998, 996]
    assert asks.ordered()[:3] == [1_001, 1_003, 1_005]
    assert len(bids.lots) == len(asks.lots) == DEPTH
    assert (bids.best, asks.best) == (1_000, 1_001)


def test_better_levels_go_when_the_best_moves_away() -> None:
    asks = Side(+1)
    move(asks, 1_000)
    asks.take_changes()
    move(asks, 1_003)
    changes = dict(asks.take_changes())
    assert changes[1_000] == 0
    assert changes[1_002] == 0
    assert changes[1_003] == 1
    assert asks.best == 1_003
    assert len(asks.lots) == DEPTH


def test_changes_are_told_once_best_first_and_a_removal_of_nothing_is_none() -> None:
    bids = Side(-1)
    bids.put(5, 7)
    bids.put(6, 1)
    bids.put(6, 0)
    bids.put(9, 0)
    assert bids.take_changes() == [(6, 0), (5, 7)]
    assert bids.take_changes() == []


def test_a_book_near_zero_has_fewer_levels_and_no_price_below_one_tick() -> None:
    bids = Side(-1)
    move(bids, 5)
    assert bids.ordered() == [5, 3, 1]


@given(st.lists(st.integers(100, 400), min_size=1, max_size=30), st.sampled_from([-1, 1]))
def test_applying_the_changes_elsewhere_gives_the_same_side(bests: list[int], sign: int) -> None:
    side = Side(sign)
    copy: dict[int, int] = {}
    for best in bests:
        move(side, best)
        copy |= dict(side.take_changes())
        copy = {ticks: lots for ticks, lots in copy.items() if lots}
        assert copy == side.lots
        assert side.best == best
        assert len(side.lots) <= DEPTH

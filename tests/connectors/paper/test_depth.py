"""Depth comes from the newest of quote and book, and what an account took is missing for it alone."""

from decimal import Decimal
from uuid import UUID

from connectors.paper.accounts import PaperAccount
from connectors.paper.client_ids import ClientIds
from connectors.paper.depth import Depth
from engine.domain.book import UNCHECKED
from tests.connectors.paper.support import ACCOUNT, OTHER, USER, a_delta, a_print, a_quote, a_snapshot, levels

D = Decimal
STEP = D("0.1")
OURS = PaperAccount(ACCOUNT, USER, "spot", ClientIds(UUID(int=0)))
THEIRS = PaperAccount(OTHER, USER, "spot", ClientIds(UUID(int=0)))


def a_depth(bids: str = "99x1 98x2", asks: str = "100x1 101x2") -> Depth:
    depth = Depth(UNCHECKED)
    assert depth.see_snapshot(a_snapshot(bids, asks))
    return depth


def test_nothing_is_known_before_the_first_event() -> None:
    depth = Depth(UNCHECKED)
    assert depth.best(is_ask=True) is None
    assert list(depth.levels(is_ask=True)) == []
    assert depth.displayed(D(100), is_ask=True) is None


def test_a_quote_stands_alone_until_a_book_is_synced() -> None:
    depth = Depth(UNCHECKED)
    depth.see_quote(a_quote("99", "100", sizes="3 4"))
    assert not depth.see_delta(a_delta(1, bids="98x1"))
    assert list(depth.levels(is_ask=False)) == list(levels("99x3"))
    assert (depth.best(is_ask=False), depth.best(is_ask=True)) == (D(99), D(100))
    assert depth.displayed(D(99), is_ask=False) == D(3)
    assert depth.displayed(D(98), is_ask=False) is None
    assert depth.displayed(D("99.5"), is_ask=False) == D(0)


def test_a_market_that_only_prints_trades_offers_its_last_one_on_both_sides() -> None:
    depth = Depth(UNCHECKED)
    depth.see_trade(a_print("100", "2"))
    for is_ask in (True, False):
        assert depth.best(is_ask=is_ask) == D(100)
        assert list(depth.levels(is_ask=is_ask)) == list(levels("100x2"))
    assert depth.displayed(D(99), is_ask=False) is None
    depth.take(OURS, levels("100x2"), is_buy=True)
    assert depth.plan(OURS, D(1), None, STEP, is_buy=True) == []
    depth.see_trade(a_print("100", "1"))
    assert depth.plan(OURS, D(3), None, STEP, is_buy=True) == list(levels("100x1"))
    depth.take(OURS, levels("100x1"), is_buy=True)
    depth.see_quote(a_quote("99", "101", sizes="3 4"))
    assert depth.plan(OURS, D(9), None, STEP, is_buy=True) == list(levels("101x4"))
    depth.see_trade(a_print("105", "1"))
    assert depth.best(is_ask=True) == D(101)


def test_a_newer_quote_hides_better_levels_and_replaces_its_own() -> None:
    depth = a_depth()
    depth.see_quote(a_quote("98", "101", sizes="7 8"))
    assert list(depth.levels(is_ask=True)) == list(levels("101x8"))
    assert list(depth.levels(is_ask=False)) == list(levels("98x7"))
    assert depth.displayed(D(98), is_ask=False) == D(7)
    depth.see_quote(a_quote("99.5", "99.6", sizes="7 8"))
    assert list(depth.levels(is_ask=True)) == list(levels("99.6x8 100x1 101x2"))
    assert depth.see_delta(a_delta(2, bids="97x1"))
    assert list(depth.levels(is_ask=True)) == list(levels("100x1 101x2"))


def test_a_price_without_a_level_is_not_proof_that_nobody_waits() -> None:
    depth = a_depth()
    assert depth.displayed(D("98.5"), is_ask=False) is None
    assert depth.displayed(D(98), is_ask=False) == D(2)
    assert depth.displayed(D("99.5"), is_ask=True) == D(0)


def test_what_an_account_took_is_missing_for_it_alone() -> None:
    depth = a_depth()
    depth.take(OURS, levels("100x1 101x0.5"), is_buy=True)
    assert depth.plan(OURS, D(5), None, STEP, is_buy=True) == list(levels("101x1.5"))
    assert depth.plan(THEIRS, D(5), None, STEP, is_buy=True) == list(levels("100x1 101x2"))
    assert depth.plan(OURS, D(5), None, STEP, is_buy=False) == list(levels("99x1 98x2"))


def test_a_snapshot_makes_everything_whole() -> None:
    depth = a_depth()
    depth.take(OURS, levels("100x1"), is_buy=True)
    depth.take(OURS, levels("99x1"), is_buy=False)
    depth.see_snapshot(a_snapshot("99x1", "100x1", number=2))
    assert not depth.taken_asks
    assert not depth.taken_bids


def test_a_diff_makes_only_the_levels_whole_that_it_names() -> None:
    depth = a_depth()
    depth.take(OURS, levels("100x1 101x1"), is_buy=True)
    depth.take(THEIRS, levels("100x1"), is_buy=True)
    depth.see_delta(a_delta(2, bids="99x4", asks="100x1"))
    assert depth.taken_asks == {OURS: {D(101): D(1)}}


def test_a_level_that_is_no_longer_displayed_comes_back_whole() -> None:
    depth = a_depth(bids="90x1", asks="102x2")
    depth.see_quote(a_quote("99", "101", sizes="1 1"))
    depth.take(OURS, levels("101x1"), is_buy=True)
    depth.see_delta(a_delta(2, bids="91x1"))
    depth.see_quote(a_quote("99", "101", sizes="1 1"))
    assert depth.plan(OURS, D(1), None, STEP, is_buy=True) == list(levels("101x1"))


def test_a_plan_stops_at_limit_quantity_and_step() -> None:
    depth = a_depth(asks="100x0.05 101x1.25 102x9")
    assert depth.plan(OURS, D(2), D(101), STEP, is_buy=True) == list(levels("101x1.2"))
    assert depth.plan(OURS, D(2), None, STEP, is_buy=True) == list(levels("101x1.2 102x0.8"))

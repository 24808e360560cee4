"""One simulated pair."""

from decimal import Decimal
from itertools import pairwise

import pytest

from connectors.simulated.listing import listings
from connectors.simulated.street import SNAPSHOT_SECONDS, Street
from connectors.simulated.tide import Tide
from engine.domain.book import BINANCE_SPOT, BINANCE_USDM, Book, SequenceRule
from engine.domain.kinds import BookState
from engine.domain.values import is_multiple
from engine.messages.market import BookDelta, BookSnapshot, MarketMessage, QuoteTick, TradePrint
from engine.runtime.entropy import seeded_rng

START = 1_700_000_000_000_000_000
SECOND = 1_000_000_000


def a_street(seed: int = 1, place: int = 0) -> Street:
    rng = seeded_rng(seed)
    listing = listings()[place]
    return Street(listing, rng=rng, tide=Tide(rng), start_ns=START, price=float(listing.price))


def events_of(street: Street, steps: int) -> list[MarketMessage]:
    events = street.open(START)
    at_ns = START
    for _ in range(steps):
        at_ns += max(1_000_000, int(street.pause() * SECOND))
        events += street.step(at_ns)
    return events


@pytest.mark.parametrize("rule", [BINANCE_SPOT, BINANCE_USDM], ids=["spot", "usdm"])
@pytest.mark.parametrize("place", [0, 3])
def test_the_book_can_be_followed_without_a_gap_and_its_top_is_the_quote(place: int, rule: SequenceRule) -> None:
    book = Book(rule)
    quote: QuoteTick | None = None
    for event in events_of(a_street(place=place), 1_500):
        if isinstance(event, QuoteTick):
            quote = event
        elif isinstance(event, BookSnapshot):
            book.apply_snapshot(event.last_update_id, event.bids, event.asks)
        elif isinstance(event, BookDelta):
            assert book.apply_diff(
                event.first_update_id, event.last_update_id, event.prev_update_id, event.bids, event.asks
            )
            assert quote is not None
            assert book.best_bid == (quote.bid, quote.bid_size)
            assert book.best_ask == (quote.ask, quote.ask_size)
            assert quote.bid < quote.ask
    assert (book.gaps, book.state) == (0, BookState.SYNCED)


@pytest.mark.parametrize("place", range(4))
def test_every_number_is_on_the_grid_of_its_instrument(place: int) -> None:
    street = a_street(place=place)
    rules = street.listing.instrument
    for event in events_of(street, 200):
        if isinstance(event, TradePrint):
            pairs = [(event.price, event.quantity)]
        elif isinstance(event, QuoteTick):
            pairs = [(event.bid, event.bid_size), (event.ask, event.ask_size)]
        else:
            assert isinstance(event, BookDelta | BookSnapshot)
            pairs = [*event.bids, *event.asks]
        for price, quantity in pairs:
            assert price > 0
            assert is_multiple(price, rules.tick_size)
            assert is_multiple(quantity, rules.step_size)
            assert quantity <= rules.max_quantity


def test_trades_happen_at_the_quote_that_stood_before_them() -> None:
    quote: QuoteTick | None = None
    seen = 0
    for event in events_of(a_street(), 800):
        if isinstance(event, TradePrint) and quote is not None:
            seen += 1
            assert not quote.bid < event.price < quote.ask
        elif isinstance(event, QuoteTick):
            quote = event
    assert seen > 200


def test_numbers_grow_and_begin_above_those_of_an_earlier_start() -> None:
    events = events_of(a_street(), 500)
    trades = [int(event.trade_id) for event in events if isinstance(event, TradePrint)]
    updates = [event.last_update_id for event in events if isinstance(event, BookDelta)]
    assert trades == sorted(set(trades))
    assert updates == sorted(set(updates))
    assert trades[-1] < (START + 3_600 * SECOND) // 1_000_000 * 1_000
    assert updates[-1] < START // 1_000_000 + 1_000_000


def test_there_are_bursts_and_silences() -> None:
    street = a_street()
    street.open(START)
    pauses = []
    for number in range(8_000):
        pauses.append(street.pause())
        street.step(START + number * SECOND // 4)
    assert max(pauses) > 2.0
    assert max(pauses) <= 7.0
    window = [sum(pauses[at : at + 12]) for at in range(0, len(pauses) - 12, 12)]
    assert min(window) < 0.6


def test_whole_books_come_again_and_again() -> None:
    events = events_of(a_street(), 1_000)
    times = [event.ts_event_ns for event in events if isinstance(event, BookSnapshot)]
    distances = [after - before for before, after in pairwise(times)]
    assert distances
    assert all(SNAPSHOT_SECONDS <= distance / SECOND < SNAPSHOT_SECONDS + 10 for distance in distances[1:])


def test_a_perpetual_stays_near_its_spot_pair() -> None:
    rng = seeded_rng(4)
    tide = Tide(rng)
    spot = Street(listings()[0], rng=rng, tide=tide, start_ns=START, price=60_000.0)
    perpetual = Street(listings()[3], rng=rng, tide=tide, start_ns=START, price=60_000.0)
    perpetual.leader = spot
    for street in (spot, perpetual):
        street.open(START)
    for second in range(1, 3_600):
        spot.step(START + second * SECOND)
        perpetual.step(START + second * SECOND)
        assert abs(perpetual.fair() / spot.fair() - 1) < 0.005
    assert spot.fair() != perpetual.fair()


def test_prices_are_exact_decimals() -> None:
    quote = next(event for event in events_of(a_street(), 3) if isinstance(event, QuoteTick))
    assert quote.bid == Decimal(str(quote.bid))
    assert quote.bid.as_tuple().exponent == -2

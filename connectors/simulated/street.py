"""One simulated pair: where its price stands, and what happens to its book next.

In each step some trades take from the book, quotes follow the fair price, and levels come, grow, shrink and go. At
times a burst comes: dozens of steps within a second, trades in one direction. At times nothing happens for seconds.
"""

import math
from typing import Final

from connectors.simulated.ladder import Side as LadderSide
from connectors.simulated.listing import Listing
from connectors.simulated.tide import Tide
from engine.domain.kinds import Side
from engine.domain.ports import Rng
from engine.messages.market import BookDelta, BookSnapshot, Level, MarketMessage, QuoteTick, TradePrint

NS_PER_S: Final = 1_000_000_000
OWN_PULL: Final = 2e-3
"""Share of its own moves that a pair takes back each second: pairs drift apart by minutes, not by days."""
BURST_CHANCE: Final = 0.003
BURST_STEPS: Final = (15, 60)
BURST_SECONDS: Final = 0.02
"""Mean time between the steps of a burst."""
BURST_PUSH: Final = 0.4
"""Move of each step of a burst, as a share of the pair's volatility."""
SILENCE_CHANCE: Final = 0.0015
SILENCE_SECONDS: Final = (2.0, 7.0)
TRADES_PER_STEP: Final = 0.55
SNAPSHOT_SECONDS: Final = 30.0
"""Time between two whole books: whoever lost the thread finds it again."""


class Street:
    """State of one pair. Its numbers begin at the start time, so that they also grow over restarts."""

    def __init__(self, listing: Listing, *, rng: Rng, tide: Tide, start_ns: int, price: float) -> None:
        """Open the pair at `price` (quote per base unit); `rng` is its own."""
        self.listing = listing
        self.own = 0.0
        """Logarithm of its own move."""
        self.leader: Street | None = None
        """The pair that it follows."""
        self._rng = rng
        self._tide = tide
        self._start_ns = start_ns
        self._price = price
        instrument = listing.instrument
        self._tick = instrument.tick_size
        self._step = instrument.step_size
        self._tick_float = float(instrument.tick_size)
        self._step_float = float(instrument.step_size)
        self._bids = LadderSide(-1)
        self._asks = LadderSide(+1)
        self._moved_s = 0.0
        self._update_id = start_ns // 1_000_000
        self._first_id: int | None = None
        self._trade_id = start_ns // 1_000_000 * 1_000
        self._top: tuple[tuple[int, int], tuple[int, int]] | None = None
        self._burst_left = 0
        self._burst_side = Side.BUY
        self._snapshot_s = 0.0

    # --- Time -------------------------------------------------------------------------------------------------------

    def pause(self) -> float:
        """Draw the seconds until the next step."""
        rng = self._rng
        if self._burst_left > 0:
            self._burst_left -= 1
            return rng.expovariate(1.0 / BURST_SECONDS)
        draw = rng.random()
        if draw < BURST_CHANCE:
            self._burst_left = rng.randint(*BURST_STEPS)
            self._burst_side = Side.BUY if rng.random() < 0.5 else Side.SELL
        elif draw < BURST_CHANCE + SILENCE_CHANCE:
            return rng.uniform(*SILENCE_SECONDS)
        return rng.expovariate(self._tide.spell.haste / self.listing.seconds_between)

    def fair(self) -> float:
        """Return the price that quotes follow."""
        own = self.own if self.leader is None else self.own + self.leader.own
        return self._price * math.exp(self.listing.beta * self._tide.level + own)

    def _move(self, at_s: float) -> None:
        """Let the market and the pair's own luck pass until `at_s`."""
        self._tide.advance(at_s)
        passed = max(at_s - self._moved_s, 0.0)
        self._moved_s = at_s
        haste = 3.0 if self._burst_left else 1.0
        push = self._burst_side.sign * BURST_PUSH * self.listing.volatility if self._burst_left else 0.0
        self.own *= math.exp(-OWN_PULL * passed)
        self.own += push + haste * self.listing.volatility * math.sqrt(passed) * self._rng.gauss(0.0, 1.0)

    # --- Events -----------------------------------------------------------------------------------------------------

    def open(self, at_ns: int) -> list[MarketMessage]:
        """Return the whole book and the best quote."""
        self._requote()
        self._bids.take_changes()
        self._asks.take_changes()
        return [self._snapshot(at_ns), self._quote(at_ns)]

    def step(self, at_ns: int) -> list[MarketMessage]:
        """Let the next thing happen; return what a feed would tell, a quote before the diff that holds it."""
        at_s = (at_ns - self._start_ns) / NS_PER_S
        self._move(at_s)
        events: list[MarketMessage] = list(self._trade(at_ns))
        self._requote()
        self._stir()
        bids, asks = self._bids.take_changes(), self._asks.take_changes()
        if self._top != self._best():
            events.append(self._quote(at_ns))
        if bids or asks:
            events.append(self._delta(at_ns, bids, asks))
        if at_s - self._snapshot_s >= SNAPSHOT_SECONDS:
            self._snapshot_s = at_s
            events.append(self._snapshot(at_ns))
        return events

    def _trade(self, at_ns: int) -> list[TradePrint]:
        """Let takers take from the top of the book; a level that they empty is gone."""
        rng = self._rng
        mean = TRADES_PER_STEP * (3.0 if self._burst_left else 1.0)
        prints: list[TradePrint] = []
        while rng.random() < mean / (1.0 + mean):
            side = Side.BUY if rng.random() < 0.5 else Side.SELL
            if self._burst_left and rng.random() < 0.7:
                side = self._burst_side
            book = self._asks if side is Side.BUY else self._bids
            best = book.best
            if best is None or len(book.lots) < 5:
                break
            size = self.listing.trade_size * math.exp(rng.gauss(0.0, 1.1))
            lots = min(max(1, round(size / self._step_float)), book.lots[best])
            book.put(best, book.lots[best] - lots)
            self._trade_id += 1
            prints.append(
                TradePrint(
                    venue=self.listing.instrument.venue,
                    symbol=self.listing.instrument.symbol,
                    ts_event_ns=at_ns,
                    ts_init_ns=at_ns,
                    trade_id=str(self._trade_id),
                    price=self._tick * best,
                    quantity=self._step * lots,
                    aggressor=side,
                )
            )
        return prints

    def _requote(self) -> None:
        """Let the best quotes surround the fair price."""
        fair = self.fair()
        half = fair * self.listing.spread_bps * 0.5e-4 * math.exp(self._rng.gauss(0.0, 0.3))
        bid = max(1, math.floor((fair - half) / self._tick_float))
        ask = max(bid + 1, math.ceil((fair + half) / self._tick_float))
        self._bids.move_best_to(bid, lots_at=self._lots_at, gap=self._gap)
        self._asks.move_best_to(ask, lots_at=self._lots_at, gap=self._gap)

    def _stir(self) -> None:
        """Change a few quantities near the top."""
        for book in (self._bids, self._asks):
            if self._rng.random() < 0.6:
                levels = book.ordered()
                place = min(int(self._rng.expovariate(0.25)), len(levels) - 1)
                book.put(levels[place], self._lots_at(place))

    def _lots_at(self, place: int) -> int:
        size = self.listing.level_size * (1.0 + place / 12.0) * math.exp(self._rng.gauss(0.0, 0.9))
        return max(1, round(size / self._step_float))

    def _gap(self) -> int:
        usual = self.listing.spread_bps * 0.6e-4 * self._price / self._tick_float
        return 1 + int(self._rng.expovariate(1.0 / max(usual, 0.5)))

    # --- Messages ---------------------------------------------------------------------------------------------------

    def _best(self) -> tuple[tuple[int, int], tuple[int, int]]:
        bid, ask = self._bids.best, self._asks.best
        assert bid is not None, "a quoted book has bids"
        assert ask is not None, "a quoted book has asks"
        return (bid, self._bids.lots[bid]), (ask, self._asks.lots[ask])

    def _quote(self, at_ns: int) -> QuoteTick:
        self._top = (bid, bid_lots), (ask, ask_lots) = self._best()
        return QuoteTick(
            venue=self.listing.instrument.venue,
            symbol=self.listing.instrument.symbol,
            ts_event_ns=at_ns,
            ts_init_ns=at_ns,
            bid=self._tick * bid,
            ask=self._tick * ask,
            bid_size=self._step * bid_lots,
            ask_size=self._step * ask_lots,
        )

    def _delta(self, at_ns: int, bids: list[tuple[int, int]], asks: list[tuple[int, int]]) -> BookDelta:
        """Number a diff as Binance does on both of its markets; the first after a snapshot overlaps it by one."""
        before = self._update_id
        self._update_id += len(bids) + len(asks)
        first, self._first_id = self._first_id or before + 1, None
        return BookDelta(
            venue=self.listing.instrument.venue,
            symbol=self.listing.instrument.symbol,
            ts_event_ns=at_ns,
            ts_init_ns=at_ns,
            first_update_id=first,
            last_update_id=self._update_id,
            prev_update_id=before,
            bids=self._levels(bids),
            asks=self._levels(asks),
        )

    def _snapshot(self, at_ns: int) -> BookSnapshot:
        self._first_id = self._update_id
        return BookSnapshot(
            venue=self.listing.instrument.venue,
            symbol=self.listing.instrument.symbol,
            ts_event_ns=at_ns,
            ts_init_ns=at_ns,
            last_update_id=self._update_id,
            bids=self._levels([(ticks, self._bids.lots[ticks]) for ticks in self._bids.ordered()]),
            asks=self._levels([(ticks, self._asks.lots[ticks]) for ticks in self._asks.ordered()]),
        )

    def _levels(self, levels: list[tuple[int, int]]) -> tuple[Level, ...]:
        tick, step = self._tick, self._step
        return tuple((tick * ticks, step * lots) for ticks, lots in levels)

"""What the market offers at this moment, and how much of it each account has already taken.

Depth comes from the book while it is synced, otherwise from the best quote; a market that shows neither and only prints
trades offers, on both sides, what it traded last. A quote that came after the last change of
the book overlays it: book levels that the quote has passed are gone, and at the quote's price its size counts. (Best
quotes are pushed at once, diffs ten times a second.)

Our fills do not move the market, so what an account has taken from a level is remembered, and not there a second time,
until the market states that level anew (a quote with another price or size, a diff that names the level, a snapshot) or
no longer displays it. Accounts do not compete: each sees the whole market, less what it took itself.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from connectors.paper.accounts import PaperAccount
from engine.domain.book import Book, Level, SequenceRule
from engine.domain.kinds import BookState, Side
from engine.domain.values import ZERO, add, floor_to_step, subtract
from engine.messages.market import BookDelta, BookSnapshot, QuoteTick, TradePrint

_SYNCED: Final = BookState.SYNCED

Taken = dict[PaperAccount, dict[Decimal, Decimal]]
"""Quantity taken by account and price."""


class Depth:
    """Quote and book of one instrument."""

    __slots__ = ("book", "is_quote_newer", "quote", "taken_asks", "taken_bids", "trade")

    def __init__(self, rule: SequenceRule) -> None:
        """Start without a market; `rule` says how the venue numbers its diffs."""
        self.book = Book(rule)
        self.quote: QuoteTick | None = None
        self.is_quote_newer = False
        """The quote came after the last change of the book."""
        self.trade: TradePrint | None = None
        """The last public trade."""
        self.taken_bids: Taken = {}
        self.taken_asks: Taken = {}

    # --- What the market says ----------------------------------------------------------------------------------------

    def see_quote(self, quote: QuoteTick) -> None:
        """Take a new best quote."""
        old = self.quote
        self.quote = quote
        self.is_quote_newer = True
        if old is not None:
            if self.taken_bids and (old.bid != quote.bid or old.bid_size != quote.bid_size):
                _forget(self.taken_bids, (old.bid, quote.bid))
            if self.taken_asks and (old.ask != quote.ask or old.ask_size != quote.ask_size):
                _forget(self.taken_asks, (old.ask, quote.ask))
        self._forget_gone()

    def see_trade(self, trade: TradePrint) -> None:
        """Take a public trade."""
        self.trade = trade
        if self.quote is None and not self.is_synced:
            self.taken_bids.clear()
            self.taken_asks.clear()

    def see_delta(self, delta: BookDelta) -> bool:
        """Take changed levels; False if the book cannot use them (it is not synced, or has just lost its place)."""
        changed = self.book.apply_diff(
            delta.first_update_id, delta.last_update_id, delta.prev_update_id, delta.bids, delta.asks
        )
        if not changed:
            return False
        self.is_quote_newer = False
        if self.taken_bids:
            _forget(self.taken_bids, [price for price, _ in delta.bids])
        if self.taken_asks:
            _forget(self.taken_asks, [price for price, _ in delta.asks])
        self._forget_gone()
        return self.book.state is BookState.SYNCED

    def see_snapshot(self, snapshot: BookSnapshot) -> bool:
        """Take a whole book; False if it does not fit the diffs that wait for it."""
        self.taken_bids.clear()
        self.taken_asks.clear()
        self.is_quote_newer = False
        return self.book.apply_snapshot(snapshot.last_update_id, snapshot.bids, snapshot.asks)

    def _forget_gone(self) -> None:
        """Forget what was taken from levels that are no longer displayed."""
        for taken, is_ask in ((self.taken_bids, False), (self.taken_asks, True)):
            if taken:
                prices = {price for of_account in taken.values() for price in of_account}
                _forget(taken, [price for price in prices if not self.displayed(price, is_ask=is_ask)])

    # --- What can be had ---------------------------------------------------------------------------------------------

    @property
    def is_synced(self) -> bool:
        """Whether the book can be trusted."""
        return self.book.state is _SYNCED

    def best(self, *, is_ask: bool) -> Decimal | None:
        """Return the best price of one side; None where nobody offers or the market is not known."""
        if not self.is_quote_newer and self.book.state is _SYNCED:
            level = self.book.best_ask if is_ask else self.book.best_bid
            return None if level is None else level[0]
        if self.quote is not None:
            return self.quote.ask if is_ask else self.quote.bid
        return None if self.trade is None else self.trade.price

    def levels(self, *, is_ask: bool) -> Iterator[Level]:
        """Yield (price, quantity) of one side, best first, as displayed."""
        quote = self.quote
        if not self.is_synced:
            if quote is not None:
                yield (quote.ask, quote.ask_size) if is_ask else (quote.bid, quote.bid_size)
            elif self.trade is not None:
                yield self.trade.price, self.trade.quantity
            return
        levels = self.book.asks() if is_ask else self.book.bids()
        if quote is None or not self.is_quote_newer:
            yield from levels
            return
        best = quote.ask if is_ask else quote.bid
        yield best, quote.ask_size if is_ask else quote.bid_size
        for level in levels:
            if level[0] > best if is_ask else level[0] < best:
                yield level

    def displayed(self, price: Decimal, *, is_ask: bool) -> Decimal | None:
        """Return the quantity shown at a price: 0 where it would be the best, None where nothing is known."""
        best = self.best(is_ask=is_ask)
        if best is None:
            return None
        if price < best if is_ask else price > best:
            return ZERO
        if price == best and self.is_quote_newer and self.quote is not None:
            return self.quote.ask_size if is_ask else self.quote.bid_size
        if not self.is_synced:
            return None
        # A price without a level may lie beyond the snapshot, so it is not proof that nobody waits there.
        return self.book.quantity_at(Side.SELL if is_ask else Side.BUY, price)

    def plan(
        self, account: PaperAccount, quantity: Decimal, limit: Decimal | None, step: Decimal, *, is_buy: bool
    ) -> list[Level]:
        """Tell what an order would take, without taking it.

        Args:
            account: What it has taken itself is not there.
            quantity: Base units, above zero, a multiple of `step`.
            limit: Worst price; None takes any.
            step: Parts of a level below it are left.
            is_buy: A buy takes asks.

        Returns:
            (price, quantity) pairs, best first; less than `quantity` in sum if depth or limit end before.
        """
        taken = (self.taken_asks if is_buy else self.taken_bids).get(account)
        parts: list[Level] = []
        left = quantity
        for price, offered in self.levels(is_ask=is_buy):
            if limit is not None and (price > limit if is_buy else price < limit):
                break
            if taken is not None and price in taken:
                offered = subtract(offered, taken[price])  # noqa: PLW2901 - what is left of it.
            if offered < left:
                if offered < step:
                    continue
                part = floor_to_step(offered, step)
                parts.append((price, part))
                left = subtract(left, part)
            else:
                parts.append((price, left))
                break
        return parts

    def take(self, account: PaperAccount, parts: Sequence[Level], *, is_buy: bool) -> None:
        """Remember that an account took these parts."""
        taken = (self.taken_asks if is_buy else self.taken_bids).setdefault(account, {})
        for price, quantity in parts:
            taken[price] = add(taken.get(price, ZERO), quantity)


def _forget(taken: Taken, prices: Sequence[Decimal]) -> None:
    """Make the levels at these prices whole again."""
    for account in list(taken):
        of_account = taken[account]
        for price in prices:
            of_account.pop(price, None)
        if not of_account:
            del taken[account]

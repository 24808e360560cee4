"""What is so at the venue: accounts, orders and trades, built from facts alone.

`apply` is the only door. The same facts in the same order make the same truth, in a living venue and in a replay.
"""

from collections import deque
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from engine.domain.errors import InvariantBroken
from engine.domain.identifiers import AccountId, Symbol
from engine.domain.instrument import Instrument
from engine.domain.values import ZERO, add
from engine.simulation.venue.book import Book
from engine.simulation.venue.facts import (
    AccountMade,
    ClockSet,
    ClosedForgotten,
    DeadManSet,
    Fact,
    Moved,
    OrderAmended,
    OrderEnded,
    OrderPlaced,
    OrderTraded,
    OrderTriggered,
    PriceMoved,
    RequestSeen,
    Started,
    TradeShown,
    TradeTakenBack,
)
from engine.simulation.venue.money import Account
from engine.simulation.venue.orders import Order, Trade

OrderKey = tuple[Symbol, int]

ENDED_MAX: Final = 1_000
"""Ended orders of an account that a stale list may still show."""


class Truth:
    """Everything that is so. Read it freely; change it by `apply` only."""

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        """Start before the first fact.

        Args:
            instruments: What is traded; facts about others are refused.
        """
        self.instruments: dict[Symbol, Instrument] = {each.symbol: each for each in instruments}
        self.accounts: dict[AccountId, Account] = {}
        self.orders: dict[OrderKey, Order] = {}
        """By every number that they ever had."""
        self.by_client_id: dict[tuple[AccountId, str], list[Order]] = {}
        """Oldest first; more than one only where the venue lets an id be used again."""
        self.trades: list[Trade] = []
        """Oldest first, as their cursors say."""
        self.trades_by_id: dict[tuple[Symbol, int], Trade] = {}
        self.trades_of: dict[AccountId, list[Trade]] = {}
        self.requests: list[RequestSeen] = []
        self.request_ids: set[UUID] = set()
        self.prices: dict[Symbol, Decimal] = {}
        self.books: dict[Symbol, Book] = {symbol: Book() for symbol in self.instruments}
        self.order_numbers: dict[Symbol, int] = {}
        self.trade_numbers: dict[Symbol, int] = {}
        self.placed = 0
        self.skew_ns = 0
        self.starts = 0
        self._stamp_ns = 0
        self._apply: dict[type[Fact], Callable[[Any], None]] = {
            Started: self._started,
            ClockSet: self._clock_set,
            PriceMoved: self._price_moved,
            AccountMade: self._account_made,
            Moved: self._moved,
            RequestSeen: self._request_seen,
            OrderPlaced: self._placed,
            OrderTriggered: self._triggered,
            OrderTraded: self._traded,
            OrderEnded: self._ended,
            OrderAmended: self._amended,
            TradeTakenBack: self._taken_back,
            TradeShown: self._shown,
            DeadManSet: self._dead_man_set,
            ClosedForgotten: self._forgotten,
        }

    def apply(self, fact: Fact) -> None:
        """Let a fact be so.

        Raises:
            InvariantBroken: It contradicts what is so.
        """
        self._apply[type(fact)](fact)

    # --- Time --------------------------------------------------------------------------------------------------------

    def venue_time_ns(self, at_ns: int) -> int:
        """Return what the venue's clock shows at a true time; it may go back."""
        return at_ns + self.skew_ns

    def stamp_ns(self, at_ns: int) -> int:
        """Return the time that the matching engine stamps: the venue's clock, but never earlier than before.

        Requests are refused as late by this one too: otherwise a clock that is set back would take what it has already
        said to be too late, against the declared validity.
        """
        self._stamp_ns = max(self._stamp_ns, at_ns + self.skew_ns)
        return self._stamp_ns

    # --- Looking up --------------------------------------------------------------------------------------------------

    def order(self, symbol: Symbol, number: int) -> Order:
        """Return an order by a number it has or had.

        Raises:
            InvariantBroken: There is none.
        """
        found = self.orders.get((symbol, number))
        if found is None:
            raise InvariantBroken("a fact is about a known order", expected="an order", was=f"{symbol} {number}")
        return found

    def find(self, account_id: AccountId, client_id: str) -> Order | None:
        """Return the order of a client id: the newest, where it was used again."""
        found = self.by_client_id.get((account_id, client_id))
        return found[-1] if found else None

    # --- Facts -------------------------------------------------------------------------------------------------------

    def _started(self, _fact: Started) -> None:
        self.starts += 1

    def _clock_set(self, fact: ClockSet) -> None:
        self.stamp_ns(fact.at_ns)
        self.skew_ns = fact.skew_ns

    def _price_moved(self, fact: PriceMoved) -> None:
        self.prices[fact.symbol] = fact.price

    def _account_made(self, fact: AccountMade) -> None:
        self.accounts[fact.account_id] = Account(
            id=fact.account_id,
            user_id=fact.user_id,
            kind=fact.kind,
            starting=dict(fact.balances),
            totals=dict(fact.balances),
            held={},
            holdings={},
            open_orders={},
            moves=[],
            ended=deque(maxlen=ENDED_MAX),
        )
        self.trades_of[fact.account_id] = []

    def _moved(self, fact: Moved) -> None:
        account = self.accounts[fact.account_id]
        account.moves.append((fact.asset, fact.amount))
        account.move(fact.asset, fact.amount)

    def _request_seen(self, fact: RequestSeen) -> None:
        self.requests.append(fact)
        if fact.request_id is not None:
            self.request_ids.add(fact.request_id)

    def _placed(self, fact: OrderPlaced) -> None:
        key = (fact.symbol, fact.number)
        if key in self.orders:
            raise InvariantBroken("an order number is new", expected="a new number", was=str(key))
        self.placed += 1
        order = Order.placed_by(fact, venue_ns=self.stamp_ns(fact.at_ns), placed=self.placed)
        self.orders[key] = order
        self.by_client_id.setdefault((order.account_id, order.client_id), []).append(order)
        self.order_numbers[fact.symbol] = fact.number
        self.accounts[fact.account_id].open_orders[key] = order
        self._changed(order, fact)

    def _triggered(self, fact: OrderTriggered) -> None:
        order = self.order(fact.symbol, fact.number)
        order.is_triggered = True
        self._changed(order, fact)

    def _traded(self, fact: OrderTraded) -> None:
        order = self.order(fact.symbol, fact.number)
        trade = Trade(
            account_id=order.account_id,
            symbol=fact.symbol,
            number=fact.trade,
            cursor=fact.cursor,
            order=order,
            external_order_id=order.external_id,
            price=fact.price,
            quantity=fact.quantity,
            fee=fact.fee,
            fee_asset=fact.fee_asset,
            liquidity=fact.liquidity,
            at_ns=fact.at_ns,
            venue_ns=self.stamp_ns(fact.at_ns),
            is_hidden=fact.is_hidden,
        )
        self.trades.append(trade)
        self.trades_of[order.account_id].append(trade)
        self.trades_by_id[fact.symbol, fact.trade] = trade
        self.trade_numbers[fact.symbol] = fact.trade
        order.trades.append(trade)
        order.executed = add(order.executed, fact.quantity)
        account = self.accounts[order.account_id]
        account.last_cursor = fact.cursor
        account.settle(trade, self.instruments[fact.symbol])
        self._changed(order, fact)

    def _ended(self, fact: OrderEnded) -> None:
        order = self.order(fact.symbol, fact.number)
        order.reason = fact.reason
        order.ended_at_ns = fact.at_ns
        account = self.accounts[order.account_id]
        if account.open_orders.pop((order.symbol, order.number), None) is not None:
            account.ended.append(order)
        self._changed(order, fact)

    def _amended(self, fact: OrderAmended) -> None:
        order = self.order(fact.symbol, fact.number)
        order.quantity, order.price, order.stop_price = fact.quantity, fact.price, fact.stop_price
        if fact.new_number is not None:
            open_orders = self.accounts[order.account_id].open_orders
            open_orders.pop((order.symbol, order.number))
            order.number = fact.new_number
            order.numbers.append(fact.new_number)
            self.orders[order.symbol, order.number] = open_orders[order.symbol, order.number] = order
            self.order_numbers[order.symbol] = fact.new_number
        self._changed(order, fact)

    def _taken_back(self, fact: TradeTakenBack) -> None:
        trade = self.trades_by_id[fact.symbol, fact.trade]
        if trade.is_void:
            raise InvariantBroken("a trade is taken back once", expected="a trade that holds", was=str(trade.number))
        trade.voided_at_ns = fact.at_ns
        self.accounts[trade.account_id].settle(trade, self.instruments[fact.symbol], is_void=True)
        self._changed(trade.order, fact)

    def _shown(self, fact: TradeShown) -> None:
        self.trades_by_id[fact.symbol, fact.trade].is_hidden = False

    def _dead_man_set(self, fact: DeadManSet) -> None:
        self.accounts[fact.account_id].dead_man_until_ns = fact.until_ns

    def _forgotten(self, fact: ClosedForgotten) -> None:
        for order in self.orders.values():
            if order.ended_at_ns is not None and order.ended_at_ns < fact.before_ns:
                order.is_forgotten = fact.with_trades or not order.trades

    def _changed(self, order: Order, fact: Fact) -> None:
        """Bring the book and what is set aside in line with an order, and note the change."""
        order.changed(fact.at_ns, self.stamp_ns(fact.at_ns))
        if order.is_open and order.remaining > ZERO:
            self.books[order.symbol].put(order)
        else:
            self.books[order.symbol].take(order)
        self.accounts[order.account_id].reserve(order, self.instruments[order.symbol])

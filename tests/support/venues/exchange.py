"""A true exchange: what accounts own, order and have traded, and simple matching with the street's book.

Everything is synchronous and exact. Whoever listens hears of each change at once and in order, or later if a test
holds the events back. The venue's simulator gives the words; the sums are here.
"""

import dataclasses
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Final, Literal

from tests.support.venues.core import (
    BookChange,
    OrderState,
    PublicTrade,
    SimAccount,
    SimClock,
    SimMarket,
    SimOrder,
    SimRefusal,
    SimTrade,
    Word,
)
from tests.support.venues.rules import check_order, fee_of, is_triggered
from tests.support.venues.settle import book_fill, lock, release
from tests.support.venues.telling import Telling

Duplicates = Literal["while_open", "for_ever", "return_first", "ignore"]

_DONE: Final[dict[str, OrderState]] = {"cancelled": "cancelled", "expired": "expired", "rejected": "rejected"}


class SimExchange(Telling):
    """Markets and accounts of one venue."""

    def __init__(self, clock: SimClock | None = None, *, duplicates: Duplicates = "while_open") -> None:
        super().__init__(clock or SimClock())
        self.duplicates: Duplicates = duplicates
        """What a client id that was seen does."""
        self.markets: dict[str, SimMarket] = {}
        self.accounts: dict[str, SimAccount] = {}
        self.fee_in: Callable[[SimMarket, str], str] = lambda market, _side: market.quote
        """Which asset a fee is usually paid in."""
        self.fee_prices: dict[str, Decimal] = {"BNB": Decimal(600)}
        """Worth in the quote asset of other assets that fees are paid in."""
        self._order_id = 1_000_000
        self._trade_id = 5_000_000

    # --- Setting the scene --------------------------------------------------------------------------------------------

    def add_market(self, market: SimMarket, *, depth: int = 20, size: Decimal = Decimal(5)) -> SimMarket:
        """List a market, with a book of `depth` levels a side around its last price."""
        self.markets[market.symbol] = market
        for number in range(1, depth + 1):
            market.bids[market.last - number * market.tick] = size
            market.asks[market.last + number * market.tick] = size
        return market

    def add_account(self, account: SimAccount, **balances: str | Decimal) -> SimAccount:
        """Open an account that owns `balances`: `add_account(account, USDT="1000")`."""
        self.accounts[account.name] = account
        for asset, amount in balances.items():
            account.balance(asset).free = Decimal(amount)
        return account

    def account_of(self, api_key: str) -> SimAccount | None:
        """Return whose key this is."""
        return next((account for account in self.accounts.values() if account.api_key == api_key), None)

    def market(self, symbol: str) -> SimMarket:
        """Return a market.

        Raises:
            SimRefusal: It is not listed.
        """
        if symbol not in self.markets:
            raise SimRefusal("unknown_symbol", symbol)
        return self.markets[symbol]

    # --- Orders -------------------------------------------------------------------------------------------------------

    def place(
        self,
        account: SimAccount,
        *,
        symbol: str,
        side: Literal["buy", "sell"],
        type: str,
        quantity: Decimal,
        client_id: str,
        price: Decimal | None = None,
        stop_price: Decimal | None = None,
        stop_below: bool | None = None,
        tif: str = "GTC",
        post_only: bool = False,
        reduce_only: bool = False,
        position_side: str = "net",
        extra: dict[str, str] | None = None,
    ) -> SimOrder:
        """Take an order; without a price it is a market order.

        Raises:
            SimRefusal: Definitely nothing was done.
        """
        market = self.market(symbol)
        known = self._known(account, client_id)
        if known is not None:
            return known
        order = SimOrder(
            id=self._next_order_id(),
            account=account.name,
            client_id=client_id,
            symbol=symbol,
            side=side,
            type=type,
            quantity=quantity,
            price=price,
            stop_price=stop_price,
            stop_below=side == "sell" if stop_below is None else stop_below,
            tif=tif,
            post_only=post_only,
            reduce_only=reduce_only,
            position_side=position_side,
            state="waiting" if stop_price is not None else "open",
            created_ms=self.clock.now_ms(),
            updated_ms=self.clock.now_ms(),
            extra=dict(extra or {}),
        )
        check_order(market, account, order, self.markets)
        lock(account, market, order)
        account.orders[order.id] = order
        self._tell_order("new", order)
        self._tell_balances(account, market)
        if order.state == "open":
            self._meet_street(order)
        return order

    def cancel(self, account: SimAccount, order: SimOrder, word: Word = "cancelled") -> SimOrder:
        """Take an open order off the book.

        Raises:
            SimRefusal: It is done already.
        """
        if not order.is_open:
            raise SimRefusal("already_done", order.client_id)
        self._end(account, order, word)
        return order

    def cancel_all(self, account: SimAccount, symbol: str | None = None) -> list[SimOrder]:
        """Cancel every open order."""
        return [self.cancel(account, order) for order in account.open_orders(symbol)]

    def expire(self, client_id: str) -> SimOrder:
        """Let the venue take an order off the book by itself."""
        order = self.order(client_id)
        return self.cancel(self.accounts[order.account], order, "expired")

    def amend(
        self,
        account: SimAccount,
        order: SimOrder,
        *,
        quantity: Decimal | None = None,
        price: Decimal | None = None,
        stop_price: Decimal | None = None,
    ) -> SimOrder:
        """Change an open order in place; `quantity` is the whole.

        Raises:
            SimRefusal: It is done, or its new values are not allowed; it stays as it was.
        """
        if not order.is_open:
            raise SimRefusal("already_done", order.client_id)
        market = self.market(order.symbol)
        wanted = dataclasses.replace(
            order,
            quantity=quantity or order.quantity,
            price=price or order.price,
            stop_price=stop_price or order.stop_price,
        )
        if wanted.quantity <= order.filled:
            raise SimRefusal("lot_size", "not above what is filled")
        release(account, market, order)
        try:
            check_order(market, account, wanted, self.markets)
        except SimRefusal:
            lock(account, market, order)
            raise
        order.quantity, order.price, order.stop_price = wanted.quantity, wanted.price, wanted.stop_price
        order.updated_ms = self.clock.now_ms()
        lock(account, market, order)
        self._tell_order("amended", order)
        self._tell_balances(account, market)
        if order.state in ("open", "partial"):
            self._meet_street(order)
        return order

    def order(self, client_id: str) -> SimOrder:
        """Return the newest order of any account with this client id; KeyError if there is none."""
        for account in self.accounts.values():
            found = account.by_client_id(client_id)
            if found is not None:
                return found
        raise KeyError(client_id)

    def fill(
        self, client_id: str, quantity: Decimal | str | None = None, price: Decimal | str | None = None
    ) -> SimTrade:
        """Let a resting order trade: the rest of it, at its own price, unless told otherwise."""
        order = self.order(client_id)
        at = Decimal(price) if price is not None else (order.price or self.market(order.symbol).last)
        amount = Decimal(quantity) if quantity is not None else order.remaining
        return self._execute(order, amount, at, is_maker=True)

    # --- The street ---------------------------------------------------------------------------------------------------

    def print_trade(
        self, symbol: str, price: Decimal | str, quantity: Decimal | str = "1", *, taker_buys: bool = True
    ) -> PublicTrade:
        """Let others trade: resting orders that the price has reached fill at their own price, stops are triggered."""
        market = self.market(symbol)
        market.last = Decimal(price)
        trade = PublicTrade(
            symbol, self._next_trade_id(), market.last, Decimal(quantity), taker_buys, self.clock.now_ms()
        )
        self._tell(trade)
        for account in self.accounts.values():
            for order in account.open_orders(symbol):
                self._react(market, order)
        return trade

    def set_levels(
        self,
        symbol: str,
        bids: Iterable[tuple[Decimal | str, Decimal | str]] = (),
        asks: Iterable[tuple[Decimal | str, Decimal | str]] = (),
    ) -> BookChange:
        """Change levels of the street's book; quantity 0 removes one."""
        market = self.market(symbol)
        changed = [[(Decimal(price), Decimal(quantity)) for price, quantity in levels] for levels in (bids, asks)]
        for book, levels in zip((market.bids, market.asks), changed, strict=True):
            for price, quantity in levels:
                if quantity:
                    book[price] = quantity
                else:
                    book.pop(price, None)
        previous = market.update_id
        market.update_id += max(1, len(changed[0]) + len(changed[1]))
        change = BookChange(
            symbol, previous + 1, market.update_id, previous, tuple(changed[0]), tuple(changed[1]), self.clock.now_ms()
        )
        self._tell(change)
        return change

    # --- By the clock, and from outside -------------------------------------------------------------------------------

    def tick(self) -> None:
        """Do what is due by the clock: the dead-man switches."""
        now_ms = self.clock.now_ms()
        for account in self.accounts.values():
            if account.dead_man_ms and now_ms >= account.dead_man_ms:
                account.dead_man_ms = 0
                self.cancel_all(account)

    def controls(self) -> dict[str, Callable[..., Any]]:
        """What another process may call."""
        return {
            "fill": self.fill,
            "expire": self.expire,
            "print_trade": self.print_trade,
            "set_levels": self.set_levels,
            "hold": self.hold,
            "let_go": self.let_go,
            "truth": self.truth,
        }

    def truth(self, account: str) -> dict[str, Any]:
        """Return all that an account owns, ordered and traded, for auditors."""
        found = self.accounts[account]
        return {
            "balances": {asset: dataclasses.asdict(balance) for asset, balance in found.balances.items()},
            "positions": [dataclasses.asdict(position) for position in found.positions.values()],
            "orders": [dataclasses.asdict(order) for order in found.orders.values()],
            "trades": [dataclasses.asdict(trade) for trade in found.trades],
        }

    # --- Inside -------------------------------------------------------------------------------------------------------

    def _known(self, account: SimAccount, client_id: str) -> SimOrder | None:
        first = account.by_client_id(client_id)
        if first is None or self.duplicates == "ignore":
            return None
        if self.duplicates == "return_first":
            return first
        if self.duplicates == "for_ever" or first.is_open:
            raise SimRefusal("duplicate_client_id", client_id)
        return None

    def _react(self, market: SimMarket, order: SimOrder) -> None:
        """Do what a new last price means for an open order."""
        if order.state == "waiting":
            if is_triggered(market, order):
                order.state = "open"
                self._tell_order("triggered", order)
                self._meet_street(order)
        elif order.price is not None and (
            market.last <= order.price if order.side == "buy" else market.last >= order.price
        ):
            self._execute(order, order.remaining, order.price, is_maker=True)

    def _meet_street(self, order: SimOrder) -> None:
        """Take from the street's book what the order can take; what is left rests or leaves."""
        market = self.market(order.symbol)
        book = market.asks if order.side == "buy" else market.bids
        prices = sorted(book, reverse=order.side == "sell")
        within = [
            price
            for price in prices
            if order.price is None or (price <= order.price if order.side == "buy" else price >= order.price)
        ]
        if order.tif == "FOK" and sum(book[price] for price in within) < order.remaining:
            within = []
        for price in within:
            if not order.is_open or order.remaining <= 0:
                break
            taken = min(book[price], order.remaining)
            left = book[price] - taken
            levels = [(price, left)]
            self.set_levels(order.symbol, asks=levels) if order.side == "buy" else self.set_levels(
                order.symbol, bids=levels
            )
            self._execute(order, taken, price, is_maker=False)
        if order.is_open and (order.price is None or order.tif in ("IOC", "FOK")):
            self._end(self.accounts[order.account], order, "expired")

    def _execute(self, order: SimOrder, quantity: Decimal, price: Decimal, *, is_maker: bool) -> SimTrade:
        account, market = self.accounts[order.account], self.market(order.symbol)
        asset = account.fee_asset or self.fee_in(market, order.side)
        trade = SimTrade(
            id=self._next_trade_id(),
            order_id=order.id,
            account=account.name,
            symbol=order.symbol,
            side=order.side,
            price=price,
            quantity=quantity,
            fee=fee_of(market, asset, price, quantity, is_maker=is_maker, worth=self.fee_prices),
            fee_asset=asset,
            is_maker=is_maker,
            time_ms=self.clock.now_ms(),
            position_side=order.position_side,
        )
        book_fill(account, market, order, trade)
        order.state = "filled" if order.remaining <= 0 else "partial"
        order.updated_ms = trade.time_ms
        if order.state == "filled":
            release(account, market, order)
        account.trades.append(trade)
        self._tell_order("trade", order, trade)
        self._tell_balances(account, market, trade.fee_asset)
        return trade

    def _end(self, account: SimAccount, order: SimOrder, word: Word) -> None:
        market = self.market(order.symbol)
        release(account, market, order)
        order.state = _DONE[word]
        order.updated_ms = self.clock.now_ms()
        self._tell_order(word, order)
        self._tell_balances(account, market)

    def _next_order_id(self) -> int:
        self._order_id += 1
        return self._order_id

    def _next_trade_id(self) -> int:
        self._trade_id += 1
        return self._trade_id

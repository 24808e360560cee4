"""The paper exchange: commands and market events in, a batch of changes out. Pure and synchronous.

Whoever owns it commits the batch before anything of it leaves.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from connectors.paper.accounts import PaperAccount
from connectors.paper.amended import Amended
from connectors.paper.matching import MakerFill, Market
from connectors.paper.order import (
    CANCELLED,
    DONE_REASONS,
    EXPIRED,
    FILLED,
    OPEN,
    PENDING,
    REJECTED,
    PaperOrder,
)
from connectors.paper.rules import UNKNOWN_SYMBOL, is_storable, refusal, shortage
from connectors.paper.state import VenueState
from engine.domain.book import Level, total_of
from engine.domain.identifiers import Symbol
from engine.domain.kinds import TRIGGERED_TYPES, Liquidity, TimeInForce
from engine.domain.values import add, subtract
from engine.messages.base import Message
from engine.messages.market import BookDelta, BookSnapshot, QuoteTick, TradePrint
from engine.messages.rows_paper import PaperTradeRow
from engine.messages.venues import (
    VenueAccepted,
    VenueAmend,
    VenueAmended,
    VenueFill,
    VenueOrderDone,
    VenueRejected,
    VenueSubmit,
)

# Members of an enum cost a look-up each time; these are asked for with every order.
_FOK: Final = TimeInForce.FOK
_GTC: Final = TimeInForce.GTC
_MAKER: Final = Liquidity.MAKER
_TAKER: Final = Liquidity.TAKER


class PaperExchange(VenueState):
    """What happens at one paper venue."""

    # --- Commands ----------------------------------------------------------------------------------------------------

    def submit(self, submit: VenueSubmit, at_ns: int, *, refused: str | None = None) -> None:
        """Take an order whose client id is new, and let it trade.

        Args:
            submit: The order; its account is known.
            at_ns: Market time.
            refused: Code of a refusal that is decided already.
        """
        account = self.accounts[submit.account_id]
        now_ns = self.advance(at_ns)
        self.last_order_id += 1
        order = PaperOrder(account, submit, self.last_order_id, OPEN, now_ns)
        account.client_ids.add(submit.venue_client_id, submit.order_id)
        market = self.markets.get(submit.symbol)
        code, plan = (refused, ()) if market is None or refused else self._judge(order, submit, market)
        if market is None or code is not None:
            order.state = REJECTED
            order.reject_code = code = code or UNKNOWN_SYMBOL
            if is_storable(submit):
                self.batch.changed[order] = None
            self._say(
                account,
                VenueRejected(
                    order_id=submit.order_id,
                    account_id=account.id,
                    code=code,
                    venue_time_ns=now_ns,
                ),
            )
            return
        self.batch.changed[order] = None
        account.open_orders[order.client_id] = order
        self._say(
            account,
            VenueAccepted(
                order_id=submit.order_id,
                account_id=account.id,
                external_order_id=order.external_id,
                venue_time_ns=now_ns,
            ),
        )
        if order.type in TRIGGERED_TYPES:
            order.state = PENDING
            self._wait(order, market)
        else:
            self._trade(order, market, plan)

    def _judge(self, order: PaperOrder, submit: VenueSubmit, market: Market) -> tuple[str | None, Sequence[Level]]:
        """Return (why the order is refused, what it takes at once)."""
        code = refusal(submit, order.account, market)
        if code is not None:
            return code, ()
        if order.type in TRIGGERED_TYPES:
            return shortage(order, market.instrument, None, self.exit_of), ()
        plan = market.plan(order.account, order.fillable(), order.price, is_buy=order.is_buy)
        # An order without a limit is valued at what it takes.
        value_of = plan if order.price is None else None
        return shortage(order, market.instrument, value_of, self.exit_of), plan

    def cancel(self, account: PaperAccount, client_id: str, at_ns: int) -> bool:
        """Cancel an open order; False if there is none of this id."""
        order = account.open_orders.get(client_id)
        if order is None:
            return False
        self.advance(at_ns)
        self._end(order, CANCELLED)
        return True

    def amend(self, order: PaperOrder, amend: VenueAmend, at_ns: int) -> str | None:
        """Change an open order in place and let it trade; return why it is not changed, None if it is."""
        market = self.markets.get(order.symbol)
        if market is None:
            return UNKNOWN_SYMBOL
        wanted = Amended.of(order, amend)
        code = wanted.refusal(order, market)
        if code is not None:
            return code
        account, is_shrunk = order.account, wanted.only_shrinks(order)
        before = Amended.now(order)
        if order.is_waiting:
            market.discard(order)
        if order.reserved:
            self.batch.changed[account.release(order, market.instrument)] = None
        wanted.apply(order)
        code = shortage(order, market.instrument, None, self.exit_of)
        if code is not None:
            before.apply(order)
            self._wait(order, market)
            return code
        order.updated_at_ns = now_ns = self.advance(at_ns)
        self.batch.changed[order] = None
        self._say(account, VenueAmended(
            request_id=amend.request_id, order_id=amend.order_id, account_id=account.id,
            external_order_id=order.external_id, quantity=order.quantity, price=order.price,
            stop_price=order.stop_price, venue_time_ns=now_ns,
        ))  # fmt: skip
        if is_shrunk or order.state is PENDING:
            self._wait(order, market)
        else:
            self._trade(order, market, market.plan(account, order.fillable(), order.price, is_buy=order.is_buy))
        return None

    # --- Market events -----------------------------------------------------------------------------------------------

    def on_quote(self, market: Market, quote: QuoteTick, at_ns: int) -> None:
        """Match the resting orders against a new best quote."""
        fills = market.on_quote(quote)
        self._after(market, fills, at_ns)

    def on_delta(self, market: Market, delta: BookDelta, at_ns: int) -> None:
        """Match the resting orders against a changed book."""
        self._after(market, market.on_delta(delta), at_ns)

    def on_snapshot(self, market: Market, snapshot: BookSnapshot, at_ns: int) -> None:
        """Match the resting orders against a whole book."""
        self._after(market, market.on_snapshot(snapshot), at_ns)

    def on_trade(self, market: Market, trade: TradePrint, at_ns: int) -> None:
        """Match the resting orders against a public trade, then trigger what waited for its price."""
        self._after(market, market.on_trade(trade), at_ns)

    def _after(self, market: Market, fills: list[MakerFill], at_ns: int) -> None:
        if fills:
            self.advance(at_ns)
            for order, price, quantity in fills:
                # A fill before it in the list may have left less to reduce, or nothing, which has ended the order.
                part = min(quantity, order.fillable())
                if part:
                    self._fill(order, market, price, part, _MAKER)
        if market.has_triggers:
            for order in market.pop_triggered():
                self.advance(at_ns)
                self._trigger(order, market)

    # --- Life of an order --------------------------------------------------------------------------------------------

    def _trigger(self, order: PaperOrder, market: Market) -> None:
        """Turn a stop or take-profit into the order that it hides."""
        account = order.account
        order.state = OPEN
        self.batch.changed[order] = None
        if order.reserved:
            self.batch.changed[account.release(order, market.instrument)] = None
        wanted = order.fillable()
        plan = market.plan(account, wanted, order.price, is_buy=order.is_buy) if wanted else ()
        if not wanted or shortage(order, market.instrument, plan if order.price is None else None, self.exit_of):
            self._end(order, EXPIRED)
        else:
            self._trade(order, market, plan)

    def _trade(self, order: PaperOrder, market: Market, plan: Sequence[Level]) -> None:
        """Take what is there; then rest, or end."""
        if order.time_in_force is _FOK and total_of(plan)[0] < order.remaining:
            plan = ()
        if plan:
            market.take(order.account, plan, is_buy=order.is_buy)
            for price, quantity in plan:
                self._fill(order, market, price, quantity, _TAKER)
        if not order.is_open:
            return
        if order.price is None or order.time_in_force is not _GTC:
            self._end(order, EXPIRED)
        elif not order.fillable():
            self._end(order, CANCELLED)
        else:
            market.join_queue(order)
            self._wait(order, market)

    def _wait(self, order: PaperOrder, market: Market) -> None:
        """Let an order rest or wait for its trigger, and set aside what it needs."""
        account = order.account
        market.add(order)
        if order.is_capped:
            account.reducers[order] = None
        self.batch.changed[account.reserve(order, market.instrument)] = None

    def _fill(self, order: PaperOrder, market: Market, price: Decimal, quantity: Decimal, liquidity: Liquidity) -> None:
        batch, account, instrument = self.batch, order.account, market.instrument
        now_ns = self.time_ns
        order.filled = add(order.filled, quantity)
        order.remaining = subtract(order.remaining, quantity)
        order.updated_at_ns = now_ns
        fee, balances, holding = account.settle(order, instrument, price, quantity, liquidity)
        self.last_trade_id += 1
        number = str(self.last_trade_id)
        batch.changed[order] = None
        for balance in balances:
            batch.changed[balance] = None
        batch.trades.append(PaperTradeRow(
            venue=self.venue, cursor=self.last_trade_id, account_id=account.id, venue_client_id=order.client_id,
            external_order_id=order.external_id, external_trade_id=number, symbol=order.symbol, side=order.side,
            price=price, quantity=quantity, fee=fee, fee_asset=instrument.quote, liquidity=liquidity,
            executed_at=now_ns,
        ))  # fmt: skip
        self._say(account, VenueFill(
            account_id=account.id, venue=self.venue, symbol=order.symbol, side=order.side,
            venue_client_id=order.client_id, external_order_id=order.external_id, external_trade_id=number,
            price=price, quantity=quantity, fee=fee, fee_asset=instrument.quote, liquidity=liquidity,
            executed_at_ns=now_ns, cursor=number,
        ))  # fmt: skip
        if not order.remaining:
            self._end(order, FILLED)
        if holding is not None:
            batch.changed[holding] = None
            if account.reducers:
                self._end_idle_reducers(account, order.symbol)

    def _end_idle_reducers(self, account: PaperAccount, symbol: Symbol) -> None:
        """Cancel resting reduce-only orders that have nothing left to reduce, as venues do."""
        for order in [order for order in account.reducers if order.symbol == symbol and not order.fillable()]:
            self._end(order, CANCELLED)

    def _end(self, order: PaperOrder, state: str) -> None:
        account = order.account
        market = self.markets.get(order.symbol)
        if market is not None and order.is_waiting:
            market.discard(order)
        order.state = state
        order.queue_ahead = None
        order.updated_at_ns = self.time_ns
        account.open_orders.pop(order.client_id, None)
        account.reducers.pop(order, None)
        self.batch.changed[order] = None
        if order.reserved and market is not None:
            self.batch.changed[account.release(order, market.instrument)] = None
        self._say(
            account,
            VenueOrderDone(
                account_id=account.id,
                venue_client_id=order.client_id,
                external_order_id=order.external_id,
                symbol=order.symbol,
                reason=DONE_REASONS[state],
                filled_quantity=order.filled,
                venue_time_ns=self.time_ns,
            ),
        )

    def exit_of(self, symbol: Symbol, is_long: bool) -> Decimal | None:  # noqa: FBT001 - as `ExitOf` says.
        """Return the price at which a position could be closed: the best of the other side."""
        return self.markets[symbol].depth.best(is_ask=not is_long)

    def _say(self, account: PaperAccount, message: Message) -> None:
        self.batch.events.append((account.id, message))

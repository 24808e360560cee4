"""A paper exchange to play with, without and with its actor."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from connectors.paper.accounts import PaperAccount
from connectors.paper.exchange import PaperExchange
from connectors.paper.matching import FillModel
from connectors.paper.order import PaperOrder
from engine.domain.errors import DependencyAway
from engine.domain.identifiers import AccountId, Asset, OrderId, UserId
from engine.domain.instrument import Instrument
from engine.domain.kinds import OrderType, Side, TimeInForce
from engine.domain.values import add, text_of
from engine.messages.market import BookDelta, BookSnapshot, Level, QuoteTick, TradePrint
from engine.messages.ports import PaperState, PaperStore, VenueClaim
from engine.messages.rows import Row
from engine.messages.rows_paper import PaperOrderRow, PaperTradeRow
from engine.messages.venues import OpenAccount, VenueFill, VenueOrderDone, VenueRejected, VenueSubmit
from storage.memory import MemoryPaperStore
from tests.support.domain import a_perpetual, a_spot

D = Decimal
VENUE = "binance"
SPOT = a_spot()
PERPETUAL = a_perpetual()
ACCOUNT = AccountId(UUID(int=1))
OTHER = AccountId(UUID(int=2))
USER = UserId(UUID(int=3))
NOW_NS = 1_700_000_000_000_000_000

_LETTER = {"buy": Side.BUY, "sell": Side.SELL}


def levels(text: str) -> tuple[Level, ...]:
    """Read `100x1.5 101x2` as (price, quantity) pairs."""
    return tuple((D(price), D(quantity)) for price, quantity in (level.split("x") for level in text.split()))


def a_quote(bid: str, ask: str, *, sizes: str = "10 10", symbol: str = SPOT.symbol, frame: int = 0) -> QuoteTick:
    bid_size, ask_size = sizes.split()
    return QuoteTick(
        venue=VENUE, symbol=symbol, ts_event_ns=NOW_NS, ts_init_ns=NOW_NS, frame=frame,
        bid=D(bid), ask=D(ask), bid_size=D(bid_size), ask_size=D(ask_size),
    )  # fmt: skip


def a_print(
    price: str, quantity: str, aggressor: str = "sell", *, symbol: str = SPOT.symbol, frame: int = 0
) -> TradePrint:
    return TradePrint(
        venue=VENUE, symbol=symbol, ts_event_ns=NOW_NS, ts_init_ns=NOW_NS, frame=frame,
        trade_id="1", price=D(price), quantity=D(quantity), aggressor=_LETTER[aggressor],
    )  # fmt: skip


def a_snapshot(bids: str, asks: str, *, number: int = 1, symbol: str = SPOT.symbol, frame: int = 0) -> BookSnapshot:
    return BookSnapshot(
        venue=VENUE, symbol=symbol, ts_event_ns=NOW_NS, ts_init_ns=NOW_NS, frame=frame,
        last_update_id=number, bids=levels(bids), asks=levels(asks),
    )  # fmt: skip


def a_delta(number: int, bids: str = "", asks: str = "", *, symbol: str = SPOT.symbol, frame: int = 0) -> BookDelta:
    return BookDelta(
        venue=VENUE, symbol=symbol, ts_event_ns=NOW_NS, ts_init_ns=NOW_NS, frame=frame,
        first_update_id=number, last_update_id=number, bids=levels(bids), asks=levels(asks),
    )  # fmt: skip


def a_submit(
    order: str, *, number: int, symbol: str = SPOT.symbol, account: AccountId = ACCOUNT, **changes: Any
) -> VenueSubmit:
    """Read `buy 1.5`, `sell 1 @ 101`, `sell 1 stop 95`, `buy 1 @ 106 stop 105`, with `ioc`, `fok`, `post`, `reduce`.

    `target 105` is the trigger of a take-profit.
    """
    words = order.split()
    price = D(words[words.index("@") + 1]) if "@" in words else None
    trigger = next((word for word in words if word in {"stop", "target"}), None)
    stop_price = None if trigger is None else D(words[words.index(trigger) + 1])
    kind = {
        (False, None): OrderType.MARKET,
        (True, None): OrderType.LIMIT,
        (False, "stop"): OrderType.STOP,
        (True, "stop"): OrderType.STOP_LIMIT,
        (False, "target"): OrderType.TAKE_PROFIT,
        (True, "target"): OrderType.TAKE_PROFIT_LIMIT,
    }[price is not None, trigger]
    fields: dict[str, Any] = {
        "order_id": OrderId(UUID(int=(1 << 120) + number)), "account_id": account, "venue_client_id": f"cv-{number}",
        "venue": VENUE, "symbol": symbol, "side": _LETTER[words[0]], "type": kind, "quantity": D(words[1]),
        "price": price, "stop_price": stop_price, "post_only": "post" in words, "reduce_only": "reduce" in words,
        "time_in_force": next((TimeInForce(word.upper()) for word in words if word in {"ioc", "fok"}), TimeInForce.GTC),
        "valid_until_ns": NOW_NS + 10**15,
    }  # fmt: skip
    return VenueSubmit(**fields | changes)


def an_account(balances: dict[Asset, str], *, kind: str = "spot", account: AccountId = ACCOUNT) -> OpenAccount:
    return OpenAccount(
        account_id=account, user_id=USER, kind=kind,
        starting_balances={asset: D(amount) for asset, amount in balances.items()},
    )  # fmt: skip


class Desk:
    """A pure exchange with one instrument and one account, and short words for everything."""

    def __init__(
        self,
        instrument: Instrument = SPOT,
        balances: dict[Asset, str] | None = None,
        *,
        fill_model: FillModel = FillModel.BOOK,
    ) -> None:
        self.exchange = PaperExchange(VENUE, horizon=UUID(int=0), fill_model=fill_model)
        self.exchange.list_instruments([instrument])
        self.instrument = instrument
        self.symbol = instrument.symbol
        self.market = self.exchange.markets[self.symbol]
        self.kind = "margin" if instrument.is_perpetual else "spot"
        default = {"USDT": "100000"} if instrument.is_perpetual else {"USDT": "100000", "BTC": "100"}
        self.open(ACCOUNT, default if balances is None else balances)
        self.number = 0

    def open(self, account: AccountId, balances: dict[Asset, str]) -> None:
        self.exchange.open_account(an_account(balances, kind=self.kind, account=account), NOW_NS)

    @property
    def account(self) -> PaperAccount:
        return self.exchange.accounts[ACCOUNT]

    def quote(self, bid: str, ask: str, sizes: str = "10 10") -> None:
        self.exchange.on_quote(self.market, a_quote(bid, ask, sizes=sizes, symbol=self.symbol), NOW_NS)

    def trade(self, price: str, quantity: str, aggressor: str = "sell") -> None:
        self.exchange.on_trade(self.market, a_print(price, quantity, aggressor, symbol=self.symbol), NOW_NS)

    def book(self, bids: str, asks: str, number: int = 1) -> None:
        self.exchange.on_snapshot(self.market, a_snapshot(bids, asks, number=number, symbol=self.symbol), NOW_NS)

    def delta(self, number: int, bids: str = "", asks: str = "") -> None:
        self.exchange.on_delta(self.market, a_delta(number, bids, asks, symbol=self.symbol), NOW_NS)

    def send(self, order: str, **changes: Any) -> PaperOrder:
        """Submit and return the order, which stays the same object while it lives."""
        self.number += 1
        submit = a_submit(order, number=self.number, **{"symbol": self.symbol} | changes)
        self.exchange.submit(submit, NOW_NS)
        return next(order for order in self.changed_orders() if order.client_id == submit.venue_client_id)

    def changed_orders(self) -> list[PaperOrder]:
        return [item for item in self.exchange.batch.changed if isinstance(item, PaperOrder)]

    def cancel(self, order: PaperOrder) -> bool:
        return self.exchange.cancel(order.account, order.client_id, NOW_NS)

    def said(self, kind: type) -> list[Any]:
        return [event for _, event in self.exchange.batch.events if type(event) is kind]

    def fills(self, order: PaperOrder | None = None) -> str:
        """Write the fills as `100x1.5 101x2`."""
        return " ".join(
            f"{text_of(fill.price)}x{text_of(fill.quantity)}"
            for fill in self.said(VenueFill)
            if order is None or fill.venue_client_id == order.client_id
        )

    def reasons(self) -> list[str]:
        return [f"{done.reason}" for done in self.said(VenueOrderDone)]

    def refusal(self, order: str, **changes: Any) -> str:
        self.send(order, **changes)
        refused = self.said(VenueRejected)
        return refused[-1].code if refused else ""

    def free(self, asset: Asset) -> Decimal:
        return self.account.balance(asset).free

    def locked(self, asset: Asset) -> Decimal:
        return self.account.balance(asset).locked

    def total(self, asset: Asset) -> Decimal:
        return add(self.free(asset), self.locked(asset))


class TestStore:
    """A store with a switch that takes it away, and a list of what was committed."""

    __test__ = False

    def __init__(self, inner: PaperStore | None = None, *, is_instant: bool = False) -> None:
        self.inner: PaperStore = MemoryPaperStore() if inner is None else inner
        self.is_instant = is_instant
        self.is_away = False
        self.loses_answers = False
        """Commits, and then says that nobody knows."""
        self.batches: dict[UUID, Sequence[Row]] = {}
        self.tries = 0
        self.claim_answer: VenueClaim | None = None
        """What a claim is answered with; None: what the store inside says."""
        self.released: list[str] = []

    def rows(self, kind: type[Row]) -> list[Any]:
        """Return the rows of a table in memory."""
        assert isinstance(self.inner, MemoryPaperStore)
        return list(self.inner.tables.rows(kind))

    def _before(self) -> None:
        if self.is_away:
            raise DependencyAway("paper store", why="test")

    def _after(self, batch_id: UUID, rows: Sequence[Row]) -> None:
        self.batches[batch_id] = rows
        if self.loses_answers:
            raise DependencyAway("paper store", why="the answer was lost")

    def commit_now(self, batch_id: UUID, rows: Sequence[Row]) -> None:
        self.tries += 1
        self._before()
        self.inner.commit_now(batch_id, rows)
        self._after(batch_id, rows)

    async def commit(self, batch_id: UUID, rows: Sequence[Row]) -> None:
        self.tries += 1
        self._before()
        await self.inner.commit(batch_id, rows)
        self._after(batch_id, rows)

    async def claim(self, venue: str) -> VenueClaim:
        self.tries += self.is_away
        self._before()
        return self.claim_answer if self.claim_answer is not None else await self.inner.claim(venue)

    async def release(self, venue: str) -> None:
        self.released.append(venue)

    async def load(self, venue: str, session: str) -> PaperState:
        self._before()
        return await self.inner.load(venue, session)

    async def fills(
        self, account_id: AccountId, after: int, limit: int, venue_client_id: str | None = None
    ) -> list[PaperTradeRow]:
        self._before()
        return await self.inner.fills(account_id, after, limit, venue_client_id)

    async def order(self, account_id: AccountId, venue_client_id: str) -> PaperOrderRow | None:
        self._before()
        return await self.inner.order(account_id, venue_client_id)

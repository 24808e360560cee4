"""The rows and units that the benchmark of the storage writes: what a trading day is made of."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Self
from uuid import UUID

from engine.domain.identifiers import CorrelationId, UnitId, UserId
from engine.messages.rows import OrderRow
from engine.messages.rows_market import OhlcvRow
from engine.messages.rows_people import AccountRow, UserRow
from engine.messages.writing import JournalEvent, WriteUnit
from engine.runtime.clock import WallClock
from engine.runtime.entropy import Ids, system_rng

BAR_NS = 60_000_000_000
BARS_FROM_NS = 1_704_067_200_000_000_000
"""2024-01-01."""


class Maker:
    """Ids and time."""

    def __init__(self, clock: WallClock) -> None:
        self.clock = clock
        self._ids = Ids(clock, system_rng())

    def id(self) -> UUID:
        """Return a new id."""
        return self._ids.uuid()


@dataclass(slots=True)
class Owner:
    """A user with an account, whose cell counts its units."""

    user: UserRow
    account: AccountRow
    fence: int = 0
    n: int = 0

    @classmethod
    def new(cls, make: Maker) -> Self:
        """Make rows of a new user and account."""
        user_id, account_id, now_ns = make.id(), make.id(), make.clock.now_ns()
        user = UserRow(
            id=user_id, email=f"{user_id}@example.org", password_hash=None, full_name=None, role="trader",
            is_active=True, time_zone="UTC", created_at=now_ns, updated_at=now_ns,
        )  # fmt: skip
        account = AccountRow(
            id=account_id, user_id=user_id, name="paper", exchange="binance", account_id="paper", account_type="spot",
            mode="paper", is_active=True, starting_balances={"USDT": "10000"}, config_hash=None, created_at=now_ns,
        )  # fmt: skip
        return cls(user, account)

    def birth(self, make: Maker) -> WriteUnit:
        """Return the unit that stores them."""
        return WriteUnit(
            id=UnitId(make.id()), n=None, user_id=UserId(self.user.id), fence=None, rows=(self.user, self.account)
        )


def an_order(make: Maker, owner: Owner) -> OrderRow:
    """Return a new limit order as a router writes it."""
    order_id, now_ns = make.id(), make.clock.now_ns()
    return OrderRow(
        id=order_id, user_id=owner.user.id, account_id=owner.account.id, external_order_id=None,
        client_order_id=str(order_id), venue_client_id=f"cv-{order_id.hex}", intent_key=f"bench:{order_id}",
        symbol="BTC/USDT", side="buy", type="limit", quantity=Decimal("0.01250"), price=Decimal("60123.40"),
        stop_price=None, time_in_force="GTC", post_only=False, reduce_only=False, position_side="net",
        status="pending", status_detail="submitting", lifecycle="submitting", done_reason=None,
        filled_quantity=Decimal(0), average_price=None, fees=Decimal(0), fee_asset=None, exchange="binance",
        origin="api", agent_id=None, strategy_id=None, executor_id=None, signal_id=None, correlation_id=order_id,
        fence=owner.fence, send_by=now_ns + 5_000_000_000, request={"type": "LIMIT", "symbol": "BTCUSDT"},
        created_at=now_ns, updated_at=now_ns,
    )  # fmt: skip


def an_intent(make: Maker, owner: Owner, *, is_numbered: bool = True) -> WriteUnit:
    """Return a unit of a cell: an order that is about to be sent, and its event.

    Two writers cannot number one cell; without a number the lease is looked at all the same.
    """
    order = an_order(make, owner)
    owner.n += is_numbered
    event = JournalEvent(
        channel="orders",
        type="OrderSubmitting",
        data=order,
        at_ns=order.created_at,
        correlation_id=CorrelationId(order.id),
    )
    return WriteUnit(
        id=UnitId(make.id()),
        n=owner.n if is_numbered else None,
        user_id=UserId(owner.user.id),
        fence=owner.fence,
        rows=(order,),
        events=(event,),
    )


def a_bar(make: Maker, number: int) -> OhlcvRow:
    """Return the candle of minute `number`."""
    open_ns = BARS_FROM_NS + number * BAR_NS
    return OhlcvRow(
        id=make.id(), symbol="BTC/USDT", exchange="binance", timeframe="1m", open_time=open_ns,
        close_time=open_ns + BAR_NS, open_price=Decimal("60123.40"), high_price=Decimal("60130.00"),
        low_price=Decimal("60110.20"), close_price=Decimal("60125.10"), volume=Decimal("12.34567"),
        quote_volume=Decimal("742301.1234"), trades_count=321, created_at=open_ns,
    )  # fmt: skip

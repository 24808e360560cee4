"""What happens at a venue, fact by fact: no order from nowhere, none twice, no exposure beyond its limit."""

from decimal import Decimal
from typing import Any

from engine.domain.capabilities import DuplicateRule
from engine.domain.identifiers import AccountId, OrderId
from engine.domain.kinds import DoneReason, OrderType, Side
from engine.messages.rows import OrderRow
from engine.messages.rows_people import LimitRow
from engine.messages.venues import VenueRejected
from engine.simulation.venue.facts import OrderPlaced, OrderTraded
from engine.simulation.venue.kinds import FaultKind
from tests.engine.simulation.venue.support import PERP, Rig, rules
from tests.support.cell_builders import ACCOUNT, START_NS, USER, an_id
from tests.support.histories import History, an_order_row, done

D = Decimal
VENUE = "lying"


class Scene(Rig):
    """A venue, and an auditor who listens."""

    def __init__(self, limit: str = "1", **changes: Any) -> None:
        super().__init__(rules(**changes))
        row = LimitRow(
            id=an_id(1),
            user_id=USER,
            limit_type="position_size",
            symbol=None,
            scope="account",
            account_id=ACCOUNT,
            agent_id=None,
            limit_value=D(limit),
            window_seconds=None,
            is_active=True,
            created_at=START_NS,
            updated_at=START_NS,
        )
        self.history = History([row], venues={VENUE: self.venue}, instruments=self.venue.rules.instruments)
        self.facts = self.history.auditor.venues[VENUE]
        self.dial(ACCOUNT)
        self.number = 100

    @property
    def broken(self) -> list[str]:
        return self.history.broken

    def place(self, *, is_stored: bool = True, **changes: Any) -> OrderRow:
        """Store an order and let the venue have it."""
        self.number += 1
        row = an_order_row(self.number)
        if is_stored:
            self.history.commit(row)
        fields: dict[str, Any] = {
            "account_id": AccountId(ACCOUNT), "order_id": OrderId(row.id), "venue_client_id": row.venue_client_id,
        }  # fmt: skip
        self.submit(**fields | changes)
        return row


def test_an_order_that_is_stored_may_be_placed_and_trade() -> None:
    scene = Scene()
    scene.place(price=D(60_000))
    assert scene.broken == []
    assert scene.facts.accepted == 1
    assert scene.facts.sizes == {(ACCOUNT, "BTC/USDT"): D("0.1")}


def test_an_order_that_nobody_stored_is_found() -> None:
    scene = Scene()
    scene.place(is_stored=False)
    assert scene.broken == ["I1"]


def test_a_client_id_that_is_placed_twice_is_found() -> None:
    scene = Scene(duplicates=DuplicateRule.IGNORES)
    row = scene.place()
    scene.submit(account_id=ACCOUNT, order_id=OrderId(row.id), venue_client_id=row.venue_client_id)
    assert scene.broken == ["I2"]


def test_an_order_that_was_given_up_and_comes_is_found() -> None:
    scene = Scene()
    row = an_order_row(101)
    scene.history.commit(row)
    scene.history.commit(done(row, "never_existed"))
    scene.submit(account_id=ACCOUNT, order_id=OrderId(row.id), venue_client_id=row.venue_client_id)
    assert scene.broken == ["I4"]


def test_orders_that_could_exceed_the_limit_together_are_found() -> None:
    scene = Scene("0.25")
    scene.place()
    scene.place()
    assert scene.broken == []
    scene.place()
    assert scene.broken == ["I9"]


def test_what_only_reduces_can_fill_before_the_others() -> None:
    scene = Scene("0.2")
    scene.place(symbol=PERP, quantity=D("0.2"), price=D(60_000))
    scene.place(symbol=PERP, side=Side.SELL, quantity=D("0.15"), price=D(70_000), reduce_only=True)
    scene.place(symbol=PERP, side=Side.SELL, quantity=D("0.25"), price=D(70_000))
    assert scene.facts.sizes == {(ACCOUNT, PERP): D("0.2")}
    assert scene.broken == []
    scene.place(symbol=PERP, side=Side.SELL, quantity=D("0.001"), price=D(70_000))
    assert scene.broken == ["I9"]


def test_the_other_side_does_not_count() -> None:
    scene = Scene("0.15")
    scene.place()
    scene.place(side=Side.SELL, price=D(70_000))
    assert scene.broken == []


def test_what_a_stranger_does_is_not_held_against_us() -> None:
    scene = Scene("0.15")
    scene.by_hand(lambda: scene.venue.hand.place(AccountId(ACCOUNT), "BTC/USDT", Side.BUY, D("0.1"), price=D(59_000)))
    scene.place()
    assert scene.broken == []


def test_what_the_venue_denies_to_have_is_not_held_against_us() -> None:
    scene = Scene("0.15")
    row = scene.place()
    rejected = VenueRejected(order_id=OrderId(row.id), account_id=AccountId(ACCOUNT), code="no", venue_time_ns=START_NS)
    scene.history.auditor.on_receive("a1", VENUE, rejected)
    scene.place()
    assert scene.broken == []


def test_a_reduce_only_order_that_opens_is_found() -> None:
    scene = Scene()
    row = an_order_row(101, symbol=PERP)
    scene.history.commit(row)
    placed = OrderPlaced(
        at_ns=scene.clock.at_ns, account_id=AccountId(ACCOUNT), order_id=OrderId(row.id), client_id=row.venue_client_id,
        symbol=PERP, number=1, side=Side.BUY, type=OrderType.MARKET, quantity=D(1), price=None, stop_price=None,
        time_in_force="GTC", post_only=False, reduce_only=True,  # type: ignore[arg-type]  # A word is enough here.
    )  # fmt: skip
    scene.venue.recorder.record(placed)
    traded = OrderTraded(
        at_ns=scene.clock.at_ns, symbol=PERP, number=1, trade=1, cursor=1, price=D(60_000), quantity=D(1), fee=D(0),
        fee_asset="USDT", liquidity="taker",  # type: ignore[arg-type]  # As above.
    )  # fmt: skip
    scene.venue.recorder.record(traded)
    assert scene.broken == ["I13"]


def test_a_fill_of_an_order_that_was_given_up_is_found() -> None:
    scene = Scene()
    row = scene.place()
    scene.history.commit(done(row, "never_existed"))
    scene.price("58000")
    assert "I4" in scene.broken


def test_deposits_are_remembered() -> None:
    scene = Scene()
    scene.by_hand(lambda: scene.venue.hand.transfer(AccountId(ACCOUNT), "USDT", D(5)))
    assert scene.facts.moved == {(ACCOUNT, "USDT"): [D(5)]}


def test_a_trade_that_is_taken_back_leaves_the_size() -> None:
    scene = Scene()
    scene.place(price=D(60_000))
    trade = scene.venue.truth.trades[0]
    scene.by_hand(lambda: scene.venue.hand.void(trade))
    assert scene.facts.sizes == {(ACCOUNT, "BTC/USDT"): D(0)}
    assert scene.facts.slack == {(ACCOUNT, "BTC/USDT"): D("0.1")}


def test_an_overfill_is_not_held_against_us() -> None:
    scene = Scene("0.15")
    scene.lie(FaultKind.OVERFILL)
    row = scene.place(price=D(60_000))
    order = scene.venue.truth.find(AccountId(ACCOUNT), row.venue_client_id)
    assert order is not None
    assert order.executed > order.quantity
    assert order.reason is DoneReason.FILLED
    assert scene.broken == []

"""A venue on a clock that the test turns, spoken to in messages."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from engine.domain.identifiers import AccountId, OrderId, Symbol, UserId
from engine.domain.instrument import Instrument
from engine.domain.kinds import InstrumentKind, OrderType, Side
from engine.messages.base import Message
from engine.messages.remote import RemoteFrame, RemoteHello
from engine.messages.venues import OpenAccount, VenueAmend, VenueCancel, VenueSubmit
from engine.runtime.entropy import seeded_rng
from engine.simulation.venue.delivery import Delivery
from engine.simulation.venue.facts import MemoryJournal
from engine.simulation.venue.faults import Faults, Scripted
from engine.simulation.venue.kinds import FaultKind
from engine.simulation.venue.orders import Order
from engine.simulation.venue.rules import VenueRules, honest_rules
from engine.simulation.venue.venue import HostileVenue

D = Decimal
M = TypeVar("M", bound=Message)
SECOND = 1_000_000_000
START_NS = 1_767_225_600 * SECOND
ACCOUNT = AccountId(UUID(int=1))
OTHER = AccountId(UUID(int=2))
USER = UserId(UUID(int=3))
BTC, PERP = "BTC/USDT", "BTC/USDT:USDT"
MONEY = {"USDT": D(100_000), "BTC": D(10), "BNB": D(5)}


def instruments(venue: str = "lying") -> tuple[Instrument, ...]:
    spot = Instrument(
        venue=venue, symbol=BTC, base="BTC", quote="USDT", settle="USDT", kind=InstrumentKind.SPOT,
        tick_size=D("0.01"), step_size=D("0.0001"), min_quantity=D("0.0001"), max_quantity=D(100), min_notional=D(5),
        maker_fee=D("0.001"), taker_fee=D("0.002"),
    )  # fmt: skip
    perpetual = Instrument(
        venue=venue, symbol=PERP, base="BTC", quote="USDT", settle="USDT", kind=InstrumentKind.PERPETUAL,
        tick_size=D("0.1"), step_size=D("0.001"), min_quantity=D("0.001"), max_quantity=D(100), min_notional=D(5),
        maker_fee=D("0.0002"), taker_fee=D("0.0005"), initial_margin=D("0.1"), maintenance_margin=D("0.05"),
    )  # fmt: skip
    return spot, perpetual


PRICES = {BTC: D(60_000), PERP: D(60_000)}


def rules(**changes: Any) -> VenueRules:
    """Honest rules, with changes."""
    return msgspec.structs.replace(honest_rules("lying", instruments(), PRICES), **changes)


class Clock:
    def __init__(self) -> None:
        self.at_ns = START_NS

    def now_ns(self) -> int:
        return self.at_ns


class Rig:
    """One link to one venue."""

    def __init__(
        self, wanted: VenueRules | None = None, *, faults: Faults | None = None, journal: MemoryJournal | None = None
    ) -> None:
        self.clock = Clock()
        self.faults = faults or Faults()
        self.journal = journal or MemoryJournal()
        self.venue = HostileVenue(
            wanted or rules(), clock=self.clock, rng=seeded_rng(7), faults=self.faults, journal=self.journal
        )
        self.deliveries: list[Delivery] = []
        self.link = 0
        self._number = 0
        self._orders = 100

    def dial(self, *accounts: AccountId) -> int:
        """Connect, greet and open accounts (one of ours by default); return the link."""
        self.link += 1
        assert self.venue.connect(self.link)
        self.ask(RemoteHello(engine="test"))
        for account_id in accounts or (ACCOUNT,):
            self.ask(OpenAccount(account_id=account_id, user_id=USER, kind="margin", starting_balances=MONEY))
        return self.link

    def say(self, body: Any, link: int | None = None) -> int:
        """Send a request; return its number."""
        self._number += 1
        payload = msgspec.msgpack.encode(RemoteFrame(n=self._number, body=body))
        self.deliveries += self.venue.handle(link or self.link, payload)
        return self._number

    def ask(self, body: Any, link: int | None = None) -> Any:
        """Send a request; return its answer, None if none came at once."""
        return self.answer_to(self.say(body, link))

    def answer_to(self, number: int) -> Any:
        return next((frame.body for frame in self.frames() if frame.re == number), None)

    def frames(self, link: int | None = None) -> list[RemoteFrame]:
        """Everything readable that came, on all links or on one."""
        found = []
        for delivery in self.deliveries:
            if delivery.payload is None or (link is not None and delivery.connection != link):
                continue
            try:
                found.append(msgspec.msgpack.decode(delivery.payload, type=RemoteFrame))
            except (msgspec.MsgspecError, ValueError):
                continue
        return found

    def told(self, kind: type[M], link: int | None = None) -> list[M]:
        """Reports of a kind, oldest first."""
        return [frame.body for frame in self.frames(link) if frame.re is None and isinstance(frame.body, kind)]

    def wait(self, seconds: float) -> None:
        self.clock.at_ns += int(seconds * SECOND)
        self.deliveries += self.venue.advance(self.clock.at_ns)

    def price(self, price: str | Decimal, symbol: Symbol = BTC) -> None:
        self.by_hand(lambda: self.venue.hand.set_price(symbol, D(price)))

    def by_hand(self, work: Callable[[], Any]) -> None:
        self.deliveries += self.venue.by_hand(lambda _: work())

    def lie(self, kind: FaultKind, **how: Any) -> None:
        self.faults.script(Scripted(kind=kind, **how))

    # --- Requests ----------------------------------------------------------------------------------------------------

    def submit_of(self, **changes: Any) -> VenueSubmit:
        """A buy of 0.1 at 59,000, with changes."""
        self._orders += 1
        order_id = OrderId(UUID(int=self._orders))
        values: dict[str, Any] = {
            "order_id": order_id, "account_id": ACCOUNT, "venue_client_id": f"cv-{order_id.hex}", "venue": "lying",
            "symbol": BTC, "side": Side.BUY, "type": OrderType.LIMIT, "quantity": D("0.1"), "price": D(59_000),
            "valid_until_ns": self.clock.at_ns + 5 * SECOND,
        }  # fmt: skip
        if changes.get("type") in (OrderType.MARKET, OrderType.STOP):
            values["price"] = None
        return VenueSubmit(**values | changes)

    def submit(self, **changes: Any) -> Any:
        return self.ask(self.submit_of(**changes))

    def placed(self, **changes: Any) -> Order:
        """Submit and return the order as the venue has it."""
        message = self.submit_of(**changes)
        self.ask(message)
        order = self.venue.truth.find(message.account_id, message.venue_client_id)
        assert order is not None
        return order

    def cancel(self, order: Order) -> Any:
        return self.ask(cancel_of(order))

    def amend(self, order: Order, **changes: Any) -> Any:
        self._orders += 1
        values: dict[str, Any] = {"request_id": UUID(int=self._orders), "valid_until_ns": self.clock.at_ns + 5 * SECOND}
        return self.ask(
            VenueAmend(
                order_id=order.order_id or OrderId(UUID(int=0)),
                account_id=order.account_id,
                venue_client_id=order.client_id,
                external_order_id=order.external_id,
                symbol=order.symbol,
                **values | changes,
            )
        )


def cancel_of(order: Order, *, by_client_id: bool = False) -> VenueCancel:
    return VenueCancel(
        order_id=order.order_id or OrderId(UUID(int=0)),
        account_id=order.account_id,
        venue_client_id=order.client_id,
        external_order_id=None if by_client_id else order.external_id,
        symbol=order.symbol,
    )

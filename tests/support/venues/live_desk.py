"""Runs one live account against a simulated venue and keeps what it says on the bus."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Self, TypeVar
from uuid import UUID, uuid4

from connectors.live.connector import LiveVenue
from connectors.live.session import LiveTimes
from engine.domain.identifiers import OrderId, UserId
from engine.domain.kinds import OrderType, Side, TimeInForce
from engine.messages.base import Message
from engine.messages.venues import (
    VenueAccepted,
    VenueAmend,
    VenueAmended,
    VenueAmendRefused,
    VenueCancel,
    VenueCancelRefused,
    VenueConnection,
    VenueFill,
    VenueNotSent,
    VenueOrderDone,
    VenueOrderUpdate,
    VenueRejected,
    VenueSubmit,
    VenueUnknown,
)
from engine.runtime.bus import Bus
from engine.runtime.clock import NS_PER_S, Clock, WallClock
from engine.runtime.entropy import Ids, seeded_rng
from engine.runtime.ref import Ref
from engine.runtime.system import ActorSystem
from tests.support.venues.rig import RIG_ACCOUNT, Key, VenueRig

M = TypeVar("M", bound=Message)

USER = UserId(UUID("018f0000-0000-7000-8000-00000000000b"))
HEARD = (
    VenueAccepted, VenueRejected, VenueUnknown, VenueNotSent, VenueOrderDone, VenueCancelRefused, VenueFill,
    VenueAmended, VenueAmendRefused, VenueOrderUpdate, VenueConnection,
)  # fmt: skip
QUICK = LiveTimes(
    command_ns=NS_PER_S // 2, query_ns=3 * NS_PER_S, done_ns=NS_PER_S // 2, auth_retry_ns=NS_PER_S // 4,
    compare_ns=NS_PER_S // 10,
)  # fmt: skip
"""So that a test need not wait for what takes seconds."""


class Permit:
    """A lease that a test can take away."""

    def __init__(self) -> None:
        self.sends = True
        self.cancels = True
        self.asked: list[int] = []

    def may_send(self, user_id: UserId, fence: int) -> bool:
        assert user_id == USER
        self.asked.append(fence)
        return self.sends

    def may_cancel(self, user_id: UserId, fence: int) -> bool:
        assert user_id == USER
        self.asked.append(fence)
        return self.cancels


class LiveDesk:
    """One account, started and listened to."""

    def __init__(
        self, rig: VenueRig, *, clock: Clock | None = None, times: LiveTimes = QUICK, key: Key = "good"
    ) -> None:
        self.rig = rig
        self.clock: Clock = clock or WallClock()
        self.times = times
        self.key = key
        self.permit = Permit()
        self.bus = Bus()
        self.heard: list[Any] = []
        self.rng = seeded_rng(7)
        self.ids = Ids(self.clock, self.rng)
        self.system = ActorSystem(clock=self.clock, ids=self.ids, rng=self.rng)
        self.ref: Ref[Any] | None = None
        self.adapter: Any = None

    async def __aenter__(self) -> Self:
        for kind in HEARD:
            self.bus.subscribe(kind, self.heard.append, key=RIG_ACCOUNT)
        self.adapter = self.rig.adapter(self.clock, key=self.key)
        self.ref = await self.system.start(
            LiveVenue,
            name=f"live/{self.rig.name}/test",
            adapter=self.adapter,
            account_id=RIG_ACCOUNT,
            user_id=USER,
            bus=self.bus,
            wall=self.clock,
            rng=self.rng,
            permit=self.permit,
            times=self.times,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.system.stop_all()

    @property
    def actor(self) -> Any:
        """The actor itself, for tests that look inside."""
        assert self.ref is not None
        return self.ref._actor_weakref()

    # --- Asking -------------------------------------------------------------------------------------------------------

    def client_id(self, order_id: OrderId) -> str:
        """Return an id of this order that the venue takes."""
        rule = self.rig.capabilities.client_id
        candidates = (f"cv-{order_id.hex}", str(order_id), f"0x{order_id.hex}")
        return next(each for each in candidates if rule.allows(each))

    def a_submit(self, **changes: Any) -> VenueSubmit:
        """Make an order that rests; `changes` are fields of `VenueSubmit`."""
        order_id = OrderId(uuid4())
        fields: dict[str, Any] = {
            "order_id": order_id,
            "account_id": RIG_ACCOUNT,
            "venue_client_id": self.client_id(order_id),
            "venue": self.rig.capabilities.venue,
            "symbol": self.rig.symbol,
            "side": Side.BUY,
            "type": OrderType.LIMIT,
            "quantity": self.rig.quantity,
            "price": self.rig.price,
            "time_in_force": TimeInForce.GTC,
            "valid_until_ns": self.clock.now_ns() + 5 * NS_PER_S,
            "fence": 3,
        }
        return VenueSubmit(**{**fields, **changes})

    def a_cancel(self, submit: VenueSubmit, **changes: Any) -> VenueCancel:
        fields: dict[str, Any] = {
            "order_id": submit.order_id,
            "account_id": RIG_ACCOUNT,
            "venue_client_id": submit.venue_client_id,
            "external_order_id": self.external_id(submit),
            "symbol": submit.symbol,
            "fence": 3,
        }
        return VenueCancel(**{**fields, **changes})

    def an_amend(
        self, submit: VenueSubmit, *, price: Decimal | None = None, quantity: Decimal | None = None
    ) -> VenueAmend:
        return VenueAmend(
            request_id=uuid4(), order_id=submit.order_id, account_id=RIG_ACCOUNT,
            venue_client_id=submit.venue_client_id, external_order_id=self.external_id(submit), symbol=submit.symbol,
            quantity=quantity, price=price, valid_until_ns=self.clock.now_ns() + 5 * NS_PER_S, fence=3,
        )  # fmt: skip

    def external_id(self, submit: VenueSubmit) -> str | None:
        """Return the venue's id as we heard it."""
        return next((each.external_order_id for each in self.of(VenueAccepted, submit)), None)

    def tell(self, message: Message) -> None:
        assert self.ref is not None
        self.ref.tell(message)

    async def ask(self, message: Message) -> Any:
        assert self.ref is not None
        return await self.ref.ask(message, timeout_s=10.0)

    async def place(self, **changes: Any) -> VenueSubmit:
        """Place an order and return it once it is accepted."""
        submit = self.a_submit(**changes)
        self.tell(submit)
        await self.until(lambda: bool(self.of(VenueAccepted, submit)), f"{submit.venue_client_id} accepted")
        return submit

    # --- Hearing ------------------------------------------------------------------------------------------------------

    async def ready(self, timeout_s: float = 10.0) -> None:
        """Return when the account is connected."""
        await self.until(self.is_connected, "the account is connected", timeout_s)

    def is_connected(self) -> bool:
        said = [each for each in self.heard if isinstance(each, VenueConnection)]
        return bool(said) and said[-1].connected

    def connections(self) -> list[VenueConnection]:
        return [each for each in self.heard if isinstance(each, VenueConnection)]

    def of(self, kind: type[M], submit: VenueSubmit | None = None) -> list[M]:
        """Return what was heard of this kind, about this order."""
        found = [each for each in self.heard if isinstance(each, kind)]
        return found if submit is None else [each for each in found if is_about(each, submit)]

    async def until(self, holds: Callable[[], bool], what: str, timeout_s: float = 10.0) -> None:
        """Return when something holds; fail with what was heard if it does not in time."""
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout_s
        while not holds():
            assert loop.time() < end, f"not in {timeout_s} s: {what}; heard {self.heard[-12:]}"
            await asyncio.sleep(0.002)

    async def answer_to(self, command: Message, timeout_s: float = 10.0) -> Any:
        """Tell a command and return the first answer to it."""
        before = len(self.heard)
        self.tell(command)
        order_id, client_id = command.order_id, command.venue_client_id  # type: ignore[attr-defined]  # Of commands.

        def answers() -> list[Any]:
            return [
                each
                for each in self.heard[before:]
                if getattr(each, "order_id", None) == order_id
                or (isinstance(command, VenueCancel) and getattr(each, "venue_client_id", None) == client_id)
            ]

        await self.until(lambda: bool(answers()), f"an answer to {type(command).__name__}", timeout_s)
        return answers()[0]


def is_about(message: Any, submit: VenueSubmit) -> bool:
    if isinstance(message, VenueOrderUpdate):
        return message.order.venue_client_id == submit.venue_client_id
    if hasattr(message, "order_id"):
        return bool(message.order_id == submit.order_id)
    return bool(getattr(message, "venue_client_id", None) == submit.venue_client_id)

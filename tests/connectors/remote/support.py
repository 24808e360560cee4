"""A remote venue over a link in memory, on a clock that is turned by hand."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any
from uuid import UUID

from connectors.paper.capabilities import capabilities
from connectors.remote.connector import RemoteVenue
from connectors.remote.frames import decode_frame, encode_frame
from connectors.remote.link import Link
from engine.domain.capabilities import Capabilities
from engine.domain.identifiers import AccountId, OrderId, UserId, venue_client_id
from engine.domain.kinds import OrderType, Side
from engine.messages.base import Message
from engine.messages.remote import RemoteFrame, RemoteHello, RemotePing, RemoteWelcome
from engine.messages.venues import (
    AccountOpened,
    OpenAccount,
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
    VenueTradeVoided,
    VenueUnknown,
)
from engine.runtime.bus import Bus
from engine.runtime.clock import VirtualClock
from engine.runtime.entropy import Ids, seeded_rng
from engine.runtime.future import AsyncioFuture
from engine.runtime.metrics import Metrics
from engine.runtime.ref import Ref
from engine.runtime.system import ActorSystem

VENUE = "mars"
NOW_NS = 1_700_000_000_000_000_000
S = 1_000_000_000
USER = UserId(UUID(int=1 << 100))
ACCOUNT = AccountId(UUID(int=2 << 100))
OTHER = AccountId(UUID(int=3 << 100))
TOLD = (
    VenueAccepted, VenueRejected, VenueUnknown, VenueNotSent, VenueOrderDone, VenueCancelRefused, VenueAmended,
    VenueAmendRefused, VenueFill, VenueOrderUpdate, VenueTradeVoided,
)  # fmt: skip


class MemoryLink:
    """Our end of a connection in memory; the test is the other end."""

    def __init__(self) -> None:
        self.inbox: asyncio.Queue[bytes | BaseException] = asyncio.Queue()
        self.sent: list[RemoteFrame] = []
        self.is_closed = False
        self.takes = asyncio.Event()
        """Cleared: the peer reads nothing."""
        self.takes.set()

    async def read(self) -> bytes:
        item = await self.inbox.get()
        if isinstance(item, BaseException):
            raise item
        return item

    def write(self, payload: bytes) -> None:
        if self.is_closed:
            raise ConnectionResetError("closed")
        self.sent.append(decode_frame(payload))

    async def drain(self) -> None:
        await self.takes.wait()

    def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            self.inbox.put_nowait(EOFError("closed here"))

    def say(self, body: Any, *, re: int | None = None, n: int | None = None) -> None:
        """Let the venue send a frame."""
        self.inbox.put_nowait(encode_frame(RemoteFrame(n=n, re=re, body=body)))

    def take(self, kind: type[Message]) -> RemoteFrame:
        """Return the newest frame of a kind that was sent to the venue."""
        return [frame for frame in self.sent if isinstance(frame.body, kind)][-1]

    def count(self, kind: type[Message]) -> int:
        """How many of a kind were sent."""
        return sum(isinstance(frame.body, kind) for frame in self.sent)


def a_welcome(**changes: Any) -> RemoteWelcome:
    fields: dict[str, Any] = {
        "version": 1, "venue": VENUE, "capabilities": capabilities(VENUE), "venue_time_ns": NOW_NS,
    }  # fmt: skip
    return RemoteWelcome(**fields | changes)


def an_account(account_id: AccountId = ACCOUNT) -> OpenAccount:
    return OpenAccount(account_id=account_id, user_id=USER, kind="spot", starting_balances={"USDT": Decimal(1_000)})


def a_submit(number: int = 1, **changes: Any) -> VenueSubmit:
    order_id = OrderId(UUID(int=number))
    fields: dict[str, Any] = {
        "order_id": order_id, "account_id": ACCOUNT, "venue_client_id": venue_client_id(order_id, VENUE),
        "venue": VENUE, "symbol": "BTC/USDT", "side": Side.BUY, "type": OrderType.MARKET, "quantity": Decimal(1),
        "valid_until_ns": NOW_NS + 3_600 * S,
    }  # fmt: skip
    return VenueSubmit(**fields | changes)


def a_cancel(submit: VenueSubmit, **changes: Any) -> VenueCancel:
    fields: dict[str, Any] = {
        "order_id": submit.order_id, "account_id": submit.account_id, "venue_client_id": submit.venue_client_id,
        "external_order_id": None, "symbol": submit.symbol,
    }  # fmt: skip
    return VenueCancel(**fields | changes)


def an_amend(submit: VenueSubmit, **changes: Any) -> VenueAmend:
    fields: dict[str, Any] = {
        "request_id": UUID(int=77), "order_id": submit.order_id, "account_id": submit.account_id,
        "venue_client_id": submit.venue_client_id, "external_order_id": None, "symbol": submit.symbol,
        "quantity": Decimal(2), "valid_until_ns": NOW_NS + 3_600 * S,
    }  # fmt: skip
    return VenueAmend(**fields | changes)


def accepted(submit: VenueSubmit, **changes: Any) -> VenueAccepted:
    fields: dict[str, Any] = {
        "order_id": submit.order_id, "account_id": submit.account_id, "external_order_id": "x1",
        "venue_time_ns": NOW_NS,
    }  # fmt: skip
    return VenueAccepted(**fields | changes)


class Permit:
    """Port `SendPermit`: says what the test tells it to, and remembers who asked."""

    def __init__(self) -> None:
        self.sends: Callable[[int], bool] = lambda _fence: True
        self.cancels: Callable[[int], bool] = lambda _fence: True
        self.asked: list[tuple[UserId, int]] = []

    def may_send(self, user_id: UserId, fence: int) -> bool:
        self.asked.append((user_id, fence))
        return self.sends(fence)

    def may_cancel(self, user_id: UserId, fence: int) -> bool:
        self.asked.append((user_id, fence))
        return self.cancels(fence)


class Line:
    """A remote venue, the links that it has dialled, and what was heard of it."""

    def __init__(self) -> None:
        self.clock = VirtualClock(NOW_NS)
        rng = seeded_rng(5)
        self.metrics = Metrics()
        self.system = ActorSystem(clock=self.clock, ids=Ids(self.clock, rng), rng=rng, metrics=self.metrics)
        self.bus = Bus()
        self.rng = rng
        self.links: list[MemoryLink] = []
        self.dial_error: BaseException | None = None
        self.dial_hangs = False
        self.permit = Permit()
        self.heard: list[Any] = []
        self.connections: list[VenueConnection] = []
        self.ref: Ref[RemoteVenue]

    async def dial(self) -> Link:
        if self.dial_hangs:
            await asyncio.get_running_loop().create_future()
        if self.dial_error is not None:
            raise self.dial_error
        self.links.append(MemoryLink())
        return self.links[-1]

    async def begin(self, **settings: Any) -> None:
        """Start the connector."""
        for kind in TOLD:
            self.bus.subscribe(kind, self.heard.append, ACCOUNT)
        self.bus.subscribe(VenueConnection, self.connections.append, VENUE)
        self.ref = await self.system.start(
            RemoteVenue, name="remote", venue=VENUE, dial=self.dial, bus=self.bus, wall=self.clock, rng=self.rng,
            permit=self.permit, **settings,
        )  # fmt: skip
        await self.rest()

    @property
    def link(self) -> MemoryLink:
        return self.links[-1]

    @property
    def venue(self) -> RemoteVenue:
        actor = self.ref.actor_inbox.actor
        assert isinstance(actor, RemoteVenue)
        return actor

    async def rest(self) -> None:
        """Let everything happen that can without time passing."""
        for _ in range(12):
            await asyncio.sleep(0)
            await self.system.idle()

    async def wait(self, seconds: float) -> None:
        """Let time pass, timer by timer."""
        until_ns = self.clock.now_ns() + int(seconds * S)
        while (due_ns := self.clock.next_timer_ns()) is not None and due_ns <= until_ns:
            self.clock.advance_to(max(due_ns, self.clock.now_ns()))
            await self.rest()
        self.clock.advance_to(until_ns)
        await self.rest()

    async def dialled(self, number: int) -> None:
        """Let time pass until there are so many links."""
        for _ in range(200):
            if len(self.links) >= number:
                return
            await self.wait(0.5)
        raise AssertionError(f"expected {number} links, was {len(self.links)}")

    async def say(self, body: Any, *, to: type[Message] | None = None, re: int | None = None) -> None:
        """Let the venue speak; `to` answers the newest request of that kind."""
        number = self.link.take(to).n if to is not None else re
        self.link.say(body, re=number)
        await self.rest()

    async def tell(self, message: Any) -> None:
        self.ref.tell(message)
        await self.rest()

    async def ask(self, message: Any) -> AsyncioFuture[Any]:
        """Ask without waiting; the answer may need the test's doing."""
        reply = self.ref.ask(message)
        await self.rest()
        return reply

    async def welcome(self, *accounts: AccountId, declared: Capabilities | None = None) -> None:
        """Greet back and open these accounts."""
        await self.say(a_welcome() if declared is None else a_welcome(capabilities=declared), to=RemoteHello)
        for account_id in accounts:
            numbers = {
                frame.body.account_id: frame.n for frame in self.link.sent if isinstance(frame.body, OpenAccount)
            }
            await self.say(AccountOpened(account_id=account_id, created=False), re=numbers[account_id])

    def told(self) -> list[Any]:
        """Return what was heard since the last call."""
        heard, self.heard[:] = self.heard[:], []
        return heard

    def kinds(self) -> list[str]:
        return [type(each).__name__ for each in self.told()]


async def stay(line: Line, seconds: int) -> None:
    """Let time pass beside a venue that gives signs of life."""
    for _ in range(seconds):
        await line.wait(1)
        await line.say(RemotePing(at_ns=1))


@asynccontextmanager
async def a_line(*, is_open: bool = True, **settings: Any) -> AsyncIterator[Line]:
    """Give a connector; with `is_open`, welcomed and with one account."""
    line = Line()
    await line.begin(**settings)
    if is_open:
        reply = await line.ask(an_account())
        await line.welcome(ACCOUNT)
        assert isinstance(await reply, AccountOpened)
    try:
        yield line
    finally:
        await line.system.stop_all()

"""The engine's own connector speaks to the process of the venue that lies."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import pytest

from config.venue_url import parse_venue_url
from connectors.remote.connector import RemoteVenue
from connectors.remote.link import stream_dial
from connectors.remote.wire import RemoteTimes
from engine.domain.identifiers import AccountId, OrderId, UserId
from engine.domain.kinds import OrderType, Side
from engine.messages.base import Message
from engine.messages.venues import (
    AccountQuery,
    CannotTell,
    FillsQuery,
    OpenAccount,
    OrderFound,
    OrderQuery,
    VenueAccepted,
    VenueCancel,
    VenueConnection,
    VenueFill,
    VenueOrderDone,
    VenueOrderUpdate,
    VenueSubmit,
    VenueUnknown,
)
from engine.runtime.bus import Bus
from engine.runtime.clock import WallClock
from engine.runtime.entropy import Ids, seeded_rng
from engine.runtime.metrics import Metrics
from engine.runtime.ref import Ref
from engine.runtime.system import ActorSystem
from tests.support.venue import LyingVenue

M = TypeVar("M", bound=Message)
MS = 1_000_000
ACCOUNT = AccountId(UUID(int=1))
TIMES = RemoteTimes(
    command_ns=300 * MS, query_ns=300 * MS, ping_ns=100 * MS, silence_ns=500 * MS, reopen_ns=200 * MS
)  # fmt: skip
TOLD = (VenueAccepted, VenueUnknown, VenueFill, VenueOrderDone, VenueOrderUpdate, VenueConnection)


class Always:
    """Permits everything."""

    def may_send(self, user_id: UserId, fence: int) -> bool:
        return True

    def may_cancel(self, user_id: UserId, fence: int) -> bool:
        return True


class Rig:
    """A connector with one account, and all that it says on the bus."""

    def __init__(self, venue: LyingVenue, ref: Ref[Any], said: list[Message]) -> None:
        self.venue = venue
        self.ref = ref
        self.said = said

    async def hear(self, kind: type[M], about: Callable[[M], bool] = lambda _: True) -> M:
        """Wait for a message of a kind."""
        deadline = time.monotonic() + 10
        while not (found := [each for each in self.said if isinstance(each, kind) and about(each)]):
            assert time.monotonic() < deadline, f"no {kind.__name__} in {self.said}"
            await asyncio.sleep(0.01)
        return found[-1]

    def submit(self, number: int, **changes: Any) -> VenueSubmit:
        """Send a market order."""
        order_id = OrderId(UUID(int=number))
        values: dict[str, Any] = {
            "order_id": order_id, "account_id": ACCOUNT, "venue_client_id": f"cv-{order_id.hex}", "venue": "lying",
            "symbol": "BTC/USDT", "side": Side.BUY, "type": OrderType.MARKET, "quantity": Decimal("0.1"),
            "valid_until_ns": time.time_ns() + 5_000 * MS,
        }  # fmt: skip
        message = VenueSubmit(**values | changes)
        self.ref.tell(message)
        return message

    async def open(self) -> None:
        """Introduce the account; it stays introduced over all connections to come."""
        await self.ref.ask(
            OpenAccount(
                account_id=ACCOUNT, user_id=UserId(UUID(int=2)), kind="spot",
                starting_balances={"USDT": Decimal(100_000)},
            )
        )  # fmt: skip

    async def find(self, sent: VenueSubmit) -> OrderFound:
        """Ask for an order until the venue can tell: after garbage the connector hangs up and dials again."""
        query = OrderQuery(account_id=ACCOUNT, symbol=sent.symbol, venue_client_id=sent.venue_client_id)
        deadline = time.monotonic() + 10
        while isinstance(answer := await self.ref.ask(query), CannotTell):
            assert time.monotonic() < deadline, answer.why
            await asyncio.sleep(0.05)
        assert isinstance(answer, OrderFound)
        return answer


@asynccontextmanager
async def connected(venue: LyingVenue) -> AsyncIterator[Rig]:
    clock, bus, rng = WallClock(), Bus(), seeded_rng(1)
    said: list[Message] = []
    for kind in TOLD:
        bus.subscribe(kind, said.append)
    system = ActorSystem(clock=clock, ids=Ids(clock, rng), rng=rng, metrics=Metrics())
    ref = await system.start(
        RemoteVenue, name="remote/lying", venue="lying", dial=stream_dial(parse_venue_url(venue.url)), bus=bus,
        wall=clock, rng=rng, permit=Always(), times=TIMES,
    )  # fmt: skip
    try:
        rig = Rig(venue, ref, said)
        await rig.hear(VenueConnection, lambda each: each.connected)
        await rig.open()
        yield rig
    finally:
        await system.stop_all()


@pytest.mark.asyncio
@pytest.mark.parametrize("tcp", [False, True])
async def test_an_order_is_taken_filled_and_found(tmp_path: Path, tcp: bool) -> None:
    with LyingVenue(tmp_path, tcp=tcp) as venue:
        async with connected(venue) as rig:
            sent = rig.submit(7)
            assert (await rig.hear(VenueAccepted)).order_id == sent.order_id
            assert (await rig.hear(VenueFill)).quantity == Decimal("0.1")
            await rig.hear(VenueOrderDone)
            fills = await rig.ref.ask(FillsQuery(account_id=ACCOUNT, cursor=None))
            account = await rig.ref.ask(AccountQuery(account_id=ACCOUNT))

            assert [fill.external_trade_id for fill in fills.fills] == ["1"]
            assert {each.asset: each.free for each in account.balances} == venue.balances(ACCOUNT)


@pytest.mark.asyncio
@pytest.mark.parametrize("lie", ["lost_answer", "late_answer", "garbage"])
async def test_an_order_whose_answer_does_not_come_is_unknown_and_is_found(tmp_path: Path, lie: str) -> None:
    with LyingVenue(tmp_path) as venue:
        async with connected(venue) as rig:
            venue.script(lie, about="VenueSubmit")
            sent = rig.submit(7, type=OrderType.LIMIT, price=Decimal(50_000))
            assert (await rig.hear(VenueUnknown)).order_id == sent.order_id

            assert (await rig.find(sent)).order.venue_client_id == sent.venue_client_id
            assert venue.arrivals() == {sent.venue_client_id: (1, 1)}


@pytest.mark.asyncio
@pytest.mark.parametrize("how", ["kill", "half_open", "link_reset", "freeze_reads"])
async def test_a_connection_that_is_lost_comes_back(tmp_path: Path, how: str) -> None:
    with LyingVenue(tmp_path) as venue:
        async with connected(venue) as rig:
            match how:
                case "kill":
                    venue.restart()
                case "freeze_reads":
                    venue.freeze_reads()
                case _:
                    venue.happen(how)
            await rig.hear(VenueConnection, lambda each: not each.connected)
            venue.thaw_reads()
            rig.said.clear()
            await rig.hear(VenueConnection, lambda each: each.connected)
            await rig.open()
            sent = rig.submit(8, type=OrderType.LIMIT, price=Decimal(50_000))
            await rig.hear(VenueAccepted)
            rig.ref.tell(
                VenueCancel(
                    order_id=sent.order_id, account_id=ACCOUNT, venue_client_id=sent.venue_client_id,
                    external_order_id=None, symbol=sent.symbol,
                )
            )  # fmt: skip
            await rig.hear(VenueOrderDone)

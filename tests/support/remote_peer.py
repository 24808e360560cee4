"""A small honest venue that speaks the remote protocol: pure, and as a server on a real socket.

Market orders fill at once at 60,000, others rest. It keeps what it was asked in memory.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from decimal import Decimal
from typing import Any

from config.venue_url import UnixAddress, VenueAddress
from connectors.paper.capabilities import capabilities
from connectors.remote.frames import FrameSplitter, decode_frame, encode_frame, with_length
from engine.domain.kinds import DoneReason, Liquidity, OrderType
from engine.messages.base import Message
from engine.messages.remote import RemoteFrame, RemoteHello, RemotePing, RemotePong, RemoteRefused, RemoteWelcome
from engine.messages.venues import (
    AccountOpened,
    AccountQuery,
    FillsQuery,
    OpenAccount,
    OpenOrdersQuery,
    OrderAbsent,
    OrderFound,
    OrderQuery,
    VenueAccepted,
    VenueAccount,
    VenueBalance,
    VenueCancel,
    VenueCancelRefused,
    VenueFill,
    VenueFills,
    VenueOrder,
    VenueOrderDone,
    VenueOrders,
    VenueRejected,
    VenueSubmit,
)

PRICE = Decimal(60_000)


class HonestPeer:
    """A venue with one book-keeping rule: what it said is what it says."""

    def __init__(self, venue: str, now_ns: Callable[[], int]) -> None:
        self.venue = venue
        self.now_ns = now_ns
        self.asked: list[Message] = []
        self.orders: dict[str, tuple[VenueSubmit, str]] = {}
        """Client id -> the order and how it stands: `open`, `filled`, `cancelled`."""
        self.fills: list[VenueFill] = []
        self.balances: dict[Any, dict[str, Decimal]] = {}

    def hear(self, frame: RemoteFrame) -> list[RemoteFrame]:
        """Take a frame; return what to say to it, in order."""
        self.asked.append(frame.body)
        if frame.n is None:
            return []
        answer, *events = self._answers(frame.body)
        return [RemoteFrame(re=frame.n, body=answer)] + [RemoteFrame(body=event) for event in events]

    def _answers(self, body: Any) -> list[Any]:
        match body:
            case RemoteHello():
                declared = capabilities(self.venue)
                return [RemoteWelcome(version=1, venue=self.venue, capabilities=declared, venue_time_ns=self.now_ns())]
            case RemotePing():
                return [RemotePong(at_ns=body.at_ns, venue_time_ns=self.now_ns())]
            case OpenAccount():
                is_new = body.account_id not in self.balances
                self.balances.setdefault(body.account_id, dict(body.starting_balances) or {"USDT": Decimal(50_000)})
                return [AccountOpened(account_id=body.account_id, created=is_new)]
            case VenueSubmit():
                return self._submit(body)
            case VenueCancel():
                return [self._cancel(body)]
            case _:
                return [self._query(body)]

    def _submit(self, submit: VenueSubmit) -> list[Any]:
        now_ns = self.now_ns()
        names: dict[str, Any] = {"order_id": submit.order_id, "account_id": submit.account_id}
        if submit.venue_client_id in self.orders or now_ns > submit.valid_until_ns:
            code = "duplicate" if submit.venue_client_id in self.orders else "expired"
            return [VenueRejected(**names, code=code, venue_time_ns=now_ns)]
        number = len(self.orders) + 1
        accepted = VenueAccepted(**names, external_order_id=str(number), venue_time_ns=now_ns)
        self.orders[submit.venue_client_id] = (submit, "open")
        if submit.type is not OrderType.MARKET:
            return [accepted]
        fill = VenueFill(
            account_id=submit.account_id, venue=self.venue, symbol=submit.symbol, side=submit.side,
            venue_client_id=submit.venue_client_id, external_order_id=str(number), external_trade_id=f"t{number}",
            price=PRICE, quantity=submit.quantity, fee=Decimal(1), fee_asset="USDT", liquidity=Liquidity.TAKER,
            executed_at_ns=now_ns, cursor=str(len(self.fills) + 1),
        )  # fmt: skip
        self.fills.append(fill)
        self._book(fill)
        return [accepted, fill, self._end(submit.venue_client_id, DoneReason.FILLED)]

    def _book(self, fill: VenueFill) -> None:
        base, sign = fill.symbol.partition("/")[0], 1 if fill.side.value == "buy" else -1
        held = self.balances[fill.account_id]
        held[base] = held.get(base, Decimal(0)) + sign * fill.quantity
        held["USDT"] = held.get("USDT", Decimal(0)) - sign * fill.quantity * fill.price - fill.fee

    def _end(self, client_id: str, reason: DoneReason) -> VenueOrderDone:
        submit, _ = self.orders[client_id]
        self.orders[client_id] = (submit, reason.value)
        return VenueOrderDone(
            account_id=submit.account_id, venue_client_id=client_id, external_order_id=self._number(client_id),
            symbol=submit.symbol, reason=reason, filled_quantity=self._filled(client_id), venue_time_ns=self.now_ns(),
        )  # fmt: skip

    def _cancel(self, cancel: VenueCancel) -> Any:
        _, state = self.orders.get(cancel.venue_client_id, (None, "unknown"))
        if state == "open":
            return self._end(cancel.venue_client_id, DoneReason.CANCELLED)
        return VenueCancelRefused(
            order_id=cancel.order_id, account_id=cancel.account_id, venue_time_ns=self.now_ns(),
            code="unknown_order" if state == "unknown" else "already_done",
        )  # fmt: skip

    def _query(self, query: Any) -> Any:
        match query:
            case OrderQuery() if query.venue_client_id in self.orders:
                return OrderFound(order=self._listed(query.venue_client_id))
            case OrderQuery():
                return OrderAbsent(venue_time_ns=self.now_ns())
            case OpenOrdersQuery():
                mine = [client_id for client_id, (_, state) in self.orders.items() if state == "open"]
                return VenueOrders(orders=tuple(self._listed(client_id) for client_id in mine))
            case FillsQuery():
                fills = tuple(self.fills[int(query.cursor or 0) :])
                return VenueFills(fills=fills, cursor=fills[-1].cursor if fills else query.cursor)
            case AccountQuery():
                held = self.balances[query.account_id].items()
                return VenueAccount(
                    balances=tuple(VenueBalance(asset=asset, free=free, locked=Decimal(0)) for asset, free in held),
                    positions=(), cursor=str(len(self.fills)) if self.fills else None, venue_time_ns=self.now_ns(),
                )  # fmt: skip
            case _:
                return RemoteRefused(code="malformed")

    def _listed(self, client_id: str) -> VenueOrder:
        submit, state = self.orders[client_id]
        return VenueOrder(
            venue_client_id=client_id, external_order_id=self._number(client_id), symbol=submit.symbol,
            side=submit.side, type=submit.type, quantity=submit.quantity, price=submit.price,
            stop_price=submit.stop_price, time_in_force=submit.time_in_force, filled_quantity=self._filled(client_id),
            is_open=state == "open", done_reason=None if state == "open" else DoneReason(state),
            venue_time_ns=self.now_ns(),
        )  # fmt: skip

    def _filled(self, client_id: str) -> Decimal:
        return sum((fill.quantity for fill in self.fills if fill.venue_client_id == client_id), Decimal(0))

    def _number(self, client_id: str) -> str:
        return str(list(self.orders).index(client_id) + 1)


def free_port() -> int:
    """Find a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.asynccontextmanager
async def a_server(peer: HonestPeer, address: VenueAddress) -> AsyncIterator[asyncio.AbstractServer]:
    """Serve the venue on a socket of this loop; on leaving, every connection is cut."""
    writers: set[asyncio.StreamWriter] = set()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        splitter = FrameSplitter()
        writers.add(writer)
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                for payload in splitter.feed(data):
                    for frame in peer.hear(decode_frame(payload)):
                        writer.write(with_length(encode_frame(frame)))
                await writer.drain()
        writers.discard(writer)
        writer.close()

    if isinstance(address, UnixAddress):
        server: asyncio.AbstractServer = await asyncio.start_unix_server(serve, address.path)
    else:
        server = await asyncio.start_server(serve, address.host, address.port)
    try:
        yield server
    finally:
        server.close()
        for writer in list(writers):
            writer.transport.abort()
        await asyncio.gather(*tasks)
        await server.wait_closed()


@contextlib.contextmanager
def a_venue_beside(peer: HonestPeer, address: VenueAddress) -> Iterator[None]:
    """Serve the venue on a loop of its own in a thread, for tests that wait without a loop."""
    ready, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def run() -> None:
        async with a_server(peer, address):
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), daemon=True)
    thread.start()
    assert ready.wait(10), "the venue does not listen"
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()

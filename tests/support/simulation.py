"""A small cast for runs of the simulator: one person, one account, an honest paper venue, an observer that counts."""

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from connectors.paper.venue import PaperVenue
from engine.domain.errors import CivalError
from engine.domain.identifiers import AccountId, CorrelationId, OrderId, UserId, Venue
from engine.domain.kinds import OrderOrigin, OrderType, Side
from engine.messages.market import QuoteTick
from engine.messages.orders import CancelOrders, OrderIntent, PlaceOrder
from engine.messages.ports import UnitResult
from engine.messages.rows import OrderRow, Row
from engine.messages.rows_people import AccountRow, AuditRow, UserRow
from engine.messages.writing import CommandRecord
from engine.runtime.entropy import Rng
from engine.runtime.errors import ActorDeadError, Timeout
from engine.runtime.ref import Ref
from engine.simulation.daemon import Connect, Daemon
from engine.simulation.faults import DOUBLE_START, TAKE_OVER
from engine.simulation.ports import Fault, Ground, Setting, Violation
from engine.simulation.run import Cast, Result, run_seed
from engine.simulation.street import Street
from engine.simulation.world import World
from storage.memory import MemoryPaperStore
from tests.support.domain import a_perpetual

USER, ACCOUNT = UserId(UUID(int=1)), AccountId(UUID(int=2))
PERPETUAL = a_perpetual(venue="paper")


class Counting:
    """An observer that believes everything and counts what it is told."""

    def __init__(self) -> None:
        self.violations: list[Violation] = []
        self.seen: Counter[str] = Counter()
        self.ground: Ground | None = None

    def begin(self, ground: Ground) -> None:
        self.ground = ground

    def on_boot(self, process: str) -> None:
        self.seen["boot"] += 1

    def on_crash(self, process: str) -> None:
        self.seen["crash"] += 1

    def on_commit(self, process: str, results: Sequence[UnitResult]) -> None:
        self.seen["commit"] += len(results)

    def on_send(self, process: str, venue: Venue, message: msgspec.Struct) -> None:
        self.seen[f"sent {type(message).__name__}"] += 1

    def on_receive(self, process: str, venue: Venue, message: msgspec.Struct) -> None:
        self.seen[f"received {type(message).__name__}"] += 1

    def on_venue(self, venue: Venue) -> None:
        self.seen["venue"] += 1

    def on_fault(self, fault: Fault) -> None:
        self.seen["fault"] += 1

    def unsettled(self) -> list[str]:
        assert self.ground is not None
        return [str(row.id) for row in self.ground.tables.rows(OrderRow) if row.lifecycle != "done"]

    def final(self) -> None:
        self.seen["final"] += 1


class OnePerson:
    """Places an order now and then, and cancels what is left at the end."""

    def __init__(self, every_ns: int = 1_000_000_000, venue: str = "paper") -> None:
        self._every_ns = every_ns
        self._instrument = a_perpetual(venue=venue)
        self.done: Counter[str] = Counter()

    def setting(self, rng: Rng, start_ns: int) -> Setting:
        people: tuple[Row, ...] = (
            UserRow(
                id=USER, email="one@localhost", password_hash=None, full_name=None, role="trader", is_active=True,
                time_zone="UTC", created_at=start_ns, updated_at=start_ns,
            ),
            AccountRow(
                id=ACCOUNT, user_id=USER, name="one", exchange=self._instrument.venue, account_id="one",
                account_type="margin", mode="paper", is_active=True, starting_balances={"USDT": "1000000"},
                config_hash=None, created_at=start_ns,
            ),
        )  # fmt: skip
        return Setting(users=(USER,), instruments=(self._instrument,), rows=people)

    async def storm(self, ground: Ground, duration_ns: int) -> None:
        until_ns = ground.clock.monotonic_ns() + duration_ns
        while ground.clock.monotonic_ns() < until_ns:
            await ground.clock.sleep(ground.rng.randrange(self._every_ns * 2))
            await self._ask(ground, self._place(ground))

    async def calm(self, ground: Ground) -> None:
        await self._ask(ground, CancelOrders(user_id=USER, reason="going home", record=_record(ground)))

    def _place(self, ground: Ground) -> PlaceOrder:
        rng, instrument = ground.rng, self._instrument
        order_id = OrderId(ground.ids.uuid())
        is_limit = rng.random() < 0.7
        price = Decimal(rng.randrange(59_000, 61_000)) if is_limit else None
        return PlaceOrder(
            intent=OrderIntent(
                order_id=order_id, user_id=USER, account_id=ACCOUNT, venue=instrument.venue, symbol=instrument.symbol,
                side=rng.choice((Side.BUY, Side.SELL)), type=OrderType.LIMIT if is_limit else OrderType.MARKET,
                quantity=Decimal(rng.randrange(1, 50)) / 1000, price=price, client_order_id=str(order_id),
                intent_key=str(order_id), origin=OrderOrigin.API, correlation_id=CorrelationId(ground.ids.uuid()),
                decided_at_ns=ground.clock.now_ns(),
            ),
            record=_record(ground),
        )  # fmt: skip

    async def _ask(self, ground: Ground, message: Any) -> None:
        refs = ground.doors.cell(USER)
        if refs is None:
            self.done["nobody"] += 1
            return
        try:
            await refs.gate.ask(message, timeout_s=5.0)
        except (CivalError, ActorDeadError, Timeout):
            self.done["unanswered"] += 1
        else:
            self.done[type(message).__name__] += 1

    def counts(self) -> dict[str, int]:
        return dict(self.done)


def _record(ground: Ground) -> CommandRecord:
    return CommandRecord(
        audit=AuditRow(
            id=ground.ids.uuid(), user_id=USER, actor_id=USER, action="test", object_type=None, object_id=None,
            outcome="accepted", detail=None, remote_addr=None, correlation_id=None,
            created_at=ground.clock.now_ns(),
        )
    )  # fmt: skip


class PaperSide:
    """The paper venue in every engine, over one store that survives them."""

    def __init__(self) -> None:
        self.truths: dict[Venue, Any] = {}
        self.store = MemoryPaperStore(is_strict=False)
        self._price = Decimal(60_000)

    def open(self, world: World) -> None:
        self._rng = world.rng("price")

    def connect(self, world: World) -> Connect:
        async def connect(daemon: Daemon) -> Mapping[Venue, Ref[Any]]:
            paper: Ref[Any] = await daemon.system.start(
                PaperVenue, name="paper", venue="paper", bus=daemon.bus, clock=daemon.wall, wall=daemon.wall,
                ids=daemon.ids, store=self.store, rng=daemon.rng, session="", symbols=[PERPETUAL.symbol],
                instruments=[PERPETUAL],
            )  # fmt: skip
            return {"paper": paper}

        return connect

    def quotes(self, now_ns: int) -> list[QuoteTick]:
        self._price += self._rng.randrange(-200, 201)
        return [
            QuoteTick(
                venue="paper", symbol=PERPETUAL.symbol, ts_event_ns=now_ns, ts_init_ns=now_ns, bid=self._price - 1,
                ask=self._price + 1, bid_size=Decimal(10), ask_size=Decimal(10),
            )
        ]  # fmt: skip

    def calm(self) -> None:
        """It never lied."""

    def counts(self) -> dict[str, int]:
        return {}

    def fault_names(self) -> list[str]:
        return []

    def digest(self) -> bytes:
        return hashlib.sha256(str(len(list(self.store.tables._rows.get("paper.trades", {})))).encode()).digest()


TWO_OWNERS = frozenset(f"{kind}/{number}" for kind in (TAKE_OVER, DOUBLE_START) for number in range(9))
"""Faults that start a second engine, which a paper venue inside each engine does not stand."""


def a_cast(seed: int, forbidden: Collection[str] = ()) -> Cast:
    """Return one person on paper, watched by nobody."""
    return Cast(OnePerson(), Counting(), PaperSide())


def a_hostile_cast(seed: int, forbidden: Collection[str] = ()) -> Cast:
    """Return one person at a venue that lies, watched by nobody."""
    return Cast(OnePerson(venue="hostile"), Counting(), Street(forbidden))


def a_short_run(seed: int) -> Result:
    """Run 20 seconds of a seed with one person on paper."""
    return run_seed(seed, a_cast, storm_ns=20_000_000_000, forbidden=TWO_OWNERS)

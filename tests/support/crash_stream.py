"""A seeded stream of market events and client commands, and the client that plays it into a cell that may die.

The client behaves as one over HTTP: what was not answered is sent again after a restart, under the same key and with a
new order id. An answer is a promise: what was told as durable must be in the store at that moment.
"""

import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from engine.domain.errors import CivalError, DependencyAway
from engine.domain.identifiers import OrderId
from engine.domain.kinds import OrderType, Side, TimeInForce
from engine.messages.cell import ReconcileAccount
from engine.messages.market import QuoteTick, TradePrint
from engine.messages.orders import CancelOrder, CancelOrders, OrderAnswer
from engine.messages.rows import OrderRow
from engine.runtime.errors import ActorDeadError
from tests.support.cell import an_agent
from tests.support.cell_builders import ACCOUNT, USER, a_place, a_record
from tests.support.crash_audit import violations
from tests.support.crashes import CrashRig
from tests.support.domain import a_perpetual, a_spot

D = Decimal

PERPETUAL: Final = "BTC/USDT:USDT"
SPOT: Final = "BTC/USDT"
MILLISECOND_NS: Final = 1_000_000
QUIET_ROUNDS: Final = 6
"""Waits of 12 s without a crash after which everything must be settled; questions are repeated every 30 s at least."""

LIMITS: Final = {"position_size": D(1_000), "orders_per_minute": D(100_000), "order_notional": D(10_000_000)}
TREND: Final = an_agent(configuration={"source": "quotes", "fast": 2, "slow": 4, "quantity": "0.010"})
REVERSION: Final = an_agent(
    "mean_reversion",
    4,
    symbols=(SPOT,),
    configuration={"source": "quotes", "length": 4, "entry": 0.9, "exit": 0.2, "quantity": "0.01"},
)


class Action(NamedTuple):
    """One thing that happens: what, with which details, and how many messages are handled before the next one."""

    kind: str
    details: dict[str, Any]
    turns: int | None
    """None: all that follow, tasks beside handlers included."""


def a_stream(seed: int, length: int) -> list[Action]:
    """Draw a stream; the same seed gives the same."""
    rng = random.Random(seed)
    prices = {PERPETUAL: 600_000, SPOT: 600_000}
    return [_action(rng, prices) for _ in range(length)]


KINDS: Final = {
    "quote": 50,
    "order": 30,
    "trade": 8,
    "cancel": 7,
    "cancel_all": 2,
    "reconcile": 1,
    "cell": 1,
    "wait": 1,
}
"""Action -> how often of a hundred."""


def _action(rng: random.Random, prices: dict[str, int]) -> Action:
    turns = rng.choice([None, None, None, rng.randrange(1, 25)])
    (kind,) = rng.choices(list(KINDS), list(KINDS.values()))
    return Action(kind, _details(rng, kind, PERPETUAL if rng.random() < 0.6 else SPOT, prices), turns)


def _details(rng: random.Random, kind: str, symbol: str, prices: dict[str, int]) -> dict[str, Any]:
    of_kind: dict[str, dict[str, Any]] = {
        "cancel": {"back": rng.randrange(1, 6)},
        "cell": {"is_orderly": rng.random() < 0.5},
        "wait": {"seconds": rng.choice([0.3, 1.5, 4.0])},
    }
    details = of_kind.get(kind, {})
    if kind in ("quote", "trade"):
        prices[symbol] += rng.randrange(-120, 121)
        details |= {"symbol": symbol, "tenths": prices[symbol], "size": D(rng.randrange(5, 40)) / 100}
    if kind == "quote":
        # Now and then so late that the ledger values its positions.
        details["step_ns"] = 5_100_000_000 if rng.random() < 0.1 else MILLISECOND_NS
    elif kind == "trade":
        details["aggressor"] = rng.choice([Side.BUY, Side.SELL])
    elif kind == "order":
        details = _order(rng, symbol, prices[symbol])
    return details


def _order(rng: random.Random, symbol: str, tenths: int) -> dict[str, Any]:
    side = rng.choice([Side.BUY, Side.SELL])
    sign = 1 if side is Side.BUY else -1
    quantity = D(rng.randrange(1, 40)) / 100
    near = D(tenths + sign * rng.randrange(-150, 60)) / 10
    through = D(tenths + sign * rng.randrange(20, 200)) / 10
    beyond = D(tenths + sign * rng.randrange(5, 150)) / 10
    better = D(tenths - sign * rng.randrange(5, 150)) / 10
    shapes: list[dict[str, Any]] = [
        {"type": OrderType.MARKET},
        {"type": OrderType.LIMIT, "price": near},
        {"type": OrderType.LIMIT, "price": near},
        {"type": OrderType.LIMIT, "price": through, "time_in_force": TimeInForce.IOC},
        {"type": OrderType.LIMIT, "price": through, "time_in_force": TimeInForce.FOK},
        {"type": OrderType.LIMIT, "price": near, "post_only": True},
        {"type": OrderType.STOP, "stop_price": beyond},
        {"type": OrderType.STOP_LIMIT, "stop_price": beyond, "price": beyond + sign * 5},
        {"type": OrderType.TAKE_PROFIT, "stop_price": better},
        {"type": OrderType.TAKE_PROFIT_LIMIT, "stop_price": better, "price": better + sign * 5},
        {"type": OrderType.MARKET, "reduce_only": True},
        {"type": OrderType.LIMIT, "price": near, "reduce_only": symbol == PERPETUAL},
    ]
    return {"symbol": symbol, "side": side, "quantity": quantity, **rng.choice(shapes)}


class Player:
    """Plays one stream into one rig."""

    def __init__(
        self, seed: int, *, length: int, is_replay: bool, rig_type: type[CrashRig] = CrashRig, **settings: Any
    ) -> None:
        """Draw the stream.

        Args:
            seed: Of stream and rig.
            length: Actions.
            is_replay: Whether quotes are numbered frames, which a restart shows again from the first.
            rig_type: What to play into.
            settings: Of the rig.
        """
        self.actions = a_stream(seed, length)
        self.is_replay = is_replay
        self.rig = rig_type(
            instruments=(a_perpetual(), a_spot()),
            balances={"USDT": D(1_000_000), "BTC": D(10)},
            agents=[TREND, REVERSION],
            defaults=LIMITS,
            session="s" if is_replay else "",
            send_within_ns=1_000_000_000,
            seed=seed,
            **settings,
        )
        # The market does not wait for a cell that starts. (A replay does.)
        self.rig.while_comparing = lambda: None if is_replay else self._market_goes_on()  # type: ignore[method-assign]
        self._rng = random.Random(f"{seed}/market")
        self.broken: list[str] = []
        """Promises that were broken."""
        self._shown: list[QuoteTick] = []
        self._sent: list[tuple[int, dict[str, Any]]] = []
        """(number, what) of every order."""
        self._open: dict[int, Any] = {}
        """Number -> reply that has not come."""
        self._ids: dict[int, OrderId] = {}
        self._numbers = iter(range(1, 1_000_000))

    async def play(self, plan: dict[int, str], *later: dict[int, str]) -> list[str]:
        """Play the whole stream, dying by `plan` and, after each restart, by the next of `later`; return violations."""
        rig, plans = self.rig, iter(later)
        rig.faults.start(plan)
        await self._start(plans)
        for action in self.actions:
            try:
                await self._do(action)
            except ActorDeadError:
                assert rig.is_dead, "expected actors to end only in a process that is dead"
            self._hear()
            if rig.is_dead:
                await self._again(plans)
        await rig.mend()
        quiet = 0
        while quiet < QUIET_ROUNDS:
            await rig.pass_wall(12)
            self._hear()
            quiet += 1
            if rig.is_dead:
                quiet = 0
                await self._again(plans)
            elif None in self._open.values():
                quiet = 0
                self._send_unanswered()
        await rig.settle()
        return self.broken + violations(rig, is_in_order=rig.is_in_order)

    async def _start(self, plans: Iterator[dict[int, str]]) -> None:
        try:
            await self.rig.start()
        except DependencyAway:
            self.rig.faults.is_dead = True
        if self.rig.is_dead:
            await self._again(plans)

    async def _again(self, plans: Iterator[dict[int, str]]) -> None:
        """Start again, and again if that dies too; then show the market and send what was not answered."""
        while True:
            try:
                await self.rig.restart(next(plans, {}))
            except DependencyAway:
                continue
            if not self.rig.is_dead:
                break
        self._open = dict.fromkeys(self._open)
        if self.is_replay:
            for quote in self._shown:
                self.rig.tick(quote)
        else:
            newest = {quote.symbol: quote for quote in self._shown}
            for quote in newest.values():
                self._tick(self._at_now(quote))
        await self.rig.settle()
        self._send_unanswered()
        await self.rig.settle()
        if self.rig.faults.is_dead:
            await self._again(plans)

    # --- Actions ------------------------------------------------------------------------------------------------------

    async def _do(self, action: Action) -> None:
        rig, details = self.rig, action.details
        if action.kind == "quote":
            self._tick(self._quote(**details), action.turns)
        elif action.kind == "trade":
            rig.bus.publish(self._trade(**details), (rig.venue, details["symbol"]))
        elif action.kind == "order":
            number = next(self._numbers)
            self._sent.append((number, details))
            self._send(number, details)
        elif action.kind == "cancel":
            known = self._sent[-details["back"] :]
            if known:
                self._cancel(known[0][0])
        elif action.kind == "cancel_all":
            rig.gate.tell(CancelOrders(user_id=USER, account_id=ACCOUNT, reason="test", record=self._record()))
        elif action.kind == "reconcile":
            rig.reconciler.tell(ReconcileAccount(account_id=ACCOUNT))
        elif action.kind == "cell":
            await rig.restart_cell(**details)
        else:
            await rig.pass_wall(details["seconds"])
        if action.turns is None:
            await rig.settle()
        else:
            rig.system.drain(action.turns)

    def _tick(self, quote: QuoteTick, turns: int | None = None) -> None:
        rig = self.rig
        rig.clock.advance_to(max(quote.ts_init_ns, rig.clock.now_ns()))
        mark = rig.marks.mark(quote.venue, quote.symbol)
        mark.bid, mark.ask, mark.seen_ns = quote.bid, quote.ask, quote.ts_init_ns
        rig.bus.publish(quote, (quote.venue, quote.symbol))
        rig.system.drain(turns)

    def _quote(self, symbol: str, tenths: int, size: Decimal, step_ns: int) -> QuoteTick:
        at_ns = self.rig.clock.now_ns() + step_ns
        bid = D(tenths) / 10
        quote = QuoteTick(
            venue=self.rig.venue,
            symbol=symbol,
            ts_event_ns=at_ns,
            ts_init_ns=at_ns,
            frame=len(self._shown) + 1 if self.is_replay else 0,
            bid=bid,
            ask=bid + D("0.1"),
            bid_size=size,
            ask_size=size,
        )
        self._shown.append(quote)
        return quote

    def _market_goes_on(self) -> None:
        for quote in {quote.symbol: quote for quote in self._shown}.values():
            for _ in range(2):
                moved = msgspec.structs.replace(quote, bid=quote.bid + self._rng.randrange(-20, 21))
                self._tick(self._at_now(moved), self._rng.randrange(12))

    def _at_now(self, quote: QuoteTick) -> QuoteTick:
        at_ns = self.rig.clock.now_ns() + MILLISECOND_NS
        return QuoteTick(
            venue=quote.venue,
            symbol=quote.symbol,
            ts_event_ns=at_ns,
            ts_init_ns=at_ns,
            bid=quote.bid,
            ask=quote.bid + D("0.1"),
            bid_size=quote.bid_size,
            ask_size=quote.ask_size,
        )

    def _trade(self, symbol: str, tenths: int, size: Decimal, aggressor: Side) -> TradePrint:
        at_ns = self.rig.clock.now_ns() + MILLISECOND_NS
        return TradePrint(
            venue=self.rig.venue,
            symbol=symbol,
            ts_event_ns=at_ns,
            ts_init_ns=at_ns,
            trade_id=f"{at_ns}",
            price=D(tenths) / 10,
            quantity=size,
            aggressor=aggressor,
        )

    def _send(self, number: int, details: dict[str, Any]) -> None:
        rig = self.rig
        order_id = OrderId(rig.ids.uuid())
        place = a_place(
            number,
            order_id=order_id,
            client_order_id=f"mine-{number}",
            intent_key=f"key-{number}",
            **details,
        )
        place = type(place)(intent=place.intent, record=self._record())
        self._open[number] = rig.gate.ask(place)

    def _cancel(self, number: int) -> None:
        order_id = self._ids.get(number)
        if order_id is not None:
            self.rig.gate.tell(
                CancelOrder(user_id=USER, account_id=ACCOUNT, order_id=order_id, reason="test", record=self._record())
            )

    def _record(self) -> Any:
        record = a_record()
        return type(record)(audit=type(record.audit)(**_fields(record.audit) | {"id": self.rig.ids.uuid()}))

    # --- Answers ------------------------------------------------------------------------------------------------------

    def _hear(self) -> None:
        """Take the answers that have come, and check that they are true."""
        for number, reply in list(self._open.items()):
            if reply is None or not reply.done():
                continue
            try:
                answer: OrderAnswer = reply.get()
            except (CivalError, ActorDeadError):
                self._open[number] = None
                continue
            del self._open[number]
            self._ids[number] = answer.order_id
            rows = [row for row in self.rig.rows(OrderRow) if row.intent_key == f"key-{number}"]
            if [row.id for row in rows] != [answer.order_id]:
                self.broken.append(f"order {number} was answered with {answer.order_id}, stored is {rows}")

    def _send_unanswered(self) -> None:
        for number, details in self._sent:
            if number in self._open and self._open[number] is None:
                self._send(number, details)


def _fields(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__struct_fields__}

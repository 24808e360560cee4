"""Draws what people ask for: orders of every kind, some too large, some sent twice."""

from decimal import Decimal
from typing import Any, Final

from engine.domain.identifiers import AccountId, CorrelationId, OrderId, UserId
from engine.domain.instrument import Instrument
from engine.domain.kinds import OrderOrigin, OrderType, Side, TimeInForce
from engine.domain.values import round_to_tick
from engine.messages.orders import OrderIntent, PlaceOrder
from engine.messages.rows_people import AuditRow
from engine.messages.writing import CommandRecord
from engine.runtime.entropy import Ids, Rng
from engine.simulation.ports import Ground

KINDS: Final[dict[str, int]] = {
    "resting": 30, "crossing": 20, "market": 12, "post_only": 8, "ioc": 8, "stop": 6, "stop_limit": 4,
    "reduce_only": 8, "huge": 4,
}  # fmt: skip
"""How often each is drawn, in parts of the sum."""
HUGE: Final = 1_000
"""A quantity that breaks every limit, in units of a usual one."""


class Wish:
    """One order that a person wants, however often it has to be asked for."""

    __slots__ = ("account_id", "fields", "instrument", "key", "user_id")

    def __init__(
        self, user_id: UserId, account_id: AccountId, instrument: Instrument, key: str, fields: dict[str, Any]
    ) -> None:
        """Keep what stays the same when it is asked again: all but the order's id."""
        self.user_id = user_id
        self.account_id = account_id
        self.instrument = instrument
        self.key = key
        self.fields = fields

    def message(self, ground: Ground) -> PlaceOrder:
        """Return the command, as the API would make it of a new request under the same key."""
        order_id = OrderId(ground.ids.uuid())
        intent = OrderIntent(
            order_id=order_id,
            user_id=self.user_id,
            account_id=self.account_id,
            venue=self.instrument.venue,
            symbol=self.instrument.symbol,
            client_order_id=str(order_id),
            intent_key=self.key,
            origin=OrderOrigin.API,
            correlation_id=CorrelationId(order_id),
            decided_at_ns=ground.clock.now_ns(),
            **self.fields,
        )
        return PlaceOrder(intent=intent, record=record_of(ground.ids, self.user_id, ground.clock.now_ns()))


def record_of(ids: Ids, user_id: UserId, now_ns: int) -> CommandRecord:
    """Return the audit row of a command over HTTP."""
    return CommandRecord(
        audit=AuditRow(
            id=ids.uuid(),
            user_id=user_id,
            actor_id=user_id,
            action="simulated",
            object_type=None,
            object_id=None,
            outcome="accepted",
            detail=None,
            remote_addr=None,
            correlation_id=None,
            created_at=now_ns,
        )
    )


def draw_order(rng: Rng, instrument: Instrument, price: Decimal) -> dict[str, Any]:
    """Draw the fields of an order near the market.

    Args:
        rng: Chance.
        instrument: What is traded.
        price: Of the market.
    """
    kind = rng.choices(list(KINDS), list(KINDS.values()))[0]
    if kind == "reduce_only" and not instrument.is_perpetual:
        kind = "market"
    side = rng.choice((Side.BUY, Side.SELL))
    units = rng.choice((1, 5, 20, 60, 120, 200))
    if kind == "huge":
        units *= HUGE
    quantity = _multiple(instrument, units)
    fields: dict[str, Any] = {"side": side, "quantity": quantity, "type": OrderType.LIMIT}
    away = Decimal(rng.randrange(1, 40)) / 10_000
    away_from_market = -away if side is Side.BUY else away
    if kind in ("resting", "post_only", "huge"):
        fields |= {"price": _at(instrument, price, away_from_market), "post_only": kind == "post_only"}
    elif kind in ("crossing", "ioc"):
        is_ioc = kind == "ioc"
        fields |= {"price": _at(instrument, price, -away_from_market)}
        fields |= {"time_in_force": TimeInForce.IOC if is_ioc else TimeInForce.GTC}
    elif kind == "stop":
        fields |= {"type": OrderType.STOP, "stop_price": _at(instrument, price, -away_from_market)}
    elif kind == "stop_limit":
        stop = _at(instrument, price, -away_from_market)
        fields |= {"type": OrderType.STOP_LIMIT, "stop_price": stop, "price": stop}
    elif kind == "reduce_only":
        fields |= {"type": OrderType.MARKET, "reduce_only": True}
    else:
        fields |= {"type": OrderType.MARKET}
    return fields


def _multiple(instrument: Instrument, units: int) -> Decimal:
    """Return a quantity in steps that are worth trading."""
    step = instrument.step_size * (10 if instrument.is_perpetual else 5)
    return step * units


def _at(instrument: Instrument, price: Decimal, share: Decimal) -> Decimal:
    return round_to_tick(price * (1 + share), instrument.tick_size, Side.BUY)

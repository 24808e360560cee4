"""Draws who trades what in a run: two users with three accounts at two venues, their limits, their agents."""

from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from engine.domain.identifiers import AccountId, UserId, Venue
from engine.domain.instrument import Instrument
from engine.domain.kinds import InstrumentKind
from engine.messages.rows import AgentRow, Row
from engine.messages.rows_people import AccountRow, LimitRow, UserRow
from engine.runtime.entropy import Rng
from engine.simulation.ports import Setting

NORTH: Final[Venue] = "north"
SOUTH: Final[Venue] = "south"
FIRST_NS: Final = 1_767_225_600_000_000_000
SPOT_LIMIT: Final = Decimal(3)
PERPETUAL_LIMIT: Final = Decimal(20)


def _id(number: int) -> UUID:
    """Return a UUIDv7 that reads as its number."""
    return UUID(int=(7 << 76) | (0b10 << 62) | number)


ANNA: Final = UserId(_id(1))
BERT: Final = UserId(_id(2))
ANNA_SPOT: Final = AccountId(_id(11))
ANNA_MARGIN: Final = AccountId(_id(12))
BERT_MARGIN: Final = AccountId(_id(13))


def instruments() -> tuple[Instrument, ...]:
    """Return what is traded: a spot pair and a perpetual at one venue, a perpetual at the other."""
    return (
        _instrument(NORTH, "BTC/USDT", tick_size=Decimal("0.01"), step_size=Decimal("0.001")),
        _instrument(NORTH, "ETH/USDT:USDT", tick_size=Decimal("0.05"), step_size=Decimal("0.01")),
        _instrument(SOUTH, "SOL/USDT:USDT", tick_size=Decimal("0.01"), step_size=Decimal("0.1")),
    )


def _instrument(venue: Venue, symbol: str, *, tick_size: Decimal, step_size: Decimal) -> Instrument:
    pair, _, settle = symbol.partition(":")
    base, quote = pair.split("/")
    is_perpetual = bool(settle)
    return Instrument(
        venue=venue,
        symbol=symbol,
        base=base,
        quote=quote,
        settle=settle or quote,
        kind=InstrumentKind.PERPETUAL if is_perpetual else InstrumentKind.SPOT,
        tick_size=tick_size,
        step_size=step_size,
        min_quantity=step_size,
        max_quantity=Decimal(10_000),
        min_notional=Decimal(1),
        maker_fee=Decimal("0.0002") if is_perpetual else Decimal("0.001"),
        taker_fee=Decimal("0.0005") if is_perpetual else Decimal("0.001"),
        initial_margin=Decimal("0.1") if is_perpetual else Decimal(1),
        maintenance_margin=Decimal("0.05") if is_perpetual else Decimal(0),
    )


def draw_setting(rng: Rng, start_ns: int) -> Setting:
    """Draw a setting: limits so small that they are reached, agents so quick that they trade."""
    rows: list[Row] = [_user(ANNA, "anna", start_ns), _user(BERT, "bert", start_ns)]
    money = {"USDT": "10000000", "BTC": "2"}
    rows += [
        _account(ANNA_SPOT, ANNA, NORTH, "spot", money, start_ns),
        _account(ANNA_MARGIN, ANNA, NORTH, "margin", {"USDT": "10000000"}, start_ns),
        _account(BERT_MARGIN, BERT, SOUTH, "margin", {"USDT": "10000000"}, start_ns),
    ]
    scale = Decimal(rng.choice((1, 2, 5)))
    rows += [
        _limit(21, ANNA, ANNA_SPOT, "position_size", SPOT_LIMIT * scale, start_ns),
        _limit(22, ANNA, ANNA_MARGIN, "position_size", PERPETUAL_LIMIT * scale, start_ns),
        _limit(23, BERT, BERT_MARGIN, "position_size", PERPETUAL_LIMIT * scale, start_ns),
        _limit(24, ANNA, ANNA_SPOT, "order_notional", Decimal(1_000_000), start_ns),
        _limit(25, BERT, BERT_MARGIN, "open_orders", Decimal(rng.choice((8, 30))), start_ns),
    ]
    rows += [
        _agent(31, ANNA, ANNA_MARGIN, "trend_follower", "ETH/USDT:USDT", _trend(rng, "2.0"), start_ns),
        _agent(32, BERT, BERT_MARGIN, "mean_reversion", "SOL/USDT:USDT", _reversion(rng, "3.0"), start_ns),
    ]
    return Setting(users=(ANNA, BERT), instruments=instruments(), rows=tuple(rows))


def _trend(rng: Rng, quantity: str) -> dict[str, Any]:
    return {"source": "quotes", "fast": rng.choice((2, 3)), "slow": rng.choice((5, 8)), "quantity": quantity}


def _reversion(rng: Rng, quantity: str) -> dict[str, Any]:
    entry = rng.choice((1.0, 1.5))
    return {"source": "quotes", "length": rng.choice((5, 8)), "entry": entry, "exit": 0.3, "quantity": quantity}


def _user(user_id: UserId, name: str, at_ns: int) -> UserRow:
    return UserRow(
        id=user_id,
        email=f"{name}@example.com",
        password_hash=None,
        full_name=name,
        role="trader",
        is_active=True,
        time_zone="UTC",
        created_at=at_ns,
        updated_at=at_ns,
    )


def _account(
    account_id: AccountId, user_id: UserId, venue: Venue, kind: str, balances: dict[str, str], at_ns: int
) -> AccountRow:
    name = f"{venue}-{kind}"
    return AccountRow(
        id=account_id,
        user_id=user_id,
        name=name,
        exchange=venue,
        account_id=name,
        account_type=kind,
        mode="live",
        is_active=True,
        starting_balances=balances,
        config_hash=None,
        created_at=at_ns,
    )


def _limit(number: int, user_id: UserId, account_id: AccountId, kind: str, value: Decimal, at_ns: int) -> LimitRow:
    return LimitRow(
        id=_id(number),
        user_id=user_id,
        limit_type=kind,
        symbol=None,
        scope="account",
        account_id=account_id,
        agent_id=None,
        limit_value=value,
        window_seconds=None,
        is_active=True,
        created_at=at_ns,
        updated_at=at_ns,
    )


def _agent(
    number: int,
    user_id: UserId,
    account_id: AccountId,
    kind: str,
    symbol: str,
    configuration: dict[str, Any],
    at_ns: int,
) -> AgentRow:
    return AgentRow(
        id=_id(number),
        user_id=user_id,
        account_id=account_id,
        strategy_id=None,
        name=f"{kind}-{number}",
        agent_type=kind,
        symbols=(symbol,),
        configuration=configuration,
        allocation=None,
        status="active",
        config_hash=None,
        created_at=at_ns,
        updated_at=at_ns,
    )

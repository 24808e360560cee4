"""Which limits apply to an order: rows of `trading_limits` and the configured defaults, by scope and symbol.

A limit of a scope covers everything in it: of an agent its own orders, of an account all orders of the account, of a
user all orders of all accounts. All that apply must hold. A default stands in for an account that has no limit of its
own of that type.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final
from uuid import UUID

import msgspec

from engine.domain.identifiers import AccountId, AgentId, Symbol, UserId
from engine.domain.kinds import Scope
from engine.domain.limits import OrderRate
from engine.messages.orders import OrderIntent
from engine.messages.risk import LimitChanged
from engine.messages.rows_people import LimitRow

ORDER_NOTIONAL: Final = "order_notional"
POSITION_SIZE: Final = "position_size"
POSITION_NOTIONAL: Final = "position_notional"
OPEN_ORDERS: Final = "open_orders"
PRICE_BAND: Final = "price_band_percent"
ORDERS_PER_MINUTE: Final = "orders_per_minute"

LIMIT_TYPES: Final = frozenset(
    {ORDER_NOTIONAL, POSITION_SIZE, POSITION_NOTIONAL, OPEN_ORDERS, PRICE_BAND, ORDERS_PER_MINUTE}
)
"""Those that are checked before a trade; other types are the risk monitor's."""

MINUTE_NS: Final = 60_000_000_000


class Limit(msgspec.Struct, frozen=True, gc=False):
    """One limit that applies."""

    type: str
    scope: Scope
    scope_id: UUID
    value: Decimal
    rate: OrderRate | None = None
    """Of `orders_per_minute`: the orders counted so far."""


class _Stored(msgspec.Struct, frozen=True, gc=False):
    type: str
    scope: Scope
    scope_id: UUID | None
    """Account or agent; None for the user."""
    symbol: Symbol | None


class LimitBook:
    """The limits of one user's cell."""

    __slots__ = ("_by_order", "_defaults", "_limits", "_rates", "_user_id")

    def __init__(self, user_id: UserId, rows: Iterable[LimitRow], defaults: Mapping[str, Decimal]) -> None:
        """Start with what is stored.

        Args:
            user_id: Whose limits.
            rows: Of `trading_limits`; inactive ones are left out.
            defaults: Limit type -> value for every account.
        """
        self._user_id = user_id
        self._limits: dict[_Stored, Decimal] = {}
        self._rates: dict[tuple[Scope, UUID, Decimal], OrderRate] = {}
        self._by_order: dict[tuple[AccountId, AgentId | None, Symbol], tuple[Limit, ...]] = {}
        self.use_defaults(defaults)
        for row in rows:
            if row.is_active and row.limit_type in LIMIT_TYPES:
                scope = Scope(row.scope)
                stored = _Stored(row.limit_type, scope, _scope_id(scope, row.account_id, row.agent_id), row.symbol)
                self._limits[stored] = row.limit_value

    def change(self, message: LimitChanged) -> None:
        """Set or lift a limit."""
        if message.limit_type not in LIMIT_TYPES:
            return
        scope_id = message.scope_id if message.scope in (Scope.ACCOUNT, Scope.AGENT) else None
        stored = _Stored(message.limit_type, message.scope, scope_id, message.symbol)
        if message.value is None:
            self._limits.pop(stored, None)
        else:
            self._limits[stored] = message.value
        self._by_order.clear()

    def use_defaults(self, defaults: Mapping[str, Decimal]) -> None:
        """Replace what stands in for accounts without a limit of their own."""
        self._defaults = {kind: value for kind, value in defaults.items() if kind in LIMIT_TYPES}
        self._by_order.clear()

    def of(self, intent: OrderIntent) -> tuple[Limit, ...]:
        """Return every limit that an order must hold, cheapest check first."""
        key = (intent.account_id, intent.agent_id, intent.symbol)
        found = self._by_order.get(key)
        if found is None:
            found = self._by_order[key] = self._resolve(*key)
        return found

    def _resolve(self, account_id: AccountId, agent_id: AgentId | None, symbol: Symbol) -> tuple[Limit, ...]:
        scope_ids: dict[Scope, UUID | None] = {Scope.ACCOUNT: account_id, Scope.AGENT: agent_id}
        found: list[Limit] = []
        has_own: set[str] = set()
        for stored, value in self._limits.items():
            if stored.symbol not in (None, symbol):
                continue
            wanted = scope_ids.get(stored.scope)
            if stored.scope in scope_ids and (wanted is None or stored.scope_id != wanted):
                continue
            if stored.scope is Scope.ACCOUNT:
                has_own.add(stored.type)
            scope = stored.scope if wanted is not None else Scope.USER
            found.append(self._limit(stored.type, scope, wanted or self._user_id, value))
        found += [
            self._limit(kind, Scope.ACCOUNT, account_id, value)
            for kind, value in self._defaults.items()
            if kind not in has_own
        ]
        return tuple(sorted(found, key=lambda limit: (_COST[limit.type], limit.scope.value, limit.value)))

    def _limit(self, kind: str, scope: Scope, scope_id: UUID, value: Decimal) -> Limit:
        if kind != ORDERS_PER_MINUTE:
            return Limit(kind, scope, scope_id, value)
        key = (scope, scope_id, value)
        rate = self._rates.get(key)
        if rate is None:
            rate = self._rates[key] = OrderRate(max(int(value), 1), MINUTE_NS)
        return Limit(kind, scope, scope_id, value, rate)


_COST: Final = {
    ORDERS_PER_MINUTE: 0,
    OPEN_ORDERS: 1,
    ORDER_NOTIONAL: 2,
    PRICE_BAND: 3,
    POSITION_SIZE: 4,
    POSITION_NOTIONAL: 5,
}


def _scope_id(scope: Scope, account_id: UUID | None, agent_id: UUID | None) -> UUID | None:
    if scope is Scope.ACCOUNT:
        return account_id
    return agent_id if scope is Scope.AGENT else None

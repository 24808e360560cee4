"""The daily loss limit of a gate: it trips the kill switch, and stays tripped until a person resumes with a reason.

A limit of type `daily_loss` belongs to an account or to the user as a whole; `[risk] daily_loss` stands in for accounts
that have none. Losses are looked at whenever a ledger values its account: every few seconds, and after fills. The halt,
the row of the tripped limit and the alert are one unit. Neither a restart nor a new day lifts it.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import reduce
from typing import Any, Final
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import msgspec

from actors.gate_amends import AmendingGate
from actors.loss_days import LossDay, Valuation
from engine.domain.identifiers import AccountId
from engine.domain.kinds import Scope
from engine.domain.values import add, text_of
from engine.messages.cell import DefaultLimitsChanged
from engine.messages.portfolio import AccountMarked
from engine.messages.risk import Halt, LimitChanged
from engine.messages.rows import EquityPointRow, Row
from engine.messages.rows_losses import LimitTripRow, RiskDayRow
from engine.messages.rows_people import LimitRow, RiskAlertRow
from engine.messages.writing import JournalEvent
from engine.runtime.actor import handles

DAILY_LOSS: Final = "daily_loss"

Key = tuple[Scope, UUID]


class LossGate(AmendingGate):
    """The one who stops a losing user."""

    def __init__(
        self,
        *,
        time_zone: str = "UTC",
        risk_days: Iterable[RiskDayRow] = (),
        last_values: Iterable[EquityPointRow] = (),
        trips: Iterable[LimitTripRow] = (),
        defaults: Mapping[str, Any] | None = None,
        limits: Iterable[LimitRow] = (),
        **settings: Any,
    ) -> None:
        """Keep what it works with; the rest as `GateCore`.

        Args:
            time_zone: IANA name; the user's day ends there at midnight.
            risk_days: The days as they were left.
            last_values: What each account was worth when it was last valued.
            trips: Limits that have tripped and that nobody has armed again.
            defaults: Limit type -> value for every account.
            limits: Of `trading_limits`.
            settings: See `GateCore`.
        """
        limits = tuple(limits)
        super().__init__(defaults=defaults, limits=limits, **settings)
        zone = ZoneInfo(time_zone)
        rows: dict[Key, RiskDayRow] = {(Scope(row.scope), row.scope_id): row for row in risk_days}
        keys: list[Key] = [*((Scope.ACCOUNT, each) for each in self._routers), (Scope.USER, self._cell.user_id)]
        last = self._last_values(last_values)
        self._days = {key: LossDay(self._cell.user_id, *key, zone, rows.get(key), last.get(key)) for key in keys}
        self._values: dict[AccountId, Valuation] = {}
        self._trips: dict[Key, LimitTripRow] = {(Scope(row.scope), self._scope_id(row)): row for row in trips}
        self._loss_rows: dict[Key, LimitRow] = {
            (Scope(row.scope), self._scope_id(row)): row
            for row in limits
            if row.limit_type == DAILY_LOSS and row.is_active and row.symbol is None
        }
        self._loss_limits = {key: row.limit_value for key, row in self._loss_rows.items()}
        self._loss_default: Decimal | None = (defaults or {}).get(DAILY_LOSS)

    def on_start(self) -> None:
        """Hear what the accounts are worth."""
        super().on_start()
        self._subscriptions.append(self._cell.bus.subscribe(AccountMarked, self.actor_ref.tell, key=self._cell.user_id))

    @handles(LimitChanged)
    def on_limit(self, message: LimitChanged) -> None:
        """Use a limit from now on."""
        super().on_limit(message)
        if message.limit_type != DAILY_LOSS or message.symbol is not None:
            return
        key = (message.scope, message.scope_id or self._cell.user_id)
        if message.value is None:
            self._loss_limits.pop(key, None)
        else:
            self._loss_limits[key] = message.value

    @handles(DefaultLimitsChanged)
    def on_default_limits(self, message: DefaultLimitsChanged) -> None:
        """Use other defaults from now on."""
        super().on_default_limits(message)
        self._loss_default = dict(message.limits).get(DAILY_LOSS)

    @handles(AccountMarked)
    def on_marked(self, mark: AccountMarked) -> None:
        """Compare with what the day began with."""
        if mark.account_id not in self._routers:
            return
        value = Valuation(mark.equity, mark.moved, frozenset(mark.unpriced), mark.at_ns)
        self._values[mark.account_id] = value
        self._look_at((Scope.ACCOUNT, mark.account_id), value)
        if len(self._values) == len(self._routers):
            self._look_at((Scope.USER, self._cell.user_id), reduce(_both, self._values.values()))
        self._store_days(mark.at_ns)

    def _look_at(self, key: Key, value: Valuation) -> None:
        day = self._days[key]
        if not day.take(value) or key in self._trips:
            return
        limit = self._limit_for(key)
        if limit is not None and day.change is not None and day.change <= -limit:
            self._trip(key, day.change, limit, value.at_ns)

    def _limit_for(self, key: Key) -> Decimal | None:
        found = self._loss_limits.get(key)
        return self._loss_default if found is None and key[0] is Scope.ACCOUNT else found

    def _trip(self, key: Key, change: Decimal, limit: Decimal, at_ns: int) -> None:
        """Halt a scope: the trip, the halt and the alert are durable together."""
        scope, scope_id = key
        row = self._trips[key] = self._trip_row(key, limit, at_ns)
        halt_id = self._cell.ids.uuid()
        reason = f"{DAILY_LOSS}: {text_of(change)} of {text_of(limit)}"
        alert = RiskAlertRow(
            id=self._cell.ids.uuid(),
            user_id=self._cell.user_id,
            alert_type=DAILY_LOSS,
            severity="critical",
            message=f"trading is halted, {reason}",
            data={"scope": scope.value, "scope_id": str(scope_id), "halt_id": str(halt_id), "limit_id": str(row.id)},
            created_at=at_ns,
        )
        events = (
            JournalEvent(channel="risk", type="LimitTripped", data=row, at_ns=at_ns),
            JournalEvent(channel="alerts", type="AlertRaised", data=alert, at_ns=at_ns),
        )
        halt = Halt(user_id=self._cell.user_id, scope=scope, scope_id=scope_id, reason=reason, halt_id=halt_id)
        self.log.warning("daily_loss_tripped", scope=scope.value, scope_id=str(scope_id), reason=reason)
        self._halt(halt, (row, alert), events)

    def _trip_row(self, key: Key, limit: Decimal, at_ns: int) -> LimitTripRow:
        scope, scope_id = key
        account_id = AccountId(scope_id) if scope is Scope.ACCOUNT else None
        known = self._loss_rows.get(key)
        return LimitTripRow(
            # The same id as the configuration gives: there is one limit of a type of an account as a whole.
            id=uuid5(scope_id, DAILY_LOSS) if known is None else known.id,
            user_id=self._cell.user_id,
            limit_type=DAILY_LOSS,
            symbol=None,
            scope=scope.value,
            account_id=account_id,
            agent_id=None,
            limit_value=limit,
            window_seconds=None if known is None else known.window_seconds,
            is_active=key in self._loss_limits,
            created_at=at_ns if known is None else known.created_at,
            updated_at=at_ns,
            tripped_at=at_ns,
        )

    def _lifted(self, scope: Scope, scope_id: UUID | None) -> tuple[Row, ...]:
        """Arm the limit of a scope again that a person resumes; it measures from where the equity is now."""
        key = (scope, scope_id or self._cell.user_id)
        day, trip = self._days.get(key), self._trips.pop(key, None)
        if trip is None:
            return ()
        now_ns = self._cell.clock.now_ns()
        rows: list[Row] = [msgspec.structs.replace(trip, tripped_at=None, updated_at=now_ns)]
        if day is not None:
            day.measure_anew()
            row = day.news(now_ns)
            rows += [] if row is None else [row]
        return tuple(rows)

    def _store_days(self, at_ns: int) -> None:
        if self._is_store_away:
            return
        rows = tuple(self._day_news(at_ns))
        if rows:
            self._cell.writer.tell(self._cell.numbers.open(rows=rows))

    def _day_news(self, at_ns: int) -> Iterator[RiskDayRow]:
        for day in self._days.values():
            row = day.news(at_ns)
            if row is not None:
                yield row

    def _last_values(self, points: Iterable[EquityPointRow]) -> dict[Key, tuple[int, Decimal]]:
        """Return market time and equity of each account's newest valuation, and of all together if all are known."""
        known = {AccountId(row.account_id): (row.at, row.equity) for row in points}
        last: dict[Key, tuple[int, Decimal]] = {(Scope.ACCOUNT, each): value for each, value in known.items()}
        if known and known.keys() == self._routers.keys():
            total = reduce(add, (equity for _, equity in known.values()))
            last[Scope.USER, self._cell.user_id] = (min(at_ns for at_ns, _ in known.values()), total)
        return last

    def _scope_id(self, row: LimitRow) -> UUID:
        return row.account_id or row.agent_id or self._cell.user_id


def _both(one: Valuation, other: Valuation) -> Valuation:
    return Valuation(
        add(one.equity, other.equity),
        add(one.moved, other.moved),
        one.unpriced | other.unpriced,
        max(one.at_ns, other.at_ns),
    )

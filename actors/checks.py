"""All rules that an order must pass, in the order in which they are told: the first that it breaks is its denial."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from actors.exposures import Exposures
from actors.limit_book import (
    OPEN_ORDERS,
    ORDER_NOTIONAL,
    ORDERS_PER_MINUTE,
    POSITION_NOTIONAL,
    POSITION_SIZE,
    PRICE_BAND,
    Limit,
    LimitBook,
)
from actors.trading_states import TradingStates
from engine.domain.capabilities import AmendKind, Capabilities
from engine.domain.identifiers import AccountId, AgentId
from engine.domain.instrument import Instrument
from engine.domain.kinds import PRICED_TYPES, TRIGGERED_TYPES, Side, TradingState
from engine.domain.limits import (
    NO_MARK,
    check_balance,
    check_margin,
    check_open_orders,
    check_order_notional,
    check_position_notional,
    check_position_size,
    check_price_band,
    check_reduces,
    check_self_trade,
)
from engine.domain.ports import Marks
from engine.domain.position import Position
from engine.domain.reservations import Reservation, spot_need
from engine.domain.values import ZERO, add, subtract
from engine.domain.violation import Violation, violation
from engine.messages.orders import OrderIntent

HALTED: Final = "trading_halted"
REDUCING: Final = "trading_reducing"
NOT_READY: Final = "account_not_ready"
UNGUARDED: Final = "dead_man_not_armed"
DIFFERS: Final = "differs_from_venue"
STALE: Final = "stale_book"
CLOSED: Final = "instrument_closed"


class Checks:
    """The rules of one gate. A check changes nothing; the gate reserves, and counts the rate, when all have passed."""

    def __init__(
        self,
        *,
        exposures: Exposures,
        limits: LimitBook,
        states: TradingStates,
        marks: Marks,
        capabilities: Mapping[AccountId, Capabilities | None] | None = None,
    ) -> None:
        """Keep what the rules look at; `capabilities`: account -> what its venue can do, where it says so."""
        self.able: dict[AccountId, Capabilities | None] = dict(capabilities or {})
        """Account -> what its venue can do, None where it does not say."""
        self._exposures = exposures
        self._limits = limits
        self._states = states
        self._marks = marks
        self.not_ready: dict[AccountId, str] = {}
        """Account -> why it may only reduce."""
        self.unguarded: dict[AccountId, str] = {}
        """Account -> why its dead-man switch, which it asked for, is not armed: it may only reduce."""
        self.shut: dict[AccountId, frozenset[str]] = {}
        """Account -> symbols and assets that may only be reduced: they differ from the venue."""

    def value_at(self, intent: OrderIntent) -> Decimal | None:
        """Return the price that values an order: its own, or what the market asks for now; None if nobody knows."""
        if intent.price is not None:
            return intent.price
        if intent.stop_price is not None:
            return intent.stop_price
        quote = self._marks.quote(intent.venue, intent.symbol)
        if quote is not None:
            return quote[1] if intent.side is Side.BUY else quote[0]
        return self._marks.price(intent.venue, intent.symbol)

    def check(
        self, intent: OrderIntent, instrument: Instrument, price: Decimal | None, now_ns: int
    ) -> Violation | None:
        """Return the first rule that an order breaks.

        Args:
            intent: The order.
            instrument: What it trades.
            price: `value_at`.
            now_ns: Market time, for the rate.
        """
        found = (
            self._closed(intent)
            or self._state(intent, instrument)
            or self._ability(intent, instrument)
            or _venue_rules(intent, instrument, price)
        )
        if found is not None or price is None:
            return found
        if intent.reduce_only:
            return self._reduces(intent, instrument) or self._rate(intent, now_ns)
        return (
            self._stale(intent, instrument)
            or self._limit_of(intent, instrument, price, now_ns)
            or self._self_trade(intent, price)
            or self._money(intent, instrument, price)
        )

    def check_amend(self, intent: OrderIntent, instrument: Instrument, price: Decimal, now_ns: int) -> Violation | None:
        """Return the first rule that an order would break if it were changed; its own reservation is set aside.

        Args:
            intent: The order as it would be: `quantity` is what could still fill.
            instrument: What it trades.
            price: Values it.
            now_ns: Market time: an amend counts as an order against the rate.
        """
        found = self._closed(intent) or self._state(intent, instrument)
        if found is not None:
            return found
        if intent.reduce_only:
            return self._reduces(intent, instrument) or self._rate(intent, now_ns)
        return (
            self._stale(intent, instrument)
            or self._limit_of(intent, instrument, price, now_ns)
            or self._self_trade(intent, price)
            or self._money(intent, instrument, price)
        )

    def check_flatten(self, intent: OrderIntent, instrument: Instrument, price: Decimal) -> Violation | None:
        """Return what forbids an order that closes a position: the venue, or that it could do more than that."""
        return (
            self._ability(intent, instrument)
            or _venue_rules(intent, instrument, price)
            or self._reduces(intent, instrument)
        )

    def capabilities(self, account_id: AccountId) -> Capabilities | None:
        """Return what the venue of an account can do, None where it does not say."""
        return self.able.get(account_id)

    def halted(self, account_id: AccountId, agent_id: AgentId | None) -> Violation | None:
        """Refuse whatever is in a halted scope."""
        state = self._states.of(account_id, agent_id)
        if state is not None and state.state is TradingState.HALTED:
            return violation(HALTED, f"{state.scope.value} active", state.reason)
        return None

    def can_amend(self, account_id: AccountId) -> bool:
        """Whether the venue can change an open order, as far as it says."""
        found = self.able.get(account_id)
        return found is None or found.amend is not AmendKind.NONE

    def count(self, intent: OrderIntent, now_ns: int) -> None:
        """Count an order that passes against the rates that apply to it."""
        for limit in self._limits.of(intent):
            if limit.rate is not None:
                limit.rate.count(now_ns)

    # --- Rules --------------------------------------------------------------------------------------------------------

    def _closed(self, intent: OrderIntent) -> Violation | None:
        """Send nothing that the venue takes from nobody now."""
        reason = self._marks.why_closed(intent.venue, intent.symbol)
        return violation(CLOSED, "an instrument that trades", reason) if reason else None

    def _state(self, intent: OrderIntent, instrument: Instrument) -> Violation | None:
        found = self.halted(intent.account_id, intent.agent_id)
        if found is not None:
            return found
        state = self._states.of(intent.account_id, intent.agent_id)
        if state is not None and self._reduces(intent, instrument) is not None:
            return violation(REDUCING, "orders that shrink a position", state.reason)
        reason = self.not_ready.get(intent.account_id)
        if reason is not None and self._reduces(intent, instrument) is not None:
            return violation(NOT_READY, "a reconciled account", reason)
        reason = self.unguarded.get(intent.account_id)
        if reason is not None and self._reduces(intent, instrument) is not None:
            return violation(UNGUARDED, "an armed dead-man switch", reason)
        return self._agreement(intent, instrument)

    def _agreement(self, intent: OrderIntent, instrument: Instrument) -> Violation | None:
        """Open no risk in what has differed from the venue for too long."""
        shut = self.shut.get(intent.account_id)
        if not shut or shut.isdisjoint((intent.symbol, instrument.quote, *_held_as(instrument))):
            return None
        if self._reduces(intent, instrument) is None:
            return None
        return violation(DIFFERS, "what agrees with the venue", ", ".join(sorted(shut)))

    def _ability(self, intent: OrderIntent, instrument: Instrument) -> Violation | None:
        """Refuse what the venue cannot do, before the wire."""
        found = self.able.get(intent.account_id)
        if found is None:
            return None
        return found.check_order(
            kind=instrument.kind,
            type=intent.type,
            time_in_force=intent.time_in_force,
            post_only=intent.post_only,
            reduce_only=intent.reduce_only,
        )

    def _reduces(self, intent: OrderIntent, instrument: Instrument) -> Violation | None:
        """Refuse what could do anything but shrink the account's position, with all orders that are open."""
        account_id, side = intent.account_id, intent.side
        book = self._exposures.book(account_id)
        if instrument.is_perpetual:
            size = book.position(instrument).size
        else:
            # Of spot one holds what one owns, whatever it was bought with.
            size = self._exposures.total(account_id, instrument.base)
        exposure = book.reservations.exposure(intent.symbol)
        opening = exposure.buys if side is Side.BUY else exposure.sells
        others = add(opening, self._exposures.reducing(account_id, intent.symbol, side))
        return check_reduces(size, others, side, intent.quantity)

    def _rate(self, intent: OrderIntent, now_ns: int) -> Violation | None:
        for limit in self._limits.of(intent):
            if limit.rate is not None:
                found = limit.rate.check(now_ns)
                if found is not None:
                    return found
        return None

    def _stale(self, intent: OrderIntent, instrument: Instrument) -> Violation | None:
        """Open no risk on a book that is not to be trusted."""
        if self._marks.is_stale(intent.venue, intent.symbol) and self._reduces(intent, instrument) is not None:
            return violation(STALE, "a fresh book", "stale")
        return None

    def _limit_of(self, intent: OrderIntent, instrument: Instrument, price: Decimal, now_ns: int) -> Violation | None:
        for limit in self._limits.of(intent):
            found = self._limit(limit, intent, instrument, price, now_ns)
            if found is not None:
                return found
        return None

    def _limit(
        self, limit: Limit, intent: OrderIntent, instrument: Instrument, price: Decimal, now_ns: int
    ) -> Violation | None:
        kind = limit.type
        if kind == ORDERS_PER_MINUTE:
            return limit.rate.check(now_ns) if limit.rate is not None else None
        if kind == ORDER_NOTIONAL:
            return check_order_notional(instrument.notional(price, intent.quantity), limit.value)
        if kind == PRICE_BAND:
            return self._band(intent, limit.value)
        book = self._exposures.book(limit.scope_id)
        if kind == OPEN_ORDERS:
            return check_open_orders(len(book.reservations), int(limit.value))
        exposure = book.reservations.exposure(intent.symbol)
        position = book.position(instrument)
        if kind == POSITION_SIZE:
            return check_position_size(position.size, exposure, intent.side, intent.quantity, limit.value)
        assert kind == POSITION_NOTIONAL, f"expected a limit that is checked here, was {kind}"
        mark = self._marks.price(intent.venue, intent.symbol) or price
        return check_position_notional(position, exposure, intent.side, intent.quantity, mark=mark, limit=limit.value)

    def _band(self, intent: OrderIntent, percent: Decimal) -> Violation | None:
        """What waits for a price may be far from the market: it is for that. Its limit must be near its trigger."""
        if intent.price is None:
            return None
        mark = intent.stop_price if intent.type in TRIGGERED_TYPES else self._marks.price(intent.venue, intent.symbol)
        return check_price_band(intent.price, mark, percent)

    def _self_trade(self, intent: OrderIntent, price: Decimal) -> Violation | None:
        if intent.type in TRIGGERED_TYPES:
            return None
        exposure = self._exposures.book(intent.account_id).reservations.exposure(intent.symbol)
        return check_self_trade(exposure, intent.side, intent.price if intent.type in PRICED_TYPES else price)

    def _money(self, intent: OrderIntent, instrument: Instrument, price: Decimal) -> Violation | None:
        book = self._exposures.book(intent.account_id)
        if not instrument.is_perpetual:
            order = Reservation(
                order_id=intent.order_id,
                instrument=instrument,
                side=intent.side,
                quantity=intent.quantity,
                price=price,
            )
            asset, need = spot_need(order)
            return check_balance(asset, self._exposures.free(intent.account_id, asset), need)
        return check_margin(
            book.position(instrument),
            book.reservations.exposure(intent.symbol),
            intent.side,
            intent.quantity,
            price=price,
            available=self._available(intent.account_id, instrument),
        )

    def _available(self, account_id: AccountId, instrument: Instrument) -> Decimal:
        """Return what is left of the settle asset: owned, less all margin, less what open positions have lost."""
        book = self._exposures.book(account_id)
        left = self._exposures.free(account_id, instrument.settle)
        profit = ZERO
        for position in book.positions.values():
            if position.instrument.is_perpetual and position.instrument.settle == instrument.settle:
                left = subtract(left, book.reservations.required_margin(position))
                profit = add(profit, self._open_profit(position))
        return add(left, min(profit, ZERO))

    def _open_profit(self, position: Position) -> Decimal:
        if not position.size:
            return ZERO
        mark = self._marks.price(position.instrument.venue, position.instrument.symbol)
        return ZERO if mark is None else position.unrealized_pnl(mark)


def _held_as(instrument: Instrument) -> tuple[str, ...]:
    """Name the asset that a trade is held in: of a perpetual only its position is."""
    return () if instrument.is_perpetual else (instrument.base,)


def _venue_rules(intent: OrderIntent, instrument: Instrument, price: Decimal | None) -> Violation | None:
    broken = instrument.check_order(
        type=intent.type,
        quantity=intent.quantity,
        price=intent.price,
        stop_price=intent.stop_price,
        reference_price=price,
        reduce_only=intent.reduce_only,
    )
    if broken:
        return broken[0]
    return violation(NO_MARK, "a price", "none") if price is None else None

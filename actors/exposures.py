"""What could happen to positions at worst: holdings and reservations per scope (user, account, agent).

An order reserves in each of its scopes when it passes the gate. What it still reserves is what it is expected to fill
in all, less what the ledger has booked: so the end of an order, told by the router, and its fills, told by the ledger,
may come in any order and exposure is never understated in between.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from uuid import UUID

from actors.cell import Instruments
from engine.domain.identifiers import AccountId, AgentId, Asset, OrderId, Symbol, UserId
from engine.domain.instrument import Instrument
from engine.domain.kinds import OrderType, Side
from engine.domain.position import Position
from engine.domain.reservations import Reservation, Reservations
from engine.domain.values import ZERO, add, subtract
from engine.messages.orders import FillBooked, OrderChanged, OrderIntent

RESTING = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})


class ScopeBook:
    """Positions and reservations of one scope."""

    __slots__ = ("positions", "reservations")

    def __init__(self) -> None:
        """Start with nothing."""
        self.positions: dict[Symbol, Position] = {}
        self.reservations = Reservations()

    def position(self, instrument: Instrument) -> Position:
        """Return the position in an instrument, flat if there was none."""
        found = self.positions.get(instrument.symbol)
        if found is None:
            found = self.positions[instrument.symbol] = Position(instrument=instrument)
        return found


class _Tracked:
    """An order that may still fill."""

    __slots__ = (
        "account_id",
        "agent_id",
        "booked",
        "expected",
        "is_done",
        "reduce_only",
        "reserved",
        "scopes",
        "side",
        "symbol",
    )

    def __init__(self, order: OrderIntent | OrderChanged, scopes: tuple[ScopeBook, ...], expected: Decimal) -> None:
        self.account_id = order.account_id
        self.agent_id = order.agent_id
        self.symbol = order.symbol
        self.side = order.side
        self.reduce_only = order.reduce_only
        self.scopes = scopes
        self.expected = expected
        self.booked = ZERO
        self.reserved = ZERO
        """What its scopes have reserved for it."""
        self.is_done = False

    @property
    def left(self) -> Decimal:
        rest = subtract(self.expected, self.booked)
        return max(ZERO, rest)


class Exposures:
    """All scopes of one user, and what its accounts own."""

    def __init__(self, user_id: UserId, instruments: Instruments) -> None:
        """Start with nothing."""
        self._user_id = user_id
        self._instruments = instruments
        # An id names its scope: hashing the scope beside it would double the cost of a look-up.
        self._books: dict[UUID, ScopeBook] = {}
        self._orders: dict[OrderId, _Tracked] = {}
        self._totals: dict[AccountId, dict[Asset, Decimal]] = {}

    # --- Reading ------------------------------------------------------------------------------------------------------

    def book(self, scope_id: UUID) -> ScopeBook:
        """Return the book of a user, account or agent, made at its first use."""
        found = self._books.get(scope_id)
        if found is None:
            found = self._books[scope_id] = ScopeBook()
        return found

    def total(self, account_id: AccountId, asset: Asset) -> Decimal:
        """Return what an account owns of an asset."""
        return self._totals.get(account_id, {}).get(asset, ZERO)

    def free(self, account_id: AccountId, asset: Asset) -> Decimal:
        """Return what spot orders have left of an asset."""
        held = self.book(account_id).reservations.held(asset)
        return subtract(self.total(account_id, asset), held)

    def reducing(self, account_id: AccountId, symbol: Symbol, side: Side) -> Decimal:
        """Return the units that open reduce-only orders of one side may still fill."""
        total = ZERO
        for order in self._orders.values():
            if order.reduce_only and order.account_id == account_id and order.symbol == symbol and order.side is side:
                total = add(total, order.left)
        return total

    def open_orders(self, account_id: AccountId | None, agent_id: AgentId | None) -> int:
        """Count the orders that are not done; None matches everything."""
        return sum(
            1
            for order in self._orders.values()
            if not order.is_done
            and (account_id is None or order.account_id == account_id)
            and (agent_id is None or order.agent_id == agent_id)
        )

    # --- Changing -----------------------------------------------------------------------------------------------------

    def own(self, account_id: AccountId, totals: Iterable[tuple[Asset, Decimal]]) -> None:
        """Set what an account owns of the assets that are named."""
        self._totals.setdefault(account_id, {}).update(totals)

    def hold(self, scope_id: UUID, position: Position) -> None:
        """Set a position of a scope."""
        self.book(scope_id).positions[position.instrument.symbol] = position

    def hold_for_account(self, account_id: AccountId, position: Position) -> None:
        """Set a position of an account, and add it to the user's."""
        self.hold(account_id, position)
        total = self.book(self._user_id).position(position.instrument)
        if position.size:
            side = Side.BUY if position.size > ZERO else Side.SELL
            total.apply_fill(side, position.average_price, position.size.copy_abs())

    def take(self, intent: OrderIntent, instrument: Instrument, price: Decimal) -> None:
        """Reserve for an order that passes the gate; `price` values it."""
        tracked = _Tracked(intent, self._scopes(intent.account_id, intent.agent_id), intent.quantity)
        self._orders[intent.order_id] = tracked
        resting = intent.price if intent.type in RESTING else None
        self._reserve(intent.order_id, tracked, instrument, price, resting)

    def change(self, change: OrderChanged, mark: Decimal | None = None) -> None:
        """Follow an order; one that is not known (after a restart, or placed elsewhere) is reserved for.

        Args:
            change: The order as it stands.
            mark: Values an unknown market order.
        """
        tracked = self._orders.get(change.order_id)
        if tracked is None:
            if not change.is_done:
                self._track(change, mark)
            return
        tracked.is_done = change.is_done
        grows = change.expected_quantity > tracked.expected
        tracked.expected = change.expected_quantity
        if grows and not change.is_done:
            # Somebody else's order turns out to be larger than we knew.
            booked = tracked.booked
            self._forget(change.order_id, tracked)
            self._track(change, mark, booked)
            return
        self._settle(change.order_id, tracked)

    def fill(self, booked: FillBooked) -> None:
        """Move a fill from what is reserved to what is held."""
        fill = booked.fill
        instrument = self._instruments[fill.venue, fill.symbol]
        tracked = self._orders.get(fill.order_id)
        scopes = self._scopes(fill.account_id, booked.agent_id) if tracked is None else tracked.scopes
        for scope in scopes:
            scope.position(instrument).apply_fill(fill.side, fill.price, fill.quantity)
        self.own(fill.account_id, booked.totals)
        if tracked is not None:
            tracked.booked = add(tracked.booked, fill.quantity)
            self._settle(fill.order_id, tracked)

    def _track(self, change: OrderChanged, mark: Decimal | None, booked: Decimal | None = None) -> None:
        instrument = self._instruments[change.venue, change.symbol]
        tracked = _Tracked(change, self._scopes(change.account_id, change.agent_id), change.expected_quantity)
        # What it has filled so far is in the positions that were loaded with it.
        tracked.booked = change.filled_quantity if booked is None else booked
        self._orders[change.order_id] = tracked
        resting = change.price if change.type in RESTING else None
        self._reserve(change.order_id, tracked, instrument, change.price or mark or ZERO, resting)

    def _scopes(self, account_id: AccountId, agent_id: AgentId | None) -> tuple[ScopeBook, ...]:
        user, account = self.book(self._user_id), self.book(account_id)
        return (user, account) if agent_id is None else (user, account, self.book(agent_id))

    def _reserve(
        self, order_id: OrderId, tracked: _Tracked, instrument: Instrument, price: Decimal, resting: Decimal | None
    ) -> None:
        tracked.reserved = left = tracked.left
        reservation = Reservation(
            order_id=order_id,
            instrument=instrument,
            side=tracked.side,
            quantity=left,
            price=price,
            resting_price=resting,
            reduce_only=tracked.reduce_only,
        )
        for scope in tracked.scopes:
            scope.position(instrument)  # Its margin counts from the first order on.
            scope.reservations.take(reservation)

    def _settle(self, order_id: OrderId, tracked: _Tracked) -> None:
        """Reserve no more than is left; forget an order that is over."""
        left = tracked.left
        if tracked.is_done and not left:
            self._forget(order_id, tracked)
        elif left < tracked.reserved:
            tracked.reserved = left
            for scope in tracked.scopes:
                scope.reservations.shrink(order_id, left)

    def _forget(self, order_id: OrderId, tracked: _Tracked) -> None:
        del self._orders[order_id]
        for scope in tracked.scopes:
            scope.reservations.release(order_id)

    def reserved(self, scope_id: UUID) -> Mapping[OrderId, Decimal]:
        """Return what is reserved in a scope, by order; for tests and diagnosis."""
        return {each.order_id: each.quantity for each in self.book(scope_id).reservations}

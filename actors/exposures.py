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
from engine.domain.kinds import PRICED_TYPES, Side
from engine.domain.position import Position
from engine.domain.reservations import Reservation, Reservations
from engine.domain.values import ZERO, add, subtract
from engine.messages.orders import FillBooked, OrderChanged, OrderIntent


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
        "asked",
        "booked",
        "expected",
        "is_done",
        "is_reducing",
        "price",
        "reduce_only",
        "reserved",
        "resting",
        "scopes",
        "side",
        "symbol",
        "told",
        "type",
        "venue",
    )

    def __init__(
        self, order: OrderIntent | OrderChanged, scopes: tuple[ScopeBook, ...], expected: Decimal, price: Decimal
    ) -> None:
        self.account_id = order.account_id
        self.agent_id = order.agent_id
        self.venue = order.venue
        self.symbol = order.symbol
        self.side = order.side
        self.type = order.type
        self.reduce_only = order.reduce_only
        self.scopes = scopes
        self.expected = expected
        self.price = price
        """Values it."""
        self.resting = order.price if order.type in PRICED_TYPES else None
        self.booked = ZERO
        self.reserved = ZERO
        """What its scopes have reserved for it."""
        self.is_done = False
        self.is_reducing = order.reduce_only
        """It is reserved for as one that only reduces."""
        self.told: OrderChanged | None = order if isinstance(order, OrderChanged) else None
        """The order as the router told it last."""
        self.asked: tuple[Decimal | None, Decimal | None] | None = None
        """(quantity, price) of an amend that has passed the gate and that the router has not taken yet."""

    @property
    def left(self) -> Decimal:
        rest = subtract(self.expected, self.booked)
        return max(ZERO, rest)

    def worst(self) -> tuple[Decimal, Decimal, Decimal | None]:
        """Return (expected quantity, price that values it, price at which it may rest), open amends included.

        The outcome of an amend is not known before the venue has told it: until then the worse of both counts.
        """
        told = self.told
        if told is None:
            expected, price, resting = self.expected, self.price, self.resting
        else:
            expected = told.expected_quantity
            price = told.price or self.price
            resting = told.price if self.type in PRICED_TYPES else None
            if told.amend_quantity is not None and not self.is_done:
                expected = max(expected, told.amend_quantity)
            if told.amend_price is not None:
                price, resting = max(price, told.amend_price), self._nearer(resting, told.amend_price)
        if self.asked is not None and not self.is_done:
            quantity, asked_price = self.asked
            expected = expected if quantity is None else max(expected, quantity)
            if asked_price is not None:
                price, resting = max(price, asked_price), self._nearer(resting, asked_price)
        return expected, price, resting

    def _nearer(self, resting: Decimal | None, price: Decimal) -> Decimal | None:
        """Return the price that is more likely to meet an order of our own."""
        if resting is None:
            return None
        return max(resting, price) if self.side is Side.BUY else min(resting, price)


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

    def living(self) -> tuple[OrderChanged, ...]:
        """Return every order that is not done, as the router told it last."""
        return tuple(each.told for each in self._orders.values() if each.told is not None and not each.is_done)

    def is_telling(self) -> bool:
        """Whether the router has told of every order that has passed the gate."""
        return all(each.told is not None for each in self._orders.values())

    def is_living(self, order_id: OrderId) -> bool:
        """Whether an order may still fill."""
        found = self._orders.get(order_id)
        return found is not None and not found.is_done

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
        scopes = self._scopes(intent.account_id, intent.agent_id)
        tracked = _Tracked(intent, scopes, intent.quantity, price)
        self._orders[intent.order_id] = tracked
        self._reserve(intent.order_id, tracked, instrument)

    def change(self, change: OrderChanged, mark: Decimal | None = None) -> None:
        """Follow an order; one that is not known (after a restart, or placed elsewhere) is reserved for.

        Args:
            change: The order as it stands.
            mark: Values an unknown market order.
        """
        tracked = self._orders.get(change.order_id)
        if tracked is None:
            if not change.is_done or change.expected_quantity > change.filled_quantity:
                self._track(change, mark)
            return
        tracked.is_done = change.is_done
        tracked.told = change
        self._follow(change.order_id, tracked)

    def fill(self, booked: FillBooked) -> None:
        """Move a fill from what is reserved to what is held."""
        fill = booked.fill
        instrument = self._instruments[fill.venue, fill.symbol]
        tracked = self._orders.get(fill.order_id)
        scopes = self._scopes(fill.account_id, booked.agent_id) if tracked is None else tracked.scopes
        for scope in scopes:
            scope.position(instrument).apply_fill(fill.net_side, fill.price, fill.quantity)
        if booked.average_price is not None:
            # Taken back, or late: what is left of the account's position was paid another price.
            size, average = booked.position_size, booked.average_price
            self.hold(fill.account_id, Position.restored(instrument, size=size, average_price=average))
        self.own(fill.account_id, booked.totals)
        if tracked is not None:
            tracked.booked = add(tracked.booked, fill.net_quantity)
            self._settle(fill.order_id, tracked)

    # --- Amends -------------------------------------------------------------------------------------------------------

    def amendable(self, order_id: OrderId) -> OrderChanged | None:
        """Return an order that may still fill, as the router told it last; None if there is none."""
        tracked = self._orders.get(order_id)
        return None if tracked is None or tracked.is_done else tracked.told

    def set_aside(self, order_id: OrderId) -> Decimal:
        """Give back what an order has reserved, to see whether it may be another; return what it has booked.

        `ask_amend` or `settle_amend` must follow in the same turn.
        """
        tracked = self._orders[order_id]
        for scope in tracked.scopes:
            scope.reservations.release(order_id)
        return tracked.booked

    def ask_amend(self, order_id: OrderId, quantity: Decimal | None, price: Decimal | None) -> None:
        """Reserve for an order as it would be at worst after an amend; None changes nothing."""
        tracked = self._orders[order_id]
        tracked.asked = (quantity, price)
        self._reserve_anew(order_id, tracked)

    def settle_amend(self, order_id: OrderId) -> None:
        """Reserve for an order as the router tells it: an amend was refused, or is the router's to follow now."""
        tracked = self._orders.get(order_id)
        if tracked is not None:
            tracked.asked = None
            self._reserve_anew(order_id, tracked)
            self._settle(order_id, tracked)

    def _reserve_anew(self, order_id: OrderId, tracked: _Tracked) -> None:
        tracked.expected, tracked.price, tracked.resting = tracked.worst()
        self._reserve(order_id, tracked, self._instruments[tracked.venue, tracked.symbol])

    def _follow(self, order_id: OrderId, tracked: _Tracked) -> None:
        expected, price, _ = tracked.worst()
        if expected > tracked.expected or (price != tracked.price and not tracked.is_done):
            # It was amended, or somebody else's order turns out to be larger than we knew.
            self._reserve_anew(order_id, tracked)
        tracked.expected = expected
        self._settle(order_id, tracked)

    # --- Reserving ----------------------------------------------------------------------------------------------------

    def _track(self, change: OrderChanged, mark: Decimal | None) -> None:
        instrument = self._instruments[change.venue, change.symbol]
        scopes = self._scopes(change.account_id, change.agent_id)
        tracked = _Tracked(change, scopes, change.expected_quantity, change.price or mark or ZERO)
        # What it has filled so far is in the positions, but for what the ledger is about to tell.
        tracked.booked = subtract(change.filled_quantity, change.just_filled)
        tracked.expected, tracked.price, tracked.resting = tracked.worst()
        tracked.is_done = change.is_done
        self._orders[change.order_id] = tracked
        self._reserve(change.order_id, tracked, instrument)

    def _scopes(self, account_id: AccountId, agent_id: AgentId | None) -> tuple[ScopeBook, ...]:
        user, account = self.book(self._user_id), self.book(account_id)
        return (user, account) if agent_id is None else (user, account, self.book(agent_id))

    def _reserve(self, order_id: OrderId, tracked: _Tracked, instrument: Instrument) -> None:
        tracked.reserved = left = tracked.left
        # What is missing of an order that is over has been traded already, whatever position is left to reduce.
        tracked.is_reducing = tracked.reduce_only and not tracked.is_done
        reservation = Reservation(
            order_id=order_id,
            instrument=instrument,
            side=tracked.side,
            quantity=left,
            price=tracked.price,
            resting_price=tracked.resting,
            reduce_only=tracked.is_reducing,
        )
        for scope in tracked.scopes:
            scope.position(instrument)  # Its margin counts from the first order on.
            scope.reservations.take(reservation)

    def _settle(self, order_id: OrderId, tracked: _Tracked) -> None:
        """Reserve no more than is left; forget an order that is over."""
        left = tracked.left
        if tracked.is_done and not left:
            self._forget(order_id, tracked)
        elif tracked.is_done and tracked.is_reducing:
            self._reserve(order_id, tracked, self._instruments[tracked.venue, tracked.symbol])
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

"""What can be traded at a venue, and the arithmetic that depends on its rules.

Spot pairs and linear perpetuals: profit, margin and fees are in the quote asset, which is also the settle asset.
"""

from decimal import Decimal
from functools import cached_property
from typing import Final

import msgspec

from engine.domain.errors import BadInput
from engine.domain.identifiers import Asset, Symbol, Venue
from engine.domain.kinds import PRICED_TYPES, TRIGGERED_TYPES, InstrumentKind, Liquidity, OrderType, Side
from engine.domain.values import (
    MAGNITUDE_MAX,
    ONE,
    SCALE_MAX,
    ZERO,
    floor_to_step,
    is_multiple,
    multiply,
    require_decimal,
    require_fraction,
    require_not_negative,
    require_positive,
    round_money,
    round_money_up,
    round_to_tick,
    scale_of,
)
from engine.domain.violation import Violation, violation

ASSET_LENGTH_MAX: Final = 20
"""Characters of an asset's column."""


class Instrument(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A pair at a venue with its trading rules. Wrong values are refused at birth (`BadInput`)."""

    venue: Venue
    symbol: Symbol
    """`BASE/QUOTE` for spot, `BASE/QUOTE:SETTLE` for a perpetual."""
    base: Asset
    quote: Asset
    settle: Asset
    """Asset of margin and profit; the quote."""
    kind: InstrumentKind
    tick_size: Decimal
    """Smallest price step, quote per base unit."""
    price_figures: int | None = None
    """Most significant figures of a price that is not whole, which make the step grow with the price (`tick_at`); None
    where the step is the same for every price."""
    step_size: Decimal
    """Smallest quantity step; base units, for a perpetual contracts."""
    min_quantity: Decimal
    """Smallest order, a multiple of the step."""
    max_quantity: Decimal
    """Largest order."""
    min_notional: Decimal = ZERO
    """Smallest order value in the quote asset."""
    contract_size: Decimal = ONE
    """Base units per unit of quantity."""
    maker_fee: Decimal = ZERO
    """Fraction of the notional; below zero is a rebate."""
    taker_fee: Decimal = ZERO
    """Fraction of the notional."""
    fee_decimals: int = 8
    """Decimals that the venue rounds a fee to, half to even."""
    initial_margin: Decimal = ONE
    """Fraction of the notional that opening takes; 1 is fully paid."""
    maintenance_margin: Decimal = ZERO
    """Fraction of the notional below which the venue liquidates; 0 for spot."""

    def __post_init__(self) -> None:
        """Refuse rules that contradict themselves; a wrong step would send wrong orders all day."""
        _require_names(self)
        for field in ("tick_size", "step_size", "min_quantity", "max_quantity", "contract_size"):
            require_positive(getattr(self, field), field=field)
        require_not_negative(self.min_notional, field="min_notional")
        for field in ("tick_size", "step_size", "contract_size"):
            if scale_of(getattr(self, field)) > SCALE_MAX:
                raise BadInput(field, expected=f"at most {SCALE_MAX} decimals", was=getattr(self, field))
        if self.price_figures is not None and self.price_figures < 1:
            raise BadInput("price_figures", expected="1 or more, or none", was=self.price_figures)
        if self.min_quantity > self.max_quantity:
            raise BadInput("min_quantity", expected=f"at most max_quantity {self.max_quantity}", was=self.min_quantity)
        if not is_multiple(self.min_quantity, self.step_size):
            raise BadInput("min_quantity", expected=f"a multiple of step_size {self.step_size}", was=self.min_quantity)
        _require_rates(self)

    @cached_property
    def is_perpetual(self) -> bool:
        """Whether fills move a margined position instead of two assets."""
        return self.kind is InstrumentKind.PERPETUAL

    @cached_property
    def _scale(self) -> int:
        return scale_of(self.tick_size) + scale_of(self.step_size) + scale_of(self.contract_size)

    @cached_property
    def _notional_is_exact(self) -> bool:
        return self._scale <= SCALE_MAX

    @cached_property
    def money_decimals(self) -> int:
        """Decimals of the quote asset that hold every notional of this instrument: 8 to 18."""
        return min(SCALE_MAX, max(8, self._scale))

    def notional(self, price: Decimal, quantity: Decimal) -> Decimal:
        """Return the value in the quote asset, exact where it fits 18 decimals, else rounded half to even.

        Args:
            price: Quote per base unit, any sign.
            quantity: As in orders, any sign; not necessarily a multiple of the step.
        """
        value = multiply(price, quantity)
        if self.contract_size is not ONE:
            value = multiply(value, self.contract_size)
        return value if self._notional_is_exact else round_money(value)

    def fee(self, notional: Decimal, liquidity: Liquidity) -> Decimal:
        """Return the fee in the quote asset for a fill of this notional (zero or more); below zero is a rebate."""
        rate = self.maker_fee if liquidity is Liquidity.MAKER else self.taker_fee
        return round_money(multiply(notional, rate), self.fee_decimals)

    def highest_fee(self, notional: Decimal) -> Decimal:
        """Return the most that one fill of this notional (zero or more) may cost, rounded up; a rebate counts as 0."""
        rate = max(self.maker_fee, self.taker_fee, ZERO)
        return round_money_up(multiply(notional, rate), self.fee_decimals)

    def margin(self, notional: Decimal) -> Decimal:
        """Return the initial margin in the settle asset for a position of this notional (zero or more)."""
        return multiply(notional, self.initial_margin)

    def tick_at(self, price: Decimal) -> Decimal:
        """Return the price step around a price above zero; whole prices are always allowed, so it is at most 1 there.

        Source: Hyperliquid, "Tick and lot size".
        """
        if self.price_figures is None or not price:
            return self.tick_size
        last_figure = min(0, price.adjusted() + 1 - self.price_figures)
        return max(self.tick_size, Decimal((0, (1,), last_figure)))

    def round_price(self, price: Decimal, side: Side) -> Decimal:
        """Round to the tick, never to our disadvantage (`values.round_to_tick`)."""
        return round_to_tick(price, self.tick_at(price), side)

    def round_quantity(self, quantity: Decimal) -> Decimal:
        """Round down to the step."""
        return floor_to_step(quantity, self.step_size)

    def check_order(
        self,
        *,
        type: OrderType,
        quantity: Decimal,
        price: Decimal | None = None,
        stop_price: Decimal | None = None,
        reference_price: Decimal | None = None,
        reduce_only: bool = False,
    ) -> list[Violation]:
        """Check an order against the rules of the venue, before any limit of ours.

        Args:
            type: Decides which prices must be present.
            quantity: As in the order; finite (messages refuse anything else at birth).
            price: Limit price, for limit, stop-limit and take-profit-limit orders.
            stop_price: Trigger, for stop and take-profit orders with or without a limit.
            reference_price: Mark or last price, to value a market order; None leaves its notional unchecked.
            reduce_only: Venues waive the minimum notional for orders that can only close.

        Returns:
            Every broken rule, in a fixed order; empty if the venue would take the order.
        """
        found: list[Violation] = []
        _check_quantity(self, quantity, found)
        _check_price(self, "price", price, needed=type in PRICED_TYPES, found=found)
        _check_price(self, "stop_price", stop_price, needed=type in TRIGGERED_TYPES, found=found)
        if found:
            return found
        value_at = price or stop_price or reference_price
        if value_at is not None:
            notional = self.notional(value_at, quantity)
            if notional < self.min_notional and not reduce_only:
                found.append(violation("min_notional", self.min_notional, notional))
            if notional.adjusted() > MAGNITUDE_MAX:
                found.append(violation("max_notional", f"below 1E{MAGNITUDE_MAX + 1}", notional))
        return found


def _check_quantity(instrument: Instrument, quantity: Decimal, found: list[Violation]) -> None:
    if quantity < instrument.min_quantity:
        found.append(violation("min_quantity", instrument.min_quantity, quantity))
    if quantity > instrument.max_quantity:
        # The remainder of a monstrous quantity may not even be computable.
        found.append(violation("max_quantity", instrument.max_quantity, quantity))
    elif not is_multiple(quantity, instrument.step_size):
        found.append(violation("step_size", instrument.step_size, quantity))


def _check_price(
    instrument: Instrument, field: str, price: Decimal | None, *, needed: bool, found: list[Violation]
) -> None:
    if price is None:
        if needed:
            found.append(violation(f"{field}_missing", f"a {field}", "none"))
    elif not needed:
        found.append(violation(f"{field}_not_allowed", f"no {field}", price))
    elif price <= ZERO or price.adjusted() > MAGNITUDE_MAX:
        found.append(violation(f"{field}_range", f"above 0 and below 1E{MAGNITUDE_MAX + 1}", price))
    elif not is_multiple(price, instrument.tick_at(price)):
        found.append(violation("tick_size", instrument.tick_at(price), price))


def _require_names(instrument: Instrument) -> None:
    for field in ("base", "quote", "settle"):
        asset = getattr(instrument, field)
        # "/" and ":" separate the parts of symbols and of ledger accounts.
        if not (asset.isascii() and asset.isprintable() and 0 < len(asset) <= ASSET_LENGTH_MAX) or set(asset) & set(
            "/: "
        ):
            raise BadInput(field, expected=f"1 to {ASSET_LENGTH_MAX} characters without / : or blank", was=asset)
    if instrument.settle != instrument.quote:
        raise BadInput("settle", expected=f"the quote asset {instrument.quote}", was=instrument.settle)
    expected = f"{instrument.base}/{instrument.quote}"
    if instrument.kind is InstrumentKind.PERPETUAL:
        expected = f"{expected}:{instrument.settle}"
    if instrument.symbol != expected:
        raise BadInput("symbol", expected=expected, was=instrument.symbol)
    if not instrument.venue:
        raise BadInput("venue", expected="a name", was=instrument.venue)


def _require_rates(instrument: Instrument) -> None:
    for field in ("maker_fee", "taker_fee"):
        rate = getattr(instrument, field)
        require_decimal(rate, field=field)
        if not -ONE < rate < ONE:
            raise BadInput(field, expected="a fraction between -1 and 1, not a percentage", was=rate)
    if type(instrument.fee_decimals) is not int or not 0 <= instrument.fee_decimals <= SCALE_MAX:
        raise BadInput("fee_decimals", expected=f"0 to {SCALE_MAX}", was=instrument.fee_decimals)
    require_fraction(instrument.initial_margin, field="initial_margin")
    require_fraction(instrument.maintenance_margin, field="maintenance_margin")
    if instrument.kind is InstrumentKind.PERPETUAL and not (
        ZERO < instrument.maintenance_margin <= instrument.initial_margin
    ):
        was = f"maintenance {instrument.maintenance_margin}, initial {instrument.initial_margin}"
        raise BadInput("maintenance_margin", expected="above 0 and at most initial_margin", was=was)

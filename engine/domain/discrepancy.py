"""Differences between our books and a venue's: when they matter, and what they look like.

A guess is a help for a person, made by plain arithmetic. Nothing is ever booked because of one.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from engine.domain.identifiers import Asset, Symbol
from engine.domain.instrument import Instrument
from engine.domain.values import ZERO, add, divide, multiply, round_money, subtract, text_of

BALANCE: Final = "balance"
POSITION: Final = "position"

BALANCE_STEP: Final = Decimal("0.00000001")
"""Smallest difference of a balance that matters: venues show eight decimals of what we keep with eighteen. An asset
that is traded in smaller steps has these."""
PRICE_BAND: Final = Decimal("0.2")
"""How far from the market the price of a missing trade may be, as a fraction."""
FUNDING_MAX: Final = Decimal("0.01")
"""Largest funding payment that a guess takes for one, as a fraction of the positions that pay it."""

DEPOSIT: Final = "deposit"
WITHDRAWAL: Final = "withdrawal"
FUNDING: Final = "funding"
FEE_ASSET: Final = "fee_asset"
MISSING_TRADE: Final = "missing_trade"


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One number that is not the same here and there."""

    kind: str
    """`balance` or `position`."""
    name: str
    """Asset or symbol."""
    ours: Decimal
    venue: Decimal

    @property
    def amount(self) -> Decimal:
        """What the venue has more than we; below zero: less."""
        return subtract(self.venue, self.ours)


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What a guess may look at."""

    instruments: tuple[Instrument, ...]
    """Everything that the account may trade."""
    price_of: Callable[[Symbol], Decimal | None]
    """Symbol -> market price, None if nobody knows."""
    fees: Sequence[tuple[Decimal, Asset]] = ()
    """(fee, asset) of the newest fills."""
    held: Sequence[tuple[Asset, Decimal]] = ()
    """(settle asset, cost of the open position) per perpetual that is held."""


def balance_step(asset: Asset, instruments: Iterable[Instrument]) -> Decimal:
    """Return the smallest difference of a balance that matters."""
    steps = (each.step_size for each in instruments if each.base == asset and not each.is_perpetual)
    return min(steps, default=BALANCE_STEP).min(BALANCE_STEP)


def matters(difference: Decimal, step: Decimal) -> bool:
    """Whether a difference is as large as the smallest that matters."""
    return difference.copy_abs() >= step


def guesses(differences: Sequence[Difference], context: Context) -> dict[tuple[str, str], str]:
    """Say what each difference looks like.

    Args:
        differences: All of one comparison: some explain each other.
        context: What else is known.

    Returns:
        (kind, name) -> a code, and what makes it likely: `missing_trade: buy 0.1 BTC/USDT at 60000`.
    """
    amounts = {each.name: each.amount for each in differences if each.kind == BALANCE}
    found: dict[tuple[str, str], str] = {}
    for each in differences:
        if each.kind == POSITION:
            found[POSITION, each.name] = f"{MISSING_TRADE}: {_deal(each.amount)} {each.name}"
    for instrument in context.instruments:
        text = None if instrument.is_perpetual else _missing_spot_trade(instrument, amounts, context)
        if text is not None:
            found[BALANCE, instrument.base] = found[BALANCE, instrument.quote] = text
    for asset, amount in amounts.items():
        if (BALANCE, asset) not in found:
            found[BALANCE, asset] = _of_balance(asset, amount, amounts, context)
    return found


def _deal(amount: Decimal) -> str:
    return f"{'buy' if amount > ZERO else 'sell'} {text_of(amount.copy_abs())}"


def _missing_spot_trade(instrument: Instrument, amounts: dict[Asset, Decimal], context: Context) -> str | None:
    base, quote = amounts.get(instrument.base, ZERO), amounts.get(instrument.quote, ZERO)
    if not base or not quote or base.is_signed() is quote.is_signed():
        return None  # One of them agrees, or both have gone the same way.
    price = round_money(divide(quote.copy_negate(), base), 8).normalize()
    market = context.price_of(instrument.symbol)
    if market is None or subtract(price, market).copy_abs() > multiply(market, PRICE_BAND):
        return None
    return f"{MISSING_TRADE}: {_deal(base)} {instrument.symbol} at {text_of(price)}"


def _of_balance(asset: Asset, amount: Decimal, amounts: dict[Asset, Decimal], context: Context) -> str:
    for fee, fee_asset in context.fees:
        # We have booked a fee here that the venue took from something else; or the other way round.
        if fee and fee_asset == asset and amount == fee and any(each < ZERO for each in amounts.values()):
            return f"{FEE_ASSET}: a fee of {text_of(fee)} {asset} was taken in another asset"
        other = amounts.get(fee_asset)
        if fee and fee_asset != asset and amount < ZERO and other == fee:
            return f"{FEE_ASSET}: a fee that is booked in {fee_asset} was taken here"
    held = ZERO
    for settle, cost in context.held:
        if settle == asset:
            held = add(held, cost.copy_abs())
    if held and amount.copy_abs() <= multiply(held, FUNDING_MAX):
        return FUNDING
    return DEPOSIT if amount > ZERO else WITHDRAWAL

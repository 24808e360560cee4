"""Coinbase's listing as instruments: spot products that can be traded now.

Source: Coinbase Advanced Trade, GET /brokerage/market/products. It tells no fees; they come from the account's tier.
"""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import msgspec

from connectors.coinbase.symbols import symbol_of
from connectors.coinbase.wire import Product, Products
from connectors.live.adapter import Listing
from engine.domain.errors import BadInput
from engine.domain.identifiers import Symbol, Venue
from engine.domain.instrument import Instrument
from engine.domain.kinds import InstrumentKind
from engine.domain.values import ZERO, add, floor_to_step, is_multiple, require_positive

MAKER_FEE: Final = Decimal("0.006")
TAKER_FEE: Final = Decimal("0.012")
"""Of the lowest tier, which is the dearest. Source: Coinbase Advanced Trade, fee schedule, "Intro 1"."""

_decode = msgspec.json.Decoder(Products).decode
_decode_product = msgspec.json.Decoder(Product).decode


class ProductList(msgspec.Struct, frozen=True):
    """What GET products lists."""

    listing: Listing
    aliases: Mapping[str, str]
    """Product -> the product whose market data it has."""
    unreadable: tuple[str, ...] = ()
    """Why, of each product whose entry could not be understood; nobody can trade it here."""


def parse_products(raw: bytes, *, venue: Venue) -> ProductList:
    """Read the spot products. One with impossible rules does not hide the others: it is named as unreadable.

    Raises:
        BadInput: The answer as a whole is no list of products.
    """
    try:
        entries = _decode(raw).products
    except (msgspec.DecodeError, ValueError) as error:
        raise BadInput("products", expected=f"a list of products ({error})", was=raw) from error
    instruments: list[Instrument] = []
    closed: list[Symbol] = []
    aliases: dict[str, str] = {}
    unreadable: list[str] = []
    skipped: Counter[str] = Counter()
    for entry in entries:
        try:
            product = _decode_product(entry)
            if product.product_type != "SPOT":
                skipped[product.product_type.lower()] += 1
                continue
            why = why_closed(product)
            if why is not None:
                closed.append(symbol_of(product.product_id))
                skipped[why] += 1
                continue
            instruments.append(instrument_of(product, venue))
        except (msgspec.DecodeError, ValueError, BadInput) as error:
            unreadable.append(f"{bytes(entry)[:60].decode(errors='replace')}: {error}")
            skipped["unreadable"] += 1
            continue
        if product.alias:
            aliases[product.product_id] = product.alias
    listing = Listing(instruments=tuple(instruments), closed=tuple(closed), skipped=dict(skipped))
    return ProductList(listing=listing, aliases=aliases, unreadable=tuple(unreadable))


def why_closed(product: Product) -> str | None:
    """Return why a product takes no ordinary orders now, None if it does.

    Limit-only and post-only phases pass within minutes after a listing or a halt; we wait until they are over.
    """
    if product.status.lower() not in ("online", ""):
        return product.status.lower()
    for flag in (
        "trading_disabled",
        "is_disabled",
        "view_only",
        "cancel_only",
        "auction_mode",
        "limit_only",
        "post_only",
    ):
        if getattr(product, flag):
            return flag
    return None


def instrument_of(product: Product, venue: Venue) -> Instrument:
    """Return a spot product's rules.

    Raises:
        BadInput: They contradict each other.
        ValueError: One is no number.
    """
    step = product.base_increment
    require_positive(step, field="base_increment")
    smallest = max(product.base_min_size, step)
    if not is_multiple(smallest, step):
        # Where the smallest size is none that can be ordered, the next one that can is.
        smallest = add(floor_to_step(smallest, step), step)
    return Instrument(
        venue=venue,
        symbol=symbol_of(product.product_id),
        base=product.base_currency_id,
        quote=product.quote_currency_id,
        settle=product.quote_currency_id,
        kind=InstrumentKind.SPOT,
        tick_size=_number(product.price_increment, product.quote_increment),
        step_size=step,
        min_quantity=smallest,
        max_quantity=product.base_max_size,
        min_notional=_number(product.quote_min_size, ZERO),
        maker_fee=MAKER_FEE,
        taker_fee=TAKER_FEE,
    )


def _number(text: str, otherwise: Decimal) -> Decimal:
    try:
        return Decimal(text) if text else otherwise
    except ArithmeticError as error:
        raise BadInput("product", expected="a number", was=text) from error

"""When a difference matters, and what it looks like."""

from decimal import Decimal
from typing import Any

import pytest

from engine.domain.discrepancy import Context, Difference, balance_step, guesses, matters
from tests.support.domain import a_perpetual, a_spot

D = Decimal
SPOT, PERPETUAL = a_spot(), a_perpetual()


def a_context(**changes: Any) -> Context:
    fields: dict[str, Any] = {"instruments": (SPOT, PERPETUAL), "price_of": lambda _: D(60_000)}
    return Context(**fields | changes)


def differ(name: str, ours: str, venue: str, kind: str = "balance") -> Difference:
    return Difference(kind=kind, name=name, ours=D(ours), venue=D(venue))


def guess(*differences: Difference, **changes: Any) -> dict[str, str]:
    return {name: text for (_, name), text in guesses(differences, a_context(**changes)).items()}


def test_more_is_a_deposit_and_less_a_withdrawal() -> None:
    assert guess(differ("USDT", "100", "150")) == {"USDT": "deposit"}
    assert guess(differ("BTC", "1", "0.5")) == {"BTC": "withdrawal"}


def test_money_for_units_near_the_market_is_a_missing_trade() -> None:
    found = guess(differ("BTC", "0", "0.1"), differ("USDT", "10000", "4000"))
    assert found == dict.fromkeys(("BTC", "USDT"), "missing_trade: buy 0.1 BTC/USDT at 60000")
    found = guess(differ("BTC", "0.1", "0"), differ("USDT", "0", "6100"))
    assert set(found.values()) == {"missing_trade: sell 0.1 BTC/USDT at 61000"}


def test_a_price_far_from_the_market_is_none() -> None:
    assert guess(differ("BTC", "0", "0.1"), differ("USDT", "100", "0")) == {"BTC": "deposit", "USDT": "withdrawal"}
    unpriced = guess(differ("BTC", "0", "0.1"), differ("USDT", "6000", "0"), price_of=lambda _: None)
    assert unpriced == {"BTC": "deposit", "USDT": "withdrawal"}


def test_a_position_that_differs_lacks_a_trade() -> None:
    found = guess(differ("BTC/USDT:USDT", "0.5", "0.2", kind="position"))
    assert found == {"BTC/USDT:USDT": "missing_trade: sell 0.3 BTC/USDT:USDT"}


def test_a_fee_that_was_taken_elsewhere_is_recognised_on_both_sides() -> None:
    found = guess(differ("USDT", "99", "100"), differ("BNB", "1", "0.998"), fees=((D(1), "USDT"),))
    assert all(text.startswith("fee_asset:") for text in found.values())
    assert set(found) == {"USDT", "BNB"}


def test_a_small_part_of_what_is_held_is_funding() -> None:
    held = (("USDT", D(60_000)),)
    assert guess(differ("USDT", "100", "94"), held=held) == {"USDT": "funding"}
    assert guess(differ("USDT", "2000", "94"), held=held) == {"USDT": "withdrawal"}
    assert guess(differ("BTC", "2", "1"), held=held) == {"BTC": "withdrawal"}


@pytest.mark.parametrize(
    ("difference", "is_worth"), [("0.00000001", True), ("-0.00000001", True), ("0.000000009", False), ("0", False)]
)
def test_what_is_smaller_than_a_venue_shows_does_not_matter(difference: str, is_worth: bool) -> None:
    assert matters(D(difference), balance_step("USDT", ())) is is_worth


def test_an_asset_that_is_traded_in_smaller_steps_has_these() -> None:
    fine = a_spot(step_size=D("0.0000000001"), min_quantity=D("0.0000000001"))
    assert balance_step("BTC", (fine,)) == D("0.0000000001")
    assert balance_step("USDT", (fine,)) == D("0.00000001")
    assert balance_step("BTC", (SPOT, PERPETUAL)) == D("0.00000001")

"""What the simulated venue lists."""

from connectors.simulated.listing import listings, wanted
from engine.domain.kinds import InstrumentKind


def test_three_spot_pairs_and_a_perpetual_are_listed() -> None:
    found = {each.instrument.symbol: each.instrument.kind for each in listings()}
    assert found == {
        "BTC/USDT": InstrumentKind.SPOT,
        "ETH/USDT": InstrumentKind.SPOT,
        "SOL/USDT": InstrumentKind.SPOT,
        "BTC/USDT:USDT": InstrumentKind.PERPETUAL,
    }


def test_the_venue_may_have_any_name() -> None:
    assert {each.instrument.venue for each in listings("lab")} == {"lab"}


def test_a_smallest_order_is_worth_more_than_the_smallest_quantity() -> None:
    for each in listings():
        rules = each.instrument
        assert rules.notional(each.price, rules.min_quantity) < rules.min_notional * 20
        assert rules.notional(each.price, rules.max_quantity) > 1_000_000


def test_a_choice_brings_the_pair_that_it_follows() -> None:
    listed = listings()
    assert wanted(listed, ()) == listed
    assert [each.instrument.symbol for each in wanted(listed, ["ETH/USDT"])] == ["ETH/USDT"]
    assert [each.instrument.symbol for each in wanted(listed, ["BTC/USDT:USDT"])] == ["BTC/USDT", "BTC/USDT:USDT"]
    assert wanted(listed, ["DOGE/USDT"]) == ()

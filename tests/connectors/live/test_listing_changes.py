"""What a new listing says that was not known."""

from decimal import Decimal

from connectors.live.adapter import Listing
from connectors.live.listing_changes import CLOSED, GONE, ListingChanges, changes
from tests.support.live_market import a_pair

BTC, ETH, SOL = a_pair("BTC/USDT"), a_pair("ETH/USDT"), a_pair("SOL/USDT")
KNOWN = {each.symbol: each for each in (BTC, ETH, SOL)}


def test_the_same_listing_changes_nothing() -> None:
    assert changes(KNOWN, set(), Listing(instruments=(SOL, ETH, BTC))) == ListingChanges()


def test_what_is_new_and_what_has_other_rules_is_fresh() -> None:
    coarse, new = a_pair("BTC/USDT", tick_size=Decimal("0.1")), a_pair("XRP/USDT")
    found = changes(KNOWN, set(), Listing(instruments=(coarse, ETH, SOL, new)))
    assert found == ListingChanges(fresh=(coarse, new))


def test_what_is_not_listed_any_more_is_closed_once() -> None:
    listing = Listing(instruments=(BTC,), closed=("ETH/USDT",))
    assert changes(KNOWN, set(), listing).closed == {"ETH/USDT": CLOSED, "SOL/USDT": GONE}
    assert changes(KNOWN, {"ETH/USDT", "SOL/USDT"}, listing) == ListingChanges()


def test_what_trades_again_is_open() -> None:
    assert changes(KNOWN, {"ETH/USDT"}, Listing(instruments=(BTC, ETH, SOL))).opened == ("ETH/USDT",)

"""Each event is told once."""

from decimal import Decimal

from connectors.live.told import Told
from engine.domain.kinds import DoneReason, Liquidity, Side
from engine.messages.venues import VenueFill, VenueOrderDone, VenueTradeVoided
from tests.support.venues.rig import RIG_ACCOUNT


def a_fill(trade: str = "1", side: Side = Side.BUY, symbol: str = "BTC/USDT") -> VenueFill:
    return VenueFill(
        account_id=RIG_ACCOUNT, venue="v", symbol=symbol, side=side, venue_client_id="c", external_order_id="7",
        external_trade_id=trade, price=Decimal(1), quantity=Decimal(1), fee=Decimal(0), fee_asset="USDT",
        liquidity=Liquidity.MAKER, executed_at_ns=1, cursor=trade,
    )  # fmt: skip


def an_end(filled: str = "0", order: str = "7") -> VenueOrderDone:
    return VenueOrderDone(
        account_id=RIG_ACCOUNT, venue_client_id="c", external_order_id=order, symbol="BTC/USDT",
        reason=DoneReason.CANCELLED, filled_quantity=Decimal(filled), venue_time_ns=1,
    )  # fmt: skip


def test_a_fill_is_new_once() -> None:
    told = Told()
    assert [told.is_new(a_fill()) for _ in range(3)] == [True, False, False]


def test_fills_that_share_a_number_are_two_where_symbol_or_side_differ() -> None:
    told = Told()
    fills = [a_fill(), a_fill(symbol="ETH/USDT"), a_fill(side=Side.SELL), a_fill(trade="2")]
    assert [told.is_new(each) for each in fills] == [True] * 4


def test_an_end_is_new_once_and_again_if_it_counts_other_fills() -> None:
    told = Told()
    assert [told.is_new(each) for each in (an_end(), an_end(), an_end("1"), an_end(order="8"))] == [
        True, False, True, True,
    ]  # fmt: skip


def test_other_events_are_always_told() -> None:
    void = VenueTradeVoided(
        account_id=RIG_ACCOUNT, symbol="BTC/USDT", side=Side.BUY, venue_client_id="c", external_order_id="7",
        external_trade_id="1", venue_time_ns=1,
    )  # fmt: skip
    told = Told()
    assert [told.is_new(void) for _ in range(2)] == [True, True]


def test_the_oldest_are_forgotten_first_and_nothing_grows() -> None:
    told = Told(limit=2)
    assert [told.is_new(a_fill(trade)) for trade in ("1", "2", "3", "3", "1")] == [True, True, True, False, True]
    assert len(told._keys) == 2

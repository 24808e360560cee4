"""Binance's words for orders."""

import pytest

from connectors.binance import words
from connectors.binance.symbols import Market
from engine.domain.errors import BadInput
from engine.domain.kinds import DoneReason, OrderType, TimeInForce


def test_a_word_that_means_two_things_is_told_apart_by_the_market() -> None:
    assert words.type_of("TAKE_PROFIT", "spot") is OrderType.TAKE_PROFIT
    assert words.type_of("TAKE_PROFIT", "usdm") is OrderType.TAKE_PROFIT_LIMIT


@pytest.mark.parametrize("market", ["spot", "usdm"])
def test_a_take_profit_is_no_stop(market: Market) -> None:
    read = [words.type_of(word, market) for word in ("TAKE_PROFIT_LIMIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")]
    assert read == [OrderType.TAKE_PROFIT_LIMIT, OrderType.TAKE_PROFIT, OrderType.STOP]


def test_post_only_has_two_names() -> None:
    assert words.is_post_only("LIMIT_MAKER", "")
    assert words.is_post_only("LIMIT", "GTX")
    assert not words.is_post_only("LIMIT", "GTC")
    assert words.tif_of("GTX") is TimeInForce.GTC


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("NEW", None),
        ("PARTIALLY_FILLED", None),
        ("PENDING_CANCEL", None),
        ("FILLED", DoneReason.FILLED),
        ("CANCELED", DoneReason.CANCELLED),
        ("EXPIRED_IN_MATCH", DoneReason.EXPIRED),
        ("REJECTED", DoneReason.REJECTED),
    ],
)
def test_a_status_says_whether_it_is_over(status: str, reason: DoneReason | None) -> None:
    assert words.done_of(status) is reason


@pytest.mark.parametrize(
    "read", [words.done_of, words.algo_done_of, words.side_of, words.tif_of, words.position_side_of]
)
def test_an_unknown_word_is_refused(read: object) -> None:
    with pytest.raises(BadInput):
        read("WHATEVER")  # type: ignore[operator]
    with pytest.raises(BadInput):
        words.type_of("WHATEVER", "spot")

"""Which report counts, and what fills a venue's sum implies."""

from decimal import Decimal

import pytest

from engine.domain.errors import BadInput
from engine.domain.kinds import DoneReason, Liquidity, RequestState
from engine.domain.order_facts import DONE_STRENGTH, REQUEST_RANK, CumulativeFact, missing_fill
from tests.support.domain import a_fill

D = Decimal


def a_sum(**changes: object) -> CumulativeFact:
    fields = {"quantity": D("0.4"), "average_price": D(100), "fee": D("0.8"), "fee_asset": "USDT", "at_ns": 9}
    return CumulativeFact(**(fields | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("stronger", "weaker"),
    [
        (a_fill(quantity="0.2", executed_at_ns=1), a_fill(quantity="0.1", executed_at_ns=2)),
        (a_fill(executed_at_ns=2, fee="0"), a_fill(executed_at_ns=1, fee="9")),
        (a_fill(fee="0.6"), a_fill(fee="0.5")),
        (a_fill(price="60001"), a_fill(price="60000")),
        (a_fill(fee_asset="USDT"), a_fill(fee_asset="BNB")),
        (a_fill(liquidity=Liquidity.TAKER), a_fill(liquidity=Liquidity.MAKER)),
    ],
)
def test_of_two_reports_of_a_trade_one_outranks_the_other(stronger: object, weaker: object) -> None:
    assert stronger.outranks(weaker)  # type: ignore[attr-defined]
    assert not weaker.outranks(stronger)  # type: ignore[attr-defined]


def test_the_larger_sum_counts_and_of_equal_ones_the_later() -> None:
    assert a_sum(quantity=D("0.5"), at_ns=1).outranks(a_sum())
    assert a_sum(at_ns=10).outranks(a_sum())
    assert not a_sum().outranks(a_sum())


def test_the_missing_fill_carries_the_rest_of_quantity_value_and_fee() -> None:
    fill = missing_fill(a_sum(), D("0.1"), D("10.3"), D("0.3"))
    assert fill is not None
    assert (fill.quantity, fill.price, fill.fee) == (D("0.3"), D(99), D("0.5"))
    assert (fill.inferred, fill.trade_id, fill.executed_at_ns) == (True, "inferred:0.4:0.3:99:9", 9)


@pytest.mark.parametrize(("fee", "rest"), [("0.8", "0"), ("0", "0"), ("-0.2", "-0.2")])
def test_the_rest_of_a_fee_is_nothing_where_the_venue_gave_none_or_less(fee: str, rest: str) -> None:
    fill = missing_fill(a_sum(fee=D(fee)), D("0.1"), D("10.3"), D("0.9"))
    assert fill is not None
    assert fill.fee == D(rest)


@pytest.mark.parametrize("known", ["0.4", "0.5"])
def test_nothing_is_missing_when_the_trades_explain_the_sum(known: str) -> None:
    assert missing_fill(a_sum(), D(known), D(1), D(0)) is None


@pytest.mark.parametrize("value", ["40", "50", "39.9999999999999999999"])
def test_a_senseless_rest_is_priced_at_the_venues_average(value: str) -> None:
    fill = missing_fill(a_sum(), D("0.1"), D(value), D(0))
    assert fill is not None
    assert fill.price == D(100)


@pytest.mark.parametrize(
    "changes",
    [{"quantity": D(0)}, {"average_price": D("NaN")}, {"fee": D("Infinity")}, {"at_ns": -1}, {"quantity": 1.0}],
)
def test_an_impossible_sum_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        a_sum(**changes)


def test_every_reason_and_request_state_has_its_own_rank() -> None:
    assert set(DONE_STRENGTH) == set(DoneReason)
    assert set(REQUEST_RANK) == set(RequestState)
    assert len(set(DONE_STRENGTH.values())) == len(DONE_STRENGTH)
    assert len(set(REQUEST_RANK.values())) == len(REQUEST_RANK)

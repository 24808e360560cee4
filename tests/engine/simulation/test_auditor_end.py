"""Both sides compared when nothing moves any more: nothing is told when they agree, and everything when they do not."""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from engine.domain.identifiers import AccountId
from engine.domain.kinds import Side
from engine.messages.rows import DiscrepancyRow, OrderRow, Row
from engine.messages.venues import VenueCancel
from engine.simulation.auditor_end import _fees_unknown, _transfer
from tests.engine.simulation.test_auditor_venue import Scene
from tests.support.cell_builders import ACCOUNT, START_NS, USER, an_id
from tests.support.histories import (
    a_balance,
    a_cancel,
    a_position,
    a_trade_row,
    done,
    entry_of,
    opening,
    working,
)

D = Decimal


def a_scene() -> tuple[Scene, OrderRow]:
    """Return a venue where an account has bought 0.1 BTC, and books that say the same."""
    scene = Scene()
    scene.history.commit(*opening("USDT", "100000"), *opening("BTC", "10", 2), *opening("BNB", "5", 3))
    row = scene.place(price=D(60_000))
    (trade,) = scene.venue.truth.trades
    booked = a_trade_row(
        row,
        external_trade_id=str(trade.number),
        price=trade.price,
        fees=trade.fee,
        fee_asset=trade.fee_asset,
    )
    scene.history.commit(
        done(row, "filled", "0.1"),
        booked,
        *entry_of(booked),
        a_balance("BTC", "10.1"),
        a_balance("USDT", str(scene.venue.truth.accounts[AccountId(ACCOUNT)].totals["USDT"])),
        a_position("0.1"),
    )
    return scene, row


def told(scene: Scene) -> list[str]:
    """Return what the auditor tells of the end but for events, of which these histories have none."""
    assert scene.broken == []
    return [line for line in scene.history.auditor.unsettled() if not line.startswith("I21")]


def test_two_sides_that_agree() -> None:
    scene, _ = a_scene()
    assert told(scene) == []


def test_an_order_that_rests_on_both_sides_is_no_difference() -> None:
    scene, _ = a_scene()
    row = scene.place()
    scene.history.commit(working(row))
    assert told(scene) == []


def test_an_order_whose_outcome_is_not_known_is_told() -> None:
    scene, _ = a_scene()
    row = scene.place()
    scene.history.commit(msgspec.structs.replace(row, lifecycle="unknown", status_detail="unknown"))
    assert len(told(scene)) == 1


@pytest.mark.parametrize("reason", ["cancelled", "expired", "rejected"])
def test_an_order_that_ended_here_and_rests_there_is_told(reason: str) -> None:
    scene, _ = a_scene()
    row = scene.place()
    scene.history.commit(done(row, reason))
    assert told(scene) == [f"I6: order {row.id}: we say {reason} (done), the venue has it open"]


def test_an_order_that_ended_there_and_rests_here_is_told() -> None:
    scene, _ = a_scene()
    row = scene.place()
    scene.history.commit(working(row))
    cancel: dict[str, Any] = {"external_order_id": None, "symbol": row.symbol, "fence": 1}
    scene.ask(
        VenueCancel(
            order_id=row.id,  # type: ignore[arg-type]  # The same id.
            account_id=AccountId(ACCOUNT),
            venue_client_id=row.venue_client_id,
            **cancel,
        )
    )
    assert told(scene) == [f"I6: order {row.id}: we say open (working), the venue has ended it: cancelled"]


@pytest.mark.parametrize("is_forgotten", [True, False])
@pytest.mark.parametrize("is_known", [True, False])
def test_an_order_that_was_forgotten_before_we_heard_of_it_may_never_have_existed(
    is_forgotten: bool, is_known: bool
) -> None:
    scene, _ = a_scene()
    row = scene.place()
    order = scene.venue.truth.find(AccountId(ACCOUNT), row.venue_client_id)
    assert order is not None
    scene.cancel(order)
    if is_forgotten:
        scene.by_hand(lambda: scene.venue.hand.forget(scene.clock.at_ns + 1))
    external_order_id = order.external_id if is_known else None
    scene.history.commit(msgspec.structs.replace(done(row, "never_existed"), external_order_id=external_order_id))
    expected = [f"I6: order {row.id}: we say rejected (done), the venue says cancelled"]
    assert told(scene) == ([] if is_forgotten and not is_known else expected)


def test_an_order_that_the_venue_never_had_is_told() -> None:
    scene, row = a_scene()
    other = msgspec.structs.replace(row, id=an_id(999), venue_client_id="cv-999", intent_key="key-999")
    scene.history.commit(working(other))
    assert told(scene) == [f"I6: order {other.id}: we say open (working), the venue does not have it"]


def test_a_fill_that_is_missing_is_told_with_its_money() -> None:
    scene, _ = a_scene()
    row = scene.place(price=D(60_000))
    scene.history.commit(working(row))
    lines = "\n".join(told(scene))
    assert "0 filled, the venue 0.1" in lines
    assert "is missing" in lines
    assert "BTC of" in lines
    assert "USDT of" in lines


def test_a_stranger_that_rests_and_is_not_adopted_is_told() -> None:
    scene, _ = a_scene()
    place = scene.venue.hand.place
    scene.by_hand(lambda: place(AccountId(ACCOUNT), "BTC/USDT", Side.BUY, D("0.1"), price=D(59_000)))
    (line,) = told(scene)
    assert line.startswith("I1: the venue has")


def test_a_request_without_an_answer_is_told() -> None:
    scene, row = a_scene()
    scene.history.commit(a_cancel(row))
    assert told(scene) == [f"I15: cancel request {an_id(9001)} of order {row.id} is requested"]


def a_discrepancy(ours: str, venue: str, state: str = "open") -> DiscrepancyRow:
    """Return a difference in USDT."""
    fields: dict[str, Any] = {"created_at": START_NS, "updated_at": START_NS, "guess": None}
    return DiscrepancyRow(
        id=an_id(3),
        user_id=USER,
        account_id=ACCOUNT,
        kind="balance",
        asset="USDT",
        ours=D(ours),
        venue=D(venue),
        state=state,
        **fields,
    )


def test_only_the_fees_of_hidden_trades_are_not_known() -> None:
    account = AccountId(ACCOUNT)
    trades = [
        SimpleNamespace(fee_asset=asset, fee=D(fee), is_hidden=is_hidden)
        for asset, fee, is_hidden in (("BTC", 1, True), ("USDT", 2, False), ("USDT", 3, True))
    ]
    facts = cast("Any", SimpleNamespace(truth=SimpleNamespace(trades_of={account: trades})))
    assert [_fees_unknown(facts, account, asset) for asset in ("USDT", "BTC", "ETH")] == [D(3), D(1), D(0)]


@pytest.mark.parametrize(("unknown", "expected"), [("2", 1), ("3", 0)])
def test_a_fee_that_nobody_knows_must_be_told_as_a_discrepancy(unknown: str, expected: int) -> None:
    row = a_discrepancy("3", "0")
    told = list(_transfer(ACCOUNT, "USDT", D(-3), [], row, D(unknown)))
    assert len(told) == expected
    assert len(list(_transfer(ACCOUNT, "USDT", D(-3), [], None, D(unknown)))) == 1


@pytest.mark.parametrize(
    ("amount", "row", "expected"),
    [
        ("5", a_discrepancy("1", "6"), None),
        ("5", None, "nobody tells that the venue has 5"),
        (None, a_discrepancy("1", "6"), "a discrepancy is open, but both sides agree"),
        (None, a_discrepancy("1", "6", "explained"), None),
    ],
    ids=["told", "not told", "without a reason", "closed"],
)
def test_a_transfer_is_a_discrepancy_and_nothing_else_is(
    amount: str | None, row: Row | None, expected: str | None
) -> None:
    scene, _ = a_scene()
    if amount is not None:
        scene.by_hand(lambda: scene.venue.hand.transfer(AccountId(ACCOUNT), "USDT", D(amount)))
    if row is not None:
        scene.history.commit(row)
    lines = told(scene)
    assert len(lines) == (0 if expected is None else 1)
    assert all((expected or "") in line for line in lines)

"""What must hold of orders, against the released daemon and the venue that lies, seen from outside both.

The numbers are those of the list: a fill long after the cancel, a thousand poll errors, a silent private stream, a
first answer that is lost, a status without its trades. Kills at every step are in test_kill_matrix.py, the database in
test_database_faults.py, two engines on one account in test_one_account_two_engines.py.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.acceptance import Scene, a_scene

POLL_ERRORS = int(os.environ.get("CIVAL_POLL_ERRORS", "1000"))
"""Polls that fail while an order is followed."""
ERRORS_PER_RUN = 5
"""After so many questions without an answer a comparison asks no more."""
LATE_S = 600
"""How long after its cancel an order trades."""
PATIENCE_S = 3.2
"""After which a fill that nobody pushed proves that the stream is silent."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, pg_cluster: Path) -> Iterator[Scene]:
    with a_scene(tmp_path_factory.mktemp("acceptance"), cluster=pg_cluster) as found:
        yield found.start()


def reconcile(scene: Scene, *, deep: bool = False) -> dict[str, object]:
    """Compare the account now; return the report."""
    status, answer = scene.daemon.call("POST", f"/api/v1/accounts/{scene.account_id}/reconcile", {"deep": deep})
    assert status == 200, answer
    return dict(answer)


def test_an_order_is_followed_through_a_thousand_poll_errors(scene: Scene) -> None:
    followed = [scene.rest() for _ in range(ERRORS_PER_RUN)]
    before = scene.venue.struck().get("maintenance", 0)
    outcomes = []
    for _ in range(POLL_ERRORS // ERRORS_PER_RUN):
        scene.venue.script("maintenance", times=ERRORS_PER_RUN, about="OrderQuery")
        outcomes.append(reconcile(scene, deep=True)["outcome"])

    assert scene.venue.struck()["maintenance"] - before >= POLL_ERRORS
    assert set(outcomes) == {"partial"}
    assert {scene.order(order)["status"] for order in followed} == {"open"}
    scene.venue.fill(followed[0]["venue_client_id"])
    for order in followed[1:]:
        scene.cancel(order)
    scene.until(followed[0], status="filled")
    for order in followed[1:]:
        scene.until(order, status="cancelled")
    scene.assert_same_books()


def test_a_silent_private_stream_is_noticed_and_its_fills_are_found(scene: Scene) -> None:
    order = scene.rest()
    scene.venue.begin("silent_pushes", 60)
    scene.venue.fill(order["venue_client_id"], "0.003")
    assert reconcile(scene)["late_fills"] == 1
    assert scene.order(order)["filled_quantity"] == "0.003", "a question has found what nobody pushed"

    time.sleep(PATIENCE_S)
    reconcile(scene)
    assert scene.account_part() == {**scene.account_part(), "ready": False, "reason": "the private stream is silent"}
    status, refused = scene.post(scene.body())
    assert (status, refused["code"]) == (422, "account_not_ready")
    scene.venue.end("silent_pushes")
    scene.venue.fill(order["venue_client_id"], "0.001")
    scene.until(order, filled_quantity="0.004")
    scene.daemon.wait_for(scene.is_ready, "the account", 20)
    scene.cancel(order)
    scene.until(order, status="cancelled")
    scene.assert_same_books()


def test_a_link_that_only_takes_is_given_up_and_nothing_is_missed(scene: Scene) -> None:
    order = scene.rest()
    scene.venue.happen("half_open")
    scene.venue.fill(order["venue_client_id"], "0.002")
    scene.daemon.wait_for(lambda: not scene.account_part()["ready"], "the loss", 12)
    scene.daemon.wait_for(scene.is_ready, "the return", 20)

    scene.until(order, filled_quantity="0.002")
    scene.cancel(order)
    scene.until(order, status="cancelled")
    scene.assert_same_books()


def test_an_order_whose_first_answer_is_lost_exists_once(scene: Scene) -> None:
    scene.venue.script("lost_answer", about="VenueSubmit")
    order = scene.place()
    scene.until(order, status="filled")

    assert scene.venue.arrivals()[scene.order(order)["venue_client_id"]] == (1, 1)
    scene.assert_same_books()


def test_a_request_that_is_lost_never_existed(scene: Scene) -> None:
    scene.venue.script("lost_request", about="VenueSubmit")
    order = scene.place()
    scene.until(order, status="rejected", status_detail="never_existed")

    assert scene.order(order)["venue_client_id"] not in scene.venue.arrivals()
    scene.assert_same_books()


def test_a_status_filled_without_trades_is_booked_once_when_they_come(scene: Scene) -> None:
    scene.venue.script("status_without_trades", strength=0)
    order = scene.place()
    scene.until(order, status="filled", filled_quantity="0.01")
    client_id = scene.order(order)["venue_client_id"]
    (trade,) = scene.venue.trades(client_id)
    scene.venue.repeat(trade.fill.symbol, trade.fill.external_trade_id)
    reconcile(scene, deep=True)

    trades = [row for row in scene.books().rows["trades"] if row["external_trade_id"] == trade.fill.external_trade_id]
    assert [(row["quantity"], row["inferred"]) for row in trades] == [(trade.fill.quantity, False)]
    scene.assert_same_books()


def test_a_venue_that_was_killed_is_met_again(scene: Scene) -> None:
    order = scene.rest()
    scene.venue.restart()
    scene.venue.fill(order["venue_client_id"], "0.004")

    scene.until(order, filled_quantity="0.004")
    scene.daemon.wait_for(scene.is_ready, "the return", 20)
    scene.cancel(order)
    scene.until(order, status="cancelled")
    scene.assert_same_books()


def test_a_fill_ten_minutes_after_the_cancel_is_booked(scene: Scene) -> None:
    order = scene.rest()
    scene.cancel(order)
    scene.until(order, status="cancelled")
    # The last test here: the time of a venue does not go back, and so it takes no more orders.
    scene.venue.set_clock(LATE_S)
    scene.venue.fill(order["venue_client_id"], "0.004")
    scene.until(order, filled_quantity="0.004")

    assert scene.order(order)["status"] == "cancelled"
    trade = scene.venue.trades(order["venue_client_id"])[-1].fill
    assert trade.executed_at_ns - time.time_ns() > (LATE_S - 60) * 1_000_000_000
    scene.assert_same_books()

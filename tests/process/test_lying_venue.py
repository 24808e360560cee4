"""The released daemon against a venue that lies: what the two of them hold in the end is the same."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.process.test_first_run import cheap
from tests.support.daemon import Daemon, a_daemon
from tests.support.venue import LyingVenue

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]
BTC = "BTC/USDT"


class Scene:
    """An engine with one account at the venue."""

    def __init__(self, daemon: Daemon, venue: LyingVenue) -> None:
        self.daemon = daemon
        self.venue = venue

    def place(self, **changes: Any) -> dict[str, Any]:
        """Ask for an order, a market buy by default; return it as it is at once."""
        account = self.daemon.get("/accounts")["items"][0]["id"]
        body = {"account_id": account, "symbol": BTC, "side": "buy", "type": "market", "quantity": "0.01"} | changes
        status, order = self.daemon.call("POST", "/api/v1/orders", body)
        assert status in {201, 202}, order
        return dict(order)

    def order(self, order: dict[str, Any]) -> dict[str, Any]:
        return dict(self.daemon.get(f"/orders/{order['id']}"))

    def until(self, order: dict[str, Any], **values: Any) -> None:
        """Wait until an order has these values."""

        def has_them() -> bool:
            row = self.order(order)
            return all(str(row[name]) == str(value) for name, value in values.items())

        self.daemon.wait_for(has_them, f"{values} of {self.order(order)}", 40)

    def assert_same_books(self) -> None:
        """Compare orders, trades and money."""
        account = self.venue.truth().accounts[0].account_id

        def differences() -> list[str]:
            found = []
            theirs = {each.order.venue_client_id: each.order.filled_quantity for each in self.venue.orders()}
            sent = [each for each in self._all("/orders") if each["status_detail"] != "denied"]
            ours = {each["venue_client_id"]: Decimal(each["filled_quantity"]) for each in sent}
            if ours != theirs:
                found.append(f"orders {dict(ours.items() - theirs.items())}, not {dict(theirs.items() - ours.items())}")
            trades = sorted((each["symbol"], each["external_trade_id"]) for each in self._all("/trades"))
            at_venue = sorted((each.fill.symbol, each.fill.external_trade_id) for each in self.venue.trades())
            if trades != at_venue:
                found.append(f"trades {trades}, at the venue {at_venue}")
            money = {each["asset"]: Decimal(each["total"]) for each in self._all("/balances")}
            if money != self.venue.balances(account):
                found.append(f"money {money}, at the venue {self.venue.balances(account)}")
            return found

        try:
            self.daemon.wait_for(lambda: not differences(), "the same books", 40)
        except AssertionError as error:
            raise AssertionError("\n".join(differences())) from error
        assert all(arrivals.accepted <= 1 for arrivals in self.venue.arrivals().values())

    def _all(self, path: str) -> list[dict[str, Any]]:
        return list(self.daemon.get(path)["items"])


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, pg_cluster: Path) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("lying")
    with (
        LyingVenue(folder) as venue,
        a_daemon(folder / "data", config=venue.config, cluster=pg_cluster) as daemon,
    ):
        daemon.start()
        daemon.wait_for(lambda: all(part["ready"] for part in daemon.readiness()[1]["parts"]), "the account", 40)
        yield Scene(daemon, venue)


def test_an_order_whose_first_answer_is_lost_exists_once(scene: Scene) -> None:
    scene.venue.script("lost_answer", about="VenueSubmit")
    order = scene.place()

    scene.until(order, status="filled")
    scene.assert_same_books()


def test_a_status_without_its_trades_waits_for_them(scene: Scene) -> None:
    scene.venue.script("status_without_trades", strength=0)
    order = scene.place()

    scene.until(order, status="filled", filled_quantity="0.01")
    scene.assert_same_books()


def test_a_fill_after_the_cancel_is_booked(scene: Scene) -> None:
    order = scene.place(type="limit", price=cheap(scene.daemon))
    scene.until(order, status="open")
    status, _ = scene.daemon.call("DELETE", f"/api/v1/orders/{order['id']}")
    assert status in {200, 202}
    scene.until(order, status="cancelled")
    scene.venue.fill(scene.order(order)["venue_client_id"], "0.01")

    scene.until(order, filled_quantity="0.01")
    scene.assert_same_books()


def test_a_venue_that_was_killed_is_met_again(scene: Scene) -> None:
    order = scene.place(type="limit", price=cheap(scene.daemon))
    scene.until(order, status="open")
    scene.venue.restart()
    scene.venue.fill(scene.order(order)["venue_client_id"], "0.004")

    scene.until(order, filled_quantity="0.004")
    scene.assert_same_books()

"""A released daemon with one live account at the lying venue, as the acceptance tests drive it.

Everything goes over HTTP, over the venue's own controls, or is read by SQL; nothing looks inside the engine.
"""

import contextlib
import http.client
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from tests.support.books import Books, doubled, lost, read_books, unlike
from tests.support.daemon import Daemon, a_daemon
from tests.support.venue import LyingVenue

BTC = "BTC/USDT"
SETTLED_S = 20.0
GONE = (OSError, http.client.HTTPException)
"""What a caller sees of an engine that died in the middle of his request."""


class Scene:
    """An engine with one account at the venue."""

    def __init__(self, daemon: Daemon, venue: LyingVenue, *, url: str = "") -> None:
        """Take both; the engine need not run yet.

        Args:
            daemon: The engine.
            venue: Where its account is.
            url: Of a served database as the test reads it; the embedded one is found.
        """
        self.daemon = daemon
        self.venue = venue
        self._account_id: UUID | None = None
        self._url = url

    # --- The engine ---------------------------------------------------------------------------------------------------

    def start(self, environ: Mapping[str, str] | None = None) -> "Scene":
        """Start the engine and wait until its account may trade; `environ` is for this life only."""
        with self._environ(environ or {}):
            self.daemon.start(ready=False)
        self.daemon.wait_for(self.is_ready, "the account", SETTLED_S)
        return self

    def spawn(self, environ: Mapping[str, str] | None = None) -> None:
        """Start the engine and wait for nothing."""
        with self._environ(environ or {}):
            self.daemon.spawn()

    @property
    def exit_code(self) -> int | None:
        """How the engine ended; None while it runs."""
        return None if self.daemon.process is None else self.daemon.process.poll()

    @contextlib.contextmanager
    def _environ(self, environ: Mapping[str, str]) -> Iterator[None]:
        before = self.daemon.environ
        self.daemon.environ = {**before, **environ}
        try:
            yield
        finally:
            self.daemon.environ = before

    def is_ready(self) -> bool:
        """Whether everything is ready, the account included."""
        status, body = self.daemon.readiness()
        return status == 200 and all(part["ready"] for part in body["parts"])

    def account_part(self) -> dict[str, Any]:
        """Return what readiness says of the account."""
        _, body = self.daemon.readiness()
        return next((part for part in body.get("parts", []) if part["part"].startswith("account:")), {})

    @property
    def account_id(self) -> UUID:
        """The account's id."""
        if self._account_id is None:
            self._account_id = UUID(self.daemon.get("/accounts")["items"][0]["id"])
        return self._account_id

    # --- Orders -------------------------------------------------------------------------------------------------------

    def body(self, **changes: Any) -> dict[str, Any]:
        """Return the body of an order: a market buy, or what differs."""
        order = {"account_id": str(self.account_id), "symbol": BTC, "side": "buy", "type": "market"}
        return order | {"quantity": "0.01"} | changes

    def resting(self, **changes: Any) -> dict[str, Any]:
        """Return the body of an order that waits in the venue's book."""
        return self.body(type="limit", price=self.cheap()) | changes

    def cheap(self) -> str:
        """Return a price that is far from the market and not absurd, on the tick."""
        return f"{float(self.venue.ask('price', symbol=BTC)) * 0.95:.2f}"

    def post(self, body: Mapping[str, Any], *, wait: bool = False) -> tuple[int, Any]:
        """Ask for an order; with `wait` the answer comes when the venue has answered."""
        return self.daemon.call("POST", f"/api/v1/orders{'?wait=ack' if wait else ''}", dict(body))

    def place(self, body: Mapping[str, Any] | None = None, *, wait: bool = False) -> dict[str, Any]:
        """Ask for an order that must be taken, a market buy by default; return it as it is at once."""
        status, order = self.post(self.body() if body is None else body, wait=wait)
        assert status in {201, 202}, (status, order)
        return dict(order)

    def rest(self, **changes: Any) -> dict[str, Any]:
        """Place an order that rests, and wait until it does."""
        order = self.place(self.resting(**changes), wait=True)
        self.until(order, status="open")
        return self.order(order)

    def cancel(self, order: Mapping[str, Any]) -> tuple[int, Any]:
        """Ask for the cancel of an order."""
        return self.daemon.call("DELETE", f"/api/v1/orders/{order['id']}")

    def order(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Return an order as it is now."""
        return dict(self.daemon.get(f"/orders/{order['id']}"))

    def until(self, order: Mapping[str, Any], timeout_s: float = SETTLED_S, **values: Any) -> None:
        """Wait until an order has these values."""

        def has_them() -> bool:
            row = self.order(order)
            return all(str(row[name]) == str(value) for name, value in values.items())

        self.daemon.wait_for(has_them, f"{values} of {order['id']}", timeout_s)

    # --- Books --------------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The database, for a role that sees all rows."""
        if not self._url:
            self._url = self.daemon.reader_url()
        return self._url

    def books(self) -> Books:
        """Read both sides; the engine need not run, its database must."""
        return read_books(self.url, self.account_id, self.venue.truth())

    def assert_none_lost_or_doubled(self) -> None:
        """Compare the database with the venue's own list, at whatever moment."""
        books = self.books()
        assert lost(books) + doubled(books) == []

    def assert_same_books(self, timeout_s: float = SETTLED_S) -> None:
        """Wait until both sides agree in everything."""
        found = settled_differences(self.books, timeout_s)
        assert found == [], "\n".join(found) + "\n" + self.daemon.output[-3000:]


def settled_differences(read: Callable[[], Books], timeout_s: float) -> list[str]:
    """Read books until nothing differs or the time is over; return what differs then."""
    deadline = time.monotonic() + timeout_s
    while True:
        books = read()
        found = [*lost(books), *doubled(books), *unlike(books)]
        if not found or time.monotonic() >= deadline:
            return found
        time.sleep(0.1)


RATE: Final = {"CIVAL__SERVER__REQUESTS_PER_SECOND": "1000", "CIVAL__SERVER__ORDERS_PER_SECOND": "1000"}
"""A test asks faster than people do."""


@contextlib.contextmanager
def a_scene(
    folder: Path,
    *,
    cluster: Path | None = None,
    config: str = "",
    rules: Mapping[str, Any] | None = None,
    url: str = "",
    **environ: str,
) -> Iterator[Scene]:
    """Give a lying venue that runs and an engine that does not yet.

    Args:
        folder: Of data, logs and the venue's journal.
        cluster: As `a_daemon`.
        config: Added to the engine's configuration.
        rules: Of the venue, as `LyingVenue`.
        url: As `Scene`.
        environ: Of the engine, such as `DATABASE_URL`.
    """
    with (
        LyingVenue(folder, **(rules or {})) as venue,
        a_daemon(folder / "data", config=venue.config + config, cluster=cluster, **RATE, **environ) as daemon,
    ):
        yield Scene(daemon, venue, url=url)

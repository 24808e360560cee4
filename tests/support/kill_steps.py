"""The steps of the kill matrix: at which point the engine dies, and what somebody wants of it at that moment.

A step has a path, a fault point, and two acts. `prepare` runs in a life of the engine without faults and leaves
behind what the act needs. `act` runs in the life that is to die; for steps of a reconciliation it happens at the venue
while no engine runs, since the next start reconciles.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tests.support.acceptance import GONE, Scene

QUANTITY: Final = "0.002"
"""Of every order: small, so that the money lasts for twenty kills at each step."""
PART: Final = "0.001"

Act = Callable[[Scene, str], dict[str, Any]]
"""Does something under a name that nothing else has; returns the order that it is about, {} where there is none yet."""


@dataclass(frozen=True)
class Step:
    """One row of the matrix."""

    path: str
    point: str
    prepare: Act
    act: Callable[[Scene, dict[str, Any], str], None]
    is_at_start: bool = False
    """The engine dies while it starts; what `act` does happens before."""

    @property
    def name(self) -> str:
        return f"{self.path}: {self.point}"


def _nothing(_scene: Scene, _name: str) -> dict[str, Any]:
    return {}


def _resting(scene: Scene, name: str) -> dict[str, Any]:
    return scene.rest(client_order_id=name, quantity=QUANTITY)


def _submit(scene: Scene, _order: dict[str, Any], name: str) -> None:
    # Every second one rests, so that orders die in the venue's book and in the moment of their fill.
    number = int(name.rpartition("-")[2])
    body = scene.resting() if number % 2 else scene.body(side="sell" if number % 4 else "buy")
    with contextlib.suppress(*GONE):
        scene.post(body | {"client_order_id": name, "quantity": QUANTITY}, wait=True)


def _cancel(scene: Scene, order: dict[str, Any], _name: str) -> None:
    with contextlib.suppress(*GONE):
        scene.cancel(order)


def _amend(scene: Scene, order: dict[str, Any], _name: str) -> None:
    with contextlib.suppress(*GONE):
        scene.daemon.call("PATCH", f"/api/v1/orders/{order['id']}", {"quantity": "0.003"})


def _fill_a_part(scene: Scene, order: dict[str, Any], _name: str) -> None:
    scene.venue.fill(order["venue_client_id"], PART)


def _fill_whole(scene: Scene, order: dict[str, Any], _name: str) -> None:
    scene.venue.fill(order["venue_client_id"])


def _end(scene: Scene, order: dict[str, Any], _name: str) -> None:
    scene.venue.fill(order["venue_client_id"], PART)
    scene.venue.end_order(order["venue_client_id"], "expired")


def _around(event: str) -> tuple[str, str]:
    return f"committing.{event}", f"committed.{event}"


def _wire(path: str) -> tuple[str, ...]:
    return f"{path}.sending", f"{path}.sent", f"{path}.answered"


def _steps() -> tuple[Step, ...]:
    submits = (*_around("OrderSubmitting"), *_wire("submit"), *_around("OrderAccepted"))
    cancels = (
        *_around("CancelRequested"),
        *_wire("cancel"),
        *_around("CancelAcknowledged"),
        *_around("OrderCancelled"),
    )
    amends = (*_around("OrderAmendRequested"), *_wire("amend"), *_around("AmendAcknowledged"))
    parts = ("fill.received", *_around("OrderPartiallyFilled"), *_around("TradeBooked"))
    at_start = tuple(f"reconcile.{each}" for each in ("account", "fills", "applied", "committed", "orders", "reported"))
    return (
        *(Step("submit", point, _nothing, _submit) for point in submits),
        *(Step("cancel", point, _resting, _cancel) for point in cancels),
        *(Step("amend", point, _resting, _amend) for point in amends),
        *(Step("fill", point, _resting, _fill_a_part) for point in parts),
        *(Step("fill", point, _resting, _fill_whole) for point in _around("OrderFilled")),
        *(Step("done", point, _resting, _end) for point in _around("OrderExpired")),
        *(
            Step("reconcile", point, _resting, _fill_a_part, is_at_start=True)
            for point in (*at_start, *_around("OrderPartiallyFilled"), "query.sent", "query.answered")
        ),
    )


STEPS: Final = _steps()

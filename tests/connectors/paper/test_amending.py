"""Open orders are changed in place: what the venue says, when, and under which lease."""

from decimal import Decimal
from typing import Any

import pytest

from connectors.paper.latency import PaperLatency
from engine.messages.rows_paper import PaperOrderRow
from engine.messages.venues import OpenOrdersQuery, VenueAmend, VenueAmended, VenueAmendRefused, VenueSubmit
from tests.connectors.paper.floor import Floor, a_floor
from tests.connectors.paper.support import ACCOUNT, NOW_NS, TestStore, a_quote
from tests.support.cell_builders import an_id, decimals

D = Decimal
pytestmark = pytest.mark.asyncio


async def amend(floor: Floor, submit: VenueSubmit, *, request: int = 1, **changes: Any) -> None:
    fields: dict[str, Any] = {
        "request_id": an_id(900 + request), "order_id": submit.order_id, "account_id": submit.account_id,
        "venue_client_id": submit.venue_client_id, "external_order_id": None, "symbol": submit.symbol,
        "valid_until_ns": NOW_NS + 1_000,
    }  # fmt: skip
    floor.ref.tell(VenueAmend(**decimals(VenueAmend, fields | changes)))
    await floor.system.idle()


async def resting(floor: Floor, order: str = "buy 1 @ 99", number: int = 1) -> VenueSubmit:
    await floor.open()
    await floor.market(a_quote("100", "101"))
    submit = await floor.send(order, number=number)
    floor.told()
    return submit


@pytest.mark.parametrize("is_instant", [False, True], ids=["waits", "instant"])
async def test_an_amended_order_has_its_new_values_and_keeps_its_id(is_instant: bool) -> None:
    store = TestStore(is_instant=is_instant)
    async with a_floor(store) as floor:
        submit = await resting(floor)
        await amend(floor, submit, quantity="2", price="98")
        (said,) = floor.heard
        assert isinstance(said, VenueAmended)
        assert (said.quantity, said.price, said.external_order_id) == (D(2), D(98), "1")
        (row,) = store.rows(PaperOrderRow)
        assert (row.quantity, row.price) == (D(2), D(98))
        account: Any = await floor.ask(OpenOrdersQuery(account_id=ACCOUNT))
        assert [(each.quantity, each.price) for each in account.orders] == [(D(2), D(98))]


async def test_an_amend_that_reaches_the_market_trades_after_it_was_said() -> None:
    async with a_floor() as floor:
        submit = await resting(floor)
        await amend(floor, submit, price="101")
        assert floor.told() == ["VenueAmended", "VenueFill", "VenueOrderDone filled"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"price": "99"}, "unchanged"),
        ({"price": "99.001"}, "tick_size"),
        ({"quantity": "0.0000000001"}, "min_quantity"),
        ({"quantity": "5000"}, "insufficient_balance"),
        ({"stop_price": "90"}, "stop_price_not_allowed"),
        ({"price": "98", "valid_until_ns": NOW_NS - 1}, "valid_until_passed"),
        ({"price": "98", "venue_client_id": "cv-77"}, "unknown_order"),
        ({"price": "98", "account_id": an_id(77)}, "unknown_order"),
    ],
)
async def test_what_the_venue_does_not_take_changes_nothing(changes: dict[str, Any], code: str) -> None:
    store = TestStore()
    async with a_floor(store) as floor:
        submit = await resting(floor)
        before = store.rows(PaperOrderRow)
        await amend(floor, submit, **changes)
        (refused,) = floor.heard
        assert isinstance(refused, VenueAmendRefused)
        assert refused.code == code
        assert store.rows(PaperOrderRow) == before


async def test_a_post_only_order_may_not_be_moved_into_the_market_and_a_stop_not_to_its_trigger() -> None:
    async with a_floor() as floor:
        submit = await resting(floor)
        posted = await floor.send("buy 1 @ 99", number=2, post_only=True)
        floor.told()
        await amend(floor, posted, price="101")
        assert floor.told() == ["VenueAmendRefused post_only_would_take"]
        await amend(floor, submit, request=2, price="98")
        await amend(floor, submit, request=2, price="97")
        assert floor.told() == ["VenueAmended", "VenueAmendRefused duplicate_request"]


async def test_an_order_that_is_done_is_not_amended_before_and_after_a_restart() -> None:
    store = TestStore()
    async with a_floor(store) as floor:
        submit = await resting(floor)
        await floor.cancel(submit)
        floor.told()
        await amend(floor, submit, price="98")
        assert floor.told() == ["VenueAmendRefused already_done"]
    async with a_floor(store, seed=2) as floor:
        await amend(floor, submit, price="98")
        assert floor.told() == ["VenueAmendRefused already_done"]


async def test_while_the_store_is_away_nobody_knows_what_became_of_an_amend() -> None:
    store = TestStore()
    async with a_floor(store) as floor:
        submit = await resting(floor)
        store.is_away = True
        await amend(floor, submit, price="98")
        await amend(floor, submit, request=2, price="97")
        assert floor.told() == ["VenueAmendRefused unknown", "VenueAmendRefused unknown"]
        store.is_away = False
        await floor.pass_time(1_000_000_000)
        assert floor.told() == ["VenueAmended"]


async def test_an_amend_travels_like_an_order_and_leaves_only_under_the_lease() -> None:
    class Nobody:
        def may_send(self, *_: object) -> bool:
            return False

        may_cancel = may_send

    async with a_floor(latency=PaperLatency(submit_ns=5), permit=Nobody()) as floor:
        submit = await resting(floor)
        await floor.pass_time(5)
        floor.told()
        await amend(floor, submit, price="98")
        assert floor.told() == []
        await floor.pass_time(5)
        assert floor.told() == ["VenueAmended"]
        await amend(floor, submit, request=2, price="97", fence=1)
        assert floor.told() == ["VenueAmendRefused not_sent_fenced"]

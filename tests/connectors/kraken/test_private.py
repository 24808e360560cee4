"""One account at a simulated Kraken, as far as the contract suite (tests/connectors/live/contract) does not look."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pytest
import pytest_asyncio

from connectors.bridge.departure import Priority
from connectors.bridge.errors import AuthRefused, Refused, Unknown
from connectors.kraken.private import SOONEST_NS, KrakenPrivate, UserPlan, order_params
from connectors.live.adapter import Accepted
from engine.domain.errors import BadInput
from engine.domain.kinds import DoneReason, OrderType, Side, TimeInForce
from engine.messages.render import from_rfc3339
from engine.messages.venues import FillsQuery, OpenOrdersQuery, VenueFill, VenueOrderDone, VenueOrderUpdate, VenueSubmit
from engine.runtime.clock import NS_PER_S, WallClock
from tests.support.venues import kraken as simulator
from tests.support.venues.kraken_rig import KEY, SECRETS, KrakenRig
from tests.support.venues.live_desk import LiveDesk
from tests.support.venues.rig import RIG_ACCOUNT

D = Decimal


class Go:
    """Lets everything leave."""

    priority = Priority.OPEN

    def leaving(self) -> None:
        """Nothing to look at."""

    def left(self) -> None:
        """Nothing to remember."""


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[KrakenRig]:
    async with KrakenRig() as rig:
        yield rig


@pytest_asyncio.fixture
async def account(rig: KrakenRig) -> AsyncIterator[KrakenPrivate]:
    account = rig.adapter(WallClock())
    await account.open()
    yield account
    await account.close()


def a_submit(rig: KrakenRig, **changes: Any) -> VenueSubmit:
    return LiveDesk(rig).a_submit(**changes)


async def place(rig: KrakenRig, account: KrakenPrivate, **changes: Any) -> tuple[VenueSubmit, Accepted]:
    submit = a_submit(rig, **changes)
    return submit, await account.submit(submit, Go())


def body_of(rig: KrakenRig, path: str) -> dict[str, str]:
    return dict(parse_qsl(rig.server.log.requests(path)[-1].body))


def test_an_order_in_krakens_words() -> None:
    rig = KrakenRig()
    limit = order_params(a_submit(rig, post_only=True))
    assert (limit["ordertype"], limit["price"], limit["volume"]) == ("limit", "50000", "0.01")
    assert (limit["oflags"], limit["timeinforce"]) == ("fciq,post", "GTC")
    assert "price2" not in limit
    market = order_params(a_submit(rig, type=OrderType.MARKET, price=None, time_in_force=TimeInForce.IOC))
    assert not {"price", "price2", "timeinforce"} & market.keys()
    stop = order_params(a_submit(rig, type=OrderType.STOP_LIMIT, side=Side.SELL, stop_price=D(49000), price=D(48000)))
    assert (stop["ordertype"], stop["price"], stop["price2"]) == ("stop-loss-limit", "49000", "48000")
    profit = order_params(a_submit(rig, type=OrderType.TAKE_PROFIT, stop_price=D(49000), price=None))
    assert (profit["ordertype"], profit["price"]) == ("take-profit", "49000")
    assert not {"price2", "timeinforce"} & profit.keys()
    with pytest.raises(Refused, match="unsupported"):
        order_params(a_submit(rig, reduce_only=True))


@pytest.mark.asyncio
@pytest.mark.parametrize(("ends_in_s", "is_s"), [(1, (3, 4)), (20, (19, 20)), (600, (54, 55))])
async def test_a_deadline_that_kraken_takes(
    rig: KrakenRig, account: KrakenPrivate, ends_in_s: int, is_s: tuple[int, int]
) -> None:
    now_ns = account.wire.bridge.time.now_ns()
    submit = a_submit(rig, valid_until_ns=WallClock().now_ns() + ends_in_s * NS_PER_S)
    await account.submit(submit, Go())
    deadline_ns = from_rfc3339(body_of(rig, rig.paths.submit)["deadline"])
    assert is_s[0] - 1 <= (deadline_ns - now_ns) / NS_PER_S <= is_s[1] + 1
    assert account.capabilities.validity_max_ns > SOONEST_NS


@pytest.mark.asyncio
async def test_a_stop_waits_and_is_listed_with_both_prices(rig: KrakenRig, account: KrakenPrivate) -> None:
    await place(
        rig, account, type=OrderType.STOP_LIMIT, side=Side.SELL, stop_price=D(55000), price=D("54000.1"), quantity=D(1)
    )
    (order,) = (await account.open_orders(OpenOrdersQuery(account_id=RIG_ACCOUNT))).orders
    assert (order.type, order.stop_price, order.price) == (OrderType.STOP_LIMIT, D(55000), D("54000.1"))
    assert (order.side, order.quantity, order.symbol) == (Side.SELL, D(1), "BTC/USD")


@pytest.mark.asyncio
async def test_fills_are_read_oldest_first_page_by_page(rig: KrakenRig, account: KrakenPrivate) -> None:
    submit, _ = await place(rig, account)
    for _ in range(120):
        rig.server.exchange.fill(submit.venue_client_id, "0.00001")
    seen: list[VenueFill] = []
    cursor: str | None = None
    for size, has_more in ((50, True), (50, True), (20, False), (0, False)):
        page = await account.fills(FillsQuery(account_id=RIG_ACCOUNT, cursor=cursor))
        assert (len(page.fills), page.has_more) == (size, has_more)
        seen += page.fills
        cursor = page.cursor
    assert [each.external_trade_id for each in seen] == [str(trade.id) for trade in rig.account.trades]
    assert {each.venue_client_id for each in seen} == {submit.venue_client_id}


@pytest.mark.asyncio
async def test_fills_of_orders_from_before_this_process_have_their_client_ids(rig: KrakenRig) -> None:
    before, after = rig.adapter(WallClock()), rig.adapter(WallClock())
    await before.open()
    await after.open()
    submit, _ = await place(rig, before)
    rig.server.exchange.fill(submit.venue_client_id)
    (fill,) = (await after.fills(FillsQuery(account_id=RIG_ACCOUNT, cursor=None))).fills
    assert fill.venue_client_id == submit.venue_client_id
    await before.close()
    await after.close()


@pytest.mark.asyncio
async def test_a_list_that_moves_under_our_hands_is_no_answer(
    rig: KrakenRig, account: KrakenPrivate, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit, _ = await place(rig, account)
    for _ in range(60):
        rig.server.exchange.fill(submit.venue_client_id, "0.00001")
    real = simulator.KrakenSimulator._private_TradesHistory

    def moved(self: Any, owner: Any, body: dict[str, str]) -> Any:
        return {**real(self, owner, body), "count": 61} if "ofs" in body else real(self, owner, body)

    monkeypatch.setattr(simulator.KrakenSimulator, "_private_TradesHistory", moved)
    with pytest.raises(Unknown, match="list_moved"):
        await account.fills(FillsQuery(account_id=RIG_ACCOUNT, cursor=None))


@pytest.mark.asyncio
async def test_a_key_that_may_not_read_is_refused_by_name(rig: KrakenRig) -> None:
    rig.account.permissions.discard("read")
    account = rig.adapter(WallClock())
    with pytest.raises(AuthRefused, match="create-ws-token, query-closed-trades"):
        await account.open()
    await account.close()


@pytest.mark.asyncio
async def test_what_cannot_be_traded_with_is_no_balance(account: KrakenPrivate) -> None:
    assert {each.asset for each in (await account.account()).balances} == {"BTC", "USD"}


@pytest.mark.asyncio
async def test_the_key_and_the_secret_are_nowhere_to_be_seen(rig: KrakenRig, account: KrakenPrivate) -> None:
    await place(rig, account)
    assert SECRETS[0] not in repr(account.wire) + repr(vars(account)["_setup"]) + str(rig.server.log.requests())
    assert KEY not in repr(vars(account)["_setup"])


def frame(sequence: int = 1, **fields: Any) -> bytes:
    told = {"channel": "executions", "type": "update", "data": [fields], "sequence": sequence}
    return msgspec.json.Encoder(decimal_format="number").encode(told)


def test_the_stream_tells_only_what_has_changed() -> None:
    plan = UserPlan(KrakenRig().adapter(WallClock()))
    at = "2023-09-22T10:33:05.709950Z"
    (new,) = plan.parse(
        frame(
            7, order_id="OK4GJX-KSTLS-7DZZO5", cl_ord_id="c-1", symbol="BTC/USD", order_qty=D("0.005"), cum_qty=D(0),
            exec_type="pending_new", side="sell", order_type="limit", limit_price=D("26500.0"), timestamp=at,
        ),
        0,
    )  # fmt: skip
    assert isinstance(new, VenueOrderUpdate)
    assert (new.order.price, new.order.quantity, new.order.sequence) == (D("26500.0"), D("0.005"), 7)
    (fill,) = plan.parse(
        frame(
            8, order_id="OK4GJX-KSTLS-7DZZO5", exec_id="T5DIUI-5N4KO-Z5BPXK", exec_type="trade", last_qty=D("0.002"),
            last_price=D("26501.1"), liquidity_ind="m", fees=[{"asset": "USD", "qty": D("0.3458")}], timestamp=at,
        ),
        0,
    )  # fmt: skip
    assert isinstance(fill, VenueFill)
    assert (fill.venue_client_id, fill.symbol, fill.side) == ("c-1", "BTC/USD", Side.SELL)
    assert (str(fill.fee), fill.fee_asset, fill.external_trade_id) == ("0.3458", "USD", "T5DIUI-5N4KO-Z5BPXK")
    (done,) = plan.parse(
        frame(9, order_id="OK4GJX-KSTLS-7DZZO5", exec_type="canceled", cum_qty=D("0.002"), timestamp=at), 0
    )
    assert isinstance(done, VenueOrderDone)
    assert (done.reason, done.filled_quantity, done.venue_client_id) == (DoneReason.CANCELLED, D("0.002"), "c-1")


@pytest.mark.parametrize(
    "fields",
    [
        {"order_id": "O1", "exec_type": "canceled", "timestamp": "2023-09-22T10:33:05Z"},
        {"order_id": "O1", "exec_type": "teleported", "timestamp": "2023-09-22T10:33:05Z", "symbol": "BTC/USD"},
        {"order_id": "O1", "exec_type": "new"},
        {"exec_type": "trade"},
    ],
)
def test_what_cannot_be_understood_makes_the_account_compare(fields: dict[str, Any]) -> None:
    plan = UserPlan(KrakenRig().adapter(WallClock()))
    with pytest.raises(BadInput):
        plan.parse(frame(**fields), 0)

"""Coinbase's private payloads as messages."""

import json
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from connectors.coinbase import private_wire as wire
from connectors.coinbase.private_parse import balances_of, done_of, historical_order, parse_user, venue_fill
from engine.domain.errors import BadInput
from engine.domain.identifiers import AccountId
from engine.domain.kinds import DoneReason, Liquidity, OrderType, Side, TimeInForce
from engine.messages.venues import VenueOrderDone, VenueOrderUpdate
from tests.connectors.coinbase.support import DATA, a_frame, lines_of

ACCOUNT = AccountId(UUID(int=7))
CLIENT = "01890a5d-ac96-774b-bcce-b302099a8057"
AT = 1_700_000_000_000_000_000


def test_one_orders_life_on_the_user_channel() -> None:
    seen = [
        one for _, raw in lines_of("user_frames.txt") if b'"user"' in raw[:20] for one in parse_user(raw, ACCOUNT).seen
    ]
    assert [(type(one.message).__name__, str(one.filled)) for one in seen] == [
        ("VenueOrderUpdate", "0"),
        ("VenueOrderUpdate", "0"),
        ("VenueOrderUpdate", "0.20000000"),
        ("VenueOrderDone", "0.50000000"),
    ]
    update, done = seen[2].message, seen[3].message
    assert isinstance(update, VenueOrderUpdate)
    order = update.order
    assert (order.venue_client_id, order.symbol, order.side, order.type) == (
        CLIENT,
        "BTC/USD",
        Side.BUY,
        OrderType.LIMIT,
    )
    assert (order.quantity, order.price, order.stop_price) == (Decimal("0.5"), Decimal("100.50"), None)
    assert (str(order.average_price), str(order.fee), order.fee_asset) == ("100.50", "0.1206", "USD")
    assert (order.is_open, order.post_only, order.venue_time_ns) == (True, False, 1_700_000_000_200_456_000)
    assert isinstance(done, VenueOrderDone)
    assert (done.reason, done.filled_quantity) == (DoneReason.FILLED, Decimal("0.5"))


def test_snapshots_are_told_apart() -> None:
    event = json.loads(next(raw for _, raw in lines_of("user_frames.txt") if b"PENDING" in raw))["events"][0]
    (seen,) = parse_user(a_frame("user", [{**event, "type": "snapshot"}]), ACCOUNT).seen
    assert seen.is_snapshot


@pytest.mark.parametrize(
    "change",
    [
        {"status": "MELTED"},
        {"order_side": "BOTH"},
        {"order_type": "Hope"},
        {"time_in_force": "WEEKEND"},
        {"cumulative_quantity": "some"},
        {"cumulative_quantity": "NaN"},
        {"product_id": "BTC"},
    ],
)
def test_an_order_that_is_not_understood_is_told_and_hides_no_other(change: dict[str, str]) -> None:
    event = json.loads(next(raw for _, raw in lines_of("user_frames.txt") if b"PENDING" in raw))["events"][0]
    good = event["orders"][0]
    frame = a_frame("user", [{"type": "update", "orders": [{**good, **change}, good]}])
    news = parse_user(frame, ACCOUNT)
    assert (len(news.seen), len(news.unread)) == (1, 1)
    assert isinstance(news.unread[0], BadInput)


def test_orders_in_futures_are_left_alone() -> None:
    event = json.loads(next(raw for _, raw in lines_of("user_frames.txt") if b"PENDING" in raw))["events"][0]
    future = {**event["orders"][0], "product_id": "BIT-28JUN24-CDE", "product_type": "FUTURE"}
    news = parse_user(a_frame("user", [{"type": "update", "orders": [future]}]), ACCOUNT)
    assert (news.seen, news.unread) == ((), ())
    fill = msgspec.json.decode((DATA / "fills.json").read_bytes(), type=wire.Fills).fills[1]
    for product in ("BIT-28JUN24-CDE", "BTC-PERP-INTX"):
        assert venue_fill(msgspec.structs.replace(fill, product_id=product), CLIENT, ACCOUNT, "coinbase") is None


@pytest.mark.parametrize("raw", [b"", b"[]", b'{"timestamp":"soon","sequence_num":1,"events":[]}', b'{"events":[]}'])
def test_what_is_no_user_frame_is_refused(raw: bytes) -> None:
    with pytest.raises(BadInput):
        parse_user(raw, ACCOUNT)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("OPEN", None),
        ("PENDING", None),
        ("QUEUED", None),
        ("CANCEL_QUEUED", None),
        ("EDIT_QUEUED", None),
        ("FILLED", DoneReason.FILLED),
        ("CANCELLED", DoneReason.CANCELLED),
        ("EXPIRED", DoneReason.EXPIRED),
        ("FAILED", DoneReason.REJECTED),
    ],
)
def test_every_status_is_known(status: str, reason: DoneReason | None) -> None:
    assert done_of(status) is reason


def test_orders_of_the_lists() -> None:
    page = msgspec.json.decode((DATA / "orders.json").read_bytes(), type=wire.Orders)
    orders = [historical_order(order, AT) for order in page.orders]
    assert [(order.type, order.time_in_force, order.done_reason) for order in orders] == [
        (OrderType.LIMIT, TimeInForce.GTC, None),
        (OrderType.LIMIT, TimeInForce.IOC, DoneReason.CANCELLED),
        (OrderType.LIMIT, TimeInForce.FOK, DoneReason.EXPIRED),
        (OrderType.STOP_LIMIT, TimeInForce.GTC, None),
        (OrderType.MARKET, TimeInForce.IOC, DoneReason.FILLED),
        (OrderType.LIMIT, TimeInForce.GTC, DoneReason.REJECTED),
    ]
    assert (orders[0].post_only, str(orders[0].quantity), str(orders[0].price)) == (True, "0.50000000", "100.50")
    assert (str(orders[1].filled_quantity), str(orders[1].average_price), str(orders[1].fee)) == (
        "0.10000000",
        "100.60",
        "0.12",
    )
    assert (orders[3].stop_price, orders[3].side) == (Decimal("99.00"), Side.SELL)
    # Ordered in the quote asset: what it has bought is all that is known of its size.
    assert orders[4].quantity == orders[4].filled_quantity == Decimal("0.09950249")
    assert {order.venue_time_ns for order in orders} == {AT}


def test_fills_are_exact() -> None:
    page = msgspec.json.decode((DATA / "fills.json").read_bytes(), type=wire.Fills)
    quote, second, first = (venue_fill(fill, CLIENT, ACCOUNT, "coinbase") for fill in page.fills)
    assert first is not None
    assert (first.external_trade_id, str(first.price), str(first.quantity)) == ("t1", "100.50", "0.20000000")
    assert (str(first.fee), first.fee_asset, first.liquidity) == ("0.12060", "USD", Liquidity.MAKER)
    assert (first.executed_at_ns, first.cursor) == (1_700_000_000_200_456_000, "1700000000204456000")
    assert second is not None
    assert second.liquidity is Liquidity.TAKER
    assert quote is not None
    assert (quote.quantity, quote.side) == (Decimal("0.1"), Side.SELL)


def test_a_reversal_is_no_fill_and_a_correction_is_one_of_its_own() -> None:
    fill = msgspec.json.decode((DATA / "fills.json").read_bytes(), type=wire.Fills).fills[1]
    assert venue_fill(msgspec.structs.replace(fill, trade_type="REVERSAL"), CLIENT, ACCOUNT, "coinbase") is None
    corrected = venue_fill(msgspec.structs.replace(fill, trade_type="CORRECTION"), CLIENT, ACCOUNT, "coinbase")
    assert corrected is not None
    assert corrected.external_trade_id == "t2:e2"


def test_balances_leave_out_what_is_empty_or_cannot_be_traded_with() -> None:
    page = msgspec.json.decode((DATA / "accounts.json").read_bytes(), type=wire.Accounts)
    assert [(one.asset, str(one.free), str(one.locked)) for one in balances_of(page.accounts)] == [
        ("BTC", "1.2500000000000000", "0.2500000000000000"),
        ("USD", "1000.50", "0.00"),
    ]


def test_wallets_of_one_currency_are_added_up() -> None:
    page = msgspec.json.decode((DATA / "accounts.json").read_bytes(), type=wire.Accounts)
    (bitcoin,) = balances_of([page.accounts[0], page.accounts[0]])
    assert (bitcoin.free, bitcoin.locked) == (Decimal("2.5"), Decimal("0.5"))


# --- Recorded ---------------------------------------------------------------------------------------------------------


def kmiq(fixtures_dir: Path, name: str) -> bytes:
    return (fixtures_dir / "kmiq/coinbase_advanced" / name).read_bytes()


def test_recorded_orders_keep_every_text(fixtures_dir: Path) -> None:
    raw = kmiq(fixtures_dir, "list_orders_success_response.json")
    page = msgspec.json.decode(raw, type=wire.Orders)
    assert (page.has_next, page.cursor) == (True, "148401249")
    entries = json.loads(raw)["orders"]
    assert len(entries) == 10
    for entry, order in zip(entries, page.orders, strict=True):
        found = historical_order(order, AT)
        configuration = entry["order_configuration"]["limit_limit_gtc"]
        assert (str(found.quantity), str(found.price)) == (configuration["base_size"], configuration["limit_price"])
        assert (found.venue_client_id, found.external_order_id) == (entry["client_order_id"], entry["order_id"])
        assert (found.done_reason, found.side, found.symbol) == (DoneReason.CANCELLED, Side.SELL, "ALGO/USD")
        assert str(found.filled_quantity) == entry["filled_size"]


def test_recorded_fills_keep_every_text(fixtures_dir: Path) -> None:
    raw = kmiq(fixtures_dir, "list_fills_success_response.json")
    page = msgspec.json.decode(raw, type=wire.Fills)
    entries = json.loads(raw)["fills"]
    assert (len(entries), page.cursor) == (5, "31971874")
    for entry, fill in zip(entries, page.fills, strict=True):
        found = venue_fill(fill, "", ACCOUNT, "coinbase")
        assert found is not None
        assert (str(found.price), str(found.fee), found.external_trade_id) == (
            entry["price"],
            entry["commission"],
            entry["trade_id"],
        )
        in_base = str(found.quantity) == entry["size"]
        assert in_base is not entry["size_in_quote"]
        assert (found.side.value.upper(), found.fee_asset) == (entry["side"], "USD")
    # The one in the quote asset: 0.994... dollars at 0.255.
    odd = venue_fill(page.fills[3], "", ACCOUNT, "coinbase")
    assert odd is not None
    assert abs(odd.quantity * odd.price - Decimal(entries[3]["size"])) < Decimal("1E-18")


def test_recorded_accounts_keep_every_text(fixtures_dir: Path) -> None:
    raw = kmiq(fixtures_dir, "list_accounts_success_response.json")
    page = msgspec.json.decode(raw, type=wire.Accounts)
    entries = json.loads(raw)["accounts"]
    assert len(entries) == len(page.accounts) == 49
    for entry, account in zip(entries, page.accounts, strict=True):
        assert f"{account.available_balance.value:f}" == entry["available_balance"]["value"]
        assert f"{account.hold.value:f}" == entry["hold"]["value"]
    owned = {entry["currency"]: entry for entry in entries if Decimal(entry["available_balance"]["value"])}
    for balance in balances_of(page.accounts):
        assert str(balance.free) == owned[balance.asset]["available_balance"]["value"]


def test_the_documented_user_frame_is_known(fixtures_dir: Path) -> None:
    text = (fixtures_dir / "jkorf/coinbase_advanced/Subscriptions.AdvancedTrade.User.txt").read_text()
    (seen,) = parse_user(text.partition("\n=")[2].strip().encode(), ACCOUNT).seen
    assert isinstance(seen.message, VenueOrderDone)
    assert (seen.client_id, seen.filled, seen.message.reason) == ("XXX", Decimal("0.01"), DoneReason.FILLED)


@pytest.mark.parametrize("name", ["GetOrder", "GetOrders"])
def test_the_documented_orders_are_known(fixtures_dir: Path, name: str) -> None:
    text = (fixtures_dir / f"jkorf/coinbase_advanced/Endpoints.AdvancedTrade.Trading.{name}.txt").read_text()
    data = json.loads(text.split("\n", 3)[3])
    entry = {**(data["order"] if "order" in data else data["orders"][0]), "side": "BUY"}
    found = historical_order(msgspec.json.decode(json.dumps(entry), type=wire.HistoricalOrder), AT)
    assert (found.symbol, found.is_open, found.filled_quantity) == ("BTC/USD", True, Decimal("0.001"))

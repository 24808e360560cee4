"""What Binance pushes about an account: the recorded order flows, and events that are not as they should be."""

import itertools
import json
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.binance.private_parse import PrivateParser
from connectors.binance.symbols import Market, Symbols
from connectors.bridge.errors import AuthRefused
from connectors.bridge.plan import StreamBroken, StreamEnded, StreamReady
from engine.domain.errors import BadInput
from engine.domain.identifiers import AccountId
from engine.domain.kinds import DoneReason, Liquidity, OrderType, Side
from engine.domain.order import OrderState
from engine.domain.order_facts import FillFact, StatusFact
from engine.messages.venues import VenueFill, VenueOrderDone, VenueOrderUpdate
from tests.connectors.binance.recorded import FLOWS, flow, quoted

ACCOUNT = AccountId(UUID(int=7))


def a_parser(market: Market) -> PrivateParser:
    return PrivateParser(venue="binance", account_id=ACCOUNT, symbols=Symbols(market))


def market_of(name: str) -> Market:
    return "spot" if name.startswith("spot") else "usdm"


def read(name: str, frames: Iterable[bytes]) -> list[Any]:
    parser = a_parser(market_of(name))
    return [message for frame in frames for message in parser.parse(frame)]


def a_state(quantity: Decimal) -> OrderState:
    state = OrderState(order_id=UUID(int=1), symbol="ACH/USDT", side=Side.BUY, quantity=quantity)  # type: ignore[arg-type]
    state.apply_submitted()
    return state


def learn(state: OrderState, messages: Iterable[Any]) -> OrderState:
    for message in messages:
        if isinstance(message, VenueFill):
            state.apply_fill(
                FillFact(
                    trade_id=message.external_trade_id,
                    price=message.price,
                    quantity=message.quantity,
                    fee=message.fee,
                    fee_asset=message.fee_asset,
                    liquidity=message.liquidity,
                    executed_at_ns=message.executed_at_ns,
                )
            )
            continue
        is_done = isinstance(message, VenueOrderDone)
        fact = message if is_done else message.order
        state.apply_status(
            StatusFact(
                venue_time_ns=fact.venue_time_ns,
                sequence=0 if is_done else fact.sequence,
                external_order_id=fact.external_order_id,
                filled_quantity=fact.filled_quantity,
                done_reason=fact.reason if is_done else fact.done_reason,
            )
        )
    return state


def said(message: Any) -> str:
    if isinstance(message, VenueFill):
        return f"{message.quantity}@{message.price} fee {message.fee:f} {message.fee_asset}"
    if isinstance(message, VenueOrderDone):
        return message.reason.value
    return "open" if message.order.is_open else "done"


@pytest.mark.parametrize("name", FLOWS)
def test_a_recorded_flow_ends_as_the_venue_says(fixtures_dir: Path, name: str) -> None:
    frames = flow(fixtures_dir, name)
    messages = read(name, frames)
    last = json.loads(frames[-1])
    order = last.get("event") or last["o"]
    state = learn(a_state(Decimal(order["q"])), messages)
    assert len({message_client_id(message) for message in messages}) == 1
    filled = Decimal(order.get("z") or order["aq"])
    assert state.total_quantity == filled
    expected = {"FILLED": DoneReason.FILLED, "EXPIRED": DoneReason.EXPIRED, "CANCELED": DoneReason.CANCELLED}
    assert state.done_reason is expected.get(order["X"], DoneReason.FILLED)
    assert state.is_done


def message_client_id(message: Any) -> str:
    return str(message.order.venue_client_id if isinstance(message, VenueOrderUpdate) else message.venue_client_id)


@pytest.mark.parametrize("name", FLOWS)
def test_amounts_are_the_text_of_the_wire(fixtures_dir: Path, name: str) -> None:
    frames = flow(fixtures_dir, name)
    wire = [json.loads(frame).get("event") or json.loads(frame)["o"] for frame in frames]
    trades = [event for event in wire if event.get("x") == "TRADE"]
    fills = [message for message in read(name, frames) if isinstance(message, VenueFill)]
    assert [(*(f"{x:f}" for x in (f.price, f.quantity, f.fee)), f.fee_asset, f.external_trade_id) for f in fills] == [
        (t["L"], t["l"], t["n"], t["N"], str(t["t"])) for t in trades
    ]
    assert all(fill.liquidity is Liquidity.TAKER for fill in fills)


@pytest.mark.parametrize("name", FLOWS)
def test_any_order_of_arrival_ends_the_same(fixtures_dir: Path, name: str) -> None:
    frames = flow(fixtures_dir, name)
    messages = read(name, frames)
    quantity = Decimal((json.loads(frames[0]).get("event") or json.loads(frames[0])["o"])["q"])
    straight = learn(a_state(quantity), messages)
    for arrival in itertools.islice(itertools.permutations(messages), 720):
        state = learn(a_state(quantity), [*arrival, *arrival])
        assert facts_of(state) == facts_of(straight)


def facts_of(state: OrderState) -> tuple[Any, ...]:
    return (state.is_done, state.claimed_reason, state.total_quantity, state.external_order_id, set(state.trades))


def test_each_flow_says_what_happened_in_it(fixtures_dir: Path) -> None:
    shown = {name: [said(message) for message in read(name, flow(fixtures_dir, name))] for name in FLOWS}
    assert shown == {
        "spot limit filled": ["open", "800.00000000@0.00656000 fee 0.00000632 BNB", "filled"],
        "spot market filled in two": shown["spot market filled in two"],
        "spot fok expired": ["open", "expired"],
        "usdm limit cancelled": ["open", "cancelled"],
        "usdm market filled": shown["usdm market filled"],
        # Waits, is triggered, is an order, trades twice; the algo's own word of it comes after the last trade.
        "usdm stop filled in two": ["open", "open", "open", *shown["usdm stop filled in two"][3:5], "filled", "open"],
    }
    assert [len(words) for words in shown.values()] == [3, 4, 2, 2, 3, 7]


def test_a_triggered_stop_is_known_by_the_orders_id_from_then_on(fixtures_dir: Path) -> None:
    name = "usdm stop filled in two"
    messages = read(name, flow(fixtures_dir, name))
    assert messages[0].order.external_order_id == "algo:2000000547321628"
    assert messages[0].order.type is OrderType.STOP
    assert str(messages[0].order.stop_price) == "0.006659"
    state = learn(a_state(Decimal(800)), messages)
    assert state.external_order_id == "4904005884"


def test_a_quoted_report_gives_an_open_order(fixtures_dir: Path) -> None:
    ((_, raw),) = [
        (kind, raw)
        for kind, raw in quoted(fixtures_dir, "binance_spot/ccxt_threads_binance_spot_dev.jsonl")
        if "ws" in kind
    ]
    (update,) = a_parser("spot").parse(raw)
    assert isinstance(update, VenueOrderUpdate)
    assert (update.order.symbol, str(update.order.quantity), update.order.type) == (
        "LTC/USDT",
        "0.15300000",
        OrderType.MARKET,
    )


# --- By hand ----------------------------------------------------------------------------------------------------------


def a_report(**changes: Any) -> bytes:
    usual = {
        "e": "executionReport", "E": 1_700_000_000_010, "s": "BTCUSDT", "c": "cv-1", "S": "BUY", "o": "LIMIT",
        "f": "GTC", "q": "1.00", "p": "100.50", "P": "0.00", "C": "", "x": "NEW", "X": "NEW", "r": "NONE", "i": 42,
        "l": "0.00", "z": "0.00", "L": "0.00", "n": "0", "N": None, "T": 1_700_000_000_005, "t": -1, "I": 9,
        "m": False, "Z": "0.00",
    }  # fmt: skip
    return json.dumps({"subscriptionId": 0, "event": {**usual, **changes}}).encode()


def test_a_cancel_is_told_under_the_orders_own_id() -> None:
    (done,) = a_parser("spot").parse(a_report(c="cancel-77", C="cv-1", x="CANCELED", X="CANCELED", z="0.40"))
    assert isinstance(done, VenueOrderDone)
    assert (done.venue_client_id, done.reason, str(done.filled_quantity)) == ("cv-1", DoneReason.CANCELLED, "0.40")


def test_a_trade_without_a_fee_is_free_in_the_quote_asset() -> None:
    (fill, _) = a_parser("spot").parse(a_report(x="TRADE", X="FILLED", l="1.00", L="100.50", t=5, n=None, N=None))
    assert isinstance(fill, VenueFill)
    assert (fill.fee, fill.fee_asset) == (Decimal(0), "USDT")


@pytest.mark.parametrize(
    "changes",
    [
        {"x": "TRADE", "X": "FILLED", "l": "1.00", "L": "100.50", "t": -1},
        {"x": "TRADE", "X": "FILLED", "l": "1.00", "L": "100.50", "t": 4, "n": "0.1", "N": None},
        {"x": "TRADE", "X": "FILLED", "l": "0", "L": "100.50", "t": 4},
        {"X": "SOMETHING_NEW"},
        {"S": "HOLD"},
        {"q": None},
        {"e": "brandNewEvent"},
    ],
)
def test_what_is_not_understood_is_said_never_dropped(changes: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        a_parser("spot").parse(a_report(**changes))


@pytest.mark.parametrize("event", ["outboundAccountPosition", "balanceUpdate", "ACCOUNT_UPDATE", "TRADE_LITE"])
def test_events_about_other_things_say_nothing(event: str) -> None:
    assert a_parser("usdm").parse(json.dumps({"e": event, "E": 1}).encode()) == ()


@pytest.mark.parametrize("event", ["eventStreamTerminated", "listenKeyExpired"])
def test_an_ended_session_asks_for_another(event: str) -> None:
    (ended,) = a_parser("spot").parse(json.dumps({"subscriptionId": 0, "event": {"e": event, "E": 1}}).encode())
    assert isinstance(ended, StreamEnded)


def test_the_answer_to_the_subscription_makes_it_ready_or_breaks_it() -> None:
    good = b'{"id":"subscribe","status":200,"result":{"subscriptionId":0},"rateLimits":[]}'
    bad = b'{"id":"subscribe","status":401,"error":{"code":-2015,"msg":"Invalid API-key, IP, or permissions."}}'
    assert a_parser("spot").parse(good) == (StreamReady(),)
    (broken,) = a_parser("spot").parse(bad)
    assert isinstance(broken, StreamBroken)
    assert isinstance(broken.error, AuthRefused)


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"e":', b'{"event":{}}', b"\xff", b'{"event":null}', b"null"])
def test_broken_frames_are_refused(raw: bytes) -> None:
    with pytest.raises(BadInput):
        a_parser("spot").parse(raw)


@given(st.binary(max_size=60))
def test_noise_raises_nothing_else(raw: bytes) -> None:
    try:
        a_parser("usdm").parse(raw)
    except BadInput:
        return


def test_an_order_in_what_we_do_not_trade_keeps_the_venues_name() -> None:
    (update,) = a_parser("spot").parse(a_report(s="BTCUSDT_240927"))
    assert isinstance(update, VenueOrderUpdate)
    assert update.order.symbol == "BTCUSDT_240927"

"""Private frames of Hyperliquid as messages."""

import itertools
import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.hyperliquid import private_wire as wire
from connectors.hyperliquid.known_orders import KnownOrders
from connectors.hyperliquid.private_parse import WAIT_NS, AccountParser, trade_id
from engine.domain.errors import BadInput
from engine.domain.identifiers import AccountId, OrderId
from engine.domain.kinds import DoneReason, InstrumentKind, Lifecycle, Liquidity, Side
from engine.domain.order import OrderState
from engine.domain.order_facts import FillFact, StatusFact
from engine.messages.base import Message
from engine.messages.venues import VenueFill, VenueOrderDone, VenueOrderUpdate
from tests.support.hyperliquid import captured, cassette, frame_of, some_symbols

ACCOUNT = AccountId(UUID("018f0000-0000-7000-8000-00000000000a"))
AT = 1_700_000_000_000_000_000
CLOID = "0x" + "a1" * 16


def a_parser(kind: InstrumentKind = InstrumentKind.PERPETUAL, known: KnownOrders | None = None) -> AccountParser:
    return AccountParser(
        venue="hyperliquid", account_id=ACCOUNT, kind=kind, symbols=some_symbols(), known=known or KnownOrders()
    )


def frame(channel: str, data: Any) -> bytes:
    return json.dumps({"channel": channel, "data": data}, separators=(",", ":")).encode()


def an_order(status: str = "open", **changes: Any) -> dict[str, Any]:
    order = {
        "coin": "BTC", "side": "B", "limitPx": "60000.0", "sz": "0.5", "oid": 7, "timestamp": 1_700_000_000_000,
        "origSz": "0.5", "cloid": CLOID,
    }  # fmt: skip
    return {"order": order | changes, "status": status, "statusTimestamp": 1_700_000_000_500}


def a_fill(**changes: Any) -> dict[str, Any]:
    fill = {
        "coin": "BTC", "px": "59990.5", "sz": "0.2", "side": "B", "time": 1_700_000_000_400, "startPosition": "0.0",
        "dir": "Open Long", "closedPnl": "0.0", "hash": "0x01", "oid": 7, "crossed": False, "fee": "-0.5", "tid": 900,
        "feeToken": "USDC", "twapId": None,
    }  # fmt: skip
    return fill | changes


def updates(*orders: dict[str, Any]) -> bytes:
    return frame("orderUpdates", orders)


def fills(*each: dict[str, Any], snapshot: bool = False) -> bytes:
    return frame("userFills", {"isSnapshot": snapshot, "user": "0x1", "fills": each})


# --- Orders -----------------------------------------------------------------------------------------------------------


def test_an_open_order_is_an_update_and_an_ended_one_is_done() -> None:
    parser = a_parser()
    (told,) = parser.parse(updates(an_order()), AT)
    assert isinstance(told, VenueOrderUpdate)
    assert (told.order.venue_client_id, told.order.external_order_id, told.order.is_open) == (CLOID, "7", True)
    (done,) = parser.parse(updates(an_order("canceled", sz="0.3")), AT)
    assert done == VenueOrderDone(
        account_id=ACCOUNT,
        venue_client_id=CLOID,
        external_order_id="7",
        symbol="BTC/USDC:USDC",
        reason=DoneReason.CANCELLED,
        filled_quantity=Decimal("0.2"),
        venue_time_ns=1_700_000_000_500_000_000,
    )


@pytest.mark.parametrize("together", [True, False])
def test_the_end_of_a_replaced_number_is_not_the_end_of_the_order(together: bool) -> None:
    parser, old, new = a_parser(), an_order("canceled", sz="0.3"), an_order(oid=8, sz="0.3", origSz="0.3")
    parser.parse(updates(an_order()), AT)
    frames = [updates(old, new)] if together else [updates(new), updates(old)]
    told = [message for each in frames for message in parser.parse(each, AT)]
    assert [type(message) for message in told] == [VenueOrderUpdate]
    (last,) = parser.parse(updates(an_order("filled", oid=8, sz="0.0", origSz="0.3")), AT)
    assert isinstance(last, VenueOrderDone)
    assert (last.external_order_id, last.filled_quantity, last.reason) == ("8", Decimal("0.5"), DoneReason.FILLED)


def test_while_an_amend_is_on_its_way_no_end_is_believed() -> None:
    known = KnownOrders()
    parser = a_parser(known=known)
    known.begin_amend(CLOID, 7)
    assert list(parser.parse(updates(an_order("canceled")), AT)) == []
    assert len(parser.parse(updates(an_order("filled", oid=8, sz="0.0")), AT)) == 1
    known = KnownOrders()
    parser = a_parser(known=known)
    known.begin_amend(CLOID, 7)
    assert known.end_amend(CLOID) is False
    assert len(parser.parse(updates(an_order("canceled")), AT)) == 1


def test_the_addresses_other_market_is_another_account() -> None:
    frame = updates(an_order(coin="@107"), an_order(oid=9, coin="unit:ES"), an_order(oid=10))
    for kind, symbol in ((InstrumentKind.SPOT, "HYPE/USDC"), (InstrumentKind.PERPETUAL, "BTC/USDC:USDC")):
        parser = a_parser(kind)
        (told,) = parser.parse(frame, AT)
        assert isinstance(told, VenueOrderUpdate)
        assert (told.order.symbol, parser.ignored) == (symbol, 2)


# --- Fills ------------------------------------------------------------------------------------------------------------


def test_a_fill_has_the_name_of_its_order_and_its_fee() -> None:
    parser = a_parser()
    parser.parse(updates(an_order()), AT)
    (fill,) = parser.parse(fills(a_fill()), AT)
    assert fill == VenueFill(
        account_id=ACCOUNT,
        venue="hyperliquid",
        symbol="BTC/USDC:USDC",
        side=Side.BUY,
        venue_client_id=CLOID,
        external_order_id="7",
        external_trade_id="900",
        price=Decimal("59990.5"),
        quantity=Decimal("0.2"),
        fee=Decimal("-0.5"),
        fee_asset="USDC",
        liquidity=Liquidity.MAKER,
        executed_at_ns=1_700_000_000_400_000_000,
        cursor="1700000000400",
    )


def test_a_fill_that_comes_before_its_order_waits_for_it() -> None:
    parser = a_parser()
    assert list(parser.parse(fills(a_fill()), AT)) == []
    told = parser.parse(updates(an_order("filled", sz="0.0")), AT)
    assert [type(message) for message in told] == [VenueFill, VenueOrderDone]
    assert parser.overdue(AT + 10 * WAIT_NS) == []


def test_a_fill_that_names_its_order_waits_for_nobody() -> None:
    (fill,) = a_parser().parse(fills(a_fill(cloid=CLOID)), AT)
    assert isinstance(fill, VenueFill)
    assert fill.venue_client_id == CLOID


def test_a_fill_whose_order_stays_unknown_is_asked_about() -> None:
    parser = a_parser()
    parser.parse(fills(a_fill()), AT)
    assert parser.overdue(AT + WAIT_NS) == []
    (late,) = parser.overdue(AT + WAIT_NS + 1)
    assert (late.oid, parser.overdue(AT + 10 * WAIT_NS)) == (7, [])


def test_a_fill_is_told_once_and_both_sides_of_a_trade_with_oneself_are() -> None:
    parser = a_parser()
    parser.parse(updates(an_order(), an_order(oid=8, side="A", cloid="0xb")), AT)
    both = fills(a_fill(), a_fill(oid=8, side="A"))
    assert [len(parser.parse(each, AT)) for each in (both, both, frame("user", {"fills": [a_fill()]}))] == [2, 0, 0]


def test_fills_are_told_in_the_order_of_their_times() -> None:
    parser = a_parser()
    parser.parse(updates(an_order()), AT)
    mixed = [a_fill(tid=number, time=1_700_000_000_000 + number) for number in (3, 1, 2)]
    told = parser.parse(fills(*mixed), AT)
    assert [each.external_trade_id for each in told if isinstance(each, VenueFill)] == ["1", "2", "3"]


def test_of_a_snapshot_only_what_is_news_is_told() -> None:
    parser = a_parser()
    parser.parse(updates(an_order()), AT)
    snapshot = fills(a_fill(time=100), a_fill(tid=901, time=200), a_fill(tid=902, time=300, oid=99), snapshot=True)
    (fill,) = parser.parse(snapshot, AT, since_ms=200)
    assert isinstance(fill, VenueFill)
    assert fill.external_trade_id == "901"
    assert parser.overdue(AT + 10 * WAIT_NS) == []


def test_a_bad_fill_is_met_once() -> None:
    parser = a_parser()
    parser.parse(updates(an_order()), AT)
    with pytest.raises(BadInput):
        parser.parse(fills(a_fill(sz="0")), AT)
    assert len(parser.parse(updates(an_order()), AT)) == 1


@pytest.mark.parametrize(
    "bad",
    [
        frame("news", {}), b"[]", b"", frame("orderUpdates", [{}]), frame("orderUpdates", [an_order("levitating")]),
        frame("orderUpdates", [an_order(side="X")]), frame("userFills", {"fills": [a_fill(px=None)]}),
        frame("user", {"fills": 5}), updates(an_order(sz="NaN"))[:-5],
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(bad: bytes) -> None:
    with pytest.raises(BadInput):
        a_parser().parse(bad, AT)


@given(st.binary(max_size=100))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    with pytest.raises(BadInput):
        a_parser().parse(b'{"channel":"userFills","data":' + data, AT)


# --- Recorded ---------------------------------------------------------------------------------------------------------


def test_recorded_fills_are_read_to_the_digit_and_come_in_the_order_of_execution(fixtures_dir: Path) -> None:
    raw = json.loads(cassette(fixtures_dir, "test_get_user_fills.yaml.gz"))
    parser, known = a_parser(), KnownOrders()
    parser = a_parser(known=known)
    for each in raw:
        known.learn(each["oid"], "")
    told = [each for each in parser.parse(fills(*raw), AT) if isinstance(each, VenueFill)]
    assert len(told) == len(raw) == 500
    exact = sorted((str(each["oid"]), each["px"], each["sz"], each["fee"], each["time"]) for each in raw)
    assert exact == sorted(
        (each.external_order_id, str(each.price), str(each.quantity), str(each.fee), each.executed_at_ns // 10**6)
        for each in told
    )
    assert [each.executed_at_ns for each in told] == sorted(each.executed_at_ns for each in told)
    assert len({(each.external_order_id, each.external_trade_id) for each in told}) == 500


def test_the_position_before_each_recorded_fill_follows_from_the_one_before(fixtures_dir: Path) -> None:
    """Trades with oneself, which show the same position on both sides, change nothing and are left out."""
    raw = [
        msgspec.convert(each, wire.Fill) for each in json.loads(cassette(fixtures_dir, "test_get_user_fills.yaml.gz"))
    ]
    ordered = sorted(raw, key=lambda each: each.time)
    pairs: dict[tuple[Any, ...], list[wire.Fill]] = {}
    for each in ordered:
        pairs.setdefault((each.time, each.coin, each.startPosition, each.sz), []).append(each)
    position: dict[str, Decimal] = {}
    broken = followed = 0
    for each in ordered:
        if {other.side for other in pairs[each.time, each.coin, each.startPosition, each.sz]} == {"A", "B"}:
            continue
        if each.coin in position:
            followed += 1
            broken += position[each.coin] != each.startPosition
        position[each.coin] = each.startPosition + (each.sz if each.side == "B" else -each.sz)
    assert followed > 250
    assert broken <= 10


def test_the_recorded_event_of_another_project_is_read(fixtures_dir: Path) -> None:
    known = KnownOrders()
    known.learn(257770947487, CLOID)
    (fill,) = a_parser(InstrumentKind.SPOT, known).parse(frame_of(fixtures_dir, "UserEventTrade"), AT)
    assert isinstance(fill, VenueFill)
    assert (fill.symbol, str(fill.price), str(fill.fee), fill.fee_asset, fill.liquidity) == (
        "HYPE/USDC", "34.895", "0.00031499", "HYPE", Liquidity.TAKER,
    )  # fmt: skip
    (told,) = a_parser(InstrumentKind.SPOT).parse(frame_of(fixtures_dir, "Order"), AT)
    assert isinstance(told, VenueOrderUpdate)
    assert (str(told.order.price), str(told.order.quantity), told.order.venue_client_id) == ("30.0", "0.49", "")


def test_the_captured_empty_snapshot_says_nothing(fixtures_dir: Path) -> None:
    (payload,) = captured(fixtures_dir, "hl_testnet_2026-07-28.jsonl", "ws userFills empty")
    assert list(a_parser().parse(json.dumps(payload).encode(), AT)) == []


def state_after(messages: Sequence[Message]) -> OrderState:
    state = OrderState(
        order_id=OrderId(UUID(int=1)), symbol="BTC/USDC:USDC", side=Side.BUY, quantity=Decimal("0.00037")
    )
    state.apply_submitted()
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
        elif isinstance(message, VenueOrderDone):
            state.apply_status(
                StatusFact(
                    venue_time_ns=message.venue_time_ns,
                    external_order_id=message.external_order_id,
                    filled_quantity=message.filled_quantity,
                    done_reason=message.reason,
                )
            )
        elif isinstance(message, VenueOrderUpdate):
            state.apply_status(
                StatusFact(
                    venue_time_ns=message.order.venue_time_ns,
                    external_order_id=message.order.external_order_id,
                    filled_quantity=message.order.filled_quantity,
                )
            )
    return state


def test_the_recorded_life_of_an_order_ends_the_same_in_any_order_and_repeated(fixtures_dir: Path) -> None:
    frames = [json.dumps(each).encode() for each in captured(fixtures_dir, "hl_testnet_2026-07-28.jsonl", "ws orderUp")]
    assert len(frames) == 2
    for order in itertools.permutations([*frames, *frames]):
        parser = a_parser()
        state = state_after([message for each in order for message in parser.parse(each, AT)])
        assert (state.lifecycle, state.done_reason) == (Lifecycle.DONE, DoneReason.CANCELLED)
        assert (state.external_order_id, state.total_quantity, state.missing_quantity) == (
            "57118842019",
            Decimal(0),
            Decimal(0),
        )


@given(st.permutations([0, 1, 2, 3, 0, 1, 2, 3]))
def test_a_life_with_fills_ends_the_same_in_any_order_and_repeated(order: list[int]) -> None:
    frames = [
        updates(an_order(sz="0.00037", origSz="0.00037")),
        fills(a_fill(sz="0.00007", tid=1)),
        fills(a_fill(sz="0.0003", tid=2)),
        updates(an_order("filled", sz="0.0", origSz="0.00037")),
    ]
    parser = a_parser()
    state = state_after([message for number in order for message in parser.parse(frames[number], AT)])
    assert (state.lifecycle, state.done_reason, state.total_quantity) == (
        Lifecycle.DONE, DoneReason.FILLED, Decimal("0.00037"),
    )  # fmt: skip
    assert len(state.trades) == 2


def test_a_trade_without_an_id_has_one_of_its_own() -> None:
    fill = msgspec.convert(a_fill(), wire.Fill)
    assert trade_id(fill) == "900"
    assert trade_id(msgspec.structs.replace(fill, tid=None)) == "0x01:0.0:59990.5:0.2"

"""What counts as proof of a halt, and what does not."""

from typing import Any

import msgspec
import pytest

from actors.halt_proof import PROVE_WITHIN_NS, HaltProof, HeldPosition
from engine.domain.kinds import OrderOrigin, OrderStatus, OrderType, Side
from engine.messages.orders import OrderChanged
from engine.messages.rows_halts import HaltRow
from tests.support.cell_builders import ACCOUNT, AGENT, START_NS, USER, an_id, decimals

SYMBOL = "BTC/USDT"


def a_halt(**changes: Any) -> HaltProof:
    fields: dict[str, Any] = {
        "id": an_id(9), "user_id": USER, "scope": "user", "scope_id": USER, "reason": "test", "flatten": False,
        "state": "requested", "requested_by": "test", "requested_at": START_NS, "updated_at": START_NS, "report": {},
    }  # fmt: skip
    return HaltProof(HaltRow(**fields | changes))


def changed(number: int, status: OrderStatus, **changes: Any) -> OrderChanged:
    fields: dict[str, Any] = {
        "order_id": an_id(number), "user_id": USER, "account_id": ACCOUNT, "venue": "binance", "symbol": SYMBOL,
        "side": Side.BUY, "type": OrderType.LIMIT, "price": "1", "quantity": "1", "filled_quantity": "0",
        "expected_quantity": "1", "status": status, "origin": OrderOrigin.API,
        "is_done": status not in (OrderStatus.PENDING, OrderStatus.OPEN, OrderStatus.PARTIAL),
    }  # fmt: skip
    return OrderChanged(**decimals(OrderChanged, fields | changes))


def judged(proof: HaltProof, after_ns: int = 1, **parts: Any) -> str:
    return proof.judge(parts.get("unheard", {}), parts.get("positions", ()), START_NS + after_ns).state


def outcomes(proof: HaltProof) -> list[str]:
    return [order["outcome"] for order in proof.row.report["orders"]]


@pytest.mark.parametrize(
    ("status", "outcome", "state"),
    [
        (OrderStatus.CANCELLED, "cancelled", "proven"),
        (OrderStatus.EXPIRED, "cancelled", "proven"),
        (OrderStatus.FILLED, "filled", "proven"),
        (OrderStatus.REJECTED, "never_open", "proven"),
        (OrderStatus.PENDING, "unknown", "verifying"),
        (OrderStatus.OPEN, "open", "verifying"),
        (OrderStatus.PARTIAL, "open", "verifying"),
    ],
)
def test_an_order_is_over_only_when_it_has_ended(status: OrderStatus, outcome: str, state: str) -> None:
    proof = a_halt()
    proof.follow(changed(1, OrderStatus.OPEN))
    proof.follow(changed(1, status))
    assert (judged(proof), outcomes(proof)) == (state, [outcome])


def test_an_account_that_cannot_be_heard_leaves_a_halt_unproven_by_name() -> None:
    proof = a_halt()
    assert judged(proof, unheard={ACCOUNT: "the venue is silent"}) == "verifying"
    assert judged(proof, PROVE_WITHIN_NS, unheard={ACCOUNT: "the venue is silent"}) == "unproven"
    assert proof.row.report["accounts"] == [
        {"account_id": str(ACCOUNT), "outcome": "not_heard", "why": "the venue is silent"}
    ]
    assert judged(proof, PROVE_WITHIN_NS + 1) == "proven"


def test_before_every_order_is_known_nothing_is_proven() -> None:
    assert a_halt().judge({}, (), START_NS + 1, is_complete=False).state == "verifying"


def test_a_position_that_is_left_leaves_a_halt_unproven() -> None:
    proof = a_halt(flatten=True)
    held = HeldPosition(account_id=ACCOUNT, symbol=SYMBOL, size="0.1", why="nobody knows a price")
    assert judged(proof, positions=[held]) == "verifying"
    assert judged(proof, positions=[msgspec.structs.replace(held, size="0", why="")]) == "proven"


def test_orders_outside_of_the_scope_and_those_that_ended_before_do_not_count() -> None:
    proof = a_halt(scope="agent", scope_id=AGENT)
    proof.follow(changed(1, OrderStatus.OPEN))
    proof.follow(changed(2, OrderStatus.CANCELLED, agent_id=AGENT))
    assert (judged(proof), outcomes(proof)) == ("proven", [])
    proof.follow(changed(3, OrderStatus.OPEN, agent_id=AGENT))
    assert (judged(proof), proof.open_orders) == ("verifying", 1)
    assert proof.is_open(ACCOUNT, SYMBOL)
    assert not proof.is_open(ACCOUNT, "ETH/USDT")
    assert a_halt(scope="account", scope_id=ACCOUNT).covers(ACCOUNT, None)
    assert not a_halt(scope="account", scope_id=an_id(77)).covers(ACCOUNT, None)


def test_a_restart_goes_on_with_what_was_written() -> None:
    proof = a_halt()
    proof.follow(changed(1, OrderStatus.OPEN))
    proof.follow(changed(2, OrderStatus.CANCELLED))
    row = proof.judge({}, (), START_NS + 1)
    news = [proof.is_news]
    proof.stored()
    assert [*news, proof.is_news] == [True, False]
    again = HaltProof(row)
    assert (again.open_orders, judged(again)) == (1, "verifying")
    assert not again.is_news
    again.follow(changed(1, OrderStatus.CANCELLED))
    assert (judged(again), again.lift(START_NS + 2).state) == ("proven", "lifted")

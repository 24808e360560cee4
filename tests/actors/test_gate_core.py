"""What a gate knows follows its cell: reservations, limits, readiness, and whether the database is there."""

import asyncio
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest

from connectors.paper.capabilities import capabilities
from engine.domain.errors import NotReady
from engine.domain.identifiers import AccountId
from engine.domain.kinds import OrderOrigin, OrderType, Scope, Side, TradingState
from engine.messages.cell import AccountReadiness
from engine.messages.orders import CancelOrder, CheckIntent, PlaceOrder
from engine.messages.risk import Halt, LimitChanged, Resume
from engine.messages.rows import TradingStateRow
from engine.messages.venues import VenueConnection
from engine.messages.writing import StoreStatus
from tests.actors.conftest import MakeRig, MakeScripted
from tests.support.cell import CellRig
from tests.support.cell_builders import ACCOUNT, AGENT, START_NS, USER, a_place, a_record, an_intent

D = Decimal
LIMIT: dict[str, Any] = {"type": OrderType.LIMIT, "price": "59000"}


async def opened(make_rig: MakeRig, **settings: Any) -> CellRig:
    rig = await make_rig(**settings)
    rig.quote("60000", "60001")
    return rig


def halt(scope: Scope = Scope.USER, scope_id: Any = None, **changes: Any) -> Halt:
    return Halt(user_id=USER, scope=scope, scope_id=scope_id, reason="enough", **changes)


# --- Reservations ----------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_what_passed_is_reserved_before_anything_has_filled(make_scripted: MakeScripted) -> None:
    rig = await make_scripted(defaults={"position_size": D("0.15")})
    rig.quote("60000", "60001")
    first, second = await rig.gate.ask(a_place(1)), await rig.gate.ask(a_place(2))
    assert first.denial is None
    assert second.denial is not None
    assert second.denial.code == "position_size"


@pytest.mark.asyncio
async def test_reservations_are_rebuilt_from_open_and_unknown_orders(make_scripted: MakeScripted) -> None:
    rig = await make_scripted(defaults={"position_size": D("0.15")})
    rig.quote("60000", "60001")
    await rig.gate.ask(a_place(1))
    await rig.crash()
    await rig.start()
    rig.quote("60000", "60001")
    answer = await rig.gate.ask(a_place(2))
    assert answer.denial is not None
    assert answer.denial.code == "position_size"


@pytest.mark.asyncio
async def test_a_cancelled_order_gives_its_reservation_back(make_rig: MakeRig) -> None:
    rig = await opened(make_rig, defaults={"open_orders": D(1)})
    first = await rig.gate.ask(a_place(1, **LIMIT))
    assert (await rig.gate.ask(a_place(2, **LIMIT))).denial is not None
    await rig.settle()
    cancel = CancelOrder(user_id=USER, account_id=ACCOUNT, order_id=first.order_id, reason="test")
    assert (await rig.gate.ask(cancel)).order_ids == (first.order_id,)
    await rig.settle()
    assert (await rig.gate.ask(a_place(3, **LIMIT))).denial is None


@pytest.mark.asyncio
async def test_a_changed_limit_counts_from_the_next_order_on(make_rig: MakeRig) -> None:
    rig = await opened(make_rig)
    assert (await rig.gate.ask(a_place(1))).denial is None
    rig.gate.tell(
        LimitChanged(
            user_id=USER, limit_type="order_notional", symbol=None, scope=Scope.USER, scope_id=None, value=D(10)
        )
    )
    answer = await rig.gate.ask(a_place(2))
    assert answer.denial is not None
    assert answer.denial.code == "order_notional"


# --- Before the books are compared -----------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_until_the_account_is_reconciled_it_may_only_reduce(make_rig: MakeRig) -> None:
    rig = await make_rig(reconcile=False)
    rig.quote("60000", "60001")
    answer = await rig.gate.ask(a_place(1))
    assert answer.denial is not None
    assert answer.denial.code == "account_not_ready"
    await rig.start_reconciler()
    assert (await rig.gate.ask(a_place(2))).denial is None
    await rig.settle()
    rig.bus.publish(AccountReadiness(account_id=ACCOUNT, is_ready=False, reason="disconnected"), key=USER)
    assert (await rig.gate.ask(a_place(3))).denial is not None
    assert (await rig.gate.ask(a_place(4, side=Side.SELL))).denial is None


# --- While the database is away --------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_while_the_database_is_away_only_cancels_and_halts_pass(make_rig: MakeRig) -> None:
    rig = await opened(make_rig)
    await rig.gate.ask(a_place(1, **LIMIT))
    await rig.settle()
    rig.bus.publish(StoreStatus(available=False, since_ns=START_NS))
    stuck = rig.numbers.open()
    await rig.settle()
    with pytest.raises(NotReady):
        await rig.gate.ask(a_place(2))
    with pytest.raises(NotReady):
        await rig.gate.ask(Resume(user_id=USER, scope=Scope.USER, reason="x"))
    answer = await rig.gate.ask(halt())
    assert (answer.state, answer.durable, answer.cancels_requested) == (TradingState.HALTED, False, 1)
    assert rig.rows(TradingStateRow) == []
    rig.bus.publish(StoreStatus(available=True, since_ns=START_NS))
    rig.writer.tell(stuck)
    await rig.settle()
    assert len(rig.rows(TradingStateRow)) == 1


@pytest.mark.asyncio
async def test_an_agents_intent_that_was_on_its_way_when_the_database_went_away_is_denied(make_rig: MakeRig) -> None:
    rig = await opened(make_rig)
    rig.bus.publish(StoreStatus(available=False, since_ns=START_NS))
    rig.gate.tell(CheckIntent(intent=an_intent(1, agent_id=AGENT, origin=OrderOrigin.AGENT), unit=rig.numbers.open()))
    await rig.settle()
    assert rig.order(an_intent(1).order_id).denial_code == "not_ready"


@pytest.mark.asyncio
async def test_a_gate_that_stops_leaves_nobody_waiting(make_rig: MakeRig) -> None:
    rig = await opened(make_rig)
    rig.numbers.open()
    reply = rig.gate.ask(PlaceOrder(intent=an_intent(1), record=a_record()))
    await rig.settle()
    await rig.gate.stop()
    with pytest.raises(Exception, match="stopped"):
        await asyncio.wait_for(_wait(reply), 1)


async def _wait(reply: Any) -> Any:
    return await reply


@pytest.mark.parametrize("shut", [{"symbols": ("BTC/USDT:USDT",)}, {"assets": ("USDT",)}])
@pytest.mark.asyncio
async def test_what_differs_from_the_venue_for_too_long_may_only_be_reduced(
    make_rig: MakeRig, shut: dict[str, Any]
) -> None:
    rig = await opened(make_rig)
    assert (await rig.gate.ask(a_place(1))).denial is None
    await rig.settle()
    rig.bus.publish(AccountReadiness(account_id=ACCOUNT, is_ready=True, **shut), key=USER)
    refused = (await rig.gate.ask(a_place(2))).denial
    assert refused is not None
    assert refused.code == "differs_from_venue"
    assert (await rig.gate.ask(a_place(3, side=Side.SELL))).denial is None
    rig.bus.publish(AccountReadiness(account_id=ACCOUNT, is_ready=True, symbols=("ETH/USDT",)), key=USER)
    assert (await rig.gate.ask(a_place(4))).denial is None


@pytest.mark.asyncio
async def test_a_venue_that_comes_later_is_asked_for_nothing_that_it_cannot_do(make_rig: MakeRig) -> None:
    rig = await opened(make_rig)
    able = capabilities(rig.venue)
    fields = {name: getattr(able, name) for name in able.__struct_fields__}
    poorer = type(able)(**fields | {"order_types": frozenset({OrderType.MARKET})})
    told = VenueConnection(venue=rig.venue, connected=True, at_ns=START_NS, capabilities=poorer)
    rig.bus.publish(told, key=rig.venue)
    await rig.settle()
    denial = (await rig.gate.ask(a_place(1, **LIMIT))).denial
    assert denial is not None
    assert denial.code == "order_type_unsupported"


@pytest.mark.asyncio
async def test_what_an_accounts_own_connection_says_counts_for_that_account(make_rig: MakeRig) -> None:
    rig = await opened(make_rig)
    able = capabilities(rig.venue)
    poorer = msgspec.structs.replace(able, order_types=frozenset({OrderType.MARKET}))
    other = AccountId(UUID(int=99))
    about_another = VenueConnection(
        venue=rig.venue, connected=True, at_ns=START_NS, capabilities=poorer, account_id=other
    )
    rig.bus.publish(about_another, key=rig.venue)
    await rig.settle()
    assert (await rig.gate.ask(a_place(1, **LIMIT))).denial is None
    about_it = msgspec.structs.replace(about_another, account_id=ACCOUNT)
    rig.bus.publish(about_it, key=ACCOUNT)
    await rig.settle()
    denial = (await rig.gate.ask(a_place(2, **LIMIT))).denial
    assert denial is not None
    assert denial.code == "order_type_unsupported"

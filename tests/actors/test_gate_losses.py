"""A daily loss past its limit halts its scope, and only a person's resume lifts that."""

from decimal import Decimal
from typing import Any

import pytest

from engine.domain.kinds import Scope, Side, TradingState
from engine.messages.cell import DefaultLimitsChanged
from engine.messages.risk import LimitChanged, Resume, StateQuery
from engine.messages.rows import EquityPointRow
from engine.messages.rows_halts import HaltRow
from engine.messages.rows_losses import LimitTripRow, RiskDayRow
from engine.messages.rows_people import LimitRow, RiskAlertRow
from tests.actors.conftest import MakeRig
from tests.support.cell import CellRig
from tests.support.cell_builders import ACCOUNT, START_NS, USER, a_place, an_id

D = Decimal
DAY_NS = 86_400_000_000_000
LOSS = {"daily_loss": D(100)}


async def pass_market(rig: CellRig, seconds: float = 5) -> None:
    """Let the ledgers value their accounts."""
    rig.clock.advance(int(seconds * 1_000_000_000))
    await rig.settle()


async def a_loser(make_rig: MakeRig, **settings: Any) -> CellRig:
    """An account that holds 0.1 BTC bought at 60,000, on the day that began before it was bought."""
    rig = await make_rig(**settings)
    rig.quote("60000", "60000")
    await pass_market(rig)
    await rig.gate.ask(a_place(1))
    await rig.settle()
    return rig


async def lose(rig: CellRig, price: str = "58900") -> None:
    rig.quote(price, price)
    await pass_market(rig)


async def states(rig: CellRig) -> list[tuple[Scope, TradingState, str]]:
    answer = await rig.gate.ask(StateQuery(user_id=USER))
    return [(each.scope, each.state, each.reason) for each in answer.states]


async def resume(rig: CellRig, scope: Scope = Scope.ACCOUNT, scope_id: Any = ACCOUNT) -> None:
    await rig.gate.ask(Resume(user_id=USER, scope=scope, scope_id=scope_id, reason="seen"))


@pytest.mark.asyncio
async def test_a_loss_past_the_limit_halts_the_account(make_rig: MakeRig) -> None:
    rig = await a_loser(make_rig, defaults=LOSS)
    await lose(rig, "59100")
    assert await states(rig) == []
    await lose(rig)
    ((scope, state, reason),) = await states(rig)
    assert (scope, state) == (Scope.ACCOUNT, TradingState.HALTED)
    assert reason.startswith("daily_loss: -11")
    assert reason.endswith(" of 100")
    (trip,) = rig.rows(LimitTripRow)
    assert (trip.tripped_at, trip.limit_type, trip.is_active) == (rig.clock.now_ns(), "daily_loss", False)
    (alert,) = (row for row in rig.rows(RiskAlertRow) if row.alert_type == "daily_loss")
    assert alert.severity == "critical"
    assert rig.kinds("risk") == ["LimitTripped"]
    assert rig.kinds("control")[0] == "TradingHalted"
    assert len(rig.rows(HaltRow)) == 1
    denied = (await rig.gate.ask(a_place(2))).denial
    assert denied is not None
    assert (denied.code, denied.value) == ("trading_halted", reason)


@pytest.mark.asyncio
async def test_a_loss_that_a_fill_takes_needs_no_turn_of_the_clock(make_rig: MakeRig) -> None:
    rig = await a_loser(make_rig, defaults=LOSS)
    rig.quote("58000", "58000")
    await rig.gate.ask(a_place(2, side=Side.SELL))
    await rig.settle()
    assert [state for _, state, _ in await states(rig)] == [TradingState.HALTED]


@pytest.mark.asyncio
async def test_a_tripped_limit_outlives_a_crash_and_a_new_day_until_a_person_resumes(make_rig: MakeRig) -> None:
    rig = await a_loser(make_rig, defaults=LOSS)
    await lose(rig)
    before = await states(rig)
    (trip,) = rig.rows(LimitTripRow)
    await rig.crash()
    await rig.start()
    rig.quote("60000", "60000")
    assert await states(rig) == before
    await pass_market(rig, 2 * 86_400)
    assert await states(rig) == before
    assert rig.rows(LimitTripRow) == [trip]
    assert (await rig.gate.ask(a_place(3))).denial is not None
    await resume(rig)
    rig.quote("60000", "60000")
    assert [row.tripped_at for row in rig.rows(LimitTripRow)] == [None]
    assert (await rig.gate.ask(a_place(4))).denial is None


@pytest.mark.asyncio
async def test_what_the_day_began_with_outlives_a_crash(make_rig: MakeRig) -> None:
    rig = await a_loser(make_rig, defaults=LOSS)
    await lose(rig, "59100")
    await rig.crash()
    await rig.start()
    await lose(rig)
    assert [state for _, state, _ in await states(rig)] == [TradingState.HALTED]
    assert {row.start_equity for row in rig.rows(RiskDayRow)} == {D(1_000_000)}


@pytest.mark.asyncio
async def test_a_person_who_resumes_is_stopped_again_by_another_loss_only(make_rig: MakeRig) -> None:
    rig = await a_loser(make_rig, defaults=LOSS)
    await lose(rig)
    await resume(rig)
    await lose(rig, "58800")
    assert await states(rig) == []
    await lose(rig, "57800")
    assert [state for _, state, _ in await states(rig)] == [TradingState.HALTED]


@pytest.mark.asyncio
async def test_a_limit_of_the_user_halts_all_accounts(make_rig: MakeRig) -> None:
    row = LimitRow(
        id=an_id(90),
        user_id=USER,
        limit_type="daily_loss",
        symbol=None,
        scope="user",
        account_id=None,
        agent_id=None,
        limit_value=D(100),
        window_seconds=None,
        is_active=True,
        created_at=START_NS,
        updated_at=START_NS,
    )
    rig = await a_loser(make_rig, limits=[row])
    await lose(rig)
    ((scope, state, _),) = await states(rig)
    assert (scope, state) == (Scope.USER, TradingState.HALTED)
    (trip,) = rig.rows(LimitTripRow)
    assert (trip.id, trip.is_active) == (row.id, True)


@pytest.mark.asyncio
async def test_limits_are_used_as_they_change(make_rig: MakeRig) -> None:
    rig = await a_loser(make_rig, defaults=LOSS)
    change = LimitChanged(
        user_id=USER, limit_type="daily_loss", symbol=None, scope=Scope.ACCOUNT, scope_id=ACCOUNT, value=D(500)
    )
    rig.gate.tell(change)
    await lose(rig)
    assert await states(rig) == []
    rig.gate.tell(DefaultLimitsChanged(limits=(("daily_loss", D(90)),)))
    rig.gate.tell(LimitChanged(**{name: getattr(change, name) for name in change.__struct_fields__} | {"value": None}))
    await pass_market(rig)
    assert [state for _, state, _ in await states(rig)] == [TradingState.HALTED]


@pytest.mark.asyncio
async def test_a_venues_opening_balance_is_no_profit(make_rig: MakeRig) -> None:
    rig = await make_rig(reconcile=False, defaults=LOSS)
    await pass_market(rig)
    await rig.start_reconciler()
    await pass_market(rig)
    assert {row.start_equity for row in rig.rows(RiskDayRow)} == {D(1_000_000)}


@pytest.mark.asyncio
@pytest.mark.parametrize(("lost", "is_halted"), [("1000099", False), ("1000100", True)])
async def test_what_was_lost_while_the_engine_was_down_over_midnight_counts(
    make_rig: MakeRig,
    lost: str,
    is_halted: bool,
) -> None:
    rig = await make_rig(defaults=LOSS)
    rig.quote("60000", "60000")
    await pass_market(rig)
    point = EquityPointRow(
        account_id=ACCOUNT, user_id=USER, at=rig.clock.now_ns(), equity=D(lost), cash=D(0), realized_pnl=D(0),
        unrealized_pnl=D(0), fees=D(0),
    )  # fmt: skip
    rig.store.tables.write([point])
    await rig.crash()
    rig.clock.advance_to(rig.clock.now_ns() + DAY_NS)
    await rig.start()
    rig.quote("60000", "60000")
    await pass_market(rig)
    scopes = [scope for scope, state, _ in await states(rig) if state is TradingState.HALTED]
    assert scopes == ([Scope.ACCOUNT] if is_halted else [])
    (account,) = [row for row in rig.rows(RiskDayRow) if row.scope == "account"]
    (user,) = [row for row in rig.rows(RiskDayRow) if row.scope == "user"]
    assert account.start_equity == user.start_equity == D(lost)

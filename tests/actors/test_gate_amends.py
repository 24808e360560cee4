"""An amend is checked like an order, and the worse of the order before and after it is reserved until all is known."""

from decimal import Decimal
from typing import Any

import pytest

from connectors.paper.capabilities import capabilities
from engine.domain.capabilities import AmendKind
from engine.domain.errors import CatchingUp, NotReady
from engine.domain.identifiers import OrderId
from engine.domain.kinds import OrderOrigin, OrderStatus, OrderType, Scope, Side
from engine.messages.orders import AmendAnswer, AmendOrder, OrderChanged
from engine.messages.risk import Halt
from engine.messages.rows_people import AuditRow
from engine.messages.writing import StoreStatus
from engine.runtime.actor import AsyncioActor, handles
from tests.actors.conftest import MakeRig
from tests.support.cell import CellRig
from tests.support.cell_builders import ACCOUNT, START_NS, USER, a_record, an_id, decimals

D = Decimal
ORDER = OrderId(an_id(100))
pytestmark = pytest.mark.asyncio


class Router(AsyncioActor):
    """Takes every amend, and answers when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[AmendOrder] = []
        self.replies: list[Any] = []

    @handles(AmendOrder)
    def on_amend(self, message: AmendOrder) -> Any:
        self.taken.append(message)
        self.replies.append(self.new_future())
        return self.replies[-1]


class AmendRig:
    """A gate with one open order to buy 0.1 at 59,000 and a router that only listens."""

    def __init__(self, rig: CellRig, router: Router) -> None:
        self.rig = rig
        self.router = router
        self.gate = rig.gate.actor_inbox.actor

    def reserved(self) -> Decimal:
        found: dict[Any, Decimal] = self.gate._exposures.reserved(ACCOUNT)  # type: ignore[union-attr]
        return found.get(ORDER, D(0))

    def value(self) -> Decimal:
        symbol = self.rig.instruments[0].symbol
        exposure = self.gate._exposures.book(ACCOUNT).reservations.exposure(symbol)  # type: ignore[union-attr]
        value: Decimal = exposure.buys_value
        return value

    async def tell(self, **changes: Any) -> None:
        fields: dict[str, Any] = {
            "order_id": ORDER, "user_id": USER, "account_id": ACCOUNT, "venue": self.rig.venue,
            "symbol": self.rig.instruments[0].symbol, "side": Side.BUY, "type": OrderType.LIMIT, "price": "59000",
            "quantity": "0.1", "filled_quantity": "0", "expected_quantity": "0.1", "status": OrderStatus.OPEN,
            "is_done": False, "origin": OrderOrigin.API,
        }  # fmt: skip
        self.rig.bus.publish(OrderChanged(**decimals(OrderChanged, fields | changes)), key=USER)
        await self.rig.settle()

    async def amend(self, **changes: Any) -> AmendAnswer | None:
        """Ask; None while the router has not answered."""
        message = AmendOrder(user_id=USER, account_id=ACCOUNT, order_id=ORDER, **decimals(AmendOrder, changes))
        reply = self.rig.gate.ask(message)
        await self.rig.settle()
        if not reply.done():
            return None
        answer: AmendAnswer = await reply
        return answer

    async def answer(self, **changes: Any) -> None:
        self.router.replies[-1].set(AmendAnswer(order_id=ORDER, **changes))
        await self.rig.settle()


async def amending(make_rig: MakeRig, **settings: Any) -> AmendRig:
    rig = await make_rig(**settings)
    rig.quote("60000", "60001")
    router = await rig.system.start(Router, name="listening")
    scene = AmendRig(rig, router.actor_inbox.actor)  # type: ignore[arg-type]
    scene.gate._routers[ACCOUNT] = router  # type: ignore[union-attr]
    await scene.tell()
    return scene


async def test_the_worse_of_both_is_reserved_until_the_router_tells_the_outcome(make_rig: MakeRig) -> None:
    scene = await amending(make_rig)
    assert await scene.amend(quantity="0.3", price="58000") is None
    assert (scene.reserved(), scene.value()) == (D("0.3"), D("0.3") * 59_000)
    await scene.tell(expected_quantity="0.1")
    assert scene.reserved() == D("0.3"), "news from before the router has taken the amend"
    await scene.tell(amend_quantity="0.3", amend_price="58000")
    await scene.answer(request_id=an_id(7))
    assert (scene.reserved(), scene.value()) == (D("0.3"), D("0.3") * 59_000)
    await scene.tell(quantity="0.3", expected_quantity="0.3", price="58000")
    assert (scene.reserved(), scene.value()) == (D("0.3"), D("0.3") * 58_000)
    await scene.tell(is_done=True, expected_quantity="0", status=OrderStatus.CANCELLED)
    assert (scene.reserved(), scene.value()) == (D(0), D(0))


async def test_an_amend_that_comes_to_nothing_gives_back_what_it_had_reserved(make_rig: MakeRig) -> None:
    scene = await amending(make_rig)
    await scene.amend(quantity="0.3")
    await scene.answer(reason="already_done")
    assert scene.reserved() == D("0.1")
    await scene.amend(quantity="0.2")
    await scene.tell(amend_quantity="0.2")
    await scene.answer(request_id=an_id(8))
    await scene.tell()
    assert scene.reserved() == D("0.1"), "the venue refused it"


async def test_a_smaller_order_keeps_its_reservation_until_the_venue_has_made_it_smaller(make_rig: MakeRig) -> None:
    scene = await amending(make_rig)
    await scene.amend(quantity="0.05")
    assert scene.reserved() == D("0.1")
    await scene.answer(request_id=an_id(7))
    await scene.tell(quantity="0.05", expected_quantity="0.05")
    assert scene.reserved() == D("0.05")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"quantity": "0.3"}, "position_size"),
        ({"price": "30000"}, "price_band"),
        ({"price": "59000.001"}, "tick_size"),
        ({"quantity": "0.00000001"}, "min_quantity"),
    ],
)
async def test_an_amend_that_breaks_a_rule_is_refused_and_changes_nothing(
    make_rig: MakeRig, changes: dict[str, str], code: str
) -> None:
    scene = await amending(make_rig, defaults={"position_size": D("0.2"), "price_band_percent": D(10)})
    answer = await scene.amend(**changes)
    assert answer is not None
    assert answer.denial is not None
    assert answer.denial.code == code
    assert (scene.reserved(), scene.router.taken) == (D("0.1"), [])


async def test_its_own_order_does_not_stand_in_the_way_of_an_amend(make_rig: MakeRig) -> None:
    scene = await amending(make_rig, defaults={"position_size": D("0.1"), "open_orders": D(1)})
    assert await scene.amend(price="59500") is None
    assert len(scene.router.taken) == 1


@pytest.mark.parametrize("kind", [OrderType.STOP, OrderType.TAKE_PROFIT])
async def test_an_order_that_waits_is_valued_at_its_trigger(make_rig: MakeRig, kind: OrderType) -> None:
    scene = await amending(make_rig)
    await scene.tell(type=kind, price="59000")
    assert await scene.amend(stop_price="59500") is None
    assert scene.value() == D("0.1") * 59_500
    answer = await scene.amend(price="58000")
    assert answer is not None
    assert answer.denial is not None
    assert answer.denial.code == "price_not_allowed"


async def test_in_a_halted_scope_nothing_is_amended(make_rig: MakeRig) -> None:
    scene = await amending(make_rig)
    scene.rig.gate.tell(Halt(user_id=USER, scope=Scope.USER, reason="enough", cancel_open=False))
    answer = await scene.amend(quantity="0.05")
    assert answer is not None
    assert answer.denial is not None
    assert answer.denial.code == "trading_halted"


async def test_a_refused_amend_is_audited_before_it_is_answered(make_rig: MakeRig) -> None:
    scene = await amending(make_rig, defaults={"position_size": D("0.2")})
    await scene.amend(quantity="0.3", record=a_record())
    assert [row.action for row in scene.rig.rows(AuditRow)] == ["test"]


async def test_what_the_venue_cannot_amend_stays_as_it_is(make_rig: MakeRig) -> None:
    scene = await amending(make_rig)
    able = capabilities("binance")
    fields = {name: getattr(able, name) for name in able.__struct_fields__} | {"amend": AmendKind.NONE}
    scene.gate._checks.able[ACCOUNT] = type(able)(**fields)  # type: ignore[union-attr]
    answer = await scene.amend(quantity="0.05")
    assert answer == AmendAnswer(order_id=ORDER, reason="amend_unsupported")


async def test_orders_that_the_gate_does_not_know_are_the_routers_to_judge(make_rig: MakeRig) -> None:
    scene = await amending(make_rig)
    await scene.tell(is_done=True, expected_quantity="0", status=OrderStatus.CANCELLED)
    assert await scene.amend(quantity="0.3") is None
    assert len(scene.router.taken) == 1
    elsewhere = AmendOrder(user_id=USER, account_id=an_id(4711), order_id=ORDER, quantity=D("0.3"))  # type: ignore[arg-type]
    assert (await scene.rig.gate.ask(elsewhere)).reason == "not_found"


async def test_nothing_is_amended_on_prices_of_the_past(make_rig: MakeRig) -> None:
    scene = await amending(make_rig)
    scene.rig.marks.begin_catch_up(scene.rig.venue)
    with pytest.raises(CatchingUp):
        await scene.amend(quantity="0.05")
    assert scene.router.taken == []


async def test_nothing_is_amended_while_the_database_is_away(make_rig: MakeRig) -> None:
    scene = await amending(make_rig)
    scene.rig.bus.publish(StoreStatus(available=False, since_ns=START_NS))
    await scene.rig.settle()
    with pytest.raises(NotReady):
        await scene.amend(quantity="0.05")

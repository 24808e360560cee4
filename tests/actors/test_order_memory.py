from decimal import Decimal

from actors.live_order import LiveOrder, new_order
from actors.order_memory import OrderMemory
from engine.domain.identifiers import OrderId
from engine.domain.kinds import DoneReason
from engine.domain.order_facts import CumulativeFact
from tests.support.cell_builders import START_NS, an_id, an_intent


def an_order(number: int, *, n: int = 1, done: bool = True) -> LiveOrder:
    live = new_order(an_intent(number), fence=1, send_by_ns=None, now_ns=START_NS)
    live.n = n
    if done:
        live.state.apply_done(DoneReason.CANCELLED)
    return live


def test_an_order_is_found_by_both_its_ids() -> None:
    memory = OrderMemory()
    live = an_order(1, done=False)
    memory.add(live)
    assert memory.get(OrderId(an_id(1))) is live
    assert memory.by_client_id(live.row.venue_client_id) is live
    assert list(memory.living()) == [live]


def test_the_oldest_done_order_is_forgotten_beyond_the_limit() -> None:
    memory = OrderMemory(done_max=2)
    for number in (1, 2, 3):
        memory.add(an_order(number))
    memory.trim(committed=1)
    assert memory.get(OrderId(an_id(1))) is None
    assert memory.by_client_id(f"cv-{an_id(1).hex}") is None
    assert len(memory) == 2


def test_an_order_that_is_not_durable_is_kept() -> None:
    memory = OrderMemory(done_max=0)
    memory.add(an_order(1, n=5))
    memory.trim(committed=4)
    assert len(memory) == 1
    memory.trim(committed=5)
    assert len(memory) == 0


def test_living_orders_are_never_forgotten() -> None:
    memory = OrderMemory(done_max=0)
    memory.add(an_order(1, done=False))
    memory.trim(committed=100)
    assert len(memory) == 1


def test_an_order_that_the_venue_is_asked_about_is_kept() -> None:
    memory = OrderMemory(done_max=0)
    live = an_order(1)
    live.question = 1
    memory.add(live)
    memory.trim(committed=100)
    assert len(memory) == 1


def test_an_order_with_an_inferred_fill_outlives_others() -> None:
    memory = OrderMemory(done_max=1)
    inferred = an_order(1)
    fact = CumulativeFact(
        quantity=Decimal("0.1"), average_price=Decimal(60_000), fee=Decimal(0), fee_asset="USDT", at_ns=START_NS
    )
    inferred.state.apply_cumulative(fact)
    for live in (inferred, an_order(2), an_order(3)):
        memory.add(live)
    memory.trim(committed=100)
    assert memory.all() == (inferred,)
    memory = OrderMemory(done_max=0)
    memory.add(inferred)
    memory.trim(committed=100)
    assert len(memory) == 0, "where there is room for none it goes as well"

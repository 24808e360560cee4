"""What people ask for: every kind of order, in steps and ticks, the same again under the same key."""

from collections import Counter
from decimal import Decimal
from types import SimpleNamespace
from typing import cast

from engine.domain.kinds import TAKE_PROFIT_TYPES, OrderType
from engine.runtime.clock import VirtualClock
from engine.runtime.entropy import Ids, seeded_rng
from engine.simulation.ports import Ground
from engine.simulation.workload_orders import KINDS, Wish, draw_order
from engine.simulation.workload_setting import ANNA, ANNA_SPOT, instruments
from tests.support.cell_builders import START_NS


def test_orders_are_in_steps_and_ticks_and_of_every_kind() -> None:
    rng = seeded_rng(1)
    kinds: Counter[str] = Counter()
    for _ in range(500):
        for instrument in instruments():
            fields = draw_order(rng, instrument, Decimal("123.45"))
            assert fields["quantity"] % instrument.step_size == 0
            for name in ("price", "stop_price"):
                assert fields.get(name, Decimal(0)) % instrument.tick_size == 0
            kinds[fields["type"]] += 1
            kinds["post_only"] += fields.get("post_only", False)
            kinds["reduce_only"] += fields.get("reduce_only", False)
            kinds["ioc"] += fields.get("time_in_force") == "IOC"
    assert set(kinds) == {*(set(OrderType) - TAKE_PROFIT_TYPES), "post_only", "reduce_only", "ioc"}
    assert min(kinds.values()) > 10
    assert len(KINDS) == 9


def test_a_wish_that_is_asked_again_keeps_its_key_and_gets_a_new_order() -> None:
    clock = VirtualClock(START_NS)
    ground = cast("Ground", SimpleNamespace(clock=clock, ids=Ids(clock, seeded_rng(1))))
    (instrument, *_) = instruments()
    wish = Wish(ANNA, ANNA_SPOT, instrument, "mine", draw_order(seeded_rng(1), instrument, Decimal(60_000)))
    first, again = wish.message(ground).intent, wish.message(ground).intent
    assert first.intent_key == again.intent_key == "mine"
    assert first.order_id != again.order_id
    assert (first.side, first.quantity, first.price) == (again.side, again.quantity, again.price)

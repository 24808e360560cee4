"""An intent says all that the slot wants, and where it comes from."""

from actors.executors.intents import intent_of
from engine.domain.identifiers import OrderId
from engine.domain.instrument import Instrument
from engine.domain.kinds import OrderOrigin
from tests.support.cell_builders import an_id
from tests.support.plan_bench import START_NS, PlanBench


def test_every_term_of_the_order_is_in_it(perpetual: Instrument) -> None:
    bench = PlanBench("bracket", {"side": "buy", "quantity": "10", "stop_price": "90"}, perpetual)
    bench.advance()
    bench.fill("entry")
    wanted = bench.wanted()["stop"]
    intent = intent_of(bench.running, "stop", 3, OrderId(an_id(5)), wanted, START_NS)
    for name in ("side", "type", "quantity", "price", "stop_price", "time_in_force", "post_only", "reduce_only"):
        assert getattr(intent, name) == getattr(wanted, name), name
    assert (intent.origin, intent.executor_id) == (OrderOrigin.EXECUTOR, bench.running.id)
    assert intent.intent_key == f"executor:{bench.running.id}:stop:3"
    assert intent.correlation_id == bench.running.row.correlation_id

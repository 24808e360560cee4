import pytest

from engine.benchmarks.path_engine import BALANCE, Outcome, PathEngine, floor, quotes
from tests.support.quotes import reference_quotes


@pytest.mark.asyncio
async def test_a_cell_as_the_engine_wires_it_ends_where_the_floor_ends() -> None:
    stream = tuple(quotes(5_000))
    engine = await PathEngine(10, 20).start()
    for quote in stream:
        engine.show(quote)
    outcome = engine.outcome()
    await engine.stop()
    assert outcome == floor(stream, 10, 20)
    assert outcome.orders > 200


@pytest.mark.asyncio
async def test_before_the_slow_average_is_full_nothing_is_traded() -> None:
    engine = await PathEngine(10, 200).start()
    for quote in quotes(199):
        engine.show(quote)
    outcome = engine.outcome()
    await engine.stop()
    assert outcome == Outcome(0, BALANCE)


def test_the_stream_is_the_reference_stream() -> None:
    ours = [(quote.bid, quote.ask, quote.bid_size, quote.ask_size, quote.ts_event_ns) for quote in quotes(500)]
    reference = [
        (quote.bid, quote.ask, quote.bid_size, quote.ask_size, quote.ts_event_ns) for quote in reference_quotes(500)
    ]
    assert ours == reference

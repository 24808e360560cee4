"""When the engine is ready, and what it says when it is not."""

from actors.readiness import Readiness
from engine.messages.system import ReadinessChanged
from engine.messages.writing import StoreStatus
from engine.runtime.bus import Bus
from engine.runtime.clock import VirtualClock


def a_table(*expected: str) -> tuple[Readiness, Bus, VirtualClock]:
    bus, clock = Bus(), VirtualClock(1_000)
    return Readiness(bus=bus, clock=clock, expected=expected), bus, clock


def test_an_expected_part_holds_the_engine_back_until_it_reports() -> None:
    table, bus, _ = a_table("schema")
    before = table.is_ready
    bus.publish(ReadinessChanged(part="schema", ready=True))
    assert (before, table.is_ready) == (False, True)


def test_a_part_that_goes_away_says_why_and_since_when() -> None:
    table, bus, clock = a_table("feed:binance")
    bus.publish(ReadinessChanged(part="feed:binance", ready=True))
    clock.advance(500)
    bus.publish(ReadinessChanged(part="feed:binance", ready=False, reason="silent"))
    clock.advance(500)
    bus.publish(ReadinessChanged(part="feed:binance", ready=False, reason="still silent"))
    (part,) = table.parts()
    assert (part.ready, part.reason, part.since_ns) == (False, "still silent", 1_500)
    assert not table.is_ready


def test_an_account_that_failed_does_not_hold_the_engine_back() -> None:
    table, bus, _ = a_table()
    table.expect("account:a")
    before = table.is_ready
    bus.publish(ReadinessChanged(part="account:a", ready=False, reason="bad key"))
    assert (before, table.is_ready) == (False, True)
    state = table.account("a")
    assert state is not None
    assert (state.ready, state.reason) == (False, "bad key")
    assert table.account("b") is None


def test_the_database_is_what_the_writer_says() -> None:
    table, bus, _ = a_table("database")
    before = table.is_database_available
    bus.publish(StoreStatus(available=True, since_ns=1))
    assert (before, table.is_database_available) == (False, True)
    bus.publish(StoreStatus(available=False, reason="refused", since_ns=2))
    assert (table.is_database_available, table.is_ready) == (False, False)


def test_whoever_watches_hears_each_change_once() -> None:
    table, _, _ = a_table("schema")
    heard: list[bool] = []
    table.watch(heard.append)
    for ready in (True, True, False, False, True):
        table.report("schema", ready=ready)
    assert heard == [True, False, True]


def test_a_part_that_is_forgotten_holds_nothing_back() -> None:
    table, _, _ = a_table("lease:x")
    table.forget("lease:x")
    assert (table.is_ready, table.parts()) == (True, [])


def test_a_part_that_has_reported_is_not_expected_anew() -> None:
    table, _, _ = a_table("schema")
    table.report("schema", ready=True)
    table.expect("schema")
    assert table.is_ready


def test_a_closed_table_hears_nothing() -> None:
    table, bus, _ = a_table("schema")
    table.close()
    bus.publish(ReadinessChanged(part="schema", ready=True))
    assert not table.is_ready

"""Messages of the engine about itself."""

from engine.messages.system import Flush, ReadinessChanged


def test_a_flush_waits_behind_what_is_queued() -> None:
    assert Flush.__lane__ == "orders"


def test_lost_readiness_overtakes_orders() -> None:
    assert ReadinessChanged.__lane__ == "control"

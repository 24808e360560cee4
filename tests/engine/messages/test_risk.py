"""Halts and resumes."""

from engine.messages.risk import Halt, Resume


def test_a_halt_overtakes_orders_and_a_resume_does_not() -> None:
    assert Halt.__lane__ == "control"
    assert Resume.__lane__ == "orders"

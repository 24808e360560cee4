from engine.simulation.venue.kinds import BREAKING, DRAWABLE, RARE, TIMED, FaultKind


def test_every_lie_is_within_the_limits_or_beyond_them() -> None:
    assert frozenset(FaultKind) == BREAKING | DRAWABLE
    assert not BREAKING & DRAWABLE
    assert not BREAKING & TIMED
    assert frozenset(RARE) < BREAKING

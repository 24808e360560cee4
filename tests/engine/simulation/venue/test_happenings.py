import pytest

from engine.domain.kinds import OrderType
from engine.messages.remote import RemotePing, RemotePong, RemoteRefused
from engine.messages.venues import VenueAccepted, VenueFill, VenueTradeVoided
from engine.simulation.venue.faults import Strike
from engine.simulation.venue.kinds import FaultKind
from tests.engine.simulation.venue.support import SECOND, Rig, rules

MOST = 999_999


def happen(rig: Rig, kind: FaultKind, strength: int = MOST) -> None:
    strike = Strike("test", kind, rig.clock.at_ns, strength, "")
    rig.by_hand(lambda: rig.venue.happen(strike))


@pytest.mark.parametrize(
    ("kind", "code", "seconds"),
    [(FaultKind.RATE_LIMIT, "rate_limited", 20), (FaultKind.MAINTENANCE, "maintenance", 30)],
)
def test_nothing_is_done_while_requests_are_refused(kind: FaultKind, code: str, seconds: int) -> None:
    rig = Rig()
    rig.dial()
    happen(rig, kind)
    assert rig.submit() == RemoteRefused(code=code, retry_after_ns=seconds * SECOND)
    assert isinstance(rig.ask(RemotePing(at_ns=1)), RemotePong)
    assert rig.venue.truth.orders == {}

    rig.wait(seconds)
    assert isinstance(rig.submit(), VenueAccepted)


def test_a_market_stands_still_during_maintenance() -> None:
    rig = Rig(rules(walk_every_ns=SECOND))
    happen(rig, FaultKind.MAINTENANCE)
    prices = dict(rig.venue.truth.prices)
    rig.wait(29)
    assert rig.venue.truth.prices == prices

    rig.wait(10)
    assert rig.venue.truth.prices != prices


@pytest.mark.parametrize(("strength", "orders"), [(0, 0), (1, 1)])
def test_a_half_open_link_gives_nothing_and_may_still_take(strength: int, orders: int) -> None:
    rig = Rig()
    rig.dial()
    happen(rig, FaultKind.HALF_OPEN, strength)

    assert rig.submit() is None
    assert rig.ask(RemotePing(at_ns=1)) is None
    assert len(rig.venue.truth.orders) == orders
    rig.dial()
    assert isinstance(rig.submit(), VenueAccepted)


def test_a_link_breaks_with_what_was_under_way_on_it() -> None:
    rig = Rig()
    link = rig.dial()
    rig.lie(FaultKind.LATE_ANSWER)
    rig.submit()
    happen(rig, FaultKind.LINK_RESET)
    rig.wait(20)

    assert [delivery.connection for delivery in rig.deliveries if delivery.payload is None] == [link]
    assert [frame.body for frame in rig.frames() if isinstance(frame.body, VenueAccepted)] == []
    assert len(rig.venue.truth.orders) == 1
    assert rig.submit() is None


def test_no_link_is_taken_while_they_are_refused() -> None:
    rig = Rig()
    happen(rig, FaultKind.REFUSED_CONNECT)
    assert not rig.venue.connect(1)

    rig.wait(20)
    assert rig.venue.connect(1)


def test_reports_vanish_while_they_are_silent_but_voids_only_wait() -> None:
    rig = Rig()
    rig.dial()
    rig.submit(type=OrderType.MARKET)
    happen(rig, FaultKind.SILENT_PUSHES)
    assert isinstance(rig.submit(type=OrderType.MARKET), VenueAccepted)
    rig.by_hand(lambda: rig.venue.hand.void(rig.venue.truth.trades[0]))
    assert rig.told(VenueTradeVoided) == []

    rig.wait(60)
    assert len(rig.told(VenueFill)) == 1
    assert len(rig.told(VenueTradeVoided)) == 1


@pytest.mark.parametrize(("strength", "skew_s"), [(0, -20), (MOST, 20)])
def test_the_clock_jumps_both_ways(strength: int, skew_s: int) -> None:
    rig = Rig()
    rig.dial()
    happen(rig, FaultKind.CLOCK_JUMP, strength)
    pong = rig.ask(RemotePing(at_ns=1))

    assert abs(pong.venue_time_ns - rig.clock.at_ns - skew_s * SECOND) <= 50_000
    rig.venue.calm()
    assert rig.ask(RemotePing(at_ns=1)).venue_time_ns == rig.clock.at_ns


def test_a_restart_breaks_all_links_and_forgets_what_ended_long_ago() -> None:
    rig = Rig(rules(walk_every_ns=SECOND))
    rig.dial()
    rig.dial()
    old = rig.placed()
    rig.cancel(old)
    rig.wait(61)
    new = rig.placed()
    rig.cancel(new)
    happen(rig, FaultKind.RESTART)

    assert sum(delivery.payload is None for delivery in rig.deliveries) == 2
    assert (old.is_forgotten, new.is_forgotten) == (True, False)
    prices = dict(rig.venue.truth.prices)
    rig.wait(10)
    assert rig.venue.truth.prices != prices

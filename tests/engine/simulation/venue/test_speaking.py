from engine.messages.remote import RemoteRefused
from engine.messages.venues import VenueAccepted
from engine.simulation.venue.kinds import FaultKind
from tests.engine.simulation.venue.support import SECOND, Rig, rules


def test_what_was_said_is_remembered_also_where_nobody_heard_it() -> None:
    rig = Rig()
    rig.dial()
    rig.lie(FaultKind.LOST_ANSWER)
    assert rig.submit() is None

    assert isinstance(rig.venue.speaker.said[-2][2], VenueAccepted)


def test_the_usual_latency_keeps_the_order() -> None:
    rig = Rig(rules(latency_ns=(1, SECOND)))
    assert rig.venue.connect(1)
    link = rig.venue.links.by_id[1]
    for number in range(50):
        rig.venue.speaker.send(link, RemoteRefused(code=str(number)), re=number)
    rig.wait(1)

    assert [frame.re for frame in rig.frames()] == list(range(50))


def test_what_is_late_is_overtaken() -> None:
    rig = Rig()
    assert rig.venue.connect(1)
    link = rig.venue.links.by_id[1]
    rig.venue.speaker.send(link, RemoteRefused(code="late"), re=1, delay_ns=5)
    rig.venue.speaker.send(link, RemoteRefused(code="usual"), re=2)
    rig.wait(1)

    assert [frame.re for frame in rig.frames()] == [2, 1]


def test_what_left_before_a_link_broke_still_arrives() -> None:
    rig = Rig()
    assert rig.venue.connect(1)
    link = rig.venue.links.by_id[1]
    rig.venue.speaker.send(link, RemoteRefused(code="early"), re=1, delay_ns=5)
    rig.venue.speaker.send(link, RemoteRefused(code="late"), re=2, delay_ns=15)
    rig.venue.at(rig.clock.at_ns + 10, lambda: rig.venue.break_link(link))
    rig.wait(1)

    assert [delivery.payload is None for delivery in rig.deliveries] == [False, True]

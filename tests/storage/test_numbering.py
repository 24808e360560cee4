import msgspec
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.identifiers import UserId
from engine.messages.writing import CommittedEvent
from storage.numbering import HeadsOfUser, Numbering, cells_of, users_of
from tests.support.units import UnitMaker

MAKE = UnitMaker()
USERS = [UserId(MAKE.id()) for _ in range(2)]
CHANNELS = st.sampled_from(["orders", "trades", "balances"])
UNITS = st.lists(st.tuples(st.integers(0, 1), st.lists(CHANNELS, max_size=4)), max_size=8)


@given(st.lists(UNITS, max_size=5))
def test_seq_counts_the_user_and_prev_the_channel(batches: list[list[tuple[int, list[str]]]]) -> None:
    heads: dict[UserId, HeadsOfUser] = {}
    events: list[CommittedEvent] = []
    for batch in batches:
        numbering = Numbering(heads)
        for index, channels in batch:
            unit = MAKE.unit(USERS[index], events=tuple(MAKE.event({"a": 1}, channel) for channel in channels))
            events.extend(numbering.number(unit).events)
        numbering.apply()
    for user_id in USERS:
        mine = [event for event in events if event.user_id == user_id]
        assert [event.seq for event in mine] == list(range(1, len(mine) + 1))
        last: dict[str, int] = {}
        for event in mine:
            assert event.prev == last.get(event.channel, 0)
            last[event.channel] = event.seq


@given(UNITS)
def test_a_batch_that_is_not_applied_uses_no_number(batch: list[tuple[int, list[str]]]) -> None:
    heads: dict[UserId, HeadsOfUser] = {USERS[0]: {"": 5, "orders": 4, "trades": 5}}
    before = {user_id: dict(of_user) for user_id, of_user in heads.items()}
    numbering = Numbering(heads)
    for index, channels in batch:
        numbering.number(MAKE.unit(USERS[index], events=tuple(MAKE.event({}, channel) for channel in channels)))
    assert heads == before


def test_moved_heads_come_by_user_and_the_user_s_own_first() -> None:
    numbering = Numbering({USERS[0]: {"": 3, "orders": 3, "trades": 2}})
    for user_id in reversed(USERS):
        numbering.number(MAKE.unit(user_id, events=(MAKE.event({}), MAKE.event({}, "balances"))))
    assert numbering.moved() == [
        (USERS[0], "", 5), (USERS[0], "balances", 5), (USERS[0], "orders", 4),
        (USERS[1], "", 2), (USERS[1], "balances", 2), (USERS[1], "orders", 1),
    ]  # fmt: skip
    assert [numbering.before(user_id) for user_id in USERS] == [3, 0]


def test_an_event_takes_the_correlation_of_its_unit_where_it_has_none() -> None:
    own, of_unit = MAKE.id(), MAKE.id()
    unit = MAKE.unit(USERS[0], events=(MAKE.event({}), MAKE.event({}, correlation_id=own)))
    unit = msgspec.structs.replace(unit, correlation_id=of_unit)
    assert [event.correlation_id for event in Numbering({}).number(unit).events] == [of_unit, own]


def test_cells_and_users_are_named_once() -> None:
    units = [
        MAKE.unit(USERS[1], n=1, fence=2), MAKE.unit(USERS[0], events=(MAKE.event({}),), n=1, fence=1),
        MAKE.unit(USERS[1], n=2, fence=2), MAKE.unit(USERS[0]),
    ]  # fmt: skip
    assert cells_of(units) == [(USERS[0], 1), (USERS[1], 2)]
    assert users_of(units) == {USERS[0]}

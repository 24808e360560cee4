from engine.benchmarks.storage_rows import BAR_NS, Maker, Owner, a_bar, an_intent
from engine.messages.rows import OrderRow
from engine.runtime.clock import WallClock


def test_a_cell_counts_its_numbered_intents_only() -> None:
    make = Maker(WallClock())
    owner = Owner.new(make)
    assert [an_intent(make, owner, is_numbered=flag).n for flag in (True, False, True)] == [1, None, 2]


def test_an_intent_is_an_order_of_its_owner_and_an_event_of_it() -> None:
    make = Maker(WallClock())
    owner = Owner.new(make)
    unit = an_intent(make, owner)
    [order] = unit.rows
    assert isinstance(order, OrderRow)
    assert (order.user_id, order.account_id) == (owner.user.id, owner.account.id)
    assert unit.events[0].data is order


def test_every_bar_has_a_minute_of_its_own() -> None:
    make = Maker(WallClock())
    first, second = a_bar(make, 0), a_bar(make, 1)
    assert second.open_time - first.open_time == BAR_NS
    assert first.close_time == second.open_time

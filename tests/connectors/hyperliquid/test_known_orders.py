"""What is remembered of orders, because messages do not say it."""

from decimal import Decimal

from connectors.hyperliquid.known_orders import KnownOrders


def test_a_number_has_one_name_and_a_name_its_newest_number() -> None:
    known = KnownOrders()
    known.learn(5, "0xa")
    known.learn(7, "0xa")
    known.learn(6, "")
    known.learn(5, "0xb")
    assert [known.cloid_of(oid) for oid in (5, 6, 7, 8)] == ["0xa", "", "0xa", None]
    assert (known.number_of("0xa"), known.number_of("0xb")) == (7, None)
    assert [known.is_replaced(oid, "0xa") for oid in (5, 7)] == [True, False]
    assert not known.is_replaced(6, "")


def test_what_was_filled_is_counted_on_through_every_replacement() -> None:
    known = KnownOrders()
    known.learn(1, "0xa")
    known.replaced(1, 2, "0xa", Decimal("0.5"))
    known.replaced(2, 3, "0xa", Decimal("0.25"))
    known.replaced(2, 3, "0xa", Decimal("0.3"))
    assert [known.filled_before(oid) for oid in (1, 2, 3)] == [Decimal(0), Decimal("0.5"), Decimal("0.8")]
    assert known.number_of("0xa") == 3


def test_the_oldest_are_forgotten() -> None:
    known = KnownOrders(remembered=2)
    for oid in (1, 2, 3):
        known.learn(oid, f"0x{oid}")
    assert [known.cloid_of(oid) for oid in (1, 2, 3)] == [None, "0x2", "0x3"]
    assert (known.number_of("0x1"), len(known._cloids)) == (None, 2)


def test_an_amend_is_on_its_way_until_it_is_answered() -> None:
    known = KnownOrders()
    known.begin_amend("0xa", 5)
    known.settle("0xa")
    assert not known.believes_end(5, "0xa")
    assert known.end_amend("0xa")
    assert not known.end_amend("0xa")
    assert known.believes_end(5, "0xa")


def test_an_amend_without_an_answer_is_open_until_somebody_has_asked() -> None:
    known = KnownOrders()
    known.begin_amend("0xa", 5)
    known.doubt_amend("0xa")
    known.doubt_amend("0xb")
    assert [known.believes_end(5, cloid) for cloid in ("0xa", "0xb")] == [False, True]
    known.settle("0xa")
    assert known.believes_end(5, "0xa")


def test_the_end_of_the_number_that_replaces_is_believed_before_the_answer_comes() -> None:
    known = KnownOrders()
    known.begin_amend("0xa", 5)
    assert known.believes_end(6, "0xa")
    assert not known.end_amend("0xa")

"""What differs is looked at again and again, and keeps its symbol shut once it is old."""

from decimal import Decimal
from typing import Any

from actors.discrepancy_watch import AGAIN_FIRST_NS, DiscrepancyWatch
from engine.messages.rows import DiscrepancyRow
from tests.support.cell_builders import ACCOUNT, START_NS, USER, an_id

SECOND_NS = 1_000_000_000
EVERY_NS = 30 * SECOND_NS
DEADLINE_NS = 60 * SECOND_NS


def a_difference(number: int = 1, **changes: Any) -> DiscrepancyRow:
    fields: dict[str, Any] = {
        "id": an_id(number),
        "user_id": USER,
        "account_id": ACCOUNT,
        "kind": "balance",
        "asset": "USDT",
        "ours": Decimal(100),
        "venue": Decimal(90),
        "guess": "withdrawal",
        "state": "open",
        "created_at": START_NS,
        "updated_at": START_NS,
    }
    return DiscrepancyRow(**fields | changes)


def test_a_new_difference_is_looked_at_soon_and_then_ever_less_often() -> None:
    watch = DiscrepancyWatch()
    assert watch.again_ns(EVERY_NS) == EVERY_NS
    watch.follow([a_difference()])
    waits = [watch.again_ns(EVERY_NS) for _ in range(6)]
    assert waits == [AGAIN_FIRST_NS, AGAIN_FIRST_NS * 2, AGAIN_FIRST_NS * 4, AGAIN_FIRST_NS * 8, EVERY_NS, EVERY_NS]
    watch.follow([a_difference(venue=Decimal(95))])
    assert watch.again_ns(EVERY_NS) == AGAIN_FIRST_NS, "it moves"


def test_an_old_difference_shuts_what_it_is_about() -> None:
    rows = [a_difference(1), a_difference(2, kind="position", asset="BTC/USDT:USDT", created_at=START_NS + 1)]
    watch = DiscrepancyWatch(rows, deadline_ns=DEADLINE_NS)
    assert watch.shut(START_NS + DEADLINE_NS - 1) == ((), ())
    assert watch.next_deadline_ns(START_NS) == START_NS + DEADLINE_NS
    assert watch.shut(START_NS + DEADLINE_NS) == ((), ("USDT",))
    assert watch.next_deadline_ns(START_NS + DEADLINE_NS) == START_NS + DEADLINE_NS + 1
    assert watch.shut(START_NS + DEADLINE_NS + 1) == (("BTC/USDT:USDT",), ("USDT",))
    assert watch.next_deadline_ns(START_NS + DEADLINE_NS + 1) is None


def test_a_person_hears_of_each_once() -> None:
    watch = DiscrepancyWatch([a_difference()], deadline_ns=DEADLINE_NS)
    late_ns = START_NS + DEADLINE_NS
    assert [row.asset for row in watch.to_tell(late_ns)] == ["USDT"]
    assert watch.to_tell(late_ns) == []
    watch.follow([])
    assert (len(watch), watch.shut(late_ns)) == (0, ((), ()))

from typing import Any

import pytest

from actors.cancels import Cancels, cancel_of
from actors.fact_batch import FactBatch
from actors.live_order import LiveOrder, new_order
from actors.outbox import Outbox
from engine.domain.kinds import RequestState
from engine.messages.orders import CancelAnswer
from engine.messages.venues import VenueCancel
from engine.messages.writing import UnitNumbers, UnitsCommitted
from engine.runtime.bus import Bus
from engine.runtime.clock import VirtualClock
from engine.runtime.entropy import Ids, seeded_rng
from engine.runtime.future import AsyncioFuture
from tests.actors.test_outbox import Owner
from tests.support.cell_builders import ACCOUNT, START_NS, USER, an_intent

IDS = Ids(VirtualClock(), seeded_rng(1))


class Desk:
    """Cancels with an outbox whose commits the test gives."""

    def __init__(self) -> None:
        self.bus = Bus()
        owner: Any = Owner()
        owner.outbox = Outbox(UnitNumbers(USER, 1, IDS), self.bus, owner)
        self.sent: list[VenueCancel] = []
        self.cancels = Cancels(account_id=ACCOUNT, ids=IDS, outbox=owner.outbox, send=self.sent.append)
        self.live = new_order(an_intent(), fence=1, send_by_ns=None, now_ns=START_NS)
        self.reply: AsyncioFuture[CancelAnswer] = AsyncioFuture()

    def leave(self, n: int) -> None:
        self.cancels.leave(n, [cancel_of(self.live)], (self.live.state.order_id,), self.reply)

    def commit(self, n: int) -> None:
        self.bus.publish(UnitsCommitted(user_id=USER, fence=1, n=n), key=USER)


def a_batch() -> FactBatch:
    return FactBatch(user_id=USER, account_id=ACCOUNT, venue="binance", ids=IDS, now_ns=START_NS)


def requests(live: LiveOrder) -> list[str]:
    return [row.state for row in live.requests.values()]


def test_a_cancel_leaves_when_it_is_durable() -> None:
    desk = Desk()
    desk.leave(3)
    desk.commit(2)
    assert desk.sent == []
    desk.commit(3)
    assert [each.order_id for each in desk.sent] == [desk.live.state.order_id]
    assert desk.reply.get() == CancelAnswer(order_ids=(desk.live.state.order_id,), durable=True)


def test_a_cancel_leaves_at_once_while_the_database_is_away_and_only_once() -> None:
    desk = Desk()
    desk.leave(3)
    desk.cancels.store_went_away()
    assert desk.reply.get().durable is False
    desk.commit(3)
    assert len(desk.sent) == 1


def test_one_request_at_a_time_is_on_its_way() -> None:
    desk = Desk()
    assert desk.cancels.request(desk.live, "why", a_batch(), START_NS) is not None
    assert desk.cancels.request(desk.live, "why", a_batch(), START_NS) is None
    assert requests(desk.live) == ["requested"]


@pytest.mark.parametrize(
    ("state", "left", "event"),
    [
        (RequestState.ACKED, [], "CancelAcknowledged"),
        (RequestState.REFUSED, [], "CancelRefused"),
        (RequestState.UNKNOWN, ["unknown"], "CancelRefused"),
    ],
)
def test_an_answer_settles_the_request(state: RequestState, left: list[str], event: str) -> None:
    desk = Desk()
    desk.cancels.request(desk.live, "why", a_batch(), START_NS)
    batch = a_batch()
    desk.cancels.answer(desk.live, state, "code", batch, START_NS + 1)
    assert requests(desk.live) == left
    assert [each.type for each in batch.events] == [event]


def test_after_an_unknown_outcome_a_cancel_may_be_tried_again() -> None:
    desk = Desk()
    desk.cancels.request(desk.live, "why", a_batch(), START_NS)
    desk.cancels.answer(desk.live, RequestState.UNKNOWN, "unknown", a_batch(), START_NS)
    assert desk.cancels.request(desk.live, "why", a_batch(), START_NS) is not None

"""What somebody else placed on our account is taken over as external, and bears the id that the venue knows."""

from actors.adoption import adopted_order, intent_behind
from engine.domain.identifiers import OrderId
from engine.domain.kinds import Lifecycle, OrderOrigin
from tests.support.cell_builders import ACCOUNT, START_NS, USER, an_id
from tests.support.scripted_venue import somebody_elses_order


def test_an_adopted_order_is_external_and_was_never_sent_by_us() -> None:
    found = somebody_elses_order()
    intent = intent_behind(
        found, order_id=OrderId(an_id(9)), row_owner=(USER, ACCOUNT), venue="binance", now_ns=START_NS
    )
    live = adopted_order(intent, "web-1", fence=3, now_ns=START_NS)
    assert (live.row.origin, live.row.venue_client_id, live.row.send_by) == (OrderOrigin.EXTERNAL, "web-1", None)
    assert (live.state.lifecycle, live.state.quantity, live.unsent) == (Lifecycle.CREATED, found.quantity, None)

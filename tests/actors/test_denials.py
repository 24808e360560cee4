import msgspec

from actors.denials import KEPT_MAX, WINDOW_NS, DenialFolder
from actors.live_order import denied_order
from engine.domain.identifiers import AgentId
from engine.domain.kinds import OrderOrigin
from engine.messages.orders import Denial, OrderIntent
from engine.messages.rows import OrderRow
from tests.support.cell_builders import AGENT, START_NS, an_id, an_intent

DENIAL = Denial(code="order_rate", limit="10", value="11")


def of_agent(number: int, agent: AgentId = AGENT) -> OrderIntent:
    return an_intent(number, agent_id=agent, origin=OrderOrigin.AGENT)


def row_of(intent: OrderIntent, denial: Denial = DENIAL, now_ns: int = START_NS) -> OrderRow:
    return denied_order(intent, denial, fence=1, now_ns=now_ns).refresh(now_ns)


def test_repeats_within_a_second_share_a_row_with_a_count() -> None:
    folder = DenialFolder()
    folder.remember(row_of(of_agent(1)))
    second = folder.fold(of_agent(2), DENIAL, START_NS + 1)
    third = folder.fold(of_agent(3), DENIAL, START_NS + WINDOW_NS - 1)
    assert second is not None
    assert third is not None
    assert (third.id, third.denial_count) == (an_id(1), 3)
    assert (third.intent_key, third.last_intent_key) == ("key-1", "key-3")


def test_after_a_second_there_is_a_new_row() -> None:
    folder = DenialFolder()
    folder.remember(row_of(of_agent(1)))
    assert folder.fold(of_agent(2), DENIAL, START_NS + WINDOW_NS) is None


def test_another_rule_or_another_agent_has_its_own_row() -> None:
    folder = DenialFolder()
    folder.remember(row_of(of_agent(1)))
    other_rule = msgspec.structs.replace(DENIAL, code="balance")
    assert folder.fold(of_agent(2), other_rule, START_NS) is None
    assert folder.fold(of_agent(3, AgentId(an_id(77))), DENIAL, START_NS) is None


def test_a_persons_denials_are_never_folded() -> None:
    folder = DenialFolder()
    folder.remember(row_of(an_intent(1)))
    assert folder.fold(an_intent(2), DENIAL, START_NS) is None


def test_the_folder_is_bounded() -> None:
    folder = DenialFolder()
    for number in range(KEPT_MAX + 10):
        folder.remember(row_of(of_agent(number + 1, AgentId(an_id(number + 5_000)))))
    assert folder.fold(of_agent(9, AgentId(an_id(5_000))), DENIAL, START_NS) is None
    assert folder.fold(of_agent(9, AgentId(an_id(5_000 + KEPT_MAX + 9))), DENIAL, START_NS) is not None

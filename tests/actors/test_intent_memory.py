from actors.intent_memory import KEPT_MAX, IntentMemory, is_own_key, nothing_of
from engine.domain.identifiers import AccountId, OrderId
from engine.domain.values import ZERO
from engine.messages.orders import OrderIntent
from tests.support.cell_builders import ACCOUNT, an_id, an_intent


def keep(memory: IntentMemory, intent: OrderIntent) -> None:
    memory.keep(intent.account_id, intent.order_id, intent.intent_key, intent.client_order_id)


def test_the_same_key_finds_the_first_order() -> None:
    memory = IntentMemory()
    keep(memory, an_intent(1, intent_key="k"))
    assert memory.find(an_intent(2, intent_key="k")) == an_id(1)


def test_a_callers_order_id_finds_its_order_under_another_key() -> None:
    memory = IntentMemory()
    keep(memory, an_intent(1, client_order_id="mine"))
    assert memory.find(an_intent(2, client_order_id="mine")) == an_id(1)


def test_keys_are_of_one_account() -> None:
    memory = IntentMemory()
    keep(memory, an_intent(1, intent_key="k"))
    assert memory.find(an_intent(2, intent_key="k", account_id=AccountId(an_id(99)))) is None


def test_memory_is_bounded_and_forgets_the_oldest() -> None:
    memory = IntentMemory()
    for number in range(KEPT_MAX + 1):
        memory.keep(ACCOUNT, OrderId(an_id(number + 1)), f"k{number}", str(an_id(number + 1)))
    assert memory.find(an_intent(1, intent_key="k0", client_order_id="x")) is None
    assert memory.find(an_intent(1, intent_key="k1", client_order_id="x")) == an_id(2)


def test_only_our_own_ids_are_known_never_to_repeat() -> None:
    own = str(an_id(5))
    assert not is_own_key(an_intent(5, intent_key=own, client_order_id=own))
    assert is_own_key(an_intent(5, intent_key="their-key", client_order_id=own))
    assert is_own_key(an_intent(5, intent_key=own, client_order_id="their-id"))


def test_an_intent_told_twice_comes_to_nothing() -> None:
    change = nothing_of(an_intent(3))
    assert change.is_done
    assert change.expected_quantity == ZERO

"""What a client is told about its order when it asks again."""

import pytest

from actors.api.order_answers import denied
from engine.domain.identifiers import OrderId
from engine.messages.orders import Denial
from tests.support.api import ApiRig
from tests.support.cell_builders import an_id


def test_a_denial_without_words_gets_some() -> None:
    problem = denied(Denial(code="open_orders", limit="2", value="3"), OrderId(an_id(1)))
    assert problem.detail == "the rule open_orders allows 2, the order would make it 3"
    assert problem.extra == {"limit": "2", "value": "3", "order_id": str(an_id(1))}


@pytest.mark.asyncio
async def test_a_client_id_of_a_denied_order_is_denied_again(rig: ApiRig) -> None:
    first = await rig.place(quantity="1", client_order_id="big")
    again = await rig.place(quantity="1", client_order_id="big")
    assert (again.status, again.json["code"], again.json["order_id"]) == (
        422, "order_notional", first.json["order_id"])  # fmt: skip


@pytest.mark.asyncio
async def test_a_key_with_an_earlier_client_id_gets_the_earlier_order(rig: ApiRig) -> None:
    first = await rig.place(client_order_id="mine")
    again = await rig.place(client_order_id="mine", headers={"Idempotency-Key": "another"})
    assert (again.status, again.json["id"]) == (201, first.json["id"])

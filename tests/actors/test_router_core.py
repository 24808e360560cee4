"""Facts about orders that are not in memory: recalled, or adopted."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from engine.domain.errors import DependencyAway
from engine.domain.identifiers import AccountId
from engine.domain.kinds import DoneReason
from engine.messages.archive import OrderLoad
from engine.messages.orders import SubmitOrder
from engine.messages.rows import OrderRow, TradeRow
from engine.messages.venues import VenueFills
from tests.actors.conftest import MakeScripted
from tests.support.cell_builders import an_intent
from tests.support.memory_past import MemoryArchive
from tests.support.scripted_venue import ScriptedRig, a_fill, done

D = Decimal


class ArchiveThatIsAway(MemoryArchive):
    """Cannot be read the first times."""

    failures = 2

    async def recall(self, account_id: AccountId, venue_client_ids: Sequence[str]) -> list[OrderLoad]:
        if self.failures:
            self.failures -= 1
            raise DependencyAway("archive")
        return await super().recall(account_id, venue_client_ids)


async def fill_and_forget(rig: ScriptedRig) -> Any:
    """Return an order that is done, durable and no more in memory."""
    intents = [an_intent(number) for number in (1, 2, 3)]
    for trade, intent in enumerate(intents):
        rig.router.tell(SubmitOrder(intent=intent, unit=rig.numbers.open(intent.correlation_id)))
        await rig.settle()
        await rig.hear(a_fill(intent, trade + 1))
    return intents[0]


@pytest.mark.asyncio
async def test_a_late_fill_of_a_forgotten_order_is_booked_on_it(make_scripted: MakeScripted) -> None:
    rig = await make_scripted(done_max=0)
    intent = await fill_and_forget(rig)
    await rig.hear(a_fill(intent, 9, quantity="0.02"))
    assert rig.order(intent.order_id).filled_quantity == D("0.12")
    assert len(rig.rows(OrderRow)) == 3


@pytest.mark.asyncio
async def test_a_repeated_fill_of_a_forgotten_order_is_booked_once(make_scripted: MakeScripted) -> None:
    rig = await make_scripted(done_max=0)
    intent = await fill_and_forget(rig)
    await rig.hear(a_fill(intent, 1))
    assert len(rig.rows(TradeRow)) == 3
    assert rig.order(intent.order_id).filled_quantity == D("0.1")


@pytest.mark.asyncio
async def test_several_facts_wait_for_one_look_into_the_archive(make_scripted: MakeScripted) -> None:
    rig = await make_scripted(done_max=0)
    intent = await fill_and_forget(rig)
    rig.say(a_fill(intent, 8, quantity="0.01"))
    rig.say(a_fill(intent, 9, quantity="0.01"))
    await rig.hear(done(intent, DoneReason.CANCELLED, filled="0.12"))
    assert rig.order(intent.order_id).filled_quantity == D("0.12")


@pytest.mark.asyncio
async def test_facts_wait_while_the_archive_is_away(
    make_scripted: MakeScripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.support.cell.MemoryArchive", ArchiveThatIsAway)
    rig = await make_scripted(done_max=0)
    intent = await fill_and_forget(rig)
    await rig.hear(a_fill(intent, 9, quantity="0.02"))
    assert rig.order(intent.order_id).filled_quantity == D("0.1")
    await rig.pass_wall(3)
    assert rig.order(intent.order_id).filled_quantity == D("0.12")


@pytest.mark.asyncio
async def test_what_is_too_much_to_wait_is_fetched_again(
    make_scripted: MakeScripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.router_core.WAITING_MAX", 1)
    rig = await make_scripted(done_max=0)
    intent = await fill_and_forget(rig)
    late = [a_fill(intent, trade, quantity="0.01") for trade in (8, 9)]
    rig.script.fills = VenueFills(fills=tuple(late), cursor="9")
    for fill in late:
        rig.say(fill)
    await rig.settle()
    assert rig.order(intent.order_id).filled_quantity == D("0.12")


@pytest.mark.asyncio
async def test_a_fill_of_an_order_that_nobody_knows_makes_it_an_external_one(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    await rig.hear(a_fill(an_intent(77), 1, venue_client_id="web-9"))
    (row,) = rig.rows(OrderRow)
    assert (row.origin, row.status, row.venue_client_id) == ("external", "filled", "web-9")
    assert rig.size() == D("0.1")


@pytest.mark.asyncio
async def test_the_end_of_an_order_that_nobody_knows_says_nothing(make_scripted: MakeScripted) -> None:
    rig = await make_scripted()
    await rig.hear(done(an_intent(77)))
    assert rig.rows(OrderRow) == []

import pytest

from engine.domain.identifiers import AccountId
from engine.messages.archive import ForgottenPast, OrderArchive
from tests.support.cell_builders import an_id


@pytest.mark.asyncio
async def test_an_archive_without_a_past_knows_nothing() -> None:
    archive: OrderArchive = ForgottenPast()
    account = AccountId(an_id(1))
    assert await archive.recall(account, ["cv-1"]) == []
    assert await archive.find_intent(account, "key", "mine") is None

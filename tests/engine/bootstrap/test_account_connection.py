"""Who takes the orders of an account; real orders never reach a paper venue."""

from typing import Any
from uuid import UUID

import pytest

from actors.readiness import Readiness
from connectors.paper.venue import PaperVenue
from engine.bootstrap.account_connection import connect
from engine.bootstrap.parts import VenueParts
from engine.domain.errors import ConfigError
from engine.domain.identifiers import UserId
from engine.messages.rows_people import AccountRow
from engine.runtime.actor import AsyncioActor
from engine.runtime.bus import Bus
from engine.runtime.clock import VirtualClock
from engine.runtime.ref import Ref
from engine.runtime.system import ActorSystem

pytestmark = pytest.mark.asyncio
USER = UserId(UUID(int=1))


def an_account(mode: str = "live") -> AccountRow:
    return AccountRow(
        id=UUID(int=2), user_id=USER, name="real", exchange="binance", account_id="real", account_type="spot",
        mode=mode, is_active=True, starting_balances={}, config_hash=None, created_at=1, dead_man_ms=None,
    )  # fmt: skip


class Own(AsyncioActor):
    """Stands for a connection of its own."""

    def __init__(self, *, account_id: UUID) -> None:
        super().__init__()
        self.account_id = account_id


class OwnOfAll:
    def parts(self, account: AccountRow, user_id: UserId) -> VenueParts | None:
        assert user_id == USER
        return VenueParts(Own, f"live/{account.id}", {"account_id": account.id}) if account.mode == "live" else None


class Keyless:
    def parts(self, account: AccountRow, user_id: UserId) -> VenueParts | None:
        raise ConfigError("accounts.real.api_key", expected="a key", was="missing")


class Shared:
    """One connector of a venue; `kind`: what it is."""

    def __init__(self, kind: type[AsyncioActor]) -> None:
        self.actor_class = kind


async def chosen(
    account: AccountRow, *, own: Any = None, shared: dict[str, Any] | None = None
) -> tuple[Ref[Any] | None, list[Any], str | None]:
    clock = VirtualClock(0)
    system, readiness = ActorSystem(clock=clock), Readiness(bus=Bus(), clock=clock, expected=())
    started: list[Ref[Any]] = []
    found = await connect(
        account, USER, system=system, readiness=readiness, shared=shared or {}, own=own, started=started
    )
    kinds = [ref.actor_class for ref in started]
    (part,) = readiness.parts()
    await system.stop_all()
    return found, kinds, part.reason if part.reported else None


async def test_an_account_with_a_connection_of_its_own_gets_it_started() -> None:
    found, kinds, reason = await chosen(an_account(), own=OwnOfAll(), shared={"binance": Shared(PaperVenue)})
    assert found is not None
    assert (kinds, reason) == ([Own], None)


async def test_the_others_share_their_venues() -> None:
    paper = Shared(PaperVenue)
    found, kinds, reason = await chosen(an_account("paper"), own=OwnOfAll(), shared={"binance": paper})
    assert id(found) == id(paper)
    assert (kinds, reason) == ([], None)
    remote = Shared(Own)
    found, _, _ = await chosen(an_account(), shared={"binance": remote})
    assert id(found) == id(remote)


async def test_real_orders_never_reach_a_paper_venue() -> None:
    found, _, reason = await chosen(an_account(), shared={"binance": Shared(PaperVenue)})
    assert (found, reason) == (None, "it is live, and binance is played on paper here")


async def test_an_account_for_which_there_is_nobody_says_why() -> None:
    assert await chosen(an_account()) == (None, [], "venue binance does not run here")
    found, kinds, reason = await chosen(an_account(), own=Keyless(), shared={"binance": Shared(PaperVenue)})
    assert (found, kinds, reason) == (None, [], "accounts.real.api_key: expected a key, was 'missing'")

"""A configuration is read again while cells run: what may change is in force at once, the rest is named."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
import pytest_asyncio

from config.loader import load_settings
from engine.bootstrap.cell_wiring import Wired
from engine.bootstrap.reload import Reloader
from engine.bootstrap.service import ServiceManager
from engine.domain.identifiers import UserId
from engine.domain.kinds import OrderType
from engine.messages.orders import OrderAnswer, PlaceOrder
from engine.messages.system import ReloadAnswer, ReloadConfiguration
from engine.messages.writing import CellHalted, CommandRecord
from engine.runtime import log
from engine.runtime.ref import Ref
from tests.support.cell_builders import a_record, an_intent
from tests.support.host import CONFIG, Ground, a_ground
from tests.support.postgres import PostgresDatabase

pytestmark = pytest.mark.asyncio

ACCOUNT = CONFIG[: CONFIG.index("[[agents]]")]
LIMITED = ACCOUNT.replace('user = "demo@localhost"', 'user = "demo@localhost"\nlimits = { order_notional = 100 }')


class Heard(ServiceManager):
    """A service manager that remembers what it was told."""

    def __init__(self) -> None:
        super().__init__({})
        self.said: list[str] = []

    def _send(self, text: str) -> None:
        self.said.append(text.partition("\n")[0])


class Running(msgspec.Struct):
    """A host with one cell, and the reloader of its file."""

    ground: Ground
    reloader: Ref[Any]
    file: Path
    service: Heard
    database: PostgresDatabase
    user_id: UserId

    async def reload(self, text: str, record: CommandRecord | None = None) -> ReloadAnswer:
        """Change the file and have it read."""
        self.file.write_text(text)
        answer: ReloadAnswer = await self.reloader.ask(ReloadConfiguration(record=record))
        await self.ground.rest()
        return answer

    @property
    def wired(self) -> Wired:
        """The cell."""
        return self.ground.directory._running[self.user_id]

    async def order(self, number: int, quantity: str = "0.01") -> str | None:
        """Place an order that would rest; the code of its denial."""
        ground = self.ground
        audit = msgspec.structs.replace(a_record().audit, id=ground.ids.uuid(), user_id=self.user_id, actor_id=None)
        intent = an_intent(
            number, user_id=self.user_id, account_id=self.wired.accounts[0], venue=ground.market.venue,
            symbol="BTC/USDT", type=OrderType.LIMIT, quantity=quantity, price="60000",
        )  # fmt: skip
        answer: OrderAnswer = await self.wired.gate.ask(PlaceOrder(intent=intent, record=CommandRecord(audit=audit)))
        return None if answer.denial is None else answer.denial.code

    async def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        """Read rows."""
        daemon = await self.database.connect()
        return [tuple(row) for row in await daemon.fetch(sql)]


@pytest.fixture(autouse=True)
def level() -> Iterator[None]:
    yield
    log.set_level("info")


@pytest_asyncio.fixture
async def running(pg_database: PostgresDatabase, tmp_path: Path) -> AsyncIterator[Running]:
    async with a_ground(pg_database, tmp_path, CONFIG) as ground:
        host = await ground.host()
        file, service = tmp_path / "cival.toml", Heard()
        reloader = await ground.system.start(
            Reloader, name="reloader", load=lambda: load_settings(file, environ={}), running=ground.settings,
            venue=ground.market.venue, stores=ground.stores, cells=ground.directory, host=host, service=service,
            clock=ground.wall, ids=ground.ids,
        )  # fmt: skip
        await ground.compared()
        await ground.quote("61000", "61001")
        (user_id,) = await ground.users()
        yield Running(ground, reloader, file, service, pg_database, user_id)


async def test_the_same_file_changes_nothing(running: Running) -> None:
    before = await running.fetch("select count(*) from audit_log")
    assert await running.reload(CONFIG) == ReloadAnswer()
    assert await running.fetch("select count(*) from audit_log") == before
    assert running.service.said == ["RELOADING=1", "READY=1"]


async def test_a_file_that_cannot_be_used_changes_nothing(running: Running) -> None:
    answer = await running.reload(CONFIG + "[risk]\nopen_orders = 1\n[log]\nlevle = 'debug'\n")
    assert "log.levle: expected 'level'" in answer.error
    assert (answer.applied, await running.order(1), await running.order(2)) == ((), None, None)
    wrong = await running.reload(CONFIG.replace("trend_follower", "crystal_ball"))
    assert "agents.0.type (trend-1)" in wrong.error
    running.file.unlink()
    gone: ReloadAnswer = await running.reloader.ask(ReloadConfiguration())
    assert "expected a readable file" in gone.error
    assert running.service.said == ["RELOADING=1", "READY=1"] * 3, "the manager never waits for the end of a reload"


async def test_default_limits_are_in_force_at_once_and_in_the_next_life(running: Running) -> None:
    assert await running.order(1) is None
    answer = await running.reload(CONFIG + "[risk]\nopen_orders = 1\n")
    assert answer == ReloadAnswer(applied=("risk.open_orders",))
    assert await running.order(2) == "open_orders"
    ground = running.ground
    ground.bus.publish(CellHalted(user_id=running.user_id, fence=1, reason="fenced", detail=""), running.user_id)
    await ground.rest()
    await ground.pass_time(1)
    await ground.compared()
    await ground.quote("61000", "61001")
    assert (running.wired.fence, await running.order(3)) == (2, "open_orders")
    assert await running.reload(CONFIG) == ReloadAnswer(applied=("risk.open_orders",))
    assert await running.order(4) is None


async def test_limits_reach_a_cell_that_is_down_with_its_next_life(running: Running) -> None:
    await running.wired.gate.halt()
    agents = CONFIG.index("[[agents]]")
    answer = await running.reload(LIMITED + CONFIG[agents:] + "[risk]\nopen_orders = 1\n")
    assert answer.applied == ("risk.open_orders", "accounts.paper-1.limits.order_notional")
    assert await running.fetch("select limit_value::int from trading_limits") == [(100,)]


async def test_an_accounts_limit_is_set_and_lifted(running: Running) -> None:
    assert await running.order(1) is None
    agent = CONFIG[CONFIG.index("[[agents]]") :]
    answer = await running.reload(LIMITED + agent)
    assert answer == ReloadAnswer(applied=("accounts.paper-1.limits.order_notional",))
    assert await running.order(2) == "order_notional"
    stored = "select limit_type, limit_value::int, is_active from trading_limits"
    assert await running.fetch(stored) == [("order_notional", 100, True)]

    answer = await running.reload(CONFIG)
    assert answer.applied == ("accounts.paper-1.limits.order_notional",)
    assert await running.order(3) is None
    assert await running.fetch(stored) == [("order_notional", 100, False)]
    changes = await running.fetch("select count(*) from audit_log where action = 'account_changed'")
    assert changes == [(2,)]


async def test_agents_are_made_and_changed_while_their_cell_runs(running: Running) -> None:
    second = CONFIG[CONFIG.index("[[agents]]") :].replace("trend-1", "trend-2")
    changed = CONFIG.replace('symbols = ["BTC/USDT"]', 'symbols = ["BTC/USDT"]\nparameters = { fast = 3, slow = 8 }')
    answer = await running.reload(changed + second)
    assert answer == ReloadAnswer(applied=("agents.trend-1", "agents.trend-2"))
    rows = await running.fetch("select name, configuration ->> 'fast', status from trading_agents order by name")
    assert rows == [("trend-1", "3", "active"), ("trend-2", None, "active")]
    actions = await running.fetch("select action from audit_log where object_type = 'agent' order by id")
    assert actions == [("agent_created",), ("agent_changed",), ("agent_created",)]
    assert await running.reload(changed + second) == ReloadAnswer(), "and a second time there is nothing to do"
    assert await running.reload(changed) == ReloadAnswer(kept=("agents.trend-2",))


async def test_an_agent_that_its_cell_refuses_is_told_and_tried_again(running: Running) -> None:
    text = CONFIG.replace('symbols = ["BTC/USDT"]', 'symbols = ["NO/NE"]')
    for _ in range(2):
        answer = await running.reload(text)
        assert answer.applied == ()
        (reason,) = answer.refused
        assert reason.startswith("agents.trend-1: ")
        assert "NO/NE" in reason


async def test_an_agent_whose_cell_is_down_waits_for_it(running: Running) -> None:
    running.ground.directory.remove(running.user_id)
    answer = await running.reload(CONFIG.replace("trend-1", "trend-9"))
    assert answer.refused == ("agents.trend-9: its cell does not run now; the next start or reload applies it",)


async def test_the_level_of_the_log_changes(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    logger = log.get_logger("test")
    assert await running.reload(CONFIG + '[log]\nlevel = "error"\n') == ReloadAnswer(applied=("log.level",))
    capsys.readouterr()
    logger.warning("quiet")
    await running.reload(CONFIG)
    logger.warning("loud")
    seen = capsys.readouterr().err
    assert "loud" in seen
    assert "quiet" not in seen


async def test_what_needs_a_restart_is_named_until_there_is_one(running: Running) -> None:
    text = CONFIG + '[server]\nport = 1\n\n[[accounts]]\nname = "new"\nuser = "bob@localhost"\n'
    for _ in range(2):
        assert await running.reload(text) == ReloadAnswer(needs_restart=("server.port", "accounts.new"))
    assert await running.fetch("select count(*) from users") == [(1,)]


async def test_the_caller_is_in_the_audit_log(running: Running) -> None:
    audit = msgspec.structs.replace(
        a_record().audit, id=UUID(int=77), user_id=running.user_id, actor_id=running.user_id, action="control.reload"
    )
    await running.reload(CONFIG, CommandRecord(audit=audit))
    assert await running.fetch("select id, actor_id from audit_log where action = 'control.reload'") == [
        (UUID(int=77), running.user_id)
    ]

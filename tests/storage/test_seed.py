"""The first user is made once, and found again by name."""

from dataclasses import replace
from decimal import Decimal
from itertools import count
from uuid import UUID

import msgspec
import pytest

from storage.roles import DatabaseRole
from storage.seed import Seed, SeedAccount, SeedAgent, Seeded, SeedLimit, SeedUser, seed
from tests.support.postgres import PostgresDatabase

TABLES = ("users", "trading_accounts", "trading_limits", "trading_strategies", "trading_agents")


def demo(first_id: int) -> Seed:
    numbers = count(first_id)

    def new_id() -> UUID:
        return UUID(int=next(numbers))

    return Seed(
        user=SeedUser(id=new_id(), email="demo@localhost", password_hash="$argon2id$x", full_name="Demo", role="admin"),
        account=SeedAccount(
            id=new_id(),
            name="paper",
            exchange="simulated",
            account_type="spot",
            starting_balances={"USDT": Decimal(10000), "BTC": Decimal("0.5")},
        ),
        limits=(
            SeedLimit(id=new_id(), limit_type="order_notional", limit_value=Decimal(1000)),
            SeedLimit(
                id=new_id(), limit_type="daily_loss", limit_value=Decimal(500), scope="user", window_seconds=86_400
            ),
        ),
        agents=tuple(
            SeedAgent(
                id=new_id(),
                strategy_id=new_id(),
                name=agent_type,
                agent_type=agent_type,
                strategy_type=strategy_type,
                symbols=("BTC/USDT", "ETH/USDT"),
                parameters={"fast": 10, "slow": 20, "risk": Decimal("0.01")},
                allocation=Decimal(2000),
            )
            for agent_type, strategy_type in (
                ("trend_follower", "trend_following"),
                ("mean_reversion", "mean_reversion"),
            )
        ),
    )


async def contents(database: PostgresDatabase) -> dict[str, list[tuple[object, ...]]]:
    connection = await database.connect()
    return {
        table: [tuple(row) for row in await connection.fetch(f"select * from {table} order by id")] for table in TABLES
    }


@pytest.mark.asyncio
async def test_everything_is_made_and_readable_by_its_owner(pg_database: PostgresDatabase) -> None:
    made = await seed(pg_database.endpoints, demo(1))
    assert made == Seeded(user_id=UUID(int=1), account_id=UUID(int=2), is_new_user=True)
    connection = await pg_database.connect()
    account = await connection.fetchrow("select name, mode, starting_balances from trading_accounts")
    assert account is not None
    assert (account["name"], account["mode"]) == ("paper", "paper")
    assert msgspec.json.decode(account["starting_balances"]) == {"USDT": "10000", "BTC": "0.5"}
    agents = await connection.fetch(
        """
        select a.name, a.status, a.symbols, a.allocation, a.configuration = s.parameters as same, s.strategy_type
        from trading_agents a join trading_strategies s on s.id = a.strategy_id and s.user_id = a.user_id order by a.id
        """
    )
    symbols = ["BTC/USDT", "ETH/USDT"]
    assert [tuple(row) for row in agents] == [
        ("trend_follower", "active", symbols, Decimal(2000), True, "trend_following"),
        ("mean_reversion", "active", symbols, Decimal(2000), True, "mean_reversion"),
    ]
    limits = await connection.fetch("select limit_type, scope, account_id, limit_value from trading_limits order by id")
    assert [tuple(row) for row in limits] == [
        ("order_notional", "account", UUID(int=2), Decimal(1000)),
        ("daily_loss", "user", None, Decimal(500)),
    ]


@pytest.mark.asyncio
async def test_a_second_run_with_new_ids_changes_nothing(pg_database: PostgresDatabase) -> None:
    await seed(pg_database.endpoints, demo(1))
    before = await contents(pg_database)
    again = await seed(pg_database.endpoints, demo(1000))
    assert again == Seeded(user_id=UUID(int=1), account_id=UUID(int=2), is_new_user=False)
    assert await contents(pg_database) == before
    assert [len(rows) for rows in before.values()] == [1, 1, 2, 2, 2]


@pytest.mark.asyncio
async def test_what_a_person_changed_stays_and_what_is_missing_is_added(pg_database: PostgresDatabase) -> None:
    await seed(pg_database.endpoints, demo(1))
    connection = await pg_database.connect()
    await connection.execute("update trading_limits set limit_value = 7 where limit_type = 'daily_loss'")
    await connection.execute("update trading_agents set status = 'paused' where name = 'trend_follower'")
    await connection.execute("delete from trading_agents where name = 'mean_reversion'")
    await seed(pg_database.endpoints, demo(1000))
    assert await connection.fetchval("select limit_value from trading_limits where limit_type = 'daily_loss'") == 7
    found = await connection.fetch("select name, status from trading_agents order by id")
    assert [tuple(row) for row in found] == [("trend_follower", "paused"), ("mean_reversion", "active")]


@pytest.mark.asyncio
async def test_an_email_in_other_letters_is_the_same_user(pg_database: PostgresDatabase) -> None:
    await seed(pg_database.endpoints, demo(1))
    other = demo(1000)
    again = await seed(pg_database.endpoints, replace(other, user=replace(other.user, email="Demo@Localhost")))
    assert (again.user_id, again.is_new_user) == (UUID(int=1), False)


@pytest.mark.asyncio
async def test_a_failure_leaves_nothing(pg_database: PostgresDatabase) -> None:
    wanted = demo(1)
    bad = replace(wanted, account=replace(wanted.account, account_type="imaginary"))
    with pytest.raises(Exception, match="account_type_check"):
        await seed(pg_database.endpoints, bad)
    assert set(map(len, (await contents(pg_database)).values())) == {0}
    reader = await pg_database.connect(DatabaseRole.READER)
    assert await reader.fetchval("select count(*) from users") == 0

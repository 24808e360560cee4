"""Each rule of the books finds what breaks it, and nothing in books that are right."""

import pytest

from engine.domain.errors import DependencyAway
from storage.books import unbalanced
from storage.roles import DatabaseRole, Endpoints, served_endpoints
from tests.support.postgres import PostgresDatabase
from tests.support.tenants import Tenant, insert_tenant

pytestmark = pytest.mark.asyncio

ANN = Tenant(1)
WITHOUT_GUARDS = "set session_replication_role = replica"
"""The schema itself would refuse most of this; the books are for what got past it."""
SPOILED = {
    "ledger entries that do not sum to zero": "update ledger_lines set amount = amount + 1 where line_no = 2",
    "orders whose filled quantity is not the sum of their trades": "update orders set filled_quantity = 2",
    "trades without a ledger entry": "update ledger_entries set trade_id = null",
    "balances that are not the sum of their ledger lines": "update balances set free = 6, total = 6",
    "positions that are not the sum of their open lots": "update lots set remaining = remaining / 2",
    "holes in a journal": """
        insert into events (user_id, seq, channel, prev_seq, unit_id, type, payload, at)
        select user_id, 3, channel, 1, unit_id, type, payload, at from events
    """,
    "discrepancies with a venue that nobody has explained": "update discrepancies set state = 'open'",
}


async def balanced(database: PostgresDatabase) -> None:
    """Make the rows of a tenant agree with each other."""
    admin = await database.connect(DatabaseRole.ADMIN)
    await insert_tenant(admin, ANN)
    await admin.execute(f"""
        {WITHOUT_GUARDS};
        update orders set filled_quantity = 1;
        update ledger_lines set ledger_account = 'assets:' || asset where ledger_account = 'assets';
        update ledger_entries set trade_id = (select id from trades);
        update discrepancies set state = 'explained';
    """)
    await admin.close()


async def test_books_that_are_right_break_no_rule(pg_database: PostgresDatabase) -> None:
    empty = await unbalanced(pg_database.endpoints)
    assert SPOILED.keys() <= empty.keys()
    assert not any(empty.values())
    await balanced(pg_database)
    assert not any((await unbalanced(pg_database.endpoints)).values())


@pytest.mark.parametrize("rule", SPOILED)
async def test_a_rule_finds_what_breaks_it(rule: str, pg_database: PostgresDatabase) -> None:
    await balanced(pg_database)
    admin = await pg_database.connect(DatabaseRole.ADMIN)
    await admin.execute(f"{WITHOUT_GUARDS}; {SPOILED[rule]}")
    broken = {name: rows for name, rows in (await unbalanced(pg_database.endpoints)).items() if rows}
    assert list(broken) == [rule]
    assert len(broken[rule]) == 1


async def test_at_most_ten_rows_are_shown(pg_database: PostgresDatabase) -> None:
    await balanced(pg_database)
    admin = await pg_database.connect(DatabaseRole.ADMIN)
    await admin.execute("""
        insert into balances (user_id, account_id, asset, free, total, exchange)
        select user_id, account_id, 'X' || n, 1, 1, 'simulated' from balances, generate_series(1, 20) n
    """)
    rows = (await unbalanced(pg_database.endpoints))["balances that are not the sum of their ledger lines"]
    assert len(rows) == 10


async def test_a_database_that_is_away_proves_nothing() -> None:
    nowhere: Endpoints = served_endpoints("postgresql://nobody@127.0.0.1:9/none")
    with pytest.raises(DependencyAway):
        await unbalanced(nowhere)

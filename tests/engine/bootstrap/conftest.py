"""A database without a schema, beside the migrated one."""

from collections.abc import Iterator

import pytest

from tests.support.postgres import PostgresDatabase, PostgresServer


@pytest.fixture
def pg_empty(pg_server: PostgresServer) -> Iterator[PostgresDatabase]:
    """Give the test a database in which nothing was ever made."""
    database = pg_server.create_database("template1")
    yield database
    pg_server.drop_database(database.name)

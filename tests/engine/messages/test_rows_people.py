"""Rows about people name whose they are."""

from engine.messages import rows, rows_people
from engine.messages.rows import Row


def own(module: object, name: str) -> list[type[Row]]:
    """Return the row classes that a module defines."""
    return [
        kind
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Row) and kind.__module__ == name and kind is not Row
    ]


def test_every_row_of_a_tenant_names_its_user() -> None:
    kinds = own(rows, rows.__name__) + own(rows_people, rows_people.__name__)
    without = {kind.__name__ for kind in kinds if "user_id" not in kind.__struct_fields__}
    assert without == {"UserRow"}, "a user is its own owner"


def test_secrets_are_only_kept_as_hashes() -> None:
    fields = {field for kind in own(rows_people, rows_people.__name__) for field in kind.__struct_fields__}
    assert {field for field in fields if "password" in field or "token" in field} == {"password_hash", "token_hash"}

"""A used client id is known for ever: from memory, or by asking the store."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from connectors.paper.client_ids import ClientIds


def test_ids_below_the_horizon_are_doubtful() -> None:
    ids = ClientIds(UUID(int=100))
    assert ids.is_doubtful(UUID(int=100))
    assert not ids.is_doubtful(UUID(int=101))


@given(numbers=st.lists(st.integers(101, 10_000), max_size=60, unique=True), limit=st.integers(1, 7))
def test_what_is_no_longer_known_is_doubtful(numbers: list[int], limit: int) -> None:
    ids = ClientIds(UUID(int=100), limit)
    for number in numbers:
        ids.add(f"cv-{number}", UUID(int=number))
    assert all(ids.is_known(f"cv-{number}") or ids.is_doubtful(UUID(int=number)) for number in numbers)
    assert sum(ids.is_known(f"cv-{number}") for number in numbers) <= 2 * limit
    assert all(ids.is_known(f"cv-{number}") for number in numbers[-limit:])
    assert not ids.is_known("cv-1")

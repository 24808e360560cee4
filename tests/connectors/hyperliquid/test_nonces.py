"""Numbers of signed requests are the same for the same order and never two orders'."""

from uuid import UUID, uuid4

from connectors.hyperliquid.nonces import REMEMBERED, Nonces, nonces_of

NOW_NS = 1_700_000_000_123_456_789
NOW_MS = NOW_NS // 1_000_000


def born(ms: int, rest: int = 1) -> UUID:
    return UUID(int=(ms << 80) | (7 << 76) | (2 << 62) | rest)


def test_the_number_of_an_order_is_the_time_in_its_id() -> None:
    nonces = Nonces()
    assert nonces.of_order(born(NOW_MS - 500), NOW_NS) == NOW_MS - 500
    assert nonces.of_order(born(NOW_MS - 500), NOW_NS + 10**9) == NOW_MS - 500


def test_after_a_restart_it_is_the_same_again() -> None:
    assert Nonces().of_order(born(NOW_MS), NOW_NS) == Nonces().of_order(born(NOW_MS), NOW_NS + 5 * 10**9)


def test_two_orders_of_a_millisecond_have_two_numbers() -> None:
    nonces = Nonces()
    numbers = [nonces.of_order(born(NOW_MS, rest), NOW_NS) for rest in range(5)]
    assert numbers == [NOW_MS + extra for extra in range(5)]
    assert nonces.fresh(NOW_NS) == NOW_MS + 5


def test_an_id_that_tells_no_time_of_now_takes_it() -> None:
    nonces = Nonces()
    assert nonces.of_order(born(NOW_MS - 3_600_000), NOW_NS) == NOW_MS
    assert nonces.of_order(uuid4(), NOW_NS) == NOW_MS + 1


def test_memory_stays_bounded() -> None:
    nonces = Nonces()
    for number in range(REMEMBERED + 10):
        nonces.of_order(born(NOW_MS + number % 50, number), NOW_NS)
    assert len(nonces._of_order) == len(nonces._used) == REMEMBERED


def test_accounts_with_one_key_share_its_numbers_while_any_of_them_lives() -> None:
    one, other = nonces_of("0xa"), nonces_of("0xa")
    assert one is other
    assert nonces_of("0xb") is not one
    one.fresh(NOW_NS)
    del one, other
    assert nonces_of("0xa").fresh(NOW_NS) == NOW_MS

"""What is remembered of an account's orders."""

from connectors.binance.known_orders import KnownOrders


def test_a_conditional_order_is_one_until_it_has_an_ordinary_id() -> None:
    known = KnownOrders()
    known.expect_conditional("cv-1")
    assert known.is_conditional("cv-1", None)
    known.learn("BTCUSDT", "algo:7", "cv-1")
    assert known.is_conditional("cv-1", "algo:7")
    known.learn("BTCUSDT", "42", "cv-1")
    assert not known.is_conditional("cv-1", None)
    # Whoever still calls it by the old id means the order that it has become.
    assert not known.is_conditional("cv-1", "algo:7")
    assert known.client_id("BTCUSDT", "42") == "cv-1"


def test_an_id_of_another_process_says_by_itself_what_it_is() -> None:
    assert KnownOrders().is_conditional("cv-1", "algo:7")
    assert not KnownOrders().is_conditional("cv-1", "42")


def test_ids_are_unique_within_a_symbol_only() -> None:
    known = KnownOrders()
    known.learn("BTCUSDT", "42", "cv-1")
    known.learn("ETHUSDT", "42", "cv-2")
    assert (known.client_id("BTCUSDT", "42"), known.client_id("ETHUSDT", "42")) == ("cv-1", "cv-2")
    assert known.symbols == {"BTCUSDT", "ETHUSDT"}


def test_only_the_newest_are_kept() -> None:
    known = KnownOrders(limit=10)
    for number in range(100):
        known.expect_conditional(f"cv-{number}")
        known.learn("BTCUSDT", str(number), f"cv-{number}")
    assert known.client_id("BTCUSDT", "5") is None
    assert known.order("cv-99") is not None
    assert len(known._by_client) == len(known._by_external) == 10

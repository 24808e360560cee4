"""What is new of a thing is added to what is known of it."""

from connectors.live.newest import Newest


def test_news_are_added_and_the_longest_ago_is_forgotten() -> None:
    known = Newest(2)
    assert known.told("a", price=1, side="buy") == {"price": 1, "side": "buy"}
    assert known.told("a", price=2) == {"price": 2, "side": "buy"}
    known.told("b", price=3)
    known.told("a", filled=1)
    known.told("c", price=4)
    assert "a" in known
    assert "b" not in known
    assert known.told("a") == {"price": 2, "side": "buy", "filled": 1}

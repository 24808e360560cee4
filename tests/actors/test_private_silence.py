"""A stream is silent if what questions find is not pushed soon after."""

from collections.abc import Callable

from actors.private_silence import PATIENCE_NS, PrivateSilence

SECOND_NS = 1_000_000_000


def test_news_without_a_push_until_the_next_look_is_silence() -> None:
    silence = PrivateSilence()
    assert not silence.looked(0, news=1)
    assert silence.looked(PATIENCE_NS, news=0)
    assert (silence.is_silent, silence.count) == (True, 1)


def test_a_push_after_the_look_clears_the_stream() -> None:
    silence = PrivateSilence()
    silence.looked(0, news=1)
    silence.pushed(SECOND_NS)
    assert not silence.looked(PATIENCE_NS, news=0)
    assert not silence.is_silent


def test_a_second_look_at_once_proves_nothing() -> None:
    silence = PrivateSilence()
    silence.looked(0, news=1)
    assert not silence.looked(PATIENCE_NS - 1, news=0)
    assert silence.looked(PATIENCE_NS, news=0)


def test_what_the_first_look_finds_was_owed_by_nobody() -> None:
    silence = PrivateSilence()
    silence.looked(0, news=5, is_first=True)
    assert not silence.looked(60 * SECOND_NS, news=0)


def test_silence_ends_by_a_push_by_a_new_connection_or_when_nothing_is_owed() -> None:
    ends: list[Callable[[PrivateSilence], object]] = [
        lambda silence: silence.pushed(9),
        lambda silence: silence.connected(),
        lambda silence: silence.looked(50 * SECOND_NS, news=0),
    ]
    for end in ends:
        silence = PrivateSilence()
        silence.looked(0, news=1)
        silence.looked(10 * SECOND_NS, news=0)
        assert silence.is_silent
        end(silence)
        assert not silence.is_silent


def test_a_stream_that_stays_silent_is_counted_once() -> None:
    silence = PrivateSilence()
    for second in range(0, 50, 5):
        silence.looked(second * SECOND_NS, news=1)
    assert (silence.is_silent, silence.count) == (True, 1)

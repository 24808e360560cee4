from hypothesis import given
from hypothesis import strategies as st

from engine.messages.remote import RemoteHello
from engine.runtime.entropy import seeded_rng
from engine.simulation.venue.frames import number_of, read_frame, spoil, write_frame


def test_a_frame_comes_back() -> None:
    frame = read_frame(write_frame(RemoteHello(engine="x"), re=4))

    assert frame is not None
    assert (frame.n, frame.re, frame.body) == (None, 4, RemoteHello(engine="x"))


@given(st.binary())
def test_noise_is_no_frame_and_no_error(noise: bytes) -> None:
    number_of(noise)

    assert read_frame(noise) is None


@given(st.integers(0, 999_999))
def test_a_spoiled_payload_is_no_frame(strength: int) -> None:
    payload = write_frame(RemoteHello(engine="x"), re=4)

    assert read_frame(spoil(payload, strength, seeded_rng(strength))) is None

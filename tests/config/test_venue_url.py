"""Addresses of remote venues."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.venue_url import TcpAddress, UnixAddress, parse_venue_url
from engine.domain.errors import BadInput


@pytest.mark.parametrize(
    ("url", "address", "is_local"),
    [
        ("tcp://127.0.0.1:9000", TcpAddress("127.0.0.1", 9000), True),
        ("tcp://localhost:1", TcpAddress("localhost", 1), True),
        ("tcp://[::1]:9000", TcpAddress("::1", 9000), True),
        ("tcp://venue.example.org:65535", TcpAddress("venue.example.org", 65535), False),
        ("tcp://10.0.0.1:9000", TcpAddress("10.0.0.1", 9000), False),
        ("unix:/run/venue.sock", UnixAddress("/run/venue.sock"), True),
        ("unix:///run/venue.sock", UnixAddress("/run/venue.sock"), True),
    ],
)
def test_an_address_is_read(url: str, address: TcpAddress | UnixAddress, is_local: bool) -> None:
    assert parse_venue_url(url) == address
    assert address.is_local is is_local


@pytest.mark.parametrize(
    "url",
    [
        "", "tcp://", "tcp://host", "tcp://host:0", "tcp://host:65536", "tcp://host:9000/", "tcp:host:9", "tcp://a b:1",
        "http://host:9000", "ws://host:9000", "unix:", "unix:venue.sock", "unix:/" + "x" * 107, "unix:/a\0b",
        "tcp://host:\u0661",
    ],
)  # fmt: skip
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(BadInput, match="url: expected"):
        parse_venue_url(url)


@given(st.text())
def test_no_text_crashes_it(url: str) -> None:
    with pytest.raises(BadInput):
        parse_venue_url("x" + url)

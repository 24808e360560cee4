"""docs/remote-venue.md says what the code does: every field of every message, and frames byte by byte."""

import re
import struct
from typing import get_args

import msgspec
import pytest

from connectors.remote.frames import FrameSplitter, decode_frame
from connectors.remote.requests import CANCELS_MAX, LATE_MAX, OPENS_MAX, QUERIES_MAX
from connectors.remote.wire import RemoteTimes
from engine.messages.remote import NOTHING_DONE, RemoteBody
from tests.support.remote_page import GROUPS, PAGE, examples, part_of, render


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text()


@pytest.mark.parametrize("part", ["messages", "frames"])
def test_the_page_is_as_the_code_is(page: str, part: str) -> None:
    assert part_of(page, part) == render(part), "run: python -m tests.support.remote_page"


def test_the_page_describes_every_message() -> None:
    described = {kind for kinds in GROUPS.values() for kind in kinds}
    assert set(get_args(RemoteBody)) <= described
    inner = {kind for kind in described if not hasattr(kind, "__lane__")}
    assert {kind.__name__ for kind in inner} == {
        "Capabilities", "ClientIdRule", "VenueOrder", "VenueBalance", "VenuePosition",
    }  # fmt: skip


def test_the_bytes_of_the_page_are_frames(page: str) -> None:
    blocks = re.findall(r"```text\n([0-9a-f \n]+)\n```", part_of(page, "frames"))
    stream = b"".join(bytes.fromhex(block) for block in blocks)
    payloads = FrameSplitter().feed(stream)
    assert [decode_frame(payload) for payload in payloads] == [frame for _, frame in examples()]
    (length,) = struct.unpack(">I", stream[:4])
    assert len(payloads[0]) == length
    hello = msgspec.msgpack.decode(payloads[0])
    assert hello["body"]["msg"] == "RemoteHello"


def test_the_page_names_the_numbers_that_are_in_force(page: str) -> None:
    times = RemoteTimes()
    for seconds, what in (
        (times.greeting_ns, "greeting"),
        (times.command_ns, "submit, cancel or amend"),
        (times.query_ns, "question"),
        (times.ping_ns, "ping"),
        (times.silence_ns, "silence"),
    ):
        assert re.search(rf"\| {what}[^|]* \| {seconds // 10**9} s \|", page), what
    for number in (OPENS_MAX, QUERIES_MAX, CANCELS_MAX, LATE_MAX):
        assert f"{number:,}" in page
    for code in NOTHING_DONE:
        assert f"`{code}`" in page

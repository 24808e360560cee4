"""Links in memory: whole frames in order, until the link ends or falls silent."""

import asyncio
from typing import Any

import pytest

from engine.runtime.entropy import seeded_rng
from engine.simulation.loop import SimLoop, run
from engine.simulation.network import Network
from engine.simulation.process import Process


class Echoing:
    """A host that sends everything back."""

    name = "venue"

    def __init__(self) -> None:
        self.network: Network | None = None
        self.seen: list[Any] = []

    def opened(self, connection: int) -> None:
        self.seen.append("opened")

    def received(self, connection: int, payload: bytes) -> None:
        self.seen.append(payload)
        assert self.network is not None
        link = self.network.link(connection)
        if link is not None:
            link.push(payload)

    def closed(self, connection: int) -> None:
        self.seen.append("closed")


class Watching:
    """Counts what passes."""

    def __init__(self) -> None:
        self.out: list[bytes] = []
        self.back: list[bytes] = []

    def sent(self, process: Process, host: str, payload: bytes) -> None:
        self.out.append(payload)

    def delivered(self, process: Process, host: str, payload: bytes) -> None:
        self.back.append(payload)


class Scene:
    """A process, a network and a host."""

    def __init__(self) -> None:
        self.loop = SimLoop(1)
        self.process = Process("a", self.loop, 0)
        self.watching, self.host = Watching(), Echoing()
        self.network = self.host.network = Network(self.loop, seeded_rng(1), self.watching)

    def play(self, main: Any) -> Any:
        async def outer() -> Any:
            return await self.process.spawn(main(), "main")

        return run(self.loop, outer())


def test_frames_arrive_in_order_both_ways_and_take_time() -> None:
    scene = Scene()

    async def main() -> list[bytes]:
        link = await scene.network.dial(scene.process, scene.host)
        began = scene.loop.now_ns
        for number in range(20):
            link.write(b"%d" % number)
        await link.drain()
        back = [await link.read() for _ in range(20)]
        assert scene.loop.now_ns > began
        return back

    frames = [b"%d" % number for number in range(20)]
    assert scene.play(main) == frames
    assert scene.watching.out == scene.watching.back == frames
    assert scene.host.seen == ["opened", *frames]


def test_a_link_that_breaks_ends_for_both() -> None:
    scene = Scene()

    async def main() -> None:
        link = await scene.network.dial(scene.process, scene.host)
        link.write(b"lost")
        link.drop()
        with pytest.raises(EOFError):
            await link.read()
        link.write(b"nowhere")
        await asyncio.sleep(1)

    scene.play(main)
    assert scene.host.seen == ["opened", "closed"]
    assert scene.network.links() == []


def test_a_silent_link_swallows_one_way_and_stays_open() -> None:
    scene = Scene()

    async def main() -> None:
        link = await scene.network.dial(scene.process, scene.host)
        link.is_silent_in = True
        link.write(b"heard")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(link.read(), 100)
        link.is_silent_out = True
        link.write(b"unheard")
        await asyncio.sleep(1)
        assert scene.network.links() == [link]
        link.close()

    scene.play(main)
    assert scene.host.seen == ["opened", b"heard"]


def test_nobody_answers_a_refused_dial() -> None:
    scene = Scene()
    scene.network.refused.add("venue")

    async def main() -> None:
        with pytest.raises(ConnectionRefusedError):
            await scene.network.dial(scene.process, scene.host)

    scene.play(main)
    assert scene.host.seen == []


def test_what_a_dead_process_had_sent_still_arrives_and_its_links_end() -> None:
    scene = Scene()

    async def work() -> None:
        link = await scene.network.dial(scene.process, scene.host)
        link.write(b"last words")
        await link.read()
        raise AssertionError("a dead process reads nothing")

    async def main() -> None:
        scene.process.spawn(work(), "work")
        while not scene.watching.out:  # noqa: ASYNC110 - virtual time.
            await asyncio.sleep(0.001)
        scene.process.at_death.append(lambda: scene.network.drop_process(scene.process))
        await asyncio.sleep(0.045)
        scene.process.kill()
        await asyncio.sleep(1)

    run(scene.loop, main())
    assert scene.host.seen[:2] == ["opened", b"last words"]
    assert scene.host.seen[-1] == "closed"

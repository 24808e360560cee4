"""Numbers for operators."""

import asyncio
from typing import Any

import pytest

from engine.runtime.actor import AsyncioActor
from engine.runtime.metrics import SAMPLE_EVERY, HandlerSampler, Metrics
from engine.runtime.system import ActorSystem


class Idle(AsyncioActor):
    """Takes everything."""

    def on_receive(self, message: Any) -> Any:
        return message


def shown(system: ActorSystem) -> list[str]:
    assert system.metrics is not None
    return system.metrics.render().decode().splitlines()


def test_a_metric_is_made_by_whoever_asks_first() -> None:
    metrics = Metrics()
    first = metrics.counter("orders", "Orders sent.", ["venue"])
    assert metrics.counter("orders", "Orders sent.", ["venue"]) is first
    first.labels("binance").inc(2)
    metrics.gauge("clients", "Stream clients.").set(3)
    metrics.histogram("fsync_seconds", "Durable commits.", buckets=(0.1, 1.0)).observe(0.5)
    text = metrics.render().decode()
    assert 'cival_orders_total{venue="binance"} 2.0' in text
    assert "cival_clients 3.0" in text
    assert 'cival_fsync_seconds_bucket{le="1.0"} 1.0' in text


def test_one_name_is_not_two_kinds_of_metric() -> None:
    metrics = Metrics()
    metrics.counter("orders", "Orders sent.")
    with pytest.raises(AssertionError, match="expected a Gauge, was a Counter"):
        metrics.gauge("orders", "Orders sent.")


def test_two_engines_in_one_process_do_not_share_a_registry() -> None:
    first, second = Metrics(), Metrics()
    first.gauge("clients", "Stream clients.").set(1)
    assert "cival_clients" not in second.render().decode()


@pytest.mark.asyncio
async def test_mailboxes_are_read_when_asked_for(system: ActorSystem) -> None:
    first, second = await system.start(Idle), await system.start(Idle)
    first.tell("a")
    first.tell("b")
    second.tell("c")
    lines = shown(system)
    assert 'cival_actors{actor="Idle"} 2.0' in lines
    assert 'cival_mailbox_depth{actor="Idle"} 3.0' in lines
    assert 'cival_mailbox_depth_max{actor="Idle"} 2.0' in lines
    assert 'cival_mailbox_dropped{actor="Idle"} 0.0' in lines
    await system.idle()
    assert 'cival_mailbox_depth{actor="Idle"} 0.0' in shown(system)


@pytest.mark.asyncio
async def test_dead_letters_are_counted_by_the_class_of_the_actor(system: ActorSystem) -> None:
    ref = await system.start(Idle)
    ref.stop()
    ref.tell("too late")
    await system.idle()
    assert 'cival_dead_letters_total{actor="Idle"} 1.0' in shown(system)
    assert system.dead_letters == 1


@pytest.mark.asyncio
async def test_handlers_are_timed_by_samples(system: ActorSystem) -> None:
    ref = await system.start(Idle)
    for _ in range(2 * SAMPLE_EVERY):
        ref.tell("x")
        system.drain()
    count = next(line for line in shown(system) if line.startswith('cival_handler_seconds_count{actor="Idle"}'))
    assert float(count.split()[-1]) == 2


def test_the_sampler_takes_one_of_many() -> None:
    sampler = HandlerSampler(Metrics().handler_seconds)
    assert [sampler.due() for _ in range(2 * SAMPLE_EVERY)].count(True) == 2


@pytest.mark.asyncio
async def test_the_lag_of_the_loop_is_how_late_it_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = Metrics()
    measured: list[float] = []
    third = asyncio.Event()

    def observe(seconds: float) -> None:
        measured.append(seconds)
        if len(measured) == 3:
            third.set()

    monkeypatch.setattr(metrics.loop_lag_seconds, "observe", observe)
    lag = metrics.watch_loop(0.0)
    await third.wait()
    lag.cancel()
    assert min(measured) >= 0.0
    assert lag.last_s == measured[-1]

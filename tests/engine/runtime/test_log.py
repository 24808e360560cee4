"""Lines of the log: form, level, context, other libraries, and no secrets."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from engine.runtime import log
from engine.runtime.log import LogSink, add_sink, bind, bound, get_logger, remove_sink, set_level, setup_logging
from engine.runtime.secret import Secret

CANARY = "hunter2-canary"
NOON_NS = 1_700_000_000_123_456_789


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Give the target of the log, and put everything back afterwards."""
    root = logging.getLogger()
    before = root.level
    made = io.StringIO()
    setup_logging("debug", "json", stream=made, now_ns=lambda: NOON_NS)
    yield made
    setup_logging()
    root.handlers = [handler for handler in root.handlers if not isinstance(handler, log._Bridge)]
    root.setLevel(before)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_an_event_and_its_fields(stream: io.StringIO) -> None:
    get_logger("actors.ledger").bind(actor="ledger/7").info("fill_booked", quantity=Decimal("0.10"), symbol="BTC/USDT")
    assert lines(stream) == [
        {
            "at": "2023-11-14T22:13:20.123456Z",
            "level": "info",
            "event": "fill_booked",
            "logger": "actors.ledger",
            "actor": "ledger/7",
            "quantity": "0.10",
            "symbol": "BTC/USDT",
        }
    ]


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "critical"])
def test_lines_below_the_level_are_not_written(stream: io.StringIO, level: str) -> None:
    set_level(level)
    logger = get_logger("x")
    for method in (logger.debug, logger.info, logger.warning, logger.error, logger.critical):
        method("said")
    names = ["debug", "info", "warning", "error", "critical"]
    assert [line["level"] for line in lines(stream)] == names[names.index(level) :]


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ValueError, match="expected debug, info, warning, error or critical, was 'loud'"):
        set_level("loud")


def test_what_is_bound_is_in_every_line_of_the_block(stream: io.StringIO) -> None:
    logger = get_logger("x")
    with bound(correlation_id="c-1", account="a"):
        logger.info("inside", account="own")
    logger.info("outside")
    assert [(line.get("correlation_id"), line.get("account")) for line in lines(stream)] == [
        ("c-1", "own"),
        (None, None),
    ]


@pytest.mark.asyncio
async def test_what_a_task_binds_stays_in_the_task(stream: io.StringIO) -> None:
    async def work(number: int) -> None:
        bind(correlation_id=number)
        await asyncio.sleep(0)
        get_logger("x").info("said", number=number)

    await asyncio.gather(work(1), work(2))
    get_logger("x").info("said", number=None)
    said = [line for line in lines(stream) if line["logger"] == "x"]
    assert [(line.get("correlation_id"), line["number"]) for line in said] == [(1, 1), (2, 2), (None, None)]


def test_an_exception_is_written_without_the_values_of_its_variables(stream: io.StringIO) -> None:
    def fails(unlucky: str) -> None:
        raise ValueError(len(unlucky))

    for form in ("json", "console"):
        setup_logging("debug", form, stream=stream)
        try:
            fails(CANARY)
        except ValueError:
            get_logger("x").exception("failed")
    written = stream.getvalue()
    assert written.count("ValueError: 14") == 2
    assert CANARY not in written


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_secret_reaches_the_log(stream: io.StringIO, form: Any) -> None:
    setup_logging("debug", form, stream=stream)
    sink = LogSink()
    add_sink(sink)
    with bound(token=CANARY):
        get_logger("x").bind(api_key=CANARY).info(
            "said",
            password=CANARY,
            wrapped=Secret(CANARY),
            url=f"redis://:{CANARY}@host",
            body={"headers": [{"Authorization": CANARY}], "list": [Secret(CANARY)]},
        )
    logging.getLogger("library").warning("to %s", f"https://user:{CANARY}@host/")
    remove_sink(sink)
    assert stream.getvalue().count("said") == 1
    assert CANARY not in stream.getvalue()
    assert len(sink) == 2
    assert CANARY not in repr(sink.take(10))


def test_other_libraries_speak_in_the_same_form(stream: io.StringIO) -> None:
    logging.getLogger("aiohttp.access").warning("slow %s", "client")
    try:
        raise_key_error()
    except KeyError:
        logging.getLogger("asyncio").exception("broken")
    first, second = lines(stream)
    assert (first["event"], first["level"], first["logger"]) == ("slow client", "warning", "aiohttp.access")
    assert "KeyError" in second["exception"]


def raise_key_error() -> None:
    raise KeyError("x")


def test_the_chatter_of_other_libraries_is_our_debug(stream: io.StringIO) -> None:
    logging.getLogger("asyncio").info("heard")
    set_level("info")
    logging.getLogger("asyncio").info("not heard")
    get_logger("x").info("ours")
    assert [line["event"] for line in lines(stream)] == ["heard", "ours"]


def test_setting_up_twice_writes_each_line_once(stream: io.StringIO) -> None:
    setup_logging("info", "json", stream=stream)
    logging.getLogger("x").warning("once")
    assert len(lines(stream)) == 1


def test_the_console_form_is_for_people(stream: io.StringIO) -> None:
    setup_logging("info", "console", stream=stream, now_ns=lambda: NOON_NS)
    get_logger("x").info("engine_started", port=8710)
    assert stream.getvalue().startswith("2023-11-14T22:13:20.123456Z [info     ] engine_started")
    assert "port=8710" in stream.getvalue()


def test_a_removed_sink_hears_nothing(stream: io.StringIO) -> None:
    sink = LogSink()
    add_sink(sink)
    remove_sink(sink)
    remove_sink(sink)
    get_logger("x").info("said")
    assert len(sink) == 0


class BrokenPipe(io.StringIO):
    """A target whose reader has gone."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError

    def flush(self) -> None:
        raise BrokenPipeError


def test_a_log_that_nobody_reads_ends_nobody(stream: io.StringIO) -> None:
    setup_logging("info", "json", stream=BrokenPipe())
    before = log._output.lost
    get_logger("actors.ledger").info("fill_booked")
    assert log._output.lost == before + 1
    assert stream.getvalue() == ""


def test_a_simulation_writes_nothing_and_its_sinks_hear_what_matters(stream: io.StringIO) -> None:
    sink = LogSink("debug")
    add_sink(sink)
    with log.sinks_only("error"):
        get_logger("x").info("history")
        get_logger("x").error("broken")
    get_logger("x").info("written again")
    remove_sink(sink)
    assert [record.event for record in sink.take(10)] == ["broken", "written again"]
    assert [line["event"] for line in lines(stream)] == ["written again"]

"""A bounded copy of the log."""

from engine.runtime.log_sink import LogRecord, LogSink


def a_line(event: str = "said", **fields: object) -> dict[str, object]:
    return {"at": "2023-11-14T22:13:20.123456Z", "level": "info", "event": event, "logger": "x", **fields}


def test_lines_are_taken_in_order_and_once() -> None:
    sink = LogSink()
    for number in range(3):
        sink.put("info", a_line(number=number))
    assert [record.fields for record in sink.take(2)] == [{"number": 0}, {"number": 1}]
    assert [record.fields for record in sink.take(2)] == [{"number": 2}]
    assert sink.take(2) == []


def test_a_record_keeps_what_every_line_has_apart_from_the_rest() -> None:
    sink = LogSink()
    sink.put("info", a_line(actor="ledger/7"))
    assert sink.take(1) == [
        LogRecord(
            at="2023-11-14T22:13:20.123456Z", level="info", event="said", logger="x", fields={"actor": "ledger/7"}
        )
    ]


def test_a_full_sink_drops_and_counts() -> None:
    sink = LogSink(limit=2)
    for number in range(5):
        sink.put("info", a_line(number=number))
    assert sink.dropped == 3
    assert [record.fields["number"] for record in sink.take(9)] == [0, 1]


def test_lines_below_its_level_are_not_kept() -> None:
    sink = LogSink("warning")
    sink.put("info", a_line())
    sink.put("error", a_line())
    assert [record.level for record in sink.take(9)] == ["error"]
    assert sink.dropped == 0

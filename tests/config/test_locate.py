"""The line that a configuration error names."""

from config.locate import line_of

TEXT = """# a comment
[server]
port = 1
"host" = "x"

[[accounts]]
name = "a"

[[accounts]]
name = "b"
limits.order_notional = 3

[venues.binance]
market = "spot"
"""


def test_a_key_in_a_section_is_found() -> None:
    assert line_of(TEXT, ["server", "port"]) == 3
    assert line_of(TEXT, ["server", "host"]) == 4


def test_the_second_table_of_an_array_is_told_from_the_first() -> None:
    assert line_of(TEXT, ["accounts", "0", "name"]) == 7
    assert line_of(TEXT, ["accounts", "1", "name"]) == 10


def test_dotted_keys_and_headers_are_followed() -> None:
    assert line_of(TEXT, ["accounts", "1", "limits", "order_notional"]) == 11
    assert line_of(TEXT, ["venues", "binance", "market"]) == 14


def test_a_missing_key_points_at_its_table() -> None:
    assert line_of(TEXT, ["accounts", "1", "user"]) == 9
    assert line_of(TEXT, ["server", "tls_key"]) == 2


def test_a_missing_section_has_no_line() -> None:
    assert line_of(TEXT, ["redis", "url"]) is None

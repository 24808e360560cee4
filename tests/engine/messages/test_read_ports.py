import orjson

from engine.messages.read_ports import Page


def test_the_body_of_a_last_page_has_no_cursor() -> None:
    assert orjson.loads(Page(items=b'[{"id":1}]').body) == {"items": [{"id": 1}], "next_cursor": None}


def test_the_body_of_a_page_names_the_next_one() -> None:
    assert orjson.loads(Page(items=b"[]", next_cursor="AbC-_1").body) == {"items": [], "next_cursor": "AbC-_1"}

"""The paper venue's rows are in a schema of their own."""

from engine.messages import rows_paper
from engine.messages.rows import Row


def test_every_paper_row_is_in_schema_paper() -> None:
    own = [
        kind
        for kind in vars(rows_paper).values()
        if isinstance(kind, type) and issubclass(kind, Row) and kind.__module__ == rows_paper.__name__
    ]
    assert len(own) == 6
    assert all(kind.__table__.startswith("paper.") for kind in own)


def test_a_client_order_id_is_the_key_of_an_order_for_ever() -> None:
    assert rows_paper.PaperOrderRow.__key__ == ("account_id", "venue_client_id")

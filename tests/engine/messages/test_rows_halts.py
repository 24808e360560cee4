"""A halt has one row for each user, which is replaced as more is proven."""

from engine.messages.rows_halts import HaltRow


def test_a_halt_of_the_whole_engine_is_one_id_with_a_row_for_every_user() -> None:
    assert HaltRow.__key__ == ("user_id", "id")
    assert HaltRow.__mode__ == "upsert"

"""What the ledger tells."""

from engine.messages.portfolio import AccountMarked


def test_only_the_newest_value_of_each_account_matters() -> None:
    assert AccountMarked.__lane__ == "market"
    assert AccountMarked.__conflate__ == ("account_id",)

from engine.simulation.venue.links import Links
from tests.engine.simulation.venue.support import ACCOUNT, OTHER


def test_only_links_that_give_are_chosen() -> None:
    links = Links()
    assert links.chosen(5) is None

    links.add(1)
    links.add(2)
    links.by_id[1].gives = False
    assert {link.id for strength in range(4) if (link := links.chosen(strength))} == {2}


def test_an_account_is_told_on_the_links_that_opened_it() -> None:
    links = Links()
    links.add(1)
    links.add(2)
    links.by_id[2].accounts[ACCOUNT] = None

    assert [link.id for link in links.of(ACCOUNT)] == [2]
    assert links.of(OTHER) == []
    links.remove(2)
    assert links.of(ACCOUNT) == []

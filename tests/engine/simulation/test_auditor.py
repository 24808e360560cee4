"""The auditor as the machine sees it; what each part judges has tests of its own."""

from engine.simulation.ports import Fault
from engine.simulation.venue.facts import MemoryJournal
from tests.engine.simulation.venue.support import Rig
from tests.support.histories import History, an_order_row


def test_it_listens_again_to_a_venue_that_comes_up_again() -> None:
    journal = MemoryJournal()
    venues = {"lying": Rig(journal=journal).venue}
    history = History(venues=venues, instruments=venues["lying"].rules.instruments)
    first = history.auditor.venues["lying"]
    history.auditor.on_venue("lying")
    assert venues["lying"].recorder.listeners.count(first.hear) == 1
    venues["lying"] = Rig(journal=journal).venue
    history.auditor.on_venue("lying")
    assert history.auditor.venues["lying"] is first
    assert first.truth is venues["lying"].truth
    assert first.hear in venues["lying"].recorder.listeners


def test_it_names_what_led_to_a_violation() -> None:
    history = History()
    history.auditor.on_boot("a1")
    history.auditor.on_fault(Fault(kind="freeze", at_ns=0, target="a1"))
    history.commit(an_order_row(fence=9))
    assert [str(each) for each in history.auditor.violations] == [
        f"I3: order {an_order_row().id} (buy 0.1 BTC/USDT): fence 9 in a unit of fence 1"
    ]
    assert [line.split(" ")[1] for line in history.auditor.findings.scene] == ["boot", "fault", "commit"]


def test_it_counts_the_rare_states() -> None:
    history = History()
    history.auditor.on_boot("a1")
    history.commit(an_order_row())
    history.auditor.on_crash("a1")
    assert history.auditor.probes == {"a crash with orders in flight": 1}

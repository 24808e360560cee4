from engine.simulation.venue.facts import Fact, MemoryJournal, PriceMoved, encode_fact
from engine.simulation.venue.recorder import Recorder
from engine.simulation.venue.truth import Truth
from tests.engine.simulation.venue.support import BTC, D, instruments


class Log:
    """A journal that remembers in which order it was called."""

    def __init__(self) -> None:
        self.calls: list[bytes | str] = []

    def read(self) -> list[bytes]:
        return [each for each in self.calls if isinstance(each, bytes)]

    def append(self, record: bytes) -> None:
        self.calls.append(record)

    def commit(self) -> None:
        self.calls.append("commit")


def test_a_fact_is_in_the_journal_before_it_is_so_and_before_anybody_hears_of_it() -> None:
    journal = Log()
    recorder = Recorder(Truth(instruments()), journal)
    fact = PriceMoved(at_ns=5, symbol=BTC, price=D(1))
    heard: list[tuple[Fact, list[bytes], D | None]] = []
    recorder.listeners.append(lambda each: heard.append((each, journal.read(), recorder.truth.prices.get(BTC))))
    recorder.record(fact)

    assert heard == [(fact, [encode_fact(fact)], D(1))]


def test_only_what_is_new_is_committed() -> None:
    journal = Log()
    recorder = Recorder(Truth(instruments()), journal)
    recorder.commit()
    recorder.record(PriceMoved(at_ns=5, symbol=BTC, price=D(1)))
    recorder.commit()
    recorder.commit()

    assert journal.calls[1:] == ["commit"]


def test_a_recorder_begins_with_what_the_journal_holds() -> None:
    journal = MemoryJournal()
    Recorder(Truth(instruments()), journal).record(PriceMoved(at_ns=5, symbol=BTC, price=D(1)))
    again = Recorder(Truth(instruments()), journal)

    assert again.truth.prices == {BTC: D(1)}
    assert again.now_ns == 5

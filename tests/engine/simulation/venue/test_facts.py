import msgspec
import pytest

from engine.simulation.venue.facts import MemoryJournal, PriceMoved, decode_fact, encode_fact
from tests.engine.simulation.venue.support import BTC, D


def test_a_fact_comes_back_from_its_record() -> None:
    fact = PriceMoved(at_ns=5, symbol=BTC, price=D("1.10"))

    assert decode_fact(encode_fact(fact)) == fact


def test_noise_is_no_fact() -> None:
    with pytest.raises(msgspec.MsgspecError):
        decode_fact(b"\xc1")


def test_a_journal_in_memory_reads_what_was_appended() -> None:
    journal = MemoryJournal()
    journal.append(b"a")
    journal.append(b"b")
    journal.commit()

    assert list(journal.read()) == [b"a", b"b"]

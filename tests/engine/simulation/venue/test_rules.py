from engine.domain.capabilities import AmendKind, DuplicateRule, ValidityKind
from engine.domain.kinds import InstrumentKind
from engine.simulation.venue.rules import SECOND, rough_rules
from tests.engine.simulation.venue.support import PRICES, instruments, rules


def test_what_is_declared_is_what_the_rules_say() -> None:
    declared = rules(duplicates=DuplicateRule.RETURNS_FIRST, amend=AmendKind.REPLACE, read_lag_ns=5).capabilities()

    assert declared.client_id.duplicates is DuplicateRule.RETURNS_FIRST
    assert declared.amend is AmendKind.REPLACE
    assert (declared.validity, declared.read_lag_ns) == (ValidityKind.VALID_UNTIL, 5)
    assert declared.kinds == frozenset(InstrumentKind)


def test_a_rough_venue_declares_its_lag() -> None:
    assert rough_rules("lying", instruments(), PRICES).capabilities().read_lag_ns == 3 * SECOND

"""Each error says by itself whether the request may have taken effect."""

import pytest

from connectors.bridge.errors import (
    AuthRefused,
    BridgeError,
    ClockOff,
    Duplicate,
    Limited,
    Maintenance,
    NotSent,
    Refused,
    Unknown,
)

PROVEN = [NotSent("busy"), Refused("-2010"), AuthRefused("bad_key"), Limited(1), ClockOff("-1021")]
UNPROVEN = [Maintenance(), Duplicate("-4116"), Unknown("timeout"), BridgeError("new")]


@pytest.mark.parametrize("error", PROVEN, ids=repr)
def test_a_proven_failure_says_that_nothing_happened(error: BridgeError) -> None:
    assert error.is_definite


@pytest.mark.parametrize("error", UNPROVEN, ids=repr)
def test_what_proves_nothing_counts_as_unknown(error: BridgeError) -> None:
    assert not error.is_definite


def test_maintenance_is_definite_only_where_the_venue_promises_it() -> None:
    assert Maintenance("closed", is_definite=True).is_definite


def test_a_refusal_keeps_the_code_of_the_venue_beside_ours() -> None:
    error = Refused("insufficient_funds", "Account has insufficient balance.", venue_code="-2010")
    assert (error.code, error.venue_code) == ("insufficient_funds", "-2010")
    assert str(error) == "refused: insufficient_funds Account has insufficient balance."


def test_a_long_sentence_of_a_venue_is_cut_to_one_line() -> None:
    error = Unknown("bad_answer", "<html>\n" + "x" * 10_000)
    assert len(error.message) <= 80
    assert "\n" not in error.message


@pytest.mark.parametrize("code", ["bad_key", "bad_signature", "no_permission", "ip_not_allowed", "account_closed"])
def test_a_closed_door_is_explained_in_one_clear_line(code: str) -> None:
    line = AuthRefused(code, "Invalid API-key, IP, or permissions for action.").line
    assert "\n" not in line
    assert line.endswith("(Invalid API-key, IP, or permissions for action.)")
    assert "does not let this key in" not in line

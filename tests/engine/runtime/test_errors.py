"""Errors of the runtime say what they are about, in fields and in words."""

import pickle

import pykka

from engine.domain.errors import CivalError
from engine.runtime import errors


def test_pykkas_errors_are_pykkas_own() -> None:
    assert errors.ActorDeadError is pykka.ActorDeadError
    assert errors.Timeout is pykka.Timeout


def test_the_errors_carry_fields() -> None:
    full = errors.MailboxFull("Ledger (ledger/7)", lane="orders", limit=3)
    assert (full.actor, full.lane, full.limit) == ("Ledger (ledger/7)", "orders", 3)
    assert str(full) == "mailbox of Ledger (ledger/7): expected less than 3 messages in lane orders, was full"
    blocking = errors.BlockingCall("ref.ask(block=True)", instead="await ref.ask(...)")
    assert str(blocking).endswith("expected an await (await ref.ask(...)), was a call that blocks the loop")
    unhandled = errors.UnhandledMessage("Ledger (ledger/7)", "a secret")
    assert unhandled.message_type is str
    assert "secret" not in str(unhandled)


def test_they_survive_a_pickle() -> None:
    full = pickle.loads(pickle.dumps(errors.MailboxFull("a", lane="orders", limit=3)))
    assert isinstance(full, CivalError)
    assert vars(full) == {"actor": "a", "lane": "orders", "limit": 3}

"""What the venue tells itself stays in the order in which it was said, except that a retry comes first."""

from connectors.paper.messages import CancelArrived, CommitBatch, LookUpCancel, LookUpSubmit, RetryCommit, SubmitArrived
from engine.runtime.mailbox import Lane, lane_of


def test_its_own_messages_wait_behind_the_commands_and_a_retry_does_not() -> None:
    for kind in (SubmitArrived, CancelArrived, LookUpSubmit, LookUpCancel, CommitBatch):
        assert lane_of(kind) is Lane.ORDERS
    assert lane_of(RetryCommit) is Lane.CONTROL

"""What goes wrong in the runtime itself, beside pykka's own `ActorDeadError` and `Timeout`."""

from pykka import ActorDeadError, Timeout

from engine.domain.errors import CivalError

__all__ = ["ActorDeadError", "BlockingCall", "MailboxFull", "StartFailed", "Timeout", "UnhandledMessage"]


class MailboxFull(CivalError):
    """A lane is at its limit; the message was not taken and the mailbox has not changed."""

    def __init__(self, actor: str, *, lane: str, limit: int) -> None:
        """Name the actor and the lane; ``limit``: messages the lane may hold."""
        self.actor = actor
        self.lane = lane
        self.limit = limit
        super().__init__(f"mailbox of {actor}: expected less than {limit} messages in lane {lane}, was full")


class BlockingCall(CivalError):
    """A call that would wait on the loop's own thread, and so for ever. Nothing was sent: await it instead."""

    def __init__(self, call: str, *, instead: str) -> None:
        """Name the call and what to write instead."""
        self.call = call
        super().__init__(f"{call}: expected an await ({instead}), was a call that blocks the loop")


class UnhandledMessage(CivalError):
    """An actor got a message of a type that none of its handlers names."""

    def __init__(self, actor: str, message: object) -> None:
        """Name the actor and keep the type of the message, not its content, which may be a secret."""
        self.actor = actor
        self.message_type = type(message)
        super().__init__(f"{actor}: expected a message it handles, was {type(message).__name__}")


class StartFailed(CivalError):
    """The name of an actor is taken, or what was started is no actor of this runtime."""

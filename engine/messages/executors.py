"""Commands to executors: durable plans that place and follow orders of their own."""

from engine.domain.identifiers import ExecutorId, UserId
from engine.messages.base import Message
from engine.messages.rows_executors import ExecutorRow
from engine.messages.writing import CommandRecord


class StartExecutor(Message, frozen=True, kw_only=True):
    """Api to ExecutorDesk: carry out this plan. Answered with `ExecutorAnswer` when it is durable."""

    user_id: UserId
    executor: ExecutorRow
    record: CommandRecord | None = None


class StopExecutor(Message, frozen=True, kw_only=True):
    """Cancel everything that an executor has open, and end it. Reply: `ExecutorAnswer`."""

    user_id: UserId
    executor_id: ExecutorId
    reason: str
    flatten: bool = False
    """Close at the market what it holds, reduce-only."""
    record: CommandRecord | None = None


class PauseExecutor(Message, frozen=True, kw_only=True):
    """Cancel what an executor has open but its protective stops, and place nothing new. Reply: `ExecutorAnswer`."""

    user_id: UserId
    executor_id: ExecutorId
    reason: str
    record: CommandRecord | None = None


class ResumeExecutor(Message, frozen=True, kw_only=True):
    """Let a paused or failed executor go on. Reply: `ExecutorAnswer`."""

    user_id: UserId
    executor_id: ExecutorId
    reason: str
    record: CommandRecord | None = None


class ExecutorAnswer(Message, frozen=True, kw_only=True):
    """How an executor stands after a command."""

    executor_id: ExecutorId
    status: str | None
    """As in the table; None if nothing was done."""
    reason: str = ""
    """Why nothing was done: `not_found`, `already_done`."""

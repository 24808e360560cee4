"""Sends commands to the owning actors and turns what can go wrong into problems."""

from typing import Any, Final

from actors.api.call import Call
from actors.api.cells import CellRefs
from actors.api.problems import Problem, invalid_field, unavailable
from engine.domain.errors import BadInput, CatchingUp, DependencyAway, LimitExceeded, NotReady
from engine.messages.rows import Row
from engine.messages.writing import unit_without_cell
from engine.runtime.errors import ActorDeadError, MailboxFull, Timeout
from engine.runtime.ref import Ref

ANSWER_S: Final = 5.0
"""How long a command may take to be committed."""


def cell_of(call: Call) -> CellRefs:
    """Return the doors of the user's cell.

    Raises:
        Problem: 503: it does not run now.
    """
    refs = call.ports.cells.of(call.user_id)
    if refs is None:
        raise unavailable("cell_unavailable", "the trading cell of this user does not run now")
    return refs


async def ask(ref: Ref[Any], message: Any, *, timeout_s: float = ANSWER_S) -> Any:
    """Ask an actor, with a deadline.

    Raises:
        Problem: 422 if the actor refuses the input, 503 if it cannot work now, 504 if no answer came: then the command
            may still take effect.
    """
    try:
        return await ref.ask(message, timeout_s=timeout_s)
    except Timeout:
        detail = "no answer in time; the command may still take effect: repeat it with the same Idempotency-Key"
        raise Problem(504, "outcome_unknown", detail) from None
    except (ActorDeadError, MailboxFull):
        raise unavailable("cell_unavailable", "the actor that owns this does not run now") from None
    except BadInput as error:
        raise invalid_field(error) from None
    except LimitExceeded as error:
        raise Problem(422, error.code, str(error), limit=error.limit, value=error.was) from None
    except NotReady as error:
        raise not_ready(error) from None


async def write(call: Call, *rows: Row) -> None:
    """Commit rows that belong to no cell (sessions, tokens), with their audit row.

    Raises:
        Problem: As for `ask`.
    """
    await ask(call.ports.writer, unit_without_cell(call.ports.ids, rows, user_id=call.user_id))


def not_ready(error: NotReady) -> Problem:
    """Say what is away, and when to try again."""
    if isinstance(error, CatchingUp):
        return unavailable("catching_up", f"{error.what} catches up to where it was stopped: no new orders until then")
    code = "database_away" if isinstance(error, DependencyAway) else "not_ready"
    retry_after_s = max(1, round(error.retry_after_s)) if error.retry_after_s else 5
    return unavailable(code, f"{error.what} is not available now", retry_after_s=retry_after_s)

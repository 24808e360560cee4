"""Trading state: read it, halt, resume; reload the configuration. A halt works while the database is away."""

from typing import Annotated
from uuid import UUID

import msgspec
from aiohttp import web

from actors.api.call import Call, json_answer, object_answer
from actors.api.cells import CellRefs
from actors.api.commands import ask, cell_of
from actors.api.decode import Body, Listed, Query, read_body, read_query, wrong
from actors.api.idempotency import Once
from actors.api.problems import Problem, not_found, unavailable
from actors.api.routing import get, post
from engine.domain.errors import DependencyAway
from engine.domain.identifiers import AccountId, AgentId, UserId
from engine.domain.kinds import Role, Scope, TradingState
from engine.messages.render import rfc3339
from engine.messages.risk import Halt, HaltAnswer, Resume, ScopeState, StateAnswer, StateQuery
from engine.messages.system import ReloadAnswer, ReloadConfiguration

HALT_S = 2.0
"""How long the answer to a halt waits for its commit."""
ORDER = (TradingState.HALTED, TradingState.REDUCING)
RELOAD_S = 20.0
"""How long a reload may take: agents start anew one after another."""
WIDE = (Scope.ENGINE, Scope.USER)
"""Scopes that concern everything the user has."""


class StateBody(Body, frozen=True, kw_only=True):
    """`POST /control/halt` and `/control/resume`."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    scope: Scope = Scope.USER
    scope_id: UUID | None = None
    """The account or agent."""
    cancel_open: bool = True
    """Of a halt: cancel the open orders of the scope."""


async def get_state(call: Call) -> web.Response:
    """Read what the user's scopes may do; `state` is that of the widest that is not active."""
    read_query(call.request, Query)
    answer: StateAnswer = await ask(cell_of(call).gate, StateQuery(user_id=call.user_id))
    wide = [one for one in answer.states if one.scope in WIDE]
    worst = next((one for state in ORDER for one in wide if one.state is state), None)
    return object_answer(
        {
            "state": worst.state if worst else TradingState.ACTIVE,
            "reason": worst.reason if worst else "",
            "changed_at": rfc3339(worst.changed_at_ns) if worst else None,
            "scopes": [_shown(one) for one in answer.states if one.state is not TradingState.ACTIVE],
        }
    )


async def halt(call: Call) -> web.Response:
    """Stop new orders of a scope and cancel its open ones; 202 while the database is away."""
    body, raw = await read_body(call.request, StateBody)
    return await _change(call, body, raw, "halt")


async def resume(call: Call) -> web.Response:
    """Allow new orders of a scope again."""
    body, raw = await read_body(call.request, StateBody)
    return await _change(call, body, raw, "resume")


async def reload(call: Call) -> web.Response:
    """Read the configuration again: what is in force now, and what needs a restart."""
    read_query(call.request, Query)
    reloader = call.ports.reloader
    if reloader is None:
        raise unavailable("reload_unavailable", "this engine has no configuration to read again")
    record = call.record("control.reload", object_type="engine")
    answer: ReloadAnswer = await ask(reloader, ReloadConfiguration(record=record), timeout_s=RELOAD_S)
    if answer.error:
        raise Problem(422, "invalid_configuration", answer.error)
    return object_answer(
        {
            "applied": answer.applied,
            "needs_restart": answer.needs_restart,
            "kept": answer.kept,
            "refused": answer.refused,
        }
    )


async def list_limits(call: Call) -> web.Response:
    """Read risk limits."""
    read_query(call.request, Query)
    return json_answer((await call.ports.reads.limits(call.user_id)).body)


async def list_alerts(call: Call) -> web.Response:
    """Read risk alerts, newest first."""
    page = read_query(call.request, Listed).page
    return json_answer((await call.ports.reads.alerts(call.user_id, page)).body)


ROUTES = (
    get("/control/state", get_state),
    post("/control/halt", halt, in_emergency=True),
    post("/control/resume", resume),
    post("/control/reload", reload, role=Role.ADMIN),
    get("/risk/limits", list_limits),
    get("/risk/alerts", list_alerts),
)


async def _change(call: Call, body: StateBody, raw: bytes, verb: str) -> web.Response:
    await _check_scope(call, body)
    context = call.context
    async with context.answers.once(call.request, raw, call.user_id, call.ports.clock.now_ns()) as once:
        if once.answer is not None:
            return once.answer
        if once.stored is not None:
            return object_answer(once.stored.answer, once.stored.status_code)
        answers = [await _tell(refs, _message(call, body, once, verb, user)) for user, refs in _cells(call, body)]
        is_durable = all(answer.durable for answer in answers)
        cancels = sum(answer.cancels_requested for answer in answers)
        shown = _answer(body, answers[0].state, is_durable=is_durable, cancels=cancels)
        return context.answers.remember(once, object_answer(shown, 200 if is_durable else 202), call.user_id)


async def _tell(refs: CellRefs, message: Halt | Resume) -> HaltAnswer:
    """Ask a gate; a halt that is in force is answered before it is durable where the database hangs."""
    if isinstance(message, Resume):
        answer: HaltAnswer = await ask(refs.gate, message)
        return answer
    try:
        answer = await ask(refs.gate, message, timeout_s=HALT_S)
    except Problem as problem:
        if problem.status != 504:
            raise
        states: StateAnswer = await ask(refs.gate, StateQuery(user_id=message.user_id))
        held = [one for one in states.states if one.scope is message.scope and one.state is TradingState.HALTED]
        if not any(message.scope_id in (None, one.scope_id) for one in held):
            raise
        return HaltAnswer(state=TradingState.HALTED, durable=False)
    return answer


def _message(call: Call, body: StateBody, once: Once, verb: str, user_id: UserId) -> Halt | Resume:
    detail = {"scope": body.scope, "scope_id": body.scope_id, "reason": body.reason}
    # One key is one row: a halt of the whole engine keeps it with the caller's own cell.
    is_own = user_id == call.user_id
    state = TradingState.HALTED if verb == "halt" else TradingState.ACTIVE
    first = _answer(body, state, is_durable=True, cancels=0)
    row = once.row(200, object_type="control", answer=first) if is_own else None
    record = call.record(f"control.{verb}", object_type=body.scope, object_id=body.scope_id, detail=detail,
                         idempotency=row)  # fmt: skip
    if not is_own:
        record = msgspec.structs.replace(record, audit=msgspec.structs.replace(record.audit, user_id=user_id))
    if verb == "halt":
        return Halt(
            user_id=user_id, scope=body.scope, scope_id=body.scope_id, reason=body.reason,
            cancel_open=body.cancel_open, record=record,
        )  # fmt: skip
    return Resume(user_id=user_id, scope=body.scope, scope_id=body.scope_id, reason=body.reason, record=record)


def _cells(call: Call, body: StateBody) -> list[tuple[UserId, CellRefs]]:
    """Return the cells that a scope covers."""
    if body.scope is not Scope.ENGINE:
        return [(call.user_id, cell_of(call))]
    cells = call.ports.cells
    found = [(user_id, refs) for user_id in cells.users() if (refs := cells.of(user_id)) is not None]
    if not found:
        raise unavailable("cell_unavailable", "no trading cell runs now")
    return found


async def _check_scope(call: Call, body: StateBody) -> None:
    """Refuse scopes that are not the caller's."""
    needs_id = body.scope in (Scope.ACCOUNT, Scope.AGENT)
    if needs_id != (body.scope_id is not None):
        raise wrong("scope_id", "the account or agent" if needs_id else "nothing for this scope")
    if body.scope is Scope.ENGINE and call.person.role != Role.ADMIN:
        raise Problem(403, "forbidden", "only an admin may halt or resume the whole engine")
    if body.scope_id is None:
        return
    reads = call.ports.reads
    try:
        if body.scope is Scope.ACCOUNT:
            account_id = AccountId(body.scope_id)
            row = await call.context.quickly(lambda: reads.account(call.user_id, account_id))
        else:
            agent_id = AgentId(body.scope_id)
            row = await call.context.quickly(lambda: reads.agent(call.user_id, agent_id))
    except DependencyAway:
        return  # The gate knows its own scopes; a halt must not wait for the database.
    if row is None:
        raise not_found(str(body.scope))


def _answer(body: StateBody, state: TradingState, *, is_durable: bool, cancels: int) -> dict[str, object]:
    return {
        "scope": body.scope, "scope_id": None if body.scope_id is None else str(body.scope_id), "state": state,
        "reason": body.reason, "durable": is_durable, "cancels_requested": cancels,
    }  # fmt: skip


def _shown(state: ScopeState) -> dict[str, object]:
    return {
        "scope": state.scope, "scope_id": state.scope_id, "state": state.state, "reason": state.reason,
        "changed_at": rfc3339(state.changed_at_ns),
    }  # fmt: skip

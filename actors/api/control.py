"""Trading state: read it, halt, resume; reload the configuration. A halt works while the database is away."""

from typing import Annotated
from uuid import UUID

import msgspec
from aiohttp import web

from actors.api.call import Call, json_answer, object_answer
from actors.api.cells import CellRefs
from actors.api.commands import ask, cell_of
from actors.api.decode import Body, Listed, Query, path_id, read_body, read_query, wrong
from actors.api.idempotency import Once
from actors.api.problems import Problem, not_found, unavailable
from actors.api.proofs import proof_of
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
    flatten: bool = False
    """Of a halt: close the positions of the scope, with orders that can only reduce."""


class Waiting(Query, frozen=True, kw_only=True):
    """Of a halt: how long the answer may wait for the proof."""

    wait: Annotated[float, msgspec.Meta(ge=0, le=60)] = 0.0
    """Seconds."""


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
    """Stop new orders of a scope, cancel its open ones, with `?wait=` prove it; 202 while the database is away."""
    wait_s = read_query(call.request, Waiting).wait
    body, raw = await read_body(call.request, StateBody)
    return await _change(call, body, raw, "halt", wait_s)


async def resume(call: Call) -> web.Response:
    """Allow new orders of a scope again."""
    body, raw = await read_body(call.request, StateBody)
    return await _change(call, body, raw, "resume")


async def list_halts(call: Call) -> web.Response:
    """Read the newest halts with what is proven of each."""
    read_query(call.request, Query)
    return json_answer((await call.ports.reads.halts(call.user_id)).body)


async def get_halt(call: Call) -> web.Response:
    """Read one halt: each order, position and account, and what is proven of it."""
    read_query(call.request, Query)
    halt_id = path_id(call.request, "id")
    row = await call.ports.reads.halt(call.user_id, halt_id)
    if row is None:
        raise not_found("halt")
    return json_answer(row)


async def reload(call: Call) -> web.Response:
    """Read the configuration again: what is in force now, and what needs a restart."""
    read_query(call.request, Query)
    reloader = call.ports.reloader
    if reloader is None:
        raise unavailable("reload_unavailable", "this engine has no configuration to read again")
    context = call.context
    async with context.answers.once(call.request, b"", call.user_id, call.ports.clock.now_ns()) as once:
        if once.answer is not None:
            return once.answer
        if once.stored is not None:
            return object_answer(once.stored.answer, once.stored.status_code)
        # What will be applied is not known when the row is written; whoever asks again after a restart of the engine
        # hears that it was done: the start has read the file too.
        row = once.row(200, object_type="control", answer=_reloaded(ReloadAnswer()) | {"repeated": True})
        record = call.record("control.reload", object_type="engine", idempotency=row)
        answer: ReloadAnswer = await ask(reloader, ReloadConfiguration(record=record), timeout_s=RELOAD_S)
        if answer.error:
            raise Problem(422, "invalid_configuration", answer.error)
        return context.answers.remember(once, object_answer(_reloaded(answer)), call.user_id)


def _reloaded(answer: ReloadAnswer) -> dict[str, object]:
    return {
        "applied": answer.applied,
        "needs_restart": answer.needs_restart,
        "kept": answer.kept,
        "refused": answer.refused,
    }


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
    get("/control/halts", list_halts),
    get("/control/halts/{id}", get_halt),
    post("/control/halt", halt, in_emergency=True),
    post("/control/resume", resume),
    post("/control/reload", reload, role=Role.ADMIN),
    get("/risk/limits", list_limits),
    get("/risk/alerts", list_alerts),
)


async def _change(call: Call, body: StateBody, raw: bytes, verb: str, wait_s: float = 0.0) -> web.Response:
    await _check_scope(call, body)
    # One for all cells of an engine's halt.
    halt_id = call.ports.ids.uuid() if verb == "halt" else None
    context = call.context
    async with context.answers.once(call.request, raw, call.user_id, call.ports.clock.now_ns()) as once:
        if once.answer is not None:
            return once.answer
        if once.stored is not None:
            return object_answer(once.stored.answer, once.stored.status_code)
        cells = _cells(call, body)
        answers = [await _tell(refs, _message(call, body, once, verb, user, halt_id)) for user, refs in cells]
        is_durable = all(answer.durable for answer in answers)
        cancels = sum(answer.cancels_requested for answer in answers)
        shown = _answer(body, answers[0].state, is_durable=is_durable, cancels=cancels, halt_id=halt_id)
        if halt_id is not None:
            shown["report"] = await proof_of(call.ports.clock, cells, halt_id, wait_s)
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
        return HaltAnswer(state=TradingState.HALTED, durable=False, halt_id=message.halt_id)
    return answer


def _message(
    call: Call, body: StateBody, once: Once, verb: str, user_id: UserId, halt_id: UUID | None
) -> Halt | Resume:
    detail: dict[str, object] = {"scope": body.scope, "scope_id": body.scope_id, "reason": body.reason}
    if halt_id is not None:
        detail |= {"halt_id": halt_id, "flatten": body.flatten}
    # One key is one row: a halt of the whole engine keeps it with the caller's own cell.
    is_own = user_id == call.user_id
    state = TradingState.HALTED if verb == "halt" else TradingState.ACTIVE
    first = _answer(body, state, is_durable=True, cancels=0, halt_id=halt_id)
    row = once.row(200, object_type="control", answer=first) if is_own else None
    record = call.record(f"control.{verb}", object_type=body.scope, object_id=body.scope_id, detail=detail,
                         idempotency=row)  # fmt: skip
    if not is_own:
        record = msgspec.structs.replace(record, audit=msgspec.structs.replace(record.audit, user_id=user_id))
    if verb == "halt":
        return Halt(
            user_id=user_id, scope=body.scope, scope_id=body.scope_id, reason=body.reason,
            cancel_open=body.cancel_open, flatten=body.flatten, halt_id=halt_id, record=record,
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


def _answer(
    body: StateBody, state: TradingState, *, is_durable: bool, cancels: int, halt_id: UUID | None
) -> dict[str, object]:
    shown: dict[str, object] = {
        "scope": body.scope, "scope_id": None if body.scope_id is None else str(body.scope_id), "state": state,
        "reason": body.reason, "durable": is_durable, "cancels_requested": cancels,
    }  # fmt: skip
    if halt_id is not None:
        shown["halt_id"] = str(halt_id)
    return shown


def _shown(state: ScopeState) -> dict[str, object]:
    return {
        "scope": state.scope, "scope_id": state.scope_id, "state": state.state, "reason": state.reason,
        "changed_at": rfc3339(state.changed_at_ns),
    }  # fmt: skip

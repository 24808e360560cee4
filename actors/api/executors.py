"""Executors: start a plan, read how far it has come, pause, resume and stop it."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from aiohttp import web

from actors.api.call import Call, json_answer
from actors.api.commands import ask, cell_of
from actors.api.decode import Body, Listed, Query, path_id, read_body, read_query, wrong
from actors.api.idempotency import Once
from actors.api.problems import Problem, invalid_field, not_found
from actors.api.routing import Route, get, post
from actors.executors.settings import KINDS, parse_settings
from config.settings import SymbolText
from engine.domain.errors import BadInput
from engine.domain.identifiers import ExecutorId
from engine.domain.kinds import Role
from engine.domain.values import ZERO
from engine.messages.executors import ExecutorAnswer, PauseExecutor, ResumeExecutor, StartExecutor, StopExecutor
from engine.messages.rows_executors import ExecutorRow

STATUSES: Final = ("active", "paused", "stopping", "done", "cancelled", "error")
COMMANDS: Final[dict[str, type[PauseExecutor | ResumeExecutor]]] = {"pause": PauseExecutor, "resume": ResumeExecutor}


class StartBody(Body, frozen=True, kw_only=True):
    """`POST /executors`."""

    account_id: UUID
    kind: Annotated[str, msgspec.Meta(pattern=f"^({'|'.join(sorted(KINDS))})$")]
    symbol: SymbolText
    configuration: dict[str, Any]
    """Settings of the kind; amounts are decimals as text."""
    agent_id: UUID | None = None
    """On whose behalf; its orders then count for that agent."""


class ExecutorsQuery(Listed, frozen=True, kw_only=True):
    """`GET /executors`."""

    status: Annotated[str, msgspec.Meta(pattern=f"^({'|'.join(STATUSES)})$")] | None = None


class StopQuery(Query, frozen=True, kw_only=True):
    """`DELETE /executors/{id}`."""

    flatten: str | None = None
    """`true` closes at the market what it holds."""


async def list_executors(call: Call) -> web.Response:
    """Read executors, newest first."""
    query = read_query(call.request, ExecutorsQuery)
    return json_answer((await call.ports.reads.executors(call.user_id, query.page, status=query.status)).body)


async def get_executor(call: Call) -> web.Response:
    """Read one executor with its orders."""
    return await _answer(call, ExecutorId(path_id(call.request)))


async def start_executor(call: Call) -> web.Response:
    """Start an executor; 201 once it is durable."""
    body, raw = await read_body(call.request, StartBody)
    context = call.context
    async with context.answers.once(call.request, raw, call.user_id, call.ports.clock.now_ns()) as once:
        if once.answer is not None:
            return once.answer
        if once.stored is not None:
            return await _answer(call, ExecutorId(UUID(str((once.stored.answer or {})["id"]))), 201)
        return context.answers.remember(once, await _start(call, body, once), call.user_id)


async def _start(call: Call, body: StartBody, once: Once) -> web.Response:
    try:
        settings = parse_settings(body.kind, body.configuration)
    except BadInput as error:
        raise invalid_field(error) from None
    executor_id = ExecutorId(call.ports.ids.uuid())
    now_ns = call.ports.clock.now_ns()
    row = ExecutorRow(
        id=executor_id,
        user_id=call.user_id,
        account_id=body.account_id,
        agent_id=body.agent_id,
        kind=body.kind,
        symbol=body.symbol,
        side=settings.side.value,
        configuration=msgspec.to_builtins(settings),
        status="active",
        intent_key=str(executor_id),
        realized_pnl=ZERO,
        correlation_id=executor_id,
        created_at=now_ns,
        updated_at=now_ns,
    )
    done = once.row(201, object_type="executor", object_id=executor_id, answer={"id": str(executor_id)})
    record = call.record(
        "executor.start", object_type="executor", object_id=executor_id,
        detail={"kind": body.kind, "symbol": body.symbol}, idempotency=done,
    )  # fmt: skip
    await ask(cell_of(call).executors, StartExecutor(user_id=call.user_id, executor=row, record=record))
    return await _answer(call, executor_id, 201)


async def stop_executor(call: Call) -> web.Response:
    """Cancel everything that an executor has open, and end it; 202."""
    executor_id = ExecutorId(path_id(call.request))
    flatten = read_query(call.request, StopQuery).flatten
    if flatten not in (None, "true", "false"):
        raise wrong("flatten", "true or false")
    is_flattening = flatten == "true"

    def message(record: Any) -> StopExecutor:
        return StopExecutor(
            user_id=call.user_id, executor_id=executor_id, reason="api", flatten=is_flattening, record=record
        )

    return await _command(call, executor_id, "stop", message, 202)


def _commander(verb: str) -> Callable[[Call], Awaitable[web.Response]]:
    """Make the handler of one command; it answers with the executor's row."""

    async def command(call: Call) -> web.Response:
        executor_id = ExecutorId(path_id(call.request))

        def message(record: Any) -> PauseExecutor | ResumeExecutor:
            return COMMANDS[verb](user_id=call.user_id, executor_id=executor_id, reason="api", record=record)

        return await _command(call, executor_id, verb, message, 200)

    return command


async def _command(
    call: Call, executor_id: ExecutorId, verb: str, message: Callable[[Any], Any], status: int
) -> web.Response:
    context = call.context
    async with context.answers.once(call.request, b"", call.user_id, call.ports.clock.now_ns()) as once:
        if once.answer is not None:
            return once.answer
        if once.stored is not None:
            return await _answer(call, executor_id, status)
        # Whose it is: to others it does not exist.
        if await call.ports.reads.executor(call.user_id, executor_id) is None:
            raise not_found("executor")
        row = once.row(status, object_type="executor", object_id=executor_id)
        record = call.record(f"executor.{verb}", object_type="executor", object_id=executor_id, idempotency=row)
        answer: ExecutorAnswer = await ask(cell_of(call).executors, message(record))
        if answer.reason == "not_found":
            raise Problem(409, "already_done", "the executor has ended")
        return context.answers.remember(once, await _answer(call, executor_id, status), call.user_id)


async def _answer(call: Call, executor_id: ExecutorId, status: int = 200) -> web.Response:
    row = await call.ports.reads.executor(call.user_id, executor_id)
    if row is None:
        raise not_found("executor")
    return json_answer(row, status)


ROUTES = (
    get("/executors", list_executors),
    get("/executors/{id}", get_executor),
    Route(method="POST", path="/executors", handler=start_executor, role=Role.TRADER, is_order=True),
    Route(method="DELETE", path="/executors/{id}", handler=stop_executor, role=Role.TRADER),
    *(post(f"/executors/{{id}}/{verb}", _commander(verb)) for verb in COMMANDS),
)

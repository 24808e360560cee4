"""Agents: read, start, pause, stop; their signals and types."""

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

from aiohttp import web

from actors.api.call import Call, json_answer, object_answer
from actors.api.commands import ask, cell_of
from actors.api.decode import Listed, path_id, read_query, time_ns
from actors.api.problems import Problem, not_found
from actors.api.routing import get, post
from config.settings import SymbolText
from engine.domain.identifiers import AgentId
from engine.messages.read_ports import SignalFilter
from engine.messages.signals import AgentAnswer, PauseAgent, StartAgent, StopAgent

COMMANDS: Final[dict[str, type[StartAgent | StopAgent | PauseAgent]]] = {
    "start": StartAgent,
    "stop": StopAgent,
    "pause": PauseAgent,
}


class SignalsQuery(Listed, frozen=True, kw_only=True):
    """`GET /signals`."""

    agent_id: UUID | None = None
    symbol: SymbolText | None = None
    since: str | None = None
    until: str | None = None


async def list_agents(call: Call) -> web.Response:
    """Read agents, oldest first."""
    page = read_query(call.request, Listed).page
    return json_answer((await call.ports.reads.agents(call.user_id, page)).body)


async def get_agent(call: Call) -> web.Response:
    """Read one agent, its state included."""
    return await _agent_answer(call, AgentId(path_id(call.request)))


async def list_types(call: Call) -> web.Response:
    """Read the agent types with the schema of their parameters."""
    return object_answer({"items": call.ports.agent_types, "next_cursor": None})


async def list_signals(call: Call) -> web.Response:
    """Read signals, newest first."""
    query = read_query(call.request, SignalsQuery)
    where = SignalFilter(
        agent_id=None if query.agent_id is None else AgentId(query.agent_id),
        symbol=query.symbol,
        since_ns=time_ns(query.since, "since"),
        until_ns=time_ns(query.until, "until"),
    )
    return json_answer((await call.ports.reads.signals(call.user_id, where, query.page)).body)


def _commander(verb: str) -> Callable[[Call], Awaitable[web.Response]]:
    """Make the handler of one command to an agent; it answers with the agent's row."""

    async def command(call: Call) -> web.Response:
        agent_id = AgentId(path_id(call.request))
        context = call.context
        async with context.answers.once(call.request, b"", call.user_id, call.ports.clock.now_ns()) as once:
            if once.answer is not None:
                return once.answer
            if once.stored is not None:
                return await _agent_answer(call, agent_id)
            row = once.row(200, object_type="agent", object_id=agent_id)
            record = call.record(f"agent.{verb}", object_type="agent", object_id=agent_id, idempotency=row)
            message = COMMANDS[verb](user_id=call.user_id, agent_id=agent_id, record=record)
            answer: AgentAnswer = await ask(cell_of(call).coordinator, message)
            if answer.reason == "not_found":
                raise not_found("agent")
            if answer.reason:
                raise Problem(409, "agent_refused", answer.reason)
            return context.answers.remember(once, await _agent_answer(call, agent_id), call.user_id)

    return command


async def _agent_answer(call: Call, agent_id: AgentId) -> web.Response:
    row = await call.ports.reads.agent(call.user_id, agent_id)
    if row is None:
        raise not_found("agent")
    return json_answer(row)


ROUTES = (
    get("/agents", list_agents),
    get("/agents/{id}", get_agent),
    get("/agent-types", list_types),
    get("/signals", list_signals),
    *(post(f"/agents/{{id}}/{verb}", _commander(verb)) for verb in COMMANDS),
)

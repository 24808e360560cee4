"""Comparisons of accounts with their venues: run one, read what they found, write a difference off."""

from typing import Annotated
from uuid import UUID

import msgspec
from aiohttp import web

from actors.api.call import Call, json_answer, object_answer
from actors.api.cells import AccountRefs
from actors.api.commands import ask, cell_of
from actors.api.decode import Body, Listed, path_id, read_body, read_query
from actors.api.problems import Problem, not_found, unavailable
from actors.api.routing import get, post
from engine.domain.identifiers import AccountId
from engine.messages.cell import ReconcileAccount, ReconcileAnswer
from engine.messages.portfolio import WriteOffAnswer, WriteOffDiscrepancy
from engine.messages.render import render_row
from engine.messages.rows import DiscrepancyRow

RUN_S = 60.0
"""How long the answer to a wish for a comparison may take: a venue gives its pages one after another."""
STATES = ("open", "explained", "written_off")


class ReconcileBody(Body, frozen=True, kw_only=True):
    """`POST /accounts/{id}/reconcile`."""

    deep: bool = False
    """Fetch far back again, and ask for every open order and the newest closed ones."""


class ReasonBody(Body, frozen=True, kw_only=True):
    """`POST /accounts/{id}/discrepancies/{discrepancy_id}/write-off` and `/take-back`."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class DiscrepanciesQuery(Listed, frozen=True, kw_only=True):
    """`GET /accounts/{id}/discrepancies`."""

    state: Annotated[str, msgspec.Meta(pattern=f"^({'|'.join(STATES)})$")] | None = None


async def reconcile(call: Call) -> web.Response:
    """Compare an account with its venue now; answered when what was found is in the books."""
    body, raw = await read_body(call.request, ReconcileBody)
    account_id = await _account(call)
    context = call.context
    async with context.answers.once(call.request, raw, call.user_id, call.ports.clock.now_ns()) as once:
        if once.answer is not None:
            return once.answer
        if once.stored is not None:
            return object_answer(once.stored.answer or {}, once.stored.status_code)
        row = once.row(200, object_type="account", object_id=account_id, answer={"account_id": str(account_id)})
        record = call.record(
            "account.reconcile", object_type="account", object_id=account_id, detail={"deep": body.deep},
            idempotency=row,
        )  # fmt: skip
        message = ReconcileAccount(account_id=account_id, deep=body.deep, record=record)
        answer: ReconcileAnswer = await ask(_refs(call, account_id).reconciler, message, timeout_s=RUN_S)
        shown = msgspec.to_builtins(answer)
        shown.pop("msg", None)
        return context.answers.remember(once, object_answer(shown), call.user_id)


async def list_reconciliations(call: Call) -> web.Response:
    """Read the reports of comparisons, newest first."""
    page = read_query(call.request, Listed).page
    account_id = await _account(call)
    return json_answer((await call.ports.reads.reconciliations(call.user_id, account_id, page)).body)


async def list_discrepancies(call: Call) -> web.Response:
    """Read differences to the venue, newest first."""
    query = read_query(call.request, DiscrepanciesQuery)
    account_id = await _account(call)
    page = await call.ports.reads.discrepancies(call.user_id, account_id, query.page, state=query.state)
    return json_answer(page.body)


async def write_off(call: Call) -> web.Response:
    """Book a difference as an adjustment, so that the books agree with the venue."""
    return await _settle(call, "write_off")


async def take_back(call: Call) -> web.Response:
    """Reverse the adjustment of a write-off; the difference is open again."""
    return await _settle(call, "take_back")


async def _settle(call: Call, verb: str) -> web.Response:
    body, raw = await read_body(call.request, ReasonBody)
    account_id = await _account(call)
    discrepancy_id = path_id(call.request, "discrepancy_id")
    context = call.context
    async with context.answers.once(call.request, raw, call.user_id, call.ports.clock.now_ns()) as once:
        if once.answer is not None:
            return once.answer
        known = await _discrepancy(call, account_id, discrepancy_id)
        if once.stored is not None:
            return json_answer(render_row(known))
        message = WriteOffDiscrepancy(
            account_id=account_id,
            discrepancy_id=discrepancy_id,
            reason=body.reason,
            by=str(call.person.user_id),
            takes_back=known if verb == "take_back" else None,
            record=call.record(
                f"discrepancy.{verb}", object_type="discrepancy", object_id=discrepancy_id,
                detail={"reason": body.reason},
                idempotency=once.row(200, object_type="discrepancy", object_id=discrepancy_id),
            ),
        )  # fmt: skip
        answer: WriteOffAnswer = await ask(_refs(call, account_id).ledger, message)
        if answer.error or answer.row is None:
            raise Problem(409, answer.error or "refused", f"the difference is {known.state}: it cannot be changed so")
        return context.answers.remember(once, json_answer(render_row(answer.row)), call.user_id)


async def _account(call: Call) -> AccountId:
    """Return the account of the path.

    Raises:
        Problem: 404: it is not the user's.
    """
    account_id = AccountId(path_id(call.request))
    if await call.ports.reads.account(call.user_id, account_id) is None:
        raise not_found("account")
    return account_id


async def _discrepancy(call: Call, account_id: AccountId, discrepancy_id: UUID) -> DiscrepancyRow:
    row = await call.ports.reads.discrepancy(call.user_id, account_id, discrepancy_id)
    if row is None:
        raise not_found("discrepancy")
    return row


def _refs(call: Call, account_id: AccountId) -> AccountRefs:
    refs = cell_of(call).accounts.get(account_id)
    if refs is None:
        raise unavailable("account_unavailable", "the account does not run here")
    return refs


ROUTES = (
    post("/accounts/{id}/reconcile", reconcile),
    get("/accounts/{id}/reconciliations", list_reconciliations),
    get("/accounts/{id}/discrepancies", list_discrepancies),
    post("/accounts/{id}/discrepancies/{discrepancy_id}/write-off", write_off),
    post("/accounts/{id}/discrepancies/{discrepancy_id}/take-back", take_back),
)

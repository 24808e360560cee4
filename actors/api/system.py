"""The engine about itself, for admins: the audit log, the running actors."""

from typing import Any

from aiohttp import web

from actors.api.call import Call, json_answer, object_answer
from actors.api.decode import Listed, Query, read_query
from actors.api.routing import get
from engine.domain.kinds import Role
from engine.runtime.ref import Ref


async def list_audit(call: Call) -> web.Response:
    """Read what was done in a user's name, newest first."""
    page = read_query(call.request, Listed).page
    return json_answer((await call.ports.reads.audit(call.user_id, page)).body)


async def list_actors(call: Call) -> web.Response:
    """Show the running actors, first started first."""
    read_query(call.request, Query)
    items = [_shown(ref) for ref in call.context.system.directory.get_all()]
    return object_answer({"items": items, "next_cursor": None})


def _shown(ref: Ref[Any]) -> dict[str, object]:
    box = ref.actor_inbox
    return {"name": ref.name, "class": ref.actor_class.__name__, "mailbox_depth": len(box), "dropped": box.dropped}


ROUTES = (get("/audit", list_audit, role=Role.ADMIN), get("/system/actors", list_actors, role=Role.ADMIN))

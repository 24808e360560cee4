"""Whatever well-formed nonsense a venue says, the connector goes on and no order is settled twice."""

import asyncio
from collections import Counter
from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from connectors.remote.frames import encode_frame
from engine.messages.remote import RemoteBody, RemoteFrame, RemoteHello
from engine.messages.venues import (
    AccountOpened,
    OpenAccount,
    VenueAccepted,
    VenueNotSent,
    VenueRejected,
    VenueSubmit,
    VenueUnknown,
)
from tests.connectors.remote.support import ACCOUNT, OTHER, Line, a_submit, a_welcome, accepted
from tests.support.messages import instances

SETTLES = (VenueAccepted, VenueRejected, VenueUnknown, VenueNotSent)
ACCOUNTS = st.sampled_from([ACCOUNT, OTHER])
BODIES = st.sampled_from(get_args(RemoteBody)).flatmap(instances)
SUBMITS = st.integers(1, 6).map(a_submit)


@st.composite
def bodies(draw: st.DrawFn) -> Any:
    """Draw a message, mostly about an account that there is."""
    body = draw(BODIES | SUBMITS.map(accepted))
    if "account_id" in body.__struct_fields__ and draw(st.booleans()):
        fields = {name: getattr(body, name) for name in body.__struct_fields__}
        return type(body)(**fields | {"account_id": draw(ACCOUNTS)})
    return body


FRAMES = st.builds(RemoteFrame, n=st.none() | st.integers(0, 30), re=st.none() | st.integers(0, 30), body=bodies()).map(
    encode_frame
)
STEPS = st.lists(
    st.tuples(st.just("frame"), FRAMES)
    | st.tuples(st.just("bytes"), st.binary(max_size=20))
    | st.tuples(st.just("order"), SUBMITS)
    | st.tuples(st.just("wait"), st.floats(0.1, 8))
    | st.tuples(st.just("greet"), st.none()),
    max_size=25,
)


@given(STEPS)
def test_nonsense_ends_no_connector_and_settles_no_order_twice(steps: list[tuple[str, Any]]) -> None:
    with asyncio.Runner() as runner:
        runner.run(play(steps))


async def play(steps: list[tuple[str, Any]]) -> None:
    line = Line()
    await line.begin()
    await line.ask(asking())
    sent: Counter[Any] = Counter()
    for kind, what in steps:
        match kind:
            case "frame" | "bytes":
                if line.links:
                    line.link.inbox.put_nowait(what)
                    await line.rest()
            case "order":
                sent[what.order_id] += 1
                await line.tell(what)
            case "wait":
                await line.wait(what)
            case _:
                await greet(line)
    await line.wait(30)
    assert line.ref.is_alive()
    written = Counter(
        frame.body.order_id for link in line.links for frame in link.sent if isinstance(frame.body, VenueSubmit)
    )
    settled = Counter(each.order_id for each in line.heard if isinstance(each, SETTLES))
    outcomes = Counter(each.order_id for each in line.heard if isinstance(each, VenueUnknown | VenueNotSent))
    assert all(written[order_id] <= count for order_id, count in sent.items()), "written once at most"
    assert all(outcomes[order_id] <= count <= settled[order_id] for order_id, count in sent.items()), (
        "settled, and once"
    )
    await line.system.stop_all()


def asking() -> OpenAccount:
    return OpenAccount(account_id=ACCOUNT, user_id=ACCOUNT, kind="spot", starting_balances={})  # type: ignore[arg-type]


async def greet(line: Line) -> None:
    """Welcome the newest link and open the account, if it asks for that."""
    if line.links and not line.link.is_closed and line.link.count(RemoteHello):
        await line.say(a_welcome(venue_time_ns=line.clock.now_ns()), to=RemoteHello)
        if line.link.count(OpenAccount):
            await line.say(AccountOpened(account_id=ACCOUNT, created=True), to=OpenAccount)

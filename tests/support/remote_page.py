"""Writes the parts of docs/remote-venue.md that follow from the code: fields of messages, and frames as bytes.

`python -m tests.support.remote_page` brings the page up to date; a test fails while it is not.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from decimal import Decimal
from enum import Enum
from functools import cache
from itertools import pairwise
from typing import Any, get_args
from uuid import UUID

import msgspec

from connectors.remote.frames import encode_frame, with_length
from engine.domain.capabilities import AmendKind, Capabilities, ClientIdRule, DuplicateRule, PrivateStream, ValidityKind
from engine.domain.identifiers import AccountId, OrderId, UserId, venue_client_id
from engine.domain.kinds import DoneReason, InstrumentKind, Liquidity, OrderType, Side, TimeInForce
from engine.messages import remote, venues
from engine.messages.remote import RemoteFrame
from tests.support.source import ROOT

PAGE = ROOT / "docs/remote-venue.md"
GROUPS: dict[str, tuple[type[msgspec.Struct], ...]] = {
    "Connection": (remote.RemoteHello, remote.RemoteWelcome, Capabilities, ClientIdRule, remote.RemotePing,
                   remote.RemotePong, remote.RemoteRefused),
    "Accounts": (venues.OpenAccount, venues.AccountOpened, venues.ArmDeadMan, venues.DeadManArmed),
    "Orders": (venues.VenueSubmit, venues.VenueAccepted, venues.VenueRejected, venues.VenueCancel,
               venues.VenueOrderDone, venues.VenueCancelRefused, venues.VenueAmend, venues.VenueAmended,
               venues.VenueAmendRefused),
    "Questions": (venues.OpenOrdersQuery, venues.VenueOrders, venues.VenueOrder, venues.OrderQuery, venues.OrderFound,
                  venues.OrderAbsent, venues.FillsQuery, venues.VenueFills, venues.AccountQuery, venues.VenueAccount,
                  venues.VenueBalance, venues.VenuePosition, venues.CannotTell),
    "Events": (venues.VenueFill, venues.VenueOrderUpdate, venues.VenueTradeVoided),
}  # fmt: skip
"""Every message and every struct within one, in the order of the page."""

WORDS: tuple[type[Enum], ...] = (AmendKind, DuplicateRule, ValidityKind, PrivateStream)
"""Sets of values that need a word of explanation."""

NOW_NS = 1_700_000_000_000_000_000
ACCOUNT = AccountId(UUID("018bcfe5-6800-7000-8000-000000000001"))
ORDER = OrderId(UUID("018bcfe5-6800-7000-8000-000000000003"))


def render(name: str) -> str:
    """Return one of the page's own parts: `messages` or `frames`."""
    return {"messages": _messages, "frames": _frames}[name]()


def part_of(page: str, name: str) -> str:
    """Return what the page holds between a part's marks."""
    found = re.search(_marks(name), page, re.DOTALL)
    assert found is not None, f"{PAGE}: expected the marks of {name}"
    return str(found[2]).strip("\n")


def updated(page: str) -> str:
    """Return the page with its parts as the code has them now."""
    for name in ("messages", "frames"):
        found = re.search(_marks(name), page, re.DOTALL)
        assert found is not None, f"{PAGE}: expected the marks of {name}"
        page = f"{page[: found.start(2)]}\n{render(name)}\n{page[found.end(2) :]}"
    return page


def _marks(name: str) -> str:
    return rf"(<!-- {name}: made by tests/support/remote_page.py -->\n)(.*?)(\n<!-- end -->)"


# --- Fields -----------------------------------------------------------------------------------------------------------


def _messages() -> str:
    groups = [f"### {group}\n\n" + "\n\n".join(map(_struct, kinds)) for group, kinds in GROUPS.items()]
    return "\n\n".join([*groups, "### Words\n\n" + "\n\n".join(map(_words, WORDS))])


def _words(kind: type[Enum]) -> str:
    summary = (inspect.getdoc(kind) or "").splitlines()[0]
    rows = "\n".join(f"| `{each.value}` | {_notes(kind).get(each.name, '')} |" for each in kind)
    return f"#### {kind.__name__}\n\n{summary}\n\n| value | |\n| --- | --- |\n{rows}"


def _struct(kind: type[msgspec.Struct]) -> str:
    summary = (inspect.getdoc(kind) or "").splitlines()[0]
    rows = "\n".join(_row(kind, field) for field in msgspec.structs.fields(kind))
    return f"#### {kind.__name__}\n\n{summary}\n\n| field | type | |\n| --- | --- | --- |\n{rows}"


def _row(kind: type[msgspec.Struct], field: msgspec.structs.FieldInfo) -> str:
    optional = "" if field.required else f" = {_value(field.default)}"
    return f"| `{field.name}`{optional} | {_type(field.type)} | {_notes(kind).get(field.name, '')} |"


def _value(value: Any) -> str:
    if value is msgspec.NODEFAULT or value in ("", frozenset()):
        return "empty"
    return "nil" if value is None else msgspec.json.encode(value).decode().strip('"')


_NAMES: dict[Any, str] = {Decimal: "decimal", int: "integer", str: "text", bool: "boolean", UUID: "UUID"}


def _type(kind: Any) -> str:
    kind = getattr(kind, "__supertype__", kind)
    if kind in _NAMES:
        return _NAMES[kind]
    if kind in WORDS:
        return f"[{kind.__name__}](#{kind.__name__.lower()})"
    if isinstance(kind, type) and issubclass(kind, Enum):
        return " ".join(f"`{each.value}`" for each in kind)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return f"[{kind.__name__}](#{kind.__name__.lower()})"
    return _compound(getattr(kind, "__origin__", None), get_args(kind))


def _compound(origin: Any, inner: tuple[Any, ...]) -> str:
    if origin is dict:
        return f"map of {_type(inner[0])} to {_type(inner[1])}"
    if origin in (tuple, frozenset):
        return f"list of {_type(inner[0])}"
    return " or ".join("nil" if each is type(None) else _type(each) for each in inner)


@cache
def _notes(kind: type) -> dict[str, str]:
    """Read the strings below the fields of a class."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(tree, ast.ClassDef)
    return dict(_pairs(tree.body))


def _pairs(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for field, note in pairwise(body):
        match field, note:
            case (
                ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                yield name, " ".join(text.split())


# --- Bytes ------------------------------------------------------------------------------------------------------------


def _frames() -> str:
    return "\n\n".join(_frame(text, frame) for text, frame in examples())


def _frame(text: str, frame: RemoteFrame) -> str:
    shown = msgspec.json.format(msgspec.json.encode(frame), indent=0).decode()
    lines = textwrap.wrap(with_length(encode_frame(frame)).hex(" "), 95)
    text = f"{text}\n\n" if text else ""
    return f"{text}```json\n{shown}\n```\n\n```text\n" + "\n".join(lines) + "\n```"


def examples() -> list[tuple[str, RemoteFrame]]:
    """Return frames of a first minute, each with what it is."""
    submit = venues.VenueSubmit(
        order_id=ORDER, account_id=ACCOUNT, venue_client_id=venue_client_id(ORDER, "mars"), venue="mars",
        symbol="BTC/USDT", side=Side.BUY, type=OrderType.LIMIT, quantity=Decimal("0.01"), price=Decimal(60_000),
        valid_until_ns=NOW_NS + 5_000_000_000, fence=7,
    )  # fmt: skip
    fill = venues.VenueFill(
        account_id=ACCOUNT, venue="mars", symbol="BTC/USDT", side=Side.BUY, venue_client_id=submit.venue_client_id,
        external_order_id="42", external_trade_id="1001", price=Decimal("59999.5"), quantity=Decimal("0.01"),
        fee=Decimal("0.599995"), fee_asset="USDT", liquidity=Liquidity.MAKER, executed_at_ns=NOW_NS + 2,
        cursor="1001",
    )  # fmt: skip
    done = venues.VenueOrderDone(
        account_id=ACCOUNT, venue_client_id=submit.venue_client_id, external_order_id="42", symbol="BTC/USDT",
        reason=DoneReason.FILLED, filled_quantity=Decimal("0.01"), venue_time_ns=NOW_NS + 2,
    )  # fmt: skip
    accepted = venues.VenueAccepted(
        order_id=ORDER, account_id=ACCOUNT, external_order_id="42", venue_time_ns=NOW_NS + 1
    )
    welcome = remote.RemoteWelcome(version=1, venue="mars", capabilities=_declared(), venue_time_ns=NOW_NS)
    return [
        ("The engine greets:", RemoteFrame(n=1, body=remote.RemoteHello(engine="cival 0.1.0", token="sesame"))),
        ("The venue welcomes it:", RemoteFrame(re=1, body=welcome)),
        ("An account is introduced:", RemoteFrame(n=2, body=venues.OpenAccount(
            account_id=ACCOUNT, user_id=UserId(UUID("018bcfe5-6800-7000-8000-000000000002")), kind="spot",
            starting_balances={"USDT": Decimal(1000)},
        ))),
        ("It is open:", RemoteFrame(re=2, body=venues.AccountOpened(account_id=ACCOUNT, created=True))),
        ("An order:", RemoteFrame(n=3, body=submit)),
        ("The venue has it:", RemoteFrame(re=3, body=accepted)),
        ("A fill, unasked:", RemoteFrame(body=fill)),
        ("The order's end, unasked:", RemoteFrame(body=done)),
        ("A sign of life, and its answer:", RemoteFrame(n=4, body=remote.RemotePing(at_ns=NOW_NS))),
        ("", RemoteFrame(re=4, body=remote.RemotePong(at_ns=NOW_NS, venue_time_ns=NOW_NS))),
        ("A request that was not carried out:", RemoteFrame(
            re=5, body=remote.RemoteRefused(code="rate_limited", retry_after_ns=1_000_000_000)
        )),
    ]  # fmt: skip


def _declared() -> Capabilities:
    """Return a declaration whose sets have one element each: sets have no order."""
    return Capabilities(
        venue="mars",
        kinds=frozenset({InstrumentKind.SPOT}),
        order_types=frozenset({OrderType.LIMIT}),
        times_in_force=frozenset({TimeInForce.GTC}),
        client_id=ClientIdRule(pattern="[!-~]{1,64}", duplicates=DuplicateRule.REFUSES, is_queryable=True),
        private_streams=frozenset({PrivateStream.FILLS}),
        validity=ValidityKind.VALID_UNTIL,
        validity_max_ns=1_000_000,
        read_lag_ns=500_000_000,
    )


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text()))

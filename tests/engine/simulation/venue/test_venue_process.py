"""The venue as a process: sockets, wall clock, a journal that survives a kill."""

import socket
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import msgspec
import pytest

from config.venue_url import TcpAddress, UnixAddress, parse_venue_url
from engine.domain.identifiers import AccountId, OrderId, UserId
from engine.domain.kinds import DoneReason, OrderType, Side
from engine.messages.remote import RemoteFrame, RemoteHello, RemotePing, RemotePong, RemoteRefused, RemoteWelcome
from engine.messages.venues import (
    FillsQuery,
    OpenAccount,
    OpenOrdersQuery,
    VenueAccepted,
    VenueCancel,
    VenueFill,
    VenueOrderDone,
    VenueRejected,
    VenueSubmit,
    VenueTradeVoided,
)
from tests.support.venue import LyingVenue
from tests.support.venue_client import ControlRefused
from tests.support.venue_journal import FileJournal, read_records
from tests.support.venue_process import parsed, rules_of

ACCOUNT = AccountId(UUID(int=1))
BTC = "BTC/USDT"


class Engine:
    """One link to a venue, on a blocking socket."""

    def __init__(self, venue: LyingVenue, *, hello: bool = True) -> None:
        address = parse_venue_url(venue.url)
        if isinstance(address, UnixAddress):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(address.path)
        else:
            assert isinstance(address, TcpAddress)
            self.socket = socket.create_connection((address.host, address.port))
        self.socket.settimeout(5)
        self._number = 0
        self.told: list[Any] = []
        if hello:
            assert isinstance(self.ask(RemoteHello(engine="test")), RemoteWelcome)
            self.ask(
                OpenAccount(
                    account_id=ACCOUNT, user_id=UserId(UUID(int=2)), kind="margin",
                    starting_balances={"USDT": Decimal(100000), "BTC": Decimal(10)},
                )
            )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def say(self, body: Any) -> int:
        self._number += 1
        payload = msgspec.msgpack.encode(RemoteFrame(n=self._number, body=body))
        self.socket.sendall(len(payload).to_bytes(4, "big") + payload)
        return self._number

    def ask(self, body: Any) -> Any:
        number = self.say(body)
        while (frame := self.read()).re != number:
            self.told.append(frame.body)
        return frame.body

    def hear(self, kind: type) -> Any:
        """Return the next report of a kind, past or to come."""
        while not (found := [each for each in self.told if isinstance(each, kind)]):
            self.told.append(self.read().body)
        self.told.remove(found[0])
        return found[0]

    def read(self) -> RemoteFrame:
        return msgspec.msgpack.decode(self._exactly(int.from_bytes(self._exactly(4), "big")), type=RemoteFrame)

    def is_over(self) -> bool:
        """Read what is left; true when the venue has gone."""
        try:
            while True:
                self.read()
        except (EOFError, ConnectionResetError):
            return True

    def _exactly(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            more = self.socket.recv(length - len(data))
            if not more:
                raise EOFError
            data += more
        return data


def submit_of(number: int, **changes: Any) -> VenueSubmit:
    order_id = OrderId(UUID(int=number))
    values: dict[str, Any] = {
        "order_id": order_id, "account_id": ACCOUNT, "venue_client_id": f"cv-{order_id.hex}", "venue": "lying",
        "symbol": BTC, "side": Side.BUY, "type": OrderType.LIMIT, "quantity": Decimal("0.1"),
        "price": Decimal(59000), "valid_until_ns": time.time_ns() + 5_000_000_000,
    }  # fmt: skip
    return VenueSubmit(**values | changes)


def at_market(number: int) -> VenueSubmit:
    return submit_of(number, type=OrderType.MARKET, price=None)


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[LyingVenue]:
    with LyingVenue(tmp_path) as started:
        yield started


def test_two_links_hear_of_the_same_orders(venue: LyingVenue) -> None:
    with Engine(venue) as first, Engine(venue) as second:
        assert isinstance(first.ask(at_market(7)), VenueAccepted)

        assert first.hear(VenueFill) == second.hear(VenueFill)
        assert first.hear(VenueOrderDone) == second.hear(VenueOrderDone)
        assert venue.status().links == 2


def test_the_truth_survives_a_kill(venue: LyingVenue) -> None:
    with Engine(venue) as engine:
        engine.ask(submit_of(7))
        engine.ask(at_market(8))
        before = venue.truth()
        venue.kill()
        assert engine.is_over()
    venue.start()

    assert venue.truth() == before
    assert venue.status().starts == 2
    with Engine(venue) as engine:
        assert isinstance(engine.ask(submit_of(7)), VenueRejected)
        assert [each.external_order_id for each in engine.ask(OpenOrdersQuery(account_id=ACCOUNT)).orders] == ["1"]
        assert len(engine.ask(FillsQuery(account_id=ACCOUNT, cursor=None)).fills) == 1
        cancel = VenueCancel(
            order_id=OrderId(UUID(int=7)), account_id=ACCOUNT, venue_client_id=submit_of(7).venue_client_id,
            external_order_id=None, symbol=BTC,
        )  # fmt: skip
        assert isinstance(engine.ask(cancel), VenueOrderDone)
    assert venue.arrivals()[submit_of(7).venue_client_id] == (2, 1)


def test_what_a_kill_cuts_short_is_as_if_it_had_not_been(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path / "journal")
    journal.append(b"whole")
    journal.commit()
    journal.append(b"never committed")
    journal.close()
    with (tmp_path / "journal").open("ab") as file:
        file.write(b"\x00\x00\x00\x09half")

    again = FileJournal(tmp_path / "journal")
    assert list(again.read()) == [b"whole"]
    again.append(b"next")
    again.commit()
    again.close()
    assert list(read_records(tmp_path / "journal")) == [b"whole", b"next"]


def test_garbage_is_refused_and_others_are_not_disturbed(venue: LyingVenue) -> None:
    with Engine(venue) as good, Engine(venue, hello=False) as bad, Engine(venue, hello=False) as huge:
        bad.socket.sendall(b"\x00\x00\x00\x03\xc1\xc1\xc1")
        assert bad.read().body == RemoteRefused(code="malformed")
        with pytest.raises(EOFError):
            bad.read()
        huge.socket.sendall(b"\xff\xff\xff\xff")
        with pytest.raises((EOFError, ConnectionResetError)):
            huge.read()

        assert isinstance(good.ask(submit_of(7)), VenueAccepted)


def test_a_frame_may_come_byte_by_byte(venue: LyingVenue) -> None:
    with Engine(venue) as engine:
        payload = msgspec.msgpack.encode(RemoteFrame(n=90, body=RemotePing(at_ns=4)))
        for byte in len(payload).to_bytes(4, "big") + payload:
            engine.socket.sendall(bytes([byte]))
            time.sleep(0.001)

        answer = engine.read()
        assert isinstance(answer.body, RemotePong)
        assert (answer.re, answer.body.at_ns) == (90, 4)


def test_a_test_bends_the_venue_while_it_runs(venue: LyingVenue) -> None:
    with Engine(venue) as engine:
        venue.script("lost_answer", about="VenueSubmit")
        engine.say(submit_of(7))
        client_id = submit_of(7).venue_client_id
        order = venue.wait_for(lambda: venue.order(client_id), "the order")
        assert order is not None
        assert order.order.is_open

        venue.fill(client_id, "0.04")
        assert engine.hear(VenueFill).quantity == Decimal("0.04")
        venue.end_order(client_id)
        assert engine.hear(VenueOrderDone).reason is DoneReason.CANCELLED
        venue.fill(client_id, "0.01")
        assert engine.hear(VenueFill).quantity == Decimal("0.01")
        venue.void(BTC, "1")
        assert engine.hear(VenueTradeVoided).external_trade_id == "1"
        venue.repeat(BTC, "2")
        assert engine.hear(VenueFill).external_trade_id == "2"
        venue.conflict(BTC, "2")
        assert engine.hear(VenueFill).quantity != Decimal("0.01")

        assert venue.struck() == {"lost_answer": 1}
        assert [trade.is_void for trade in venue.trades(client_id)] == [True, False]
        assert venue.balances(ACCOUNT)["BTC"] == Decimal("10.01")
        assert [each.client_id for each in venue.heard("VenueSubmit")] == [client_id]
        assert len(venue.said("VenueAccepted")) == 1


def test_people_trade_beside_the_engine(venue: LyingVenue) -> None:
    with Engine(venue) as engine:
        names = venue.place(ACCOUNT, BTC, Side.BUY, "0.01", price="50000", client_id="man", count=3)
        venue.place(ACCOUNT, "BTC/USDT:USDT", "sell", "0.1")
        venue.transfer(ACCOUNT, "USDT", "-1000")
        venue.set_price(BTC, "49000")

        assert names == ["man-0", "man-1", "man-2"]
        assert len(engine.ask(FillsQuery(account_id=ACCOUNT, cursor=None)).fills) == 4
        assert venue.positions(ACCOUNT)["BTC/USDT:USDT"].size == Decimal("-0.1")
        assert [order.order_id for order in venue.orders(ACCOUNT)] == [None] * 4


def test_lies_that_last_begin_and_end(venue: LyingVenue) -> None:
    with Engine(venue) as engine:
        venue.begin("maintenance", 60)
        assert engine.ask(submit_of(7)).code == "maintenance"
        venue.end("maintenance")
        venue.set_clock(-30)
        assert abs(engine.ask(RemotePing(at_ns=1)).venue_time_ns - time.time_ns() + 30e9) < 5e9
        venue.swarm(3)
        venue.rates(lost_request=1_000_000)
        engine.say(submit_of(8))
        venue.wait_for(lambda: venue.struck().get("lost_request"), "the loss")
        venue.calm()
        assert isinstance(engine.ask(submit_of(9)), VenueAccepted)
        venue.happen("link_reset")
        assert engine.is_over()


def test_bytes_pile_up_while_nobody_reads_them(venue: LyingVenue) -> None:
    with Engine(venue) as engine:
        venue.freeze_reads()
        engine.say(submit_of(7))
        time.sleep(0.1)
        assert venue.orders() == []
        venue.thaw_reads()
        venue.wait_for(venue.orders, "the order")


def test_a_frozen_venue_answers_when_it_thaws(venue: LyingVenue) -> None:
    with Engine(venue) as engine:
        venue.freeze()
        number = engine.say(RemotePing(at_ns=1))
        engine.socket.settimeout(0.1)
        with pytest.raises(TimeoutError):
            engine.read()
        venue.thaw()
        engine.socket.settimeout(5)
        assert engine.read().re == number


def test_what_cannot_be_done_is_said(venue: LyingVenue) -> None:
    commands: list[tuple[str, dict[str, Any]]] = [
        ("no_such_command", {}),
        ("_order", {"client_id": "x", "account_id": None}),
        ("fill", {"client_id": "nobody"}),
        ("set_price", {"symbol": BTC, "price": "much"}),
        ("begin", {"kind": "no_such_lie", "for_s": 1}),
        ("void", {}),
    ]
    for command, arguments in commands:
        with pytest.raises(ControlRefused):
            venue.ask(command, **arguments)
    assert venue.ask("price", symbol=BTC) == "60000"


def test_it_listens_on_tcp_and_at_the_same_port_after_a_restart(tmp_path: Path) -> None:
    with LyingVenue(tmp_path, tcp=True) as venue:
        url = venue.url
        venue.restart()
        assert venue.url == url
        with Engine(venue) as engine:
            assert isinstance(engine.ask(submit_of(7)), VenueAccepted)


def test_it_ends_when_it_is_told_to(venue: LyingVenue) -> None:
    venue.stop()

    assert venue.process is not None
    assert venue.process.returncode == 0


def test_it_ends_with_whoever_started_it(venue: LyingVenue) -> None:
    assert venue.process is not None
    assert venue.process.stdin is not None
    venue.process.stdin.close()

    assert venue.process.wait(10) == 0


def test_rules_come_from_the_command_line() -> None:
    words = ["--control", "c", "--journal", "j", "--rough", "--venue", "other", "--rules"]
    rules = rules_of(parsed([*words, '{"duplicates": "refuses_while_open", "read_lag_ns": 5, "amend": "replace"}']))

    assert (rules.venue, rules.read_lag_ns, rules.page_sizes) == ("other", 5, (2, 5, 50))
    assert (rules.duplicates, rules.amend) == ("refuses_while_open", "replace")

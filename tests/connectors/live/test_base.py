"""What adapters share: frames of any shape, listings entry by entry, candles that are over, steps."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from connectors.bridge.errors import Refused
from connectors.bridge.plan import StreamItem
from connectors.live.base import JsonPlan, closed_bars, listing_of
from engine.domain.errors import BadInput
from engine.domain.instrument import Instrument
from engine.runtime.clock import NS_PER_S, WallClock
from tests.support.venues.kraken_rig import KrakenRig
from tests.support.venues.live_desk import LiveDesk


class Plan(JsonPlan):
    """Reads one number."""

    async def opening(self) -> Sequence[str]:
        return []

    def read(self, frame: Any, received_ns: int) -> Sequence[StreamItem]:
        if frame == "odd":
            raise BadInput("kind", expected="even", was=frame)
        return [Decimal(frame["data"][0]["price"]) + received_ns]  # type: ignore[list-item]


@pytest.mark.parametrize("raw", [b"{", b"[]", b"null", b'{"data":[]}', b'{"data":[{"price":"x"}]}', b'{"data":7}'])
def test_a_frame_of_another_shape_is_bad_input(raw: bytes) -> None:
    with pytest.raises(BadInput, match="frame"):
        Plan("market", lambda: "ws://").parse(raw, 0)


def test_a_frame_is_read_exactly_and_a_kind_keeps_its_name() -> None:
    plan = Plan("market", lambda: "ws://")
    assert [str(item) for item in plan.parse(b'{"data":[{"price":0.10}]}', 1)] == ["1.10"]
    with pytest.raises(BadInput, match="kind"):
        plan.parse(b'"odd"', 0)


def test_one_entry_hides_no_other() -> None:
    good = next(iter(KrakenRig().instruments.values()))

    def read(entry: str) -> tuple[Instrument, str]:
        if entry == "strange":
            raise KeyError(entry)
        return good, "" if entry == "open" else "halted"

    listing, known = listing_of(["strange", "open", "closed"], read)
    assert listing.instruments == (good,)
    assert listing.closed == (good.symbol,)
    assert listing.skipped == {"unreadable": 1, "halted": 1}
    assert known == {good.symbol: "closed"}


def test_only_candles_of_the_stretch_that_are_over() -> None:
    rows = [(start, [Decimal(start)] * 6, 3) for start in (0, 60, 120, 180)]
    bars = closed_bars(
        rows, venue="v", symbol="A/B", timeframe="1m", length_s=60, since_ns=60 * NS_PER_S, until_ns=180 * NS_PER_S,
        now_ns=179 * NS_PER_S,
    )  # fmt: skip
    assert [bar.open_time_ns // NS_PER_S for bar in bars] == [60]
    assert (bars[0].close_time_ns, bars[0].open, bars[0].trades_count) == (120 * NS_PER_S, Decimal(60), 3)


def test_values_between_the_steps_are_refused() -> None:
    rig = KrakenRig()
    desk = LiveDesk(rig)
    adapter = rig.adapter(WallClock())
    adapter.check_steps(desk.a_submit())
    with pytest.raises(Refused, match="bad_quantity"):
        adapter.check_steps(desk.a_submit(quantity=Decimal("0.000000001")))
    with pytest.raises(Refused, match="bad_price"):
        adapter.check_steps(desk.a_submit(price=Decimal("50000.05")))

"""What an account owns, out of what Hyperliquid says."""

import json
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from connectors.hyperliquid import private_wire as wire
from connectors.hyperliquid.balances import leverage_of, parse_perpetuals, parse_spot
from engine.domain.errors import BadInput
from engine.messages.venues import VenuePosition
from tests.support.hyperliquid import answer_of, captured, cassette, some_symbols


def shown(position: VenuePosition) -> tuple[str, str, str]:
    return position.symbol, str(position.size), str(position.entry_price)


def test_profit_that_is_not_realised_is_no_money_yet(fixtures_dir: Path) -> None:
    raw = answer_of(fixtures_dir, "Futures.Account.GetAccountInfo")
    account = parse_perpetuals(raw, some_symbols())
    (usdc,) = account.balances
    assert usdc.free + usdc.locked == Decimal("83.307638") - Decimal("-0.006")
    assert (str(usdc.locked), [shown(each) for each in account.positions]) == (
        "7.565800", [("HYPE/USDC:USDC", "2.0", "37.829")],
    )  # fmt: skip
    assert (account.cursor, account.venue_time_ns) == (None, 1_754_467_216_357_000_000)
    assert leverage_of(raw, some_symbols()) == {"HYPE/USDC:USDC": 10}


def test_what_is_locked_does_not_move_with_the_price(fixtures_dir: Path) -> None:
    body = json.loads(answer_of(fixtures_dir, "Futures.Account.GetAccountInfo"))
    before = parse_perpetuals(json.dumps(body).encode(), some_symbols())
    body["marginSummary"] |= {"accountValue": "85.307638", "totalMarginUsed": "7.725754"}
    body["assetPositions"][0]["position"] |= {"unrealizedPnl": "1.994", "positionValue": "77.652"}
    after = parse_perpetuals(json.dumps(body).encode(), some_symbols())
    assert (before.balances, before.positions) == (after.balances, after.positions)


def test_the_recorded_account_is_read_to_the_digit(fixtures_dir: Path) -> None:
    body = json.loads(cassette(fixtures_dir, "test_get_user_state.yaml"))
    # The answers of 2023 had no time.
    account = parse_perpetuals(json.dumps({**body, "time": 1}).encode(), some_symbols())
    raw = [each["position"] for each in body["assetPositions"]]
    assert [shown(each) for each in account.positions] == [
        (f"{each['coin']}/USDC:USDC", each["szi"], each["entryPx"]) for each in raw if Decimal(each["szi"])
    ]
    profit = sum(Decimal(each["unrealizedPnl"]) for each in raw)
    (usdc,) = account.balances
    assert usdc.free + usdc.locked + profit == Decimal(body["marginSummary"]["accountValue"])


def test_the_captured_account_is_flat(fixtures_dir: Path) -> None:
    (payload,) = captured(fixtures_dir, "hl_testnet_2026-07-28.jsonl", "rest clearing")
    account = parse_perpetuals(json.dumps(payload).encode(), some_symbols())
    assert (account.positions, account.balances[0].free) == ((), Decimal(0))


def test_spot_balances_are_read_to_the_digit(fixtures_dir: Path) -> None:
    account = parse_spot(answer_of(fixtures_dir, "Spot.Account.GetBalances"), now_ns=5)
    assert [(each.asset, str(each.free), str(each.locked)) for each in account.balances] == [
        ("USDC", "2.77363", "0.0"), ("HYPE", "0.00959057", "0.0"),
    ]  # fmt: skip
    assert (account.cursor, account.venue_time_ns) == (None, 5)


@pytest.mark.parametrize(("name", "total"), [("GetSubAccounts", "0.22"), ("GetSubAccounts2", "894.08996004")])
def test_recorded_sub_accounts_hold_the_same_shapes(fixtures_dir: Path, name: str, total: str) -> None:
    (sub,) = json.loads(answer_of(fixtures_dir, f"Spot.Account.{name}"))
    usdc = parse_spot(json.dumps(sub["spotState"]).encode(), now_ns=5).balances[0]
    assert usdc.free + usdc.locked == Decimal(total)
    state = sub["clearinghouseState"] if "clearinghouseState" in sub else sub["dexToClearinghouseState"][0][1]
    account = parse_perpetuals(json.dumps(state).encode(), some_symbols())
    assert account.balances[0].free + account.balances[0].locked == Decimal(state["marginSummary"]["accountValue"])


def test_recorded_limits_and_roles_are_read(fixtures_dir: Path) -> None:
    limit = msgspec.json.decode(cassette(fixtures_dir, "test_user_rate_limit.yaml"), type=wire.RateLimit)
    assert (limit.nRequestsUsed, limit.nRequestsCap) == (36_589_831_368, 170_043_731_737)
    assert msgspec.json.decode(cassette(fixtures_dir, "test_user_role.yaml"), type=wire.Role).role == "vault"
    documented = msgspec.json.decode(answer_of(fixtures_dir, "Spot.Account.GetRateLimits"), type=wire.RateLimit)
    assert documented.nRequestsUsed == 231


@pytest.mark.parametrize("bad", [b"null", b"{}", b"<html>", b'{"balances":[{}]}'])
def test_what_is_no_account_is_refused(bad: bytes) -> None:
    with pytest.raises(BadInput, match="clearinghouseState"):
        parse_perpetuals(bad, some_symbols())
    with pytest.raises(BadInput, match="spotClearinghouseState"):
        parse_spot(bad, now_ns=5)

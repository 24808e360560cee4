"""The console in a real browser over the real engine."""

import asyncio
import re

import msgspec
import pytest

from engine.messages.venues import VenueConnection
from tests.support.api import ADA_ACCOUNT, VENUE, ApiRig
from tests.support.browser import PHONE, Desk, chromium, desk
from tests.support.crash_audit import _actor

pytestmark = [pytest.mark.asyncio, pytest.mark.browser, pytest.mark.slow]

VIEWS = ("overview", "orders", "orders/history", "orders/balances", "agents", "risk", "market", "system")


async def text_of(page_desk: Desk, selector: str) -> str:
    return (await page_desk.page.inner_text(selector)).strip()


async def test_an_operator_logs_in_watches_trades_and_halts(rig: ApiRig, chromium_path: str) -> None:
    async with chromium(chromium_path) as browser, desk(browser, rig) as view:
        page = view.page
        await view.log_in()
        assert await text_of(view, ".mode") == "PAPER"
        assert "READY" in await text_of(view, ".chip:nth-child(2)")

        # Prices move without a reload.
        rig.quote("60500.00", "60500.02")
        await page.wait_for_selector(".price:has-text('60,500.01')")
        rig.quote("60500.10", "60500.12")
        await page.wait_for_selector(".price:has-text('60,500.11')")

        # The gate's denial is shown in words.
        await view.open("orders")
        await page.wait_for_function("document.querySelector('select[name=symbol]').options.length > 0")
        await page.fill("input[name=quantity]", "1")
        await page.fill("input[name=price]", "59000")
        await page.click("button.buy")
        denial = "Denied: one order may be worth 20,000, this one is 59,000."
        await page.wait_for_selector(f".complaint:has-text('{denial}')")

        # An order appears in the table by itself, and leaves it when it is cancelled.
        await page.fill("input[name=quantity]", "0.01")
        await page.click("button.buy")
        await page.wait_for_selector("tbody td:has-text('59,000.00')")
        await page.click("tbody button:has-text('Cancel')")
        await page.wait_for_selector("p.empty:has-text('No open orders')")

        # Halted from the bar, with a reason; resumed after two questions.
        await page.click(".halt")
        await page.fill("dialog input[name=reason]", "prices look wrong")
        await page.click("dialog button:has-text('Halt')")
        await page.wait_for_selector(".chip.bad:has-text('HALTED')")
        assert (await rig.get("/control/state"))["reason"] == "prices look wrong"
        await page.wait_for_selector(".verdict.good:has-text('Proven')")
        assert "There was no open order." in await text_of(view, ".halt-report")
        await page.click("dialog button:has-text('Close')")
        await page.click(".halt.resume")
        await page.fill("dialog input[name=reason]", "they are right")
        await page.click("dialog button:has-text('Continue')")
        await page.click("dialog button:has-text('Resume trading')")
        await page.wait_for_selector(".chip.good:has-text('ACTIVE')")
        assert (await rig.get("/control/state"))["state"] == "active"
        assert view.problems == []


async def test_after_a_halt_the_console_shows_what_is_proven_and_what_is_not(rig: ApiRig, chromium_path: str) -> None:
    first = (await rig.place(price="59000")).json["id"]
    async with chromium(chromium_path) as browser, desk(browser, rig) as view:
        page = view.page
        await view.log_in()
        # The venue cannot be heard: the cancel leaves and nobody knows what came of it.
        away = VenueConnection(venue=VENUE, connected=False, reason="socket lost", at_ns=rig.clock.now_ns())
        rig.bus.publish(away, key=VENUE)
        await page.click(".halt")
        await page.fill("dialog input[name=reason]", "the venue is mad")
        await page.click("dialog button:has-text('Halt')")
        await page.wait_for_selector(".verdict.warn:has-text('Checking')")
        report = page.locator(".halt-report")
        await report.locator("li:has-text('paper-1 its venue cannot be heard: socket lost')").wait_for()
        assert await view.violations() == []
        rig.bus.publish(msgspec.structs.replace(away, connected=True, reason=""), key=VENUE)
        await page.wait_for_selector(".verdict.good:has-text('Proven')")
        await report.locator("li:has-text('BTC/USDT cancelled, proven')").wait_for()
        assert await report.locator(".proof.bad").count() == 0
        assert await report.locator(f"a[href='#/orders/{first}']").count() == 1
        await page.click("dialog button:has-text('Close')")
        await page.wait_for_selector("dialog", state="detached")
        assert view.problems == []


async def test_an_orders_story_names_the_decision_and_the_verdict(rig: ApiRig, chromium_path: str) -> None:
    order_id = (await rig.place(price="59000")).json["id"]
    async with chromium(chromium_path) as browser, desk(browser, rig) as view:
        await view.log_in()
        await view.open(f"orders/{order_id}")
        story = view.page.locator(".timeline")
        await story.locator("li:has-text('You decided to buy 0.01 BTC at 59,000.00')").wait_for()
        await story.locator("li:has-text('The risk gate let it pass')").wait_for()
        assert view.problems == []


async def test_what_differs_from_the_venue_is_shown_at_its_account(rig: ApiRig, chromium_path: str) -> None:
    _actor(rig.paper)._exchange.accounts[ADA_ACCOUNT].balance("USDT").total += 5  # Nobody told the engine.
    answer = await rig.call("POST", f"/accounts/{ADA_ACCOUNT}/reconcile", json={})
    assert answer.json["discrepancies"] == 1
    async with chromium(chromium_path) as browser, desk(browser, rig) as view:
        await view.log_in()
        await view.page.wait_for_selector(".compared.bad:has-text('Differs from the venue: +5 USDT (deposit?)')")
        assert view.problems == []


async def test_the_console_catches_up_after_the_engine_was_away(rig: ApiRig, chromium_path: str) -> None:
    async with chromium(chromium_path) as browser, desk(browser, rig) as view:
        await view.log_in()
        await view.open("orders")
        await rig.restart_api(port=rig.address.port)
        placed = (await rig.place(price="58123.00")).json
        await view.page.wait_for_selector("tbody td:has-text('58,123.00')", timeout=20_000)
        assert placed["id"]
        await view.page.wait_for_selector(".chip.good:has-text('LIVE')")
        assert view.problems == []


async def test_agents_are_started_and_stopped(rig: ApiRig, chromium_path: str) -> None:
    async with chromium(chromium_path) as browser, desk(browser, rig) as view:
        await view.log_in()
        await view.open("agents")
        await view.page.click("button:has-text('Start')")
        await view.page.wait_for_selector(".agent .chip:has-text('Active')")
        await view.page.click("button:has-text('Stop')")
        await view.page.wait_for_selector(".agent .chip:has-text('Inactive')")


async def test_a_viewer_sees_and_touches_nothing(rig: ApiRig, chromium_path: str) -> None:
    async with chromium(chromium_path) as browser, desk(browser, rig) as view:
        await view.page.goto(rig.url)
        await view.page.fill("input[name=email]", "eve@localhost")
        await view.page.fill("input[name=password]", "wrong password")
        await view.page.click("button:has-text('Log in')")
        await view.page.wait_for_selector(".complaint:has-text('wrong')")
        await view.log_in("bob@localhost")
        await view.page.click(".user")
        await view.page.wait_for_selector("form.login")
        assert await view.page.context.cookies() == []


@pytest.mark.parametrize(("scheme", "viewport"), [("dark", None), ("light", None), ("dark", PHONE)])
async def test_axe_finds_nothing(rig: ApiRig, chromium_path: str, scheme: str, viewport: dict[str, int] | None) -> None:
    await rig.place()
    rig.quote("60500.00", "60500.02")
    more = {"viewport": viewport} if viewport else {}
    async with chromium(chromium_path) as browser, desk(browser, rig, scheme=scheme, **more) as view:
        await view.page.goto(rig.url)
        await view.page.wait_for_selector("form.login")
        found = {"login": await view.violations()}
        await view.log_in()
        for name in VIEWS:
            await view.open(name)
            await asyncio.sleep(0.1)
            found[name] = await view.violations()
        await view.page.click(".halt")
        await view.page.wait_for_selector("dialog[open]")
        found["dialog"] = await view.violations()
    assert {name: each for name, each in found.items() if each} == {}
    assert view.problems == []


async def test_every_view_fits_a_phone(rig: ApiRig, chromium_path: str) -> None:
    await rig.place()
    async with chromium(chromium_path) as browser, desk(browser, rig, viewport=PHONE) as view:
        await view.log_in()
        widths = {}
        for name in VIEWS:
            await view.open(name)
            await asyncio.sleep(0.1)
            widths[name] = await view.page.evaluate("document.documentElement.scrollWidth")
        assert widths == dict.fromkeys(VIEWS, PHONE["width"])
        box = await view.page.locator(".halt").bounding_box()
        assert box is not None
        assert box["y"] > PHONE["height"] * 0.8


async def test_two_thousand_rows_keep_few_elements(rig: ApiRig, chromium_path: str) -> None:
    async with chromium(chromium_path) as browser, desk(browser, rig) as view:
        await view.log_in()
        count = await view.page.evaluate(
            """async () => {
                const { Table } = await import("/table.js");
                const columns = [{ key: "id", label: "Id", text: (row) => String(row.id), sort: (row) => row.id }];
                const table = new Table({ columns, keyOf: (row) => row.id, empty: "", caption: "Many" });
                table.element.style.height = "400px";
                document.body.append(table.element);
                table.show(Array.from({ length: 2000 }, (_, id) => ({ id })));
                table.element.scrollTop = 30000;
                table.draw();
                return [table.body.rows.length, table.body.rows[25].textContent];
            }"""
        )
        assert count[0] < 100
        assert re.fullmatch(r"1?\d{3}", count[1])


async def test_the_stream_module_heals_a_gap(rig: ApiRig, chromium_path: str) -> None:
    await rig.place()
    async with chromium(chromium_path) as browser, desk(browser, rig) as view:
        await view.log_in()
        seen = await view.page.evaluate(
            """async () => {
                const { Stream } = await import("/stream.js");
                const seen = [];
                const handlers = { snapshot() {}, update() {}, status() {}, loggedOut() {},
                                   event: (message) => seen.push(message.seq) };
                const url = location.origin.replace("http", "ws") + "/api/v1/stream";
                const stream = new Stream(url, handlers);
                stream.seq = 0;
                stream.open(["orders"], []);
                const until = async (check) => { while (!check()) await new Promise((go) => setTimeout(go, 20)); };
                await until(() => seen.length >= 2);
                // An event whose predecessor never came: the module must go back and ask again.
                const chain = stream.chain.get("orders");
                stream.heard({ op: "event", channel: "orders", seq: chain + 10, prev: chain + 5, type: "X", data: {} });
                const heard = seen.length;
                await until(() => stream.isOpen() && stream.status.state === "live");
                return [heard, seen, stream.seq];
            }"""
        )
        assert seen[0] == len(seen[1])
        assert seen[2] < seen[1][-1] + 10

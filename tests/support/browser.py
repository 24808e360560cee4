"""A real Chromium on the console: logged in, watched for errors, checked for accessibility."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser, Page, async_playwright

from tests.support.api import PASSWORD, ApiRig

DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


@dataclass
class Desk:
    """A page, and what went wrong on it."""

    rig: ApiRig
    page: Page
    problems: list[str] = field(default_factory=list)

    async def log_in(self, email: str = "ada@localhost") -> None:
        """Fill the login form and wait for the console."""
        await self.page.goto(self.rig.url)
        await self.page.fill("input[name=email]", email)
        await self.page.fill("input[name=password]", PASSWORD)
        await self.page.click("button:has-text('Log in')")
        await self.page.wait_for_selector(".chip:has-text('LIVE')")

    async def open(self, view: str) -> None:
        """Show a view."""
        await self.page.goto(f"{self.rig.url}/#/{view}")
        await self.page.wait_for_selector("main h1")

    async def violations(self) -> list[str]:
        """Return what axe finds on the page as it is now."""
        results = await Axe().run(self.page)
        found: list[dict[str, Any]] = results.response["violations"]
        return [f"{each['id']}: {node['html'][:120]}" for each in found for node in each["nodes"]]


@asynccontextmanager
async def chromium(path: str) -> AsyncIterator[Browser]:
    """Run the browser; in a container it cannot make its own sandbox."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        await browser.close()


@asynccontextmanager
async def desk(
    browser: Browser, rig: ApiRig, *, scheme: str = "dark", viewport: dict[str, int] = DESKTOP
) -> AsyncIterator[Desk]:
    """Open a page in a fresh profile."""
    context = await browser.new_context(viewport=viewport, color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    made = Desk(rig, await context.new_page())
    made.page.set_default_timeout(10_000)
    made.page.on("pageerror", lambda error: made.problems.append(f"uncaught: {error}"))
    made.page.on("console", lambda line: made.problems.append(line.text) if _is_a_violation(line.text) else None)
    yield made
    await context.close()


def _is_a_violation(text: str) -> bool:
    return "Content Security Policy" in text or "Uncaught" in text

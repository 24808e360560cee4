"""The console's files: all of them, as they are, with a policy that lets nothing else run."""

import gzip
import re
from pathlib import Path

import pytest

from actors.api.console_files import CONSOLE, load_console
from tests.support.api import ApiRig

SOURCES = sorted(path for path in CONSOLE.rglob("*.js") if "vendor" not in path.parts)


def test_every_file_is_served_under_its_path() -> None:
    files = load_console()
    assert files["/"].body == (CONSOLE / "index.html").read_bytes()
    assert {"/main.js", "/styles/base.css", "/vendor/lightweight-charts.mjs", "/icon.svg"} <= files.keys()
    big = files["/vendor/lightweight-charts.mjs"]
    assert big.zipped is not None
    assert gzip.decompress(big.zipped) == big.body


def test_vendored_libraries_come_with_their_licence() -> None:
    folder = CONSOLE / "vendor"
    assert "Apache License" in (folder / "lightweight-charts.LICENSE.txt").read_text()
    assert "5.2.1" in (folder / "README.txt").read_text()
    assert b"v5.2.1" in (folder / "lightweight-charts.mjs").read_bytes()[:300]
    assert "tradingview.com" in (CONSOLE / "main.js").read_text()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_no_module_turns_text_into_code_or_markup(path: Path) -> None:
    text = path.read_text()
    assert not re.findall(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\.style\s*=", text
    )
    assert text.startswith("//"), "a module says what it is for"
    assert len(text.splitlines()) <= 250


def test_the_page_has_nothing_inline() -> None:
    page = (CONSOLE / "index.html").read_text()
    assert not re.findall(r"<style|style=|\son\w+=|<script(?![^>]*\ssrc=)", page)


@pytest.mark.asyncio
async def test_a_browser_that_has_a_file_gets_it_only_once(rig: ApiRig) -> None:
    first = await rig.fetch("/main.js")
    assert (first.status, first.headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    again = await rig.fetch("/main.js", **{"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    assert (await rig.fetch("/../app.py")).status == 404
    assert (await rig.fetch("/nothing.js")).status == 404


@pytest.mark.asyncio
async def test_the_page_comes_with_a_strict_policy(rig: ApiRig) -> None:
    page = await rig.fetch("/")
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    )

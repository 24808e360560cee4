"""A venue costs what it needs of ccxt, and the rest of ccxt is where everybody expects it."""

import json
import subprocess
import sys
from importlib.metadata import version
from typing import Any

import pytest

from connectors.bridge.loading import VERSION, ccxt_class
from tests.support.source import ROOT

FOUR = ("binance", "binanceusdm", "coinbase", "hyperliquid")


def in_a_new_process(code: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", f"import json, sys\n{code}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_ccxt_is_the_version_that_our_subclasses_are_proven_for() -> None:
    assert version("ccxt") == VERSION


def test_one_venue_loads_none_of_the_others() -> None:
    loaded = in_a_new_process(
        "from connectors.bridge.loading import ccxt_class\n"
        "ccxt_class('binance')\n"
        "print(json.dumps([name for name in sys.modules if name.startswith('ccxt.')]))"
    )
    assert "ccxt.pro.binance" in loaded
    assert not [name for name in loaded if "kraken" in name or "coinbase" in name]
    assert len(loaded) < 60


@pytest.mark.parametrize("first", ["ccxt_class('binanceusdm')", "ccxt_module('async_support.binance')"])
def test_the_classes_are_those_of_ccxt_in_whatever_order_they_are_loaded(first: str) -> None:
    names = in_a_new_process(
        "from connectors.bridge.loading import ccxt_class, ccxt_module\n"
        f"{first}\n"
        "kinds = [ccxt_class(name).__mro__[1] for name in ('binance', 'coinbase', 'hyperliquid')]\n"
        "print(json.dumps([f'{kind.__module__}.{kind.__name__}' for kind in kinds]))"
    )
    assert names == [f"ccxt.async_support.{name}.{name}" for name in ("binance", "coinbase", "hyperliquid")]


def test_other_code_still_finds_everything_under_its_usual_name() -> None:
    found = in_a_new_process(
        "from connectors.bridge.loading import ccxt_class\n"
        "ccxt_class('binance')\n"
        "import ccxt\n"
        "import ccxt.async_support, ccxt.pro\n"
        "from ccxt import TICK_SIZE, Exchange, InvalidOrder, Precise\n"
        "rest = ccxt.async_support.kraken\n"
        "print(json.dumps([ccxt.__version__, rest.__module__, ccxt.pro.kraken.__mro__[1] is rest, ccxt.kraken().id,\n"
        "  InvalidOrder is ccxt.InvalidOrder, TICK_SIZE, hasattr(ccxt, 'nosuchvenue')]))"
    )
    assert found == [VERSION, "ccxt.async_support.kraken", True, "kraken", True, 4, False]


def test_a_ccxt_that_was_imported_whole_is_used_as_it_is() -> None:
    same = in_a_new_process(
        "import ccxt.pro\n"
        "from connectors.bridge.loading import ccxt_class\n"
        "print(json.dumps(ccxt_class('binance') is ccxt.pro.binance))"
    )
    assert same is True


def test_loading_leaves_our_decimal_context_as_it_was() -> None:
    changed = in_a_new_process(
        "import decimal\n"
        "before = repr(decimal.getcontext())\n"
        "from connectors.bridge.loading import ccxt_class\n"
        "ccxt_class('hyperliquid')\n"
        "print(json.dumps(repr(decimal.getcontext()) != before))"
    )
    assert changed is False


def test_a_venue_that_ccxt_does_not_have_is_an_import_error() -> None:
    with pytest.raises(ImportError):
        ccxt_class("nosuchvenue")

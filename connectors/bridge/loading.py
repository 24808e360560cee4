"""Imports of ccxt only what a venue needs.

`import ccxt` runs a package file that imports every exchange three times over: seconds of CPU and 117 MB. Here the
three packages `ccxt`, `ccxt.async_support` and `ccxt.pro` are entered without running that file; every name that it
would have brought is found when it is asked for, so that other code in the process sees the ccxt that it knows. Nothing
of ccxt is changed. Where somebody has imported ccxt whole before, or its layout is not the expected one, that is used.

Import venues before the loop serves: even so it takes most of a second.
"""

import decimal
import importlib
import importlib.util
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, Final

VERSION: Final = "4.5.90"
"""The version for which our subclasses are proven; see tests/connectors/live."""

_PACKAGES: Final = ("ccxt", "ccxt.async_support", "ccxt.pro")
_BASE_OF: Final = {
    "ccxt": "ccxt.base.exchange",
    "ccxt.async_support": "ccxt.async_support.base.exchange",
    "ccxt.pro": "ccxt.async_support.base.exchange",
}


def ccxt_module(name: str) -> Any:
    """Import one module of ccxt, `base.errors` or `pro.binance`, and as little else as can be.

    Raises:
        ImportError: ccxt has no such module, or is not installed.
    """
    _enter()
    # Some functions of ccxt set traps and rounding on the decimal context of whoever calls.
    with decimal.localcontext():
        return importlib.import_module(f"ccxt.{name}")


def ccxt_class(exchange: str) -> Any:
    """Return the class `ccxt.pro.EXCHANGE`.

    Raises:
        ImportError: ccxt has no such exchange, or is not installed.
    """
    return getattr(ccxt_module(f"pro.{exchange}"), exchange)


def _enter() -> None:
    """Make the packages known without running their files, unless they are known already."""
    if "ccxt" in sys.modules:
        return
    found = importlib.util.find_spec("ccxt")
    if found is None or found.origin is None:
        raise ImportError("ccxt is not installed", name="ccxt")
    root = Path(found.origin).parent
    if not all((root / part / "__init__.py").is_file() for part in ("async_support", "pro", "base")):
        return
    for name in _PACKAGES:
        _add(name, root.joinpath(*name.split(".")[1:]))


def _add(name: str, folder: Path) -> None:
    spec = ModuleSpec(name, loader=None, origin=str(folder / "__init__.py"), is_package=True)
    spec.submodule_search_locations = [str(folder)]
    package = _LightPackage(name)
    package.__spec__ = spec
    package.__path__ = [str(folder)]
    package.__file__ = spec.origin
    package.__package__ = name
    package.__version__ = VERSION
    sys.modules[name] = package
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, package)


class _LightPackage(ModuleType):
    """A package whose names are found when they are asked for."""

    def __setattr__(self, name: str, value: Any) -> None:
        """Let the class of an exchange, not its module, bear its name, as in the package's own file."""
        if isinstance(value, ModuleType) and isinstance(getattr(value, name, None), type):
            value = getattr(value, name)
        super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        """Find an exchange, an error, `Exchange`, or a constant."""
        if name.startswith("__"):
            raise AttributeError(name)
        value = self._find(name)
        setattr(self, name, value)
        return value

    def _find(self, name: str) -> Any:
        package = self.__name__
        errors = importlib.import_module("ccxt.base.errors")
        if hasattr(errors, name):
            return getattr(errors, name)
        if name in {"Exchange", "BaseExchange"}:
            return getattr(importlib.import_module(_BASE_OF[package]), name)
        if name == "Precise":
            return importlib.import_module("ccxt.base.precise").Precise
        precision = importlib.import_module("ccxt.base.decimal_to_precision")
        if name in precision.__all__:
            return getattr(precision, name)
        try:
            module = importlib.import_module(f"{package}.{name}")
        except ModuleNotFoundError as error:
            raise AttributeError(f"module {package!r} has no attribute {name!r}") from error
        return getattr(module, name, module)

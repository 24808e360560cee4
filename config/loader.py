"""Reads the configuration: the file, environment variables above it, flags above those.

`CIVAL__SECTION__KEY=value` sets `section.key`; the value is read as TOML and, if it is not TOML, as text. Every error
is a `ConfigError` with the key, where it stands (file and line, environment variable or flag) and what was expected.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from config.checks import check_settings
from config.locate import line_of
from config.settings import Settings
from engine.domain.errors import ConfigError

ENVIRONMENT_PREFIX = "CIVAL__"
DEFAULT_FILE = Path(__file__).with_name("default.toml")
FILE_BYTES_MAX = 1_000_000

_AT = re.compile(r" - at `\$\.?(.*)`$")
_UNKNOWN = re.compile(r"contains unknown field `(.*?)`")
_MISSING = re.compile(r"missing required field `(.*?)`")


class Origin:
    """Where each key came from, so that an error can point at it."""

    def __init__(self, file: Path, text: str) -> None:
        """Start with a file's text; environment and flags are added as they are merged."""
        self.file = file
        self.text = text
        self.overridden: dict[tuple[str, ...], str] = {}

    def error(self, path: list[str], expected: str, was: object) -> ConfigError:
        """Make the error for a key."""
        key = ".".join(path) or "the file"
        for depth in range(len(path), 0, -1):
            if source := self.overridden.get(tuple(path[:depth])):
                return ConfigError(f"{key} (from {source})", expected=expected, was=was)
        return ConfigError(key, expected=expected, was=was, file=str(self.file), line=line_of(self.text, path))


def load_settings(
    file: Path | None,
    *,
    environ: Mapping[str, str] = os.environ,
    flags: Mapping[tuple[str, ...], tuple[str, object]] | None = None,
) -> Settings:
    """Read, merge and check the configuration.

    Args:
        file: The TOML file; None for the one that ships with the engine (simulated market, demo user, paper account).
        environ: Environment variables.
        flags: Key path -> (the flag's name, its value).

    Raises:
        ConfigError: The file cannot be read, or a key is unknown, missing, of the wrong type or out of range.
    """
    path = DEFAULT_FILE if file is None else file
    text, data = _read(path)
    origin = Origin(path, text)
    _merge_environment(data, environ, origin)
    for key, (name, value) in (flags or {}).items():
        _put(data, list(key), value, origin, name)
    try:
        settings = msgspec.convert(data, Settings)
    except msgspec.ValidationError as error:
        raise _explain(error, data, origin) from None
    check_settings(settings, origin.error)
    return settings


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    """Read the file with its decimals exact.

    Raises:
        ConfigError: It is not there, not readable, too large, not UTF-8 or not TOML.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"the configuration file {path}", expected="a readable file", was=error.strerror) from None
    if len(raw) > FILE_BYTES_MAX:
        raise ConfigError(
            "the configuration file", expected=f"at most {FILE_BYTES_MAX} bytes", was=len(raw), file=str(path)
        )
    try:
        text = raw.decode()
        return text, tomllib.loads(text, parse_float=Decimal)
    except UnicodeDecodeError as error:
        raise ConfigError("the file", expected="UTF-8", was=f"byte {error.start}", file=str(path)) from None
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        raise ConfigError(
            "the file", expected="valid TOML", was=str(error), file=str(path), line=int(line[1]) if line else None
        ) from None


def _merge_environment(data: dict[str, Any], environ: Mapping[str, str], origin: Origin) -> None:
    for name, text in sorted(environ.items()):
        if name.startswith(ENVIRONMENT_PREFIX):
            path = [part.lower() for part in name[len(ENVIRONMENT_PREFIX) :].split("__")]
            _put(data, path, _literal(text), origin, f"environment variable {name}")


def _literal(text: str) -> object:
    try:
        return tomllib.loads(f"value = {text}", parse_float=Decimal)["value"]
    except tomllib.TOMLDecodeError:
        return text


def _put(data: dict[str, Any], path: list[str], value: object, origin: Origin, source: str) -> None:
    """Set one key of the nested tables.

    Raises:
        ConfigError: The path runs through something that is not a table.
    """
    table = data
    for part in path[:-1]:
        inner = table.setdefault(part, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"{'.'.join(path)} (from {source})", expected="the name of a key in a section", was=part)
        table = inner
    table[path[-1]] = value
    origin.overridden[tuple(path)] = source


def _explain(error: msgspec.ValidationError, data: dict[str, Any], origin: Origin) -> ConfigError:
    """Turn the library's sentence into key, place, expectation."""
    sentence = str(error)
    at = _AT.search(sentence)
    path = re.findall(r"[^.\[\]]+", at[1]) if at else []
    sentence = _AT.sub("", sentence)
    if unknown := _UNKNOWN.search(sentence):
        return origin.error([*path, unknown[1]], _known_keys(path, unknown[1]), "an unknown key")
    if missing := _MISSING.search(sentence):
        return origin.error([*path, missing[1]], "a value (the key is required)", "missing")
    expected = re.sub(r"^Expected ", "", sentence).replace("`", "")
    expected = re.sub(r", got .*$", "", expected)
    return origin.error(path, expected, _value_at(data, path))


def _known_keys(path: list[str], unknown: str) -> str:
    kind: Any = Settings
    for part in path:
        kind = _inner(kind, part)
    names = list(getattr(kind, "__struct_fields__", ()))
    if close := difflib.get_close_matches(unknown, names, n=1):
        return f"{close[0]!r}"
    return "one of " + ", ".join(names)


def _inner(kind: Any, part: str) -> Any:
    """Return the struct type behind a field, an index or a key of a mapping."""
    info = msgspec.inspect.type_info(kind)
    if isinstance(info, msgspec.inspect.StructType):
        info = next((field.type for field in info.fields if field.encode_name == part), info)
    while True:
        match info:
            case msgspec.inspect.StructType():
                return info.cls
            case msgspec.inspect.VarTupleType():
                info = info.item_type
            case msgspec.inspect.DictType():
                info = info.value_type
            case msgspec.inspect.UnionType():
                info = next((t for t in info.types if isinstance(t, msgspec.inspect.StructType)), info.types[0])
            case _:
                return None


def _value_at(data: Any, path: list[str]) -> object:
    for part in path:
        try:
            data = data[int(part)] if isinstance(data, list) else data[part]
        except (KeyError, IndexError, TypeError, ValueError):
            return "something else"
    return data

"""Resolves references to secrets: `env:NAME`, `file:PATH`, `credential:NAME`, or the secret itself.

The result is a `Secret`, whose text shows only where it is asked for by name.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from engine.domain.errors import ConfigError
from engine.runtime.secret import Secret

SECRET_BYTES_MAX = 64_000


def resolve_secret(reference: str, *, key: str, environ: Mapping[str, str] = os.environ) -> Secret | None:
    """Fetch a secret; None for an empty reference.

    Args:
        reference: `env:NAME`, `file:PATH`, `credential:NAME` (a systemd credential), or the secret itself.
        key: The dotted key of the configuration, for the error.

    Raises:
        ConfigError: The variable, file or credential is missing, empty or unreadable. The secret is never shown.
    """
    if not reference:
        return None
    scheme, _, rest = reference.partition(":")
    match scheme:
        case "env":
            value = environ.get(rest)
            if not value:
                raise ConfigError(key, expected=f"the environment variable {rest} to hold a secret", was="missing")
            return Secret(value)
        case "file":
            return _read(Path(rest), key)
        case "credential":
            directory = environ.get("CREDENTIALS_DIRECTORY")
            if not directory:
                raise ConfigError(key, expected="CREDENTIALS_DIRECTORY, which systemd sets", was="missing")
            return _read(Path(directory) / rest, key)
        case _:
            return Secret(reference)


def _read(path: Path, key: str) -> Secret:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError(key, expected=f"a readable file {path}", was=error.strerror) from None
    if len(raw) > SECRET_BYTES_MAX:
        raise ConfigError(key, expected=f"at most {SECRET_BYTES_MAX} bytes in {path}", was=f"{len(raw)} bytes")
    try:
        text = raw.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise ConfigError(key, expected=f"UTF-8 text in {path}", was="other bytes") from None
    if not text:
        raise ConfigError(key, expected=f"a secret in {path}", was="an empty file")
    return Secret(text)
